//! What both sides of a client connection know about it: `server` makes it, `proxy` fills it.

use std::any::Any;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Waker;

use bytes::Bytes;
use parking_lot::Mutex;

/// Interim responses that may wait for a client; further ones are dropped.
const INTERIM_LIMIT: usize = 16;

/// How the client speaks to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// HTTP/1.x.
    Http,
    /// A bare hostname: the text client of the lab.
    Text,
}

/// One client connection.
#[derive(Debug)]
pub struct ConnectionHandle {
    client: SocketAddr,
    local: SocketAddr,
    dialect: Dialect,
    exchange: AtomicU64,
    open: AtomicBool,
    interim: Mutex<Interim>,
    pinned: Mutex<Option<Box<dyn Any + Send>>>,
}

#[derive(Debug, Default)]
struct Interim {
    queue: VecDeque<Bytes>,
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
        self.interim.lock().queue.clear();
        self.open.store(true, Ordering::Release);
        ExchangeId(self.exchange.fetch_add(1, Ordering::AcqRel) + 1)
    }

    /// The exchange that was begun last.
    pub fn current_exchange(&self) -> ExchangeId {
        ExchangeId(self.exchange.load(Ordering::Acquire))
    }

    /// The final head is about to be written, or was: interim responses are dropped from now on.
    pub fn close_interim(&self) {
        self.interim.lock().queue.clear();
    }

    /// Whether an exchange is open: what hyper writes while none is, is hyper's own answer.
    pub fn exchange_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    /// The exchange's last byte was flushed: called by `server`.
    pub fn end_exchange(&self) {
        self.open.store(false, Ordering::Release);
    }

    /// Queues a serialised interim response (RFC 9110 §15.2); false when `exchange` is over or the
    /// queue is full.
    pub fn push_interim(&self, exchange: ExchangeId, response: Bytes) -> bool {
        let mut interim = self.interim.lock();
        if self.current_exchange() != exchange
            || !self.exchange_open()
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

    /// The next interim response to write; `waker` is woken when one comes.
    pub fn take_interim(&self, waker: &Waker) -> Option<Bytes> {
        let mut interim = self.interim.lock();
        let next = interim.queue.pop_front();
        if next.is_none() {
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
