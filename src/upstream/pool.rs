//! Connections to origins: idle ones to use again, a cap per origin, and a queue in front of the cap.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::exchange::SentBody;
use super::socket::{Meter, Socket};
use crate::net::{Reach, Scope};

/// Maps of origins, so that two origins seldom meet in a lock.
const SHARDS: usize = 16;
/// How long a connection that was just laid down may take to come to rest.
const SETTLE_WAIT: Duration = Duration::from_secs(1);

/// The limits of the pool.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    pub(super) idle_wait: Duration,
    pub(super) idle_per_origin: usize,
    pub(super) idle_total: usize,
    pub(super) connections_per_origin: usize,
    pub(super) queue_per_origin: usize,
    pub(super) queue_wait: Duration,
}

/// All connections to origins.
#[derive(Debug)]
pub(super) struct Pool {
    limits: Arc<Limits>,
    shards: [Mutex<HashMap<Box<str>, Arc<Origin>>>; SHARDS],
    hasher: RandomState,
    idle: Arc<AtomicUsize>,
    swept: AtomicBool,
}

/// One scheme, host and port.
#[derive(Debug)]
pub(super) struct Origin {
    limits: Arc<Limits>,
    idle_total: Arc<AtomicUsize>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Sockets that exist, and permits to make one.
    open: usize,
    /// The one used last is at the end, and is used first.
    idle: Vec<Connection>,
    /// First come, first served; bounded by `queue_per_origin`.
    waiters: VecDeque<Waiter>,
}

#[derive(Debug)]
struct Waiter {
    reach: Reach,
    fresh: bool,
    grant: oneshot::Sender<Acquired>,
}

/// What a request gets to go to its origin.
#[derive(Debug)]
pub(super) enum Acquired {
    /// A connection that has carried an exchange before and is ready for another.
    Reused(Connection),
    /// The right to make a new one.
    Dial(Permit),
}

/// Why a request gets nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum QueueFailure {
    Full,
    Timeout,
}

enum Place {
    Got(Acquired),
    Wait(oneshot::Receiver<Acquired>, Option<Connection>),
    Full,
}

impl Pool {
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            limits: Arc::new(limits),
            shards: Default::default(),
            hasher: RandomState::new(),
            idle: Arc::default(),
            swept: AtomicBool::new(false),
        })
    }

    /// The origin named by scheme and authority.
    pub(super) fn origin(&self, name: &str) -> Arc<Origin> {
        let mut shard = self.shard(name).lock();
        if let Some(origin) = shard.get(name) {
            return Arc::clone(origin);
        }
        let origin = Arc::new(Origin {
            limits: Arc::clone(&self.limits),
            idle_total: Arc::clone(&self.idle),
            state: Mutex::default(),
        });
        shard.insert(name.into(), Arc::clone(&origin));
        origin
    }

    fn shard(&self, name: &str) -> &Mutex<HashMap<Box<str>, Arc<Origin>>> {
        let shards = u64::try_from(SHARDS).unwrap_or(1);
        let place = usize::try_from(self.hasher.hash_one(name) % shards).unwrap_or(0);
        self.shards.get(place).unwrap_or(&self.shards[0])
    }

    /// Closes connections that rested for too long, and forgets origins without any.
    fn sweep(&self) {
        for shard in &self.shards {
            let mut expired = Vec::new();
            shard.lock().retain(|_, origin| {
                let mut state = origin.state.lock();
                let wait = self.limits.idle_wait;
                let over = |connection: &mut Connection| {
                    connection.sender.is_closed() || connection.rested.elapsed() >= wait
                };
                expired.extend(state.idle.extract_if(.., over));
                state.waiters.retain(|waiter| !waiter.grant.is_closed());
                let used = state.open > 0 || !state.waiters.is_empty() || !state.idle.is_empty();
                drop(state);
                used || Arc::strong_count(origin) > 1
            });
            self.idle.fetch_sub(expired.len(), Ordering::AcqRel);
        }
    }

    /// Starts the sweeper once; it ends with the pool.
    pub(super) fn start_sweeper(self: &Arc<Self>) {
        if !self.swept.swap(true, Ordering::AcqRel) {
            let pause = (self.limits.idle_wait / 4).max(Duration::from_millis(10));
            // Owner: the pool, which the task holds weakly.
            tokio::spawn(sweep_until_gone(Arc::downgrade(self), pause));
        }
    }
}

