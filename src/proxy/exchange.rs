//! One request's facts as they become known; they end in one access record, when the body has ended.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, REFERER, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode, Version};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::body::{Body, BodyEnd, Watch, Watched};
use crate::http::Target;
use crate::http::target::ServerTarget;
use crate::net::ConnectionHandle;
use crate::policy::StoredHead;
use crate::policy::outcome::{CacheOutcome, Detail, ForwardReason};
use crate::telemetry::{AccessLog, AccessRecord, CacheWord};
use crate::time::{SharedClock, Timestamp};

use super::Shared;
use super::error::ProxyError;
use super::fill::Fate;

/// A response body that reports how it ended.
pub type Observed = Watched<Body, Box<Exchange>>;

/// What is known of one exchange so far.
pub struct Exchange {
    record: AccessRecord,
    started: Instant,
    bytes_up: Option<Arc<AtomicU64>>,
    slot: Option<OwnedSemaphorePermit>,
    fate: Option<Arc<Fate>>,
    log: AccessLog,
    clock: SharedClock,
    connection: Arc<ConnectionHandle>,
    done: bool,
}

impl Exchange {
    /// A request has arrived, and is the current exchange of its connection.
    pub(super) fn begin(
        shared: &Shared,
        request: &Request<Incoming>,
        connection: &Arc<ConnectionHandle>,
    ) -> Box<Self> {
        let mut record = blank(connection.client().ip(), Some(request.method().clone()));
        if shared.log.enabled() {
            record.version = request.version();
            record.referer = request.headers().get(REFERER).cloned();
            record.user_agent = request.headers().get(USER_AGENT).cloned();
        }
        Box::new(Self {
            record,
            started: connection.first_byte(),
            bytes_up: None,
            slot: None,
            fate: None,
            log: shared.log.clone(),
            clock: shared.clock.clone(),
            connection: connection.clone(),
            done: false,
        })
    }

    /// Takes one of the slots for requests in flight, or fails when there is none.
    pub(super) fn occupy(&mut self, slot: Option<OwnedSemaphorePermit>) -> Result<(), ProxyError> {
        self.slot = slot;
        if self.slot.is_some() { Ok(()) } else { Err(ProxyError::Overloaded) }
    }

    /// Who asks is known.
    pub(super) fn user(&mut self, user: Box<str>) {
        self.record.user = Some(user);
    }

    /// The target is not understood: the record has it as it came.
    pub(super) fn arrived(&mut self, request: &Request<Incoming>) {
        self.record.url = request.uri().to_string();
    }

    /// The target is understood.
    pub(super) fn aim(&mut self, target: &Target) {
        if !self.log.enabled() {
            return;
        }
        match target {
            Target::Resource(uri) => uri.as_str().clone_into(&mut self.record.url),
            Target::Tunnel(to) => self.record.url = format!("{}:{}", to.host, to.port),
            Target::Server(ServerTarget::Page(path)) => self.record.url = path.to_string(),
            Target::Server(ServerTarget::Asterisk) => "*".clone_into(&mut self.record.url),
        }
    }

    /// Where the answer came from.
    pub(super) fn outcome(&mut self, cache: CacheWord, tier: Option<&'static str>) {
        self.record.cache = cache;
        self.record.tier = tier;
    }

