//! All connections to origins: found by origin, swept when they rested for too long.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};

use super::exchange::SentBody;
use super::origin::Origin;
use super::socket::{Meter, Socket};
use crate::net::{Scope, Whence};

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
        let origin = Arc::new(Origin::new(Arc::clone(&self.limits), Arc::clone(&self.idle)));
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
                let used = origin.sweep(&mut expired);
                used || Arc::strong_count(origin) > 1
            });
            // Closed outside of the lock: closing calls back.
            drop(expired);
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

#[cfg(test)]
impl Pool {
    /// How many origins are remembered.
    pub(super) fn origins(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
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

    /// Whether the socket is known to be closed.
    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// An exchange has ended: the connection rests from now on.
    pub(super) fn rest(&mut self) {
        self.rested = Instant::now();
    }

    /// How long it has rested.
    pub(super) fn rested(&self) -> Duration {
        self.rested.elapsed()
    }

    /// Where what it carries comes from.
    pub(super) fn whence(&self) -> Whence {
        Whence { scope: self.scope, address: Some(self.peer.ip()) }
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
