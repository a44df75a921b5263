//! A body while it is fetched: one task reads the origin, feeds the spool, and stores what is complete.

use std::sync::{Arc, OnceLock};
use std::task::{Context, Waker};
use std::time::Duration;

use ::http::response::Parts;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::{HeaderMap, Version};

use crate::body::{self, Abandoned, BodyError, Spool, SpoolConfig, SpoolReader, SpoolWriter};
use crate::collapse::Lead;
use crate::net::Whence;
use crate::net::drain::Class;
use crate::policy::StoredHead;
use crate::policy::outcome::Detail;
use crate::store::{NotStored, Validity, Writer};
use crate::upstream::ResponseBody;

use super::Shared;
use super::fetch::Outcome;

/// How bodies are stored while they stream.
#[derive(Clone, Debug)]
pub struct Config {
    /// Bytes that all spools together may hold.
    pub spool_budget: u64,
    /// How far a fetch runs ahead of its fastest reader, in bytes.
    pub read_ahead: u64,
    /// How long a reader may hold the others up before it is cut off.
    pub slow_reader_wait: Duration,
    /// When the last reader has left: what is at most so many bytes from its end is still finished.
    pub finish_within: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            spool_budget: 64 << 20,
            read_ahead: 256 << 10,
            slow_reader_wait: Duration::from_secs(60),
            finish_within: 1 << 20,
        }
    }
}

/// A response that is being stored, as everybody who reads along sees it.
#[derive(Clone)]
pub(super) struct Following {
    /// Its head.
    pub(super) head: Arc<StoredHead>,
    /// The version in which it was received.
    pub(super) version: Version,
    /// Its length, where it is known.
    pub(super) length: Option<u64>,
    /// Where it comes from.
    pub(super) whence: Whence,
    /// Its body.
    pub(super) spool: Arc<Spool>,
    /// Whether it is still good for whoever joins.
    pub(super) validity: Validity,
    /// Why it was not stored after all, once that is known.
    pub(super) fate: Arc<Fate>,
}

/// Why a response that was to be stored was not: known when its body has ended, or earlier.
pub(super) type Fate = OnceLock<Detail>;

/// A storable response whose body has not been read yet.
pub(super) struct Fill {
    /// The head as the client gets it that asked.
    pub(super) shown: Parts,
    /// The head as it is stored.
    pub(super) head: Arc<StoredHead>,
    /// The version in which it was received.
    pub(super) version: Version,
    /// Where it comes from.
    pub(super) whence: Whence,
    /// The length of its body, where it is known.
    pub(super) length: Option<u64>,
    /// Where it is stored.
    pub(super) writer: Writer,
    /// Its body.
    pub(super) body: ResponseBody,
}

/// What the client gets that a fill was started for.
pub(super) struct Leading {
    /// The head.
    pub(super) shown: Parts,
    /// The version in which it was received.
    pub(super) version: Version,
    /// The body.
    pub(super) reader: Option<SpoolReader>,
    /// Why it was not stored after all, once that is known.
    pub(super) fate: Arc<Fate>,
}

impl Fill {
    /// Fills the spool as far as the body is there, and starts a task for the rest; it is owned by the
    /// drain and outlives this client. The reader is there before, so that the fill never finds nobody.
    /// While `lead` lives, others can join.
    pub(super) fn start(self, shared: &Arc<Shared>, lead: Option<Lead<Outcome>>) -> Leading {
        let config = &shared.config.fill;
        let spool_config =
            SpoolConfig { read_ahead: config.read_ahead, cutoff: config.slow_reader_wait };
        let (mut spool_writer, spool) = body::spool(spool_config, shared.spools.clone());
        if let Some(length) = self.length {
            spool_writer.expect_length(length);
        }
        let following = Following {
            validity: self.writer.validity(&self.head),
            head: self.head,
            version: self.version,
            length: self.length,
            whence: self.whence,
            spool,
            fate: Arc::default(),
        };
        let reader = following.spool.join();
        if let Some(lead) = &lead {
            lead.publish(Outcome::Filling(following.clone()));
        }
        let fate = following.fate.clone();
        let pump = Pump {
            spool: spool_writer,
            writer: Some(self.writer),
            is_backed: false,
            received: 0,
            remaining: self.length,
            finish_within: config.finish_within,
            fate: fate.clone(),
            lead,
        };
        let mut run = Box::pin(pump.run(self.body));
        // Most short bodies are here with their heads, and need no task. Whatever is not is polled anew
        // by the task: this waker wakes nobody.
        if run.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
            shared.drain.spawn("fill", Class::Exchange, run);
        }
        Leading { shown: self.shown, version: self.version, reader, fate }
    }
}

impl Fill {
    /// Stores it in the present task, with nobody reading; dropped before its end, it is abandoned.
    pub(super) async fn store(self, shared: &Shared) {
        let (spool, _) = body::spool(SpoolConfig::default(), shared.spools.clone());
        let pump = Pump {
            spool,
            writer: Some(self.writer),
            is_backed: false,
            received: 0,
            remaining: self.length,
            finish_within: u64::MAX,
            fate: Arc::default(),
            lead: None,
        };
        pump.run(self.body).await;
    }
}

/// The task's own state.
struct Pump {
    spool: SpoolWriter,
    /// Gone once the body has outgrown what can be stored.
    writer: Option<Writer>,
    /// Whether the spool knows the file that the body is written to.
    is_backed: bool,
    received: u64,
    remaining: Option<u64>,
    finish_within: u64,
    fate: Arc<Fate>,
    lead: Option<Lead<Outcome>>,
}

