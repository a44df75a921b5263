//! Puts the rooms together; what runs then can be asked, and be brought to its end.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use bytes::Bytes;
use hyper::Request;
use hyper::body::Incoming;
use parking_lot::Mutex;

use super::error::CliError;
use super::rooms;
use super::settings::Settings;
use crate::net::drain::{Class, Drain, DrainReport};
use crate::net::{ConnectionHandle, Interfaces};
use crate::proxy::{self, Answering, Observed, Proxy};
use crate::server::{self, BindError, Handler, Refusal, Server};
use crate::store::{self, Closed, DiskEvents, OpenError, Recovered, Store};
use crate::telemetry::AccessLog;
use crate::time::SharedClock;
use crate::upstream::{self, SetupError, Upstream};

/// How often the memory tier is brought back to its budget when nobody asks.
const MAINTENANCE: Duration = Duration::from_millis(200);

/// The settings of all rooms that serve.
#[derive(Clone, Debug)]
pub struct Config {
    /// The listeners and their limits.
    pub server: server::Config,
    /// How origins are reached.
    pub upstream: upstream::Config,
    /// How much is stored.
    pub store: store::Config,
    /// What the proxy may do.
    pub proxy: proxy::Config,
}

impl From<&Settings> for Config {
    fn from(settings: &Settings) -> Self {
        rooms::config(settings)
    }
}

/// What comes from outside: tests bring their own.
pub struct Parts {
    /// What time it is.
    pub clock: SharedClock,
    /// This machine's addresses.
    pub interfaces: Interfaces,
    /// Where finished exchanges are written.
    pub log: AccessLog,
}

/// What this process was given by whoever started it.
#[derive(Debug, Default)]
pub struct Passed {
    /// Open listeners, in place of those of the settings; none: the settings count.
    pub listeners: Vec<TcpListener>,
    /// Whether it takes over from another process: then it waits for the cache directory.
    pub takes_over: bool,
}

/// Why serving did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener could not be opened.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A listener that was passed is of no use.
    #[error("cannot use a listener that was passed: {0}")]
    Passed(#[from] io::Error),
    /// The way to the origins could not be set up.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The cache directory belongs to another process, another version or somebody else.
    #[error(transparent)]
    Store(#[from] OpenError),
}

impl From<StartError> for CliError {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Store(_) => Self::Unusable(error.to_string()),
            StartError::Bind(_) | StartError::Passed(_) | StartError::Setup(_) => {
                Self::failed(error)
            }
        }
    }
}

/// A proxy that serves.
pub struct Running {
    addresses: Vec<SocketAddr>,
    drain: Drain,
    store: Arc<Store>,
    front: Arc<Front>,
    server: server::Current,
    /// The same ones that are accepted from; none once it drains.
    listeners: Mutex<Vec<TcpListener>>,
}

/// The proxy as the listener sees it: the one of the last loading of the settings.
struct Front(ArcSwap<Loaded>);

/// What one loading of the settings made.
struct Loaded {
    proxy: Proxy,
    upstream: Arc<Upstream>,
}

impl Handler for Front {
    type Body = Observed;
    type Answer = Answering;

    fn handle(&self, request: Request<Incoming>, connection: Arc<ConnectionHandle>) -> Answering {
        // A request keeps the proxy that it began with.
        self.0.load().proxy.handle(request, connection)
    }

    fn refuse(&self, connection: &ConnectionHandle, refusal: &Refusal) -> Bytes {
        self.0.load().proxy.refuse(connection, refusal.status, &refusal.first_line, refusal.reason)
    }
}

/// Opens the listeners and serves; what the disk tier holds is found again meanwhile. Must be called
/// inside a runtime.
///
/// # Errors
/// When a listener cannot be opened, a file of certificates cannot be read, or the cache directory is
/// not ours to use.
pub fn start(config: Config, parts: Parts) -> Result<Running, StartError> {
    start_with(config, parts, Passed::default())
}