async fn sweep_until_gone(pool: Weak<Pool>, pause: Duration) {
    loop {
        sleep(pause).await;
        let Some(pool) = pool.upgrade() else { return };
        pool.sweep();
    }
}

impl Origin {
    /// How long a request may wait in the queue.
    pub(super) fn queue_wait(&self) -> Duration {
        self.limits.queue_wait
    }

    /// A connection or the right to make one; `fresh` takes no used one. Waits in the queue at the cap.
    pub(super) async fn acquire(
        self: &Arc<Self>,
        reach: Reach,
        fresh: bool,
    ) -> Result<Acquired, QueueFailure> {
        let mut deadline = None;
        loop {
            let acquired = match self.place(reach, fresh) {
                Place::Got(acquired) => acquired,
                Place::Full => return Err(QueueFailure::Full),
                Place::Wait(granted, surplus) => {
                    drop(surplus);
                    let limit = self.limits.queue_wait;
                    let deadline = *deadline.get_or_insert_with(|| Instant::now() + limit);
                    match timeout_at(deadline, granted).await {
                        Ok(Ok(acquired)) => acquired,
                        Ok(Err(_)) | Err(_) => return Err(QueueFailure::Timeout),
                    }
                }
            };
            match acquired {
                Acquired::Reused(mut connection) => {
                    if connection.settled().await {
                        return Ok(Acquired::Reused(connection));
                    }
                }
                Acquired::Dial(permit) => return Ok(Acquired::Dial(permit)),
            }
        }
    }

    fn place(self: &Arc<Self>, reach: Reach, fresh: bool) -> Place {
        let mut state = self.state.lock();
        if !fresh {
            let usable = |idle: &Connection| reach.allows(idle.scope) && !idle.sender.is_closed();
            if let Some(place) = state.idle.iter().rposition(usable) {
                self.idle_total.fetch_sub(1, Ordering::AcqRel);
                return Place::Got(Acquired::Reused(state.idle.remove(place)));
            }
        }
        if state.open < self.limits.connections_per_origin {
            state.open += 1;
            return Place::Got(Acquired::Dial(Permit(Some(Arc::clone(self)))));
        }
        if state.waiters.len() >= self.limits.queue_per_origin {
            state.waiters.retain(|waiter| !waiter.grant.is_closed());
            if state.waiters.len() >= self.limits.queue_per_origin {
                return Place::Full;
            }
        }
        let (grant, granted) = oneshot::channel();
        state.waiters.push_back(Waiter { reach, fresh, grant });
        // An idle connection that this request may not use makes room for one that it may.
        let surplus = state.idle.pop();
        if surplus.is_some() {
            self.idle_total.fetch_sub(1, Ordering::AcqRel);
        }
        Place::Wait(granted, surplus)
    }

    /// Takes back a connection whose exchange has ended cleanly in both directions.
    pub(super) fn put(&self, mut connection: Connection) {
        connection.rested = Instant::now();
        loop {
            let mut state = self.state.lock();
            let Some(waiter) = state.waiters.pop_front() else {
                let room = state.idle.len() < self.limits.idle_per_origin
                    && self.idle_total.load(Ordering::Acquire) < self.limits.idle_total;
                if room && !connection.sender.is_closed() {
                    self.idle_total.fetch_add(1, Ordering::AcqRel);
                    state.idle.push(connection);
                } else {
                    drop(state);
                    drop(connection);
                }
                return;
            };
            if waiter.fresh || !waiter.reach.allows(connection.scope) {
                // Closing this one gives the first in the queue the right to make its own.
                state.waiters.push_front(waiter);
                drop(state);
                drop(connection);
                return;
            }
            drop(state);
            match waiter.grant.send(Acquired::Reused(connection)) {
                Err(Acquired::Reused(back)) => connection = back,
                Ok(()) | Err(Acquired::Dial(_)) => return,
            }
        }
    }

