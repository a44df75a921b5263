//! `larder serve`: puts the rooms together, runs them until told to stop, and stops them in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::Request;
use hyper::body::Incoming;

use super::error::CliError;
use super::rooms;
use super::settings::Settings;
use super::signals::{Signal, Signals};
use crate::net::drain::{Class, Drain, DrainReport};
use crate::net::{ConnectionHandle, Interfaces};
use crate::proxy::{self, Answering, Observed, Proxy};
use crate::server::{self, BindError, Handler, Refusal, Server};
use crate::store::{self, Closed, DiskEvents, OpenError, Recovered, Store};
use crate::telemetry::{AccessLog, log};
use crate::time::{SharedClock, SystemClock};
use crate::upstream::{self, SetupError, Upstream};

/// How often the memory tier is brought back to its budget when nobody asks.
const MAINTENANCE: Duration = Duration::from_millis(200);

/// What only memory holds has at least so long to be written to disk at the end, however long the drain
/// took.
const LEAST_SPILL: Duration = Duration::from_secs(5);

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

/// Why serving did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener could not be opened.
    #[error(transparent)]
    Bind(#[from] BindError),
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
            StartError::Bind(_) | StartError::Setup(_) => Self::failed(error),
        }
    }
}

/// A proxy that serves.
pub struct Running {
    addresses: Vec<SocketAddr>,
    drain: Drain,
    store: Arc<Store>,
    drain_wait: Duration,
}

/// The proxy as the listener sees it.
struct Front(Proxy);

impl Handler for Front {
    type Body = Observed;
    type Answer = Answering;

    fn handle(&self, request: Request<Incoming>, connection: Arc<ConnectionHandle>) -> Answering {
        self.0.handle(request, connection)
    }

    fn refuse(&self, connection: &ConnectionHandle, refusal: &Refusal) -> Bytes {
        self.0.refuse(connection, refusal.status, &refusal.first_line, refusal.reason)
    }
}

/// Opens the listeners and serves; what the disk tier holds is found again meanwhile. Must be called
/// inside a runtime.
///
/// # Errors
/// When a listener cannot be opened, a file of certificates cannot be read, or the cache directory is
/// not ours to use.
pub fn start(config: Config, parts: Parts) -> Result<Running, StartError> {
    let interfaces = Arc::new(parts.interfaces);
    let drain = Drain::new();
    let upstream = Arc::new(Upstream::new(&config.upstream, interfaces.clone())?);
    let drain_wait = config.server.drain_wait;
    let server = Server::bind(&config.server)?;
    let addresses = server.addresses();
    // After the listeners: who cannot listen does not touch the directory.
    let store = Arc::new(Store::open(&config.store)?);
    upstream.own_listeners(addresses.clone());
    let proxy = Proxy::new(
        config.proxy,
        proxy::Parts {
            store: store.clone(),
            upstream,
            interfaces,
            drain: drain.clone(),
            log: parts.log,
            clock: parts.clock,
        },
    );
    server.serve(Arc::new(Front(proxy)), drain.clone());
    drain.spawn("store maintenance", Class::Background, maintain(store.clone()));
    Ok(Running { addresses, drain, store, drain_wait })
}

async fn maintain(store: Arc<Store>) {
    let mut ticks = tokio::time::interval(MAINTENANCE);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        store.maintain();
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
        if self.store.has_disk() { Some(self.store.recovered().await) } else { None }
    }

    /// After the drain: writes to disk what only memory holds, until `deadline`, and closes the disk
    /// tier; `None` without one.
    pub async fn close(&self, deadline: Instant) -> Option<Closed> {
        if self.store.has_disk() { Some(self.store.close(deadline).await) } else { None }
    }

    /// Requests in flight.
    pub fn in_flight(&self) -> usize {
        self.drain.exchanges()
    }

    /// Starts to drain; a second call cuts off what is left.
    pub fn begin_drain(&self) {
        self.drain.begin();
    }

    /// Waits until what was in flight has finished, at most the settings' `drain_wait`, and says what
    /// was served and what was cut.
    pub async fn drained(&self) -> DrainReport {
        self.drain.finished(self.drain_wait).await
    }
}