/// The same, with what was passed to this process.
///
/// # Errors
/// As [`start`].
pub fn start_with(config: Config, parts: Parts, passed: Passed) -> Result<Running, StartError> {
    let interfaces = Arc::new(parts.interfaces);
    let drain = Drain::new();
    let upstream = Arc::new(Upstream::new(&config.upstream, interfaces.clone())?);
    let server = if passed.listeners.is_empty() {
        Server::bind(&config.server)?
    } else {
        Server::adopt(passed.listeners, &config.server)?
    };
    let listeners = server.listeners()?;
    let (addresses, current) = (server.addresses(), server.config());
    // After the listeners: who cannot listen does not touch the directory.
    let store = if passed.takes_over {
        Store::open_when_free(&config.store)?
    } else {
        Store::open(&config.store)?
    };
    let store = Arc::new(store);
    upstream.own_listeners(addresses.clone());
    let proxy = Proxy::new(
        config.proxy,
        proxy::Parts {
            store: store.clone(),
            upstream: Arc::clone(&upstream),
            interfaces,
            drain: drain.clone(),
            log: parts.log,
            clock: parts.clock,
        },
    );
    let front = Arc::new(Front(ArcSwap::from_pointee(Loaded { proxy, upstream })));
    server.serve(&front, &drain);
    drain.spawn("store maintenance", Class::Background, maintain(store.clone()));
    Ok(Running {
        addresses,
        drain,
        store,
        front,
        server: current,
        listeners: Mutex::new(listeners),
    })
}

/// Not on a worker: requests would wait while much is evicted or looked through.
async fn maintain(store: Arc<Store>) {
    let mut ticks = tokio::time::interval(MAINTENANCE);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let store = Arc::clone(&store);
        // It has said already what it panicked of; the next turn tries again.
        tokio::task::spawn_blocking(move || store.maintain()).await.ok();
    }
}

impl Running {
    /// Where clients connect.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// What a tier holds.
    pub fn usage(&self, tier: store::Tier) -> store::Usage {
        self.store.usage_of(tier)
    }

    /// What happened on disk so far; `None` without a disk tier.
    pub fn disk_events(&self) -> Option<DiskEvents> {
        self.store.disk_events()
    }

    /// Waits until all that survived the last stop was found again; `None` without a disk tier. May be
    /// dropped and called again.
    pub async fn recovered(&self) -> Option<Recovered> {
        let recovered = self.store.recovered().await;
        self.store.has_disk().then_some(recovered)
    }

    /// The listeners, to be handed to another process.
    ///
    /// # Errors
    /// When there are too many open files.
    pub fn listeners(&self) -> io::Result<Vec<TcpListener>> {
        self.listeners.lock().iter().map(TcpListener::try_clone).collect()
    }

    /// After the drain: writes to disk what only memory holds, until `deadline`, and closes the disk
    /// tier; `None` without one.
    pub async fn close(&self, deadline: Instant) -> Option<Closed> {
        if self.store.has_disk() { Some(self.store.close(deadline).await) } else { None }
    }

    /// From now on requests are answered, and connections are served, as `config` says; those that have
    /// begun stay with what they began with. What all of them share stays: see [`Settings::reloaded`].
    ///
    /// # Errors
    /// When a file of certificates or of hosts cannot be read; then nothing has changed.
    pub fn reload(&self, config: Config) -> Result<(), SetupError> {
        let before = self.front.0.load_full();
        let upstream = Arc::new(before.upstream.reloaded(&config.upstream)?);
        let proxy = before.proxy.reloaded(config.proxy, Arc::clone(&upstream));
        self.front.0.store(Arc::new(Loaded { proxy, upstream }));
        self.server.replace(config.server);
        Ok(())
    }

    /// Requests in flight.
    pub fn in_flight(&self) -> usize {
        self.drain.exchanges()
    }

    /// Starts to drain; a second call cuts off what is left.
    pub fn begin_drain(&self) {
        self.listeners.lock().clear();
        self.drain.begin();
    }

    /// Waits until what was in flight has finished, at most the settings' `drain_wait`, and says what
    /// was served and what was cut.
    pub async fn drained(&self) -> DrainReport {
        self.drain.finished(self.server.load().drain_wait).await
    }
}