    /// Has the lines of a stored head written beside those that hyper knows; false where they are not
    /// taken.
    pub(super) fn lend_lines(
        &mut self,
        head: &StoredHead,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> bool {
        let taken = self.connection.lend_lines(write);
        if taken && self.log.enabled() {
            let content_type = head.field(&CONTENT_TYPE);
            self.record.content_type =
                content_type.and_then(|value| HeaderValue::from_bytes(value).ok());
        }
        taken
    }

    /// Why it was forwarded, not stored, not reused or served stale, in the words of `Cache-Status`:
    /// the detail, or the forward reason where it says more than the message of the line does.
    pub(super) fn explain(&mut self, outcome: &CacheOutcome) {
        use ForwardReason::{Bypass, Method, UriMiss};
        self.record.forward = match outcome {
            CacheOutcome::Hit { .. } => None,
            CacheOutcome::Forwarded { reason, .. } => Some(*reason),
        };
        let reason = match outcome {
            CacheOutcome::Hit { detail, .. } => detail.map(Detail::as_str),
            CacheOutcome::Forwarded { detail: Some(detail), .. } => Some(detail.as_str()),
            CacheOutcome::Forwarded { reason: Bypass | Method | UriMiss, .. } => None,
            CacheOutcome::Forwarded { reason, .. } => Some(reason.as_str()),
        };
        self.record.reason = reason.map(Into::into);
    }

    /// Why it was refused.
    pub(super) fn because(&mut self, detail: Detail) {
        self.record.reason = Some(detail.as_str().into());
    }

    /// Which rule refused it.
    pub(super) fn forbidden_by(&mut self, rule: u16) {
        self.record.reason = Some(format!("rule-{rule}").into());
    }

    /// Why it went alone, where nothing weightier is to be said.
    pub(super) fn otherwise(&mut self, detail: Detail) {
        self.record.reason.get_or_insert(detail.as_str().into());
    }

    /// The response is being stored for this exchange: what becomes of that is known at the end.
    pub(super) fn watch(&mut self, fate: Arc<Fate>) {
        self.fate = Some(fate);
    }

    /// What failed, in one sentence.
    pub(super) fn failed(&mut self, sentence: String) {
        self.record.error = Some(sentence);
    }

    /// The address that was forwarded to.
    pub(super) fn peer(&mut self, peer: SocketAddr) {
        self.record.peer = Some(peer.ip());
    }

    /// Whether the answer must have no content.
    pub(super) fn is_head(&self) -> bool {
        self.record.method == Some(Method::HEAD)
    }

    /// Bytes of body from the client are counted here.
    pub(super) fn count_up(&mut self, received: Arc<AtomicU64>) {
        self.bytes_up = Some(received);
    }

    /// Passes the facts on to a task that outlives the response (a tunnel, an upgrade); what is left
    /// behind writes no record.
    pub(super) fn hand_over(&mut self) -> Self {
        let record = blank(self.record.client, self.record.method.clone());
        self.done = true;
        Self {
            record: std::mem::replace(&mut self.record, record),
            started: self.started,
            bytes_up: self.bytes_up.take(),
            slot: self.slot.take(),
            fate: None,
            log: self.log.clone(),
            clock: self.clock.clone(),
            connection: self.connection.clone(),
            done: false,
        }
    }

    /// The status that the client was given.
    pub(super) fn status(&mut self, status: StatusCode) {
        self.record.status = status.as_u16();
    }

    /// The response is made: its body reports the end of the exchange.
    pub(super) fn observe(mut self: Box<Self>, response: Response<Body>) -> Response<Observed> {
        self.status(response.status());
        if self.log.enabled()
            && let Some(content_type) = response.headers().get(CONTENT_TYPE)
        {
            self.record.content_type = Some(content_type.clone());
        }
        let length = response.headers().get(CONTENT_LENGTH);
        let length = length.and_then(|value| value.to_str().ok()?.parse().ok());
        response.map(|body| Watched::new(body, length, self))
    }

    /// A tunnel has ended, after `up` bytes from the client and `down` bytes to it.
    pub(super) fn end_tunnel(mut self, up: u64, down: u64, why: Option<String>) {
        self.bytes_up = Some(Arc::new(AtomicU64::new(up)));
        self.end(down, why);
    }

    /// Writes the access record, once.
    fn end(&mut self, down: u64, why: Option<String>) {
        if std::mem::replace(&mut self.done, true) {
            return;
        }
        if !self.log.enabled() {
            return;
        }
        self.record.error = self.record.error.take().or(why);
        if let Some(detail) = self.fate.as_ref().and_then(|fate| fate.get()) {
            self.because(*detail);
        }
        self.record.bytes = down;
        self.record.bytes_up = self.bytes_up.as_ref().map_or(0, |up| up.load(Ordering::Relaxed));
        self.record.duration = self.started.elapsed();
        self.record.time = self.clock.now();
        let record = blank(self.record.client, None);
        self.log.record(std::mem::replace(&mut self.record, record));
    }
}

/// An exchange that a stop has cut off is an exchange all the same.
impl Drop for Exchange {
    fn drop(&mut self) {
        self.end(0, Some("cut off before it was answered".to_owned()));
    }
}

impl Watch for Box<Exchange> {
    fn ended(mut self, bytes: u64, end: BodyEnd) {
        let why = match end {
            BodyEnd::Complete => None,
            BodyEnd::Failed(error) => Some(error.to_string()),
            BodyEnd::Cancelled => Some("the client went away before the end".to_owned()),
        };
        self.end(bytes, why);
    }
}

/// A record of which only the client and the method are known.
pub(super) fn blank(client: IpAddr, method: Option<Method>) -> AccessRecord {
    AccessRecord {
        client,
        user: None,
        method,
        url: String::new(),
        version: Version::HTTP_11,
        status: 0,
        bytes: 0,
        bytes_up: 0,
        duration: Duration::ZERO,
        time: Timestamp::default(),
        cache: CacheWord::Error,
        tier: None,
        forward: None,
        reason: None,
        error: None,
        referer: None,
        user_agent: None,
        content_type: None,
        peer: None,
    }
}