/// Runs the proxy until a signal stops it.
///
/// # Errors
/// When it cannot start, or a second signal cut it short.
pub fn serve(settings: &Settings) -> Result<(), CliError> {
    let access_log = log::init(&settings.log())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(settings.workers)
        .thread_name("larder-worker")
        .enable_all()
        .build()
        .map_err(CliError::failed)?;
    let outcome = runtime.block_on(run(settings, &access_log));
    // What is left (a look-up in a blocking thread, say) is not worth waiting for.
    runtime.shutdown_background();
    access_log.close();
    outcome
}

async fn run(settings: &Settings, access_log: &AccessLog) -> Result<(), CliError> {
    let mut signals = Signals::listen().map_err(CliError::failed)?;
    let parts = Parts {
        clock: Arc::new(SystemClock),
        interfaces: Interfaces::system(),
        log: access_log.clone(),
    };
    let running = start(Config::from(settings), parts)?;
    // A signal may come before all is found again; then it was never ready.
    let signal = tokio::select! {
        biased;
        signal = next_stop(&mut signals, access_log) => signal,
        recovered = running.recovered() => {
            ready(&running, recovered);
            next_stop(&mut signals, access_log).await
        }
    };
    tracing::info!(signal, "Stopping");
    let spill_until = Instant::now() + settings.drain_wait;
    running.begin_drain();
    let report = tokio::select! {
        report = running.drained() => report,
        _again = next_stop(&mut signals, access_log) => {
            running.begin_drain();
            stopped(&running.drained().await, None, running.disk_events());
            return Err(cut_short());
        }
    };
    let spill_until = spill_until.max(Instant::now() + LEAST_SPILL);
    tokio::select! {
        closed = running.close(spill_until) => stopped(&report, closed, running.disk_events()),
        _again = next_stop(&mut signals, access_log) => {
            stopped(&report, None, running.disk_events());
            return Err(cut_short());
        }
    }
    Ok(())
}

/// The one line that says where clients connect, and what is there for them in each tier.
fn ready(running: &Running, recovered: Option<Recovered>) {
    let listen: Vec<_> = running.addresses().iter().map(ToString::to_string).collect();
    let memory = running.usage(store::Tier::Memory);
    tracing::info!(
        listen = listen.join(","),
        memory_responses = memory.responses,
        memory_bytes = memory.bytes,
        disk_responses = recovered.map(|disk| disk.responses),
        disk_bytes = recovered.map(|disk| disk.bytes),
        disk_dropped = recovered.map(|disk| disk.dropped),
        disk_ms = recovered.map(|disk| u64::try_from(disk.took.as_millis()).unwrap_or(u64::MAX)),
        "Ready to serve"
    );
}

/// The one line that counts what was served, what was cut, what memory left to the disk tier, and what happened
/// there.
fn stopped(report: &DrainReport, closed: Option<Closed>, disk: Option<DiskEvents>) {
    tracing::info!(
        exchanges = report.served,
        tunnels = report.tunnels,
        connections = report.connections,
        cut = report.cut,
        spilled = closed.map(|closed| closed.spilled),
        unspilled = closed.map(|closed| closed.left),
        disk_written = disk.map(|disk| disk.written),
        disk_dropped = disk.map(|disk| disk.dropped + disk.refused),
        disk_evicted = disk.map(|disk| disk.evicted),
        disk_damaged = disk.map(|disk| disk.damaged),
        disk_failed = disk.map(|disk| disk.unreadable + disk.unwritable + disk.volatile),
        "Stopped"
    );
}

fn cut_short() -> CliError {
    CliError::failed("stopped by a second signal before everything had ended")
}

async fn next_stop(signals: &mut Signals, access_log: &AccessLog) -> &'static str {
    loop {
        match signals.next().await {
            Signal::Stop(name) => return name,
            Signal::Reopen => access_log.reopen(),
        }
    }
}
