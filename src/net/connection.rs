//! What both sides of a client connection know about it: `server` makes it, `proxy` fills it.

use std::any::Any;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Waker;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::time::Instant;

/// Interim responses that may wait for a client; [`ConnectionHandle::push_interim`] refuses more.
const INTERIM_LIMIT: usize = 16;

/// How the client speaks to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// HTTP/1.x.
    Http,
    /// A bare hostname: the text client of the lab.
    Text,
}

/// Among a request's extensions: the URI of its `OPTIONS` ended with the authority. Whoever forwards it
/// to that server asks for `*` (RFC 9112 §3.2.4); an [`http::Uri`] cannot tell, it says `/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EmptyPath;

/// One client connection.
#[derive(Debug)]
pub struct ConnectionHandle {
    client: SocketAddr,
    local: SocketAddr,
    dialect: Dialect,
    exchange: AtomicU64,
    open: AtomicBool,
    first_byte: Mutex<Instant>,
    interim: Mutex<Interim>,
    pinned: Mutex<Option<Box<dyn Any + Send>>>,
}

#[derive(Debug, Default)]
struct Interim {
    queue: VecDeque<Bytes>,
    /// Whether the current exchange may still be given interim responses.
    wanted: bool,
    waker: Option<Waker>,
}

/// Names one exchange on its connection, so that a late interim response meets no later exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExchangeId(u64);

impl ConnectionHandle {
    /// A handle for a connection that has just been told apart.
    pub fn new(client: SocketAddr, local: SocketAddr, dialect: Dialect) -> Self {
        Self {
            client,
            local,
            dialect,
            exchange: AtomicU64::new(0),
            open: AtomicBool::new(false),
            first_byte: Mutex::new(Instant::now()),
            interim: Mutex::default(),
            pinned: Mutex::default(),
        }
    }

    /// The client's address.
    pub fn client(&self) -> SocketAddr {
        self.client
    }

    /// The address that the client connected to.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// How the client speaks.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// An exchange begins: called by `server` when hyper hands over a request.
    pub fn begin_exchange(&self) -> ExchangeId {
        let mut interim = self.interim.lock();
        interim.queue.clear();
        interim.wanted = true;
        self.open.store(true, Ordering::Release);
        ExchangeId(self.exchange.fetch_add(1, Ordering::AcqRel) + 1)
    }

    /// When the first byte came of the request that was handed over, or refused, last: there its
    /// duration begins. Of requests that came in one piece, all came then.
    pub fn first_byte(&self) -> Instant {
        *self.first_byte.lock()
    }

    /// Notes when the request began that is now handed over or refused: called by `server`.
    pub fn note_first_byte(&self, at: Instant) {
        *self.first_byte.lock() = at;
    }

    /// The exchange that was begun last.
    pub fn current_exchange(&self) -> ExchangeId {
        ExchangeId(self.exchange.load(Ordering::Acquire))
    }

    /// Interim responses are dropped from now on: called by `server` when the final head is written,
    /// and at once for an HTTP/1.0 client (RFC 9110 §15.2).
    pub fn close_interim(&self) {
        let mut interim = self.interim.lock();
        interim.queue.clear();
        interim.wanted = false;
    }

    /// Closes as [`close_interim`](Self::close_interim) unless a response is waiting; then false.
    pub fn close_interim_if_empty(&self) -> bool {
        let mut interim = self.interim.lock();
        let empty = interim.queue.is_empty();
        if empty {
            interim.wanted = false;
        }
        empty
    }

    /// Whether an exchange is open: what hyper writes while none is, is hyper's own answer.
    pub fn exchange_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    /// The exchange's last byte was flushed: called by `server`.
    pub fn end_exchange(&self) {
        self.close_interim();
        self.open.store(false, Ordering::Release);
    }

    /// Queues a serialised interim response (RFC 9110 §15.2) and has it written as soon as it can be;
    /// false when `exchange` is over, its final head was written, the client speaks HTTP/1.0, or 16
    /// are waiting.
    pub fn push_interim(&self, exchange: ExchangeId, response: Bytes) -> bool {
        let mut interim = self.interim.lock();
        if self.current_exchange() != exchange
            || !interim.wanted
            || interim.queue.len() >= INTERIM_LIMIT
        {
            return false;
        }
        interim.queue.push_back(response);
        if let Some(waker) = interim.waker.take() {
            waker.wake();
        }
        true
    }

    /// The next interim response to write; `waker` is woken when one comes. Called by `server`.
    pub fn take_interim(&self, waker: &Waker) -> Option<Bytes> {
        let mut interim = self.interim.lock();
        let next = interim.queue.pop_front();
        if next.is_none() && !interim.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            interim.waker = Some(waker.clone());
        }
        next
    }

    /// Takes what is pinned to this connection (an upstream connection that carries credentials).
    pub fn take_pinned(&self) -> Option<Box<dyn Any + Send>> {
        self.pinned.lock().take()
    }

    /// Pins something to this connection; it is dropped with it.
    pub fn pin(&self, what: Box<dyn Any + Send>) {
        *self.pinned.lock() = Some(what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handle() -> ConnectionHandle {
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        ConnectionHandle::new(address, address, Dialect::Http)
    }

    #[test]
    fn an_interim_response_meets_only_the_exchange_it_was_made_for() {
        let handle = handle();
        let first = handle.begin_exchange();
        assert!(handle.push_interim(first, Bytes::from_static(b"1")));
        handle.end_exchange();
        assert!(!handle.push_interim(first, Bytes::from_static(b"2")));
        let second = handle.begin_exchange();
        assert_eq!(handle.take_interim(Waker::noop()), None);
        assert!(!handle.push_interim(first, Bytes::from_static(b"3")));
        assert!(handle.push_interim(second, Bytes::from_static(b"4")));
        assert_eq!(handle.take_interim(Waker::noop()), Some(Bytes::from_static(b"4")));
    }

    #[test]
    fn nothing_is_queued_once_the_final_head_was_written() {
        let handle = handle();
        let exchange = handle.begin_exchange();
        handle.close_interim();
        assert!(!handle.push_interim(exchange, Bytes::from_static(b"late")));
    }

    #[test]
    fn the_queue_is_bounded() {
        let handle = handle();
        let exchange = handle.begin_exchange();
        for _ in 0..INTERIM_LIMIT {
            assert!(handle.push_interim(exchange, Bytes::from_static(b"x")));
        }
        assert!(!handle.push_interim(exchange, Bytes::from_static(b"x")));
    }
}
