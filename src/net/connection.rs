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
    /// Field lines for the final head of the current exchange.
    lines: Vec<u8>,
    /// Whether such lines are taken: not once that head has begun, nor where its beginning is not seen.
    takes_lines: bool,
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

    /// An exchange begins: called by `server` when hyper hands over a request. `overlaps` says that the
    /// answer before is not written yet: then nobody sees where the head of the next one begins.
    pub fn begin_exchange(&self, overlaps: bool) -> ExchangeId {
        let mut interim = self.interim.lock();
        interim.queue.clear();
        interim.wanted = true;
        interim.lines.clear();
        interim.takes_lines = !overlaps;
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

    /// Has `write` append field lines (RFC 9112 §5), each with its line end, to the final head of the
    /// current exchange: they are written behind the status line, and hyper does not see them. None of
    /// them may frame the message. False, and nothing is written, where it is not seen where that head
    /// begins. Whoever is told true answers with a head that these lines belong to.
    pub fn lend_lines(&self, write: impl FnOnce(&mut Vec<u8>)) -> bool {
        let mut interim = self.interim.lock();
        if interim.takes_lines {
            interim.lines.clear();
            write(&mut interim.lines);
        }
        interim.takes_lines
    }

    /// The final head begins: called by `server`. Closes as [`close_interim`](Self::close_interim) and
    /// swaps `lines`, which is empty, for the lines that were lent; unless a response is waiting: then
    /// false.
    pub fn begin_response(&self, lines: &mut Vec<u8>) -> bool {
        let mut interim = self.interim.lock();
        let begins = interim.queue.is_empty();
        if begins {
            interim.wanted = false;
            interim.takes_lines = false;
            std::mem::swap(lines, &mut interim.lines);
        }
        begins
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
        let first = handle.begin_exchange(false);
        assert!(handle.push_interim(first, Bytes::from_static(b"1")));
        handle.end_exchange();
        assert!(!handle.push_interim(first, Bytes::from_static(b"2")));
        let second = handle.begin_exchange(false);
        assert_eq!(handle.take_interim(Waker::noop()), None);
        assert!(!handle.push_interim(first, Bytes::from_static(b"3")));
        assert!(handle.push_interim(second, Bytes::from_static(b"4")));
        assert_eq!(handle.take_interim(Waker::noop()), Some(Bytes::from_static(b"4")));
    }

    #[test]
    fn nothing_is_queued_once_the_final_head_was_written() {
        let handle = handle();
        let exchange = handle.begin_exchange(false);
        handle.close_interim();
        assert!(!handle.push_interim(exchange, Bytes::from_static(b"late")));
    }

    #[test]
    fn lines_are_lent_to_the_head_of_one_exchange_until_it_begins() {
        let handle = handle();
        let lend = |text: &'static [u8]| handle.lend_lines(|to| to.extend_from_slice(text));
        let taken = || {
            let mut lines = Vec::new();
            handle.begin_response(&mut lines).then_some(lines)
        };
        assert!(!lend(b"before any"));
        let first = handle.begin_exchange(false);
        assert!(lend(b"a: 1\r\n") && lend(b"b: 2\r\n"));
        assert!(handle.push_interim(first, Bytes::from_static(b"1")));
        assert_eq!(taken(), None, "an interim response goes first");
        assert!(handle.take_interim(Waker::noop()).is_some());
        assert_eq!(taken().as_deref(), Some(&b"b: 2\r\n"[..]));
        assert!(!lend(b"late"));
        handle.begin_exchange(false);
        assert!(lend(b"never written"));
        handle.begin_exchange(true);
        assert!(!lend(b"nobody sees where"));
        assert_eq!(taken().as_deref(), Some(&b""[..]));
    }

    #[test]
    fn the_queue_is_bounded() {
        let handle = handle();
        let exchange = handle.begin_exchange(false);
        for _ in 0..INTERIM_LIMIT {
            assert!(handle.push_interim(exchange, Bytes::from_static(b"x")));
        }
        assert!(!handle.push_interim(exchange, Bytes::from_static(b"x")));
    }
}
