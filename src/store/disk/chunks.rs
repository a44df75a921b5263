//! Reads a body on disk, chunk by chunk: at once where the system has the bytes in memory, else on a
//! thread that may wait.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::dense::{Dense, Unread, Why};
use super::extents::Extents;
use super::pause::Pause;
use super::pool::Busy;
use crate::store::reader::Damaged;

/// When no thread is free for a body that is on its way to its client: the time between two attempts,
/// and their number. The first bytes are not waited for so: a miss serves better.
const PAUSE: Duration = Duration::from_millis(20);
const ATTEMPTS: u32 = if cfg!(test) { 5 } else { 250 };

/// Bytes, and whether they had to be waited for.
type Answer = Result<(Bytes, bool), Unread>;

/// Reads bytes of a body on disk that are one behind the other. Keeps the files open.
#[derive(Debug)]
pub(in crate::store) struct Chunks {
    body: Arc<Extents>,
    /// The next byte to be asked for, of those that are there.
    next: u64,
    /// How many are to be asked for.
    unasked: u64,
    /// How many were not handed out.
    left: u64,
    ready: Option<Bytes>,
    asked: Option<Asked>,
    begun: bool,
    /// The last chunk had to be waited for: the next one is asked for early.
    ahead: bool,
    waiting: Option<Waiting>,
}

/// A read under way.
#[derive(Debug)]
struct Asked {
    answer: oneshot::Receiver<Answer>,
    dense: Arc<Dense>,
    /// Where in the file.
    offset: u64,
}

/// What to read.
struct Target {
    dense: Arc<Dense>,
    at: u64,
    length: u64,
}

/// Nobody had the time to read: it is tried again.
#[derive(Debug)]
struct Waiting {
    attempts: u32,
    pause: Pause,
}

impl Chunks {
    /// Reads `length` bytes from number `at` on of those that are there.
    pub(super) fn new(body: Arc<Extents>, at: u64, length: u64) -> Self {
        Self {
            body,
            next: at,
            unasked: length,
            left: length,
            ready: None,
            asked: None,
            begun: false,
            ahead: false,
            waiting: None,
        }
    }

    /// How many bytes are still to be handed out.
    pub(in crate::store) fn remaining(&self) -> u64 {
        self.left
    }

    /// Reads and keeps the next bytes.
    pub(in crate::store) fn poll_ready(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Damaged>> {
        while self.ready.is_none() && self.left > 0 {
            if let Some(asked) = &mut self.asked {
                let answer = ready!(Pin::new(&mut asked.answer).poll(cx));
                let (offset, dense) = (asked.offset, Arc::clone(&asked.dense));
                self.asked = None;
                let gone = |_| Err(Unread::failed(offset, io::ErrorKind::BrokenPipe.into()));
                match answer.unwrap_or_else(gone) {
                    Ok((bytes, waited)) => self.keep(bytes, waited),
                    Err(unread) => return Poll::Ready(Err(self.fail(&dense, &unread))),
                }
            } else if let Err(damaged) = ready!(self.poll_ask(cx)) {
                return Poll::Ready(Err(damaged));
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Hands out the next bytes.
    pub(in crate::store) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Damaged>>> {
        if let Err(damaged) = ready!(self.poll_ready(cx)) {
            return Poll::Ready(Some(Err(damaged)));
        }
        let Some(bytes) = self.ready.take() else { return Poll::Ready(None) };
        self.left = self.left.saturating_sub(bytes.len() as u64);
        if self.ahead
            && let Some(target) = self.target()
        {
            // Where nobody has the time it is asked for again when it is wanted.
            self.ask(&target).ok();
        }
        Poll::Ready(Some(Ok(bytes)))
    }

    /// Reads what takes no waiting, else asks for it.
    fn poll_ask(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Damaged>> {
        if let Some(waiting) = &mut self.waiting {
            ready!(Pin::new(&mut waiting.pause).poll(cx));
        }
        let Some(target) = self.target() else {
            // The body is as long as was said when it was made: only to be sure of an end.
            self.left = 0;
            return Poll::Ready(Ok(()));
        };
        match target.dense.read_now(target.at, target.length) {
            Ok(Some(bytes)) => {
                self.advance(target.length);
                self.keep(bytes, false);
                return Poll::Ready(Ok(()));
            }
            Ok(None) => {}
            Err(unread) => return Poll::Ready(Err(self.fail(&target.dense, &unread))),
        }
        let Err(refused) = self.ask(&target) else { return Poll::Ready(Ok(())) };
        let attempts = self.waiting.take().map_or(0, |waiting| waiting.attempts);
        if self.begun && refused == io::ErrorKind::ResourceBusy && attempts < ATTEMPTS {
            let pause = Pause::new(PAUSE);
            self.waiting = Some(Waiting { attempts: attempts + 1, pause });
            return Poll::Ready(Ok(()));
        }
        let unread = Unread::failed(target.dense.base().saturating_add(target.at), refused.into());
        Poll::Ready(Err(self.fail(&target.dense, &unread)))
    }

    /// What to read next.
    fn target(&self) -> Option<Target> {
        let (dense, at, follow) = self.body.place(self.next)?;
        let length = Dense::chunk(at, self.unasked.min(follow));
        (length > 0).then(|| Target { dense: Arc::clone(dense), at, length })
    }

    /// Has it read by a thread that may wait.
    fn ask(&mut self, target: &Target) -> Result<(), io::ErrorKind> {
        let Target { dense, at, length } = target;
        let witness = dense.witness().upgrade().ok_or(io::ErrorKind::BrokenPipe)?;
        let (tell, answer) = oneshot::channel();
        let (read, at, length) = (Arc::clone(dense), *at, *length);
        let job = move || {
            if !tell.is_closed() {
                drop(tell.send(read.read(at, length)));
            }
        };
        witness.reads().run(Box::new(job)).map_err(|Busy| io::ErrorKind::ResourceBusy)?;
        let offset = dense.base().saturating_add(at);
        self.asked = Some(Asked { answer, dense: Arc::clone(dense), offset });
        self.advance(length);
        Ok(())
    }

    fn advance(&mut self, length: u64) {
        self.waiting = None;
        self.next = self.next.saturating_add(length);
        self.unasked = self.unasked.saturating_sub(length);
    }

    fn keep(&mut self, bytes: Bytes, waited: bool) {
        (self.begun, self.ahead, self.ready) = (true, waited, Some(bytes));
    }

    /// Nothing more is read.
    fn fail(&mut self, dense: &Dense, unread: &Unread) -> Damaged {
        (self.left, self.unasked) = (0, 0);
        let witness = dense.witness().upgrade();
        match &unread.why {
            Why::Damaged => {
                if let Some(witness) = witness {
                    witness.damaged(dense.origin(), unread.offset);
                }
                Damaged::Content
            }
            Why::Failed(error) => {
                if let Some(witness) = witness {
                    witness.unreadable(dense.origin(), unread.offset, error);
                }
                Damaged::Unreadable
            }
        }
    }
}