/// What came next from the origin.
enum Next {
    Data(Bytes),
    Trailers(HeaderMap),
    End,
    Failed(BodyError),
    Abandoned,
}

impl Pump {
    async fn run(mut self, mut body: ResponseBody) {
        let mut trailers = None;
        loop {
            match self.next(&mut body).await {
                Next::Data(data) => {
                    if self.take(data).await.is_err() {
                        return;
                    }
                }
                Next::Trailers(fields) => trailers = Some(fields),
                Next::End => return self.finish(trailers).await,
                Next::Failed(error) => {
                    self.not_stored(Detail::Truncated);
                    return self.spool.fail(error);
                }
                Next::Abandoned => return self.not_stored(Detail::Truncated),
            }
        }
    }

    /// Waits for room, then for the origin; gives up when nobody reads and much is left.
    async fn next(&mut self, body: &mut ResponseBody) -> Next {
        loop {
            if self.spool.room().await.is_err() {
                return Next::Abandoned;
            }
            let frame = tokio::select! {
                biased;
                frame = body.frame() => frame,
                () = self.spool.readers_gone(), if !self.worth_finishing() => {
                    if let Some(lead) = self.lead.as_ref().filter(|lead| lead.followers() > 0) {
                        // They have the head, and are about to read.
                        lead.taken().await;
                        continue;
                    }
                    // Nobody finds the spool any more. Who has found it and reads is served on; who
                    // is about to join is sent away, and fetches anew.
                    drop(self.lead.take());
                    if self.spool.stop_joining_if_unread() {
                        return Next::Abandoned;
                    }
                    continue;
                }
            };
            match frame {
                None => return Next::End,
                Some(Err(error)) => return Next::Failed(BodyError::upstream(error)),
                Some(Ok(frame)) => match frame.into_data() {
                    // Never what hyper gave us: its buffers are large and would be pinned.
                    Ok(data) if data.is_empty() => {}
                    Ok(data) => return Next::Data(Bytes::copy_from_slice(&data)),
                    Err(frame) => {
                        if let Ok(fields) = frame.into_trailers() {
                            return Next::Trailers(fields);
                        }
                    }
                },
            }
        }
    }

    /// Whether the rest is fetched although nobody reads: little is left, or, where that is not known,
    /// little has come.
    fn worth_finishing(&self) -> bool {
        self.remaining.unwrap_or(self.received) <= self.finish_within
    }

    /// Hands one chunk to the store and to the readers.
    async fn take(&mut self, data: Bytes) -> Result<(), Abandoned> {
        self.received = self.received.saturating_add(data.len() as u64);
        self.remaining = self.remaining.map(|left| left.saturating_sub(data.len() as u64));
        if let Some(writer) = &mut self.writer {
            match writer.write(data.clone()).await {
                Ok(()) => self.back(),
                Err(why) => self.give_up(why),
            }
        }
        // A client sees the end in the last byte of a known length: stored first, as in `finish`.
        if self.remaining == Some(0) {
            self.store(None).await;
        }
        if let Some(data) = self.spool.offer(data).await? {
            self.leave_memory().await;
            self.spool.push(data).await?;
        }
        Ok(())
    }

    /// What is written to a file does not have to stay in the spool.
    fn back(&mut self) {
        let writer = self.writer.as_ref().filter(|_| !self.is_backed);
        if let Some(growing) = writer.and_then(Writer::growing) {
            self.spool.back(growing);
            self.is_backed = true;
        }
    }

    /// The budget of the spools is used up: what is to be stored goes on in a file, if there is one.
    async fn leave_memory(&mut self) {
        let Some(writer) = &mut self.writer else { return };
        match writer.leave_memory().await {
            Ok(Some(_)) => self.back(),
            Ok(None) => self.pass_through(Detail::SpoolBudget),
            Err(why) => self.give_up(why),
        }
    }

    /// The body cannot be stored.
    fn give_up(&mut self, why: NotStored) {
        if let Some(why) = detail(why) {
            self.pass_through(why);
        }
    }

    /// The body is not kept: it is passed through a window, and nobody joins any more.
    fn pass_through(&mut self, why: Detail) {
        self.not_stored(why);
        self.writer = None;
        self.lead = None;
        self.spool.stop_joining();
    }

    /// All of the body is there, and has not been stored yet.
    async fn store(&mut self, trailers: Option<HeaderMap>) {
        let Some(writer) = self.writer.take() else { return };
        if let Some(why) = writer.finish(trailers).await.err().and_then(detail) {
            self.not_stored(why);
        }
    }

    /// Notes the first reason: the others follow from it.
    fn not_stored(&self, why: Detail) {
        self.fate.set(why).ok();
    }

    /// The body ended cleanly. It is visible in the store before any client sees its end, so that a
    /// client that asks again at once finds it.
    async fn finish(mut self, trailers: Option<HeaderMap>) {
        self.store(trailers.clone()).await;
        drop(self.lead.take());
        self.spool.finish(trailers);
    }
}

/// The word for it in the log; none where what has taken its place answers as well.
const fn detail(why: NotStored) -> Option<Detail> {
    match why {
        NotStored::Invalidated => Some(Detail::Invalidated),
        NotStored::Superseded => None,
        NotStored::Truncated => Some(Detail::Truncated),
        NotStored::TooLarge => Some(Detail::TooLarge),
        NotStored::Broken | NotStored::Unknown => Some(Detail::Disk),
    }
}

#[cfg(test)]
mod tests;