    /// A socket is gone, or was never made: its place goes to the first in the queue.
    fn release(self: Arc<Self>) {
        loop {
            let mut state = self.state.lock();
            let Some(waiter) = state.waiters.pop_front() else {
                state.open = state.open.saturating_sub(1);
                return;
            };
            drop(state);
            match waiter.grant.send(Acquired::Dial(Permit(Some(Arc::clone(&self))))) {
                Err(Acquired::Dial(mut permit)) => permit.0 = None,
                Ok(()) | Err(Acquired::Reused(_)) => return,
            }
        }
    }
}

#[cfg(test)]
impl Pool {
    /// How many origins are remembered.
    pub(super) fn origins(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }
}

#[cfg(test)]
impl Origin {
    /// How many sockets there are.
    pub(super) fn open(&self) -> usize {
        self.state.lock().open
    }

    /// How many connections rest.
    pub(super) fn resting(&self) -> usize {
        self.state.lock().idle.len()
    }

    /// How many requests wait.
    pub(super) fn waiting(&self) -> usize {
        self.state.lock().waiters.len()
    }
}

/// One of the connections that an origin may have; lives as long as the socket.
#[derive(Debug)]
pub(super) struct Permit(Option<Arc<Origin>>);

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(origin) = self.0.take() {
            origin.release();
        }
    }
}

/// One connection to an origin, between or during exchanges. Dropping it closes the socket.
#[derive(Debug)]
pub(super) struct Connection {
    sender: SendRequest<SentBody>,
    /// The task that drives the socket; none once the connection has left HTTP.
    driver: Option<AbortHandle>,
    meter: Arc<Meter>,
    peer: SocketAddr,
    scope: Scope,
    exchanges: u64,
    rested: Instant,
}

impl Connection {
    /// Starts HTTP/1 on a socket.
    pub(super) async fn start(
        socket: Socket,
        builder: &Builder,
        peer: SocketAddr,
        scope: Scope,
    ) -> hyper::Result<Self> {
        let meter = socket.meter();
        let (sender, wire) = builder.handshake(TokioIo::new(socket)).await?;
        // Owner: this connection, which aborts the task when it is dropped; after a 101 the task ends
        // by handing the socket over.
        let driver = tokio::spawn(async move {
            if let Err(error) = wire.with_upgrades().await {
                tracing::debug!(%peer, %error, "connection to origin ended");
            }
        });
        Ok(Self {
            sender,
            driver: Some(driver.abort_handle()),
            meter,
            peer,
            scope,
            exchanges: 0,
            rested: Instant::now(),
        })
    }

    /// The sender of the next request; counts the exchange.
    pub(super) fn begin(&mut self) -> &mut SendRequest<SentBody> {
        self.exchanges += 1;
        &mut self.sender
    }

    /// Whether it has carried an exchange before.
    pub(super) fn reused(&self) -> bool {
        self.exchanges > 0
    }

    /// The scope of the origin's address.
    pub(super) fn scope(&self) -> Scope {
        self.scope
    }

    /// The origin's address.
    pub(super) fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Bytes received so far.
    pub(super) fn received(&self) -> u64 {
        self.meter.received()
    }

    /// Waits until the task of the socket has seen the end of the last exchange; false when the
    /// connection is closed. The end of a body reaches its reader before that task is done with it,
    /// and a request that follows at once must still find its connection.
    pub(super) async fn settled(&mut self) -> bool {
        matches!(timeout(SETTLE_WAIT, self.sender.ready()).await, Ok(Ok(())))
    }

    /// After a 101 the socket belongs to whoever takes the upgrade.
    pub(super) fn leave_http(mut self) {
        self.meter.leave_http();
        self.driver = None;
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(driver) = self.driver.take() {
            driver.abort();
        }
    }
}
