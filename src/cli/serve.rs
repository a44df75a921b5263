//! `larder serve`: puts the rooms together, runs them until told to stop, and stops them in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::{Request, Response};

use super::error::CliError;
use super::rooms;
use super::settings::Settings;
use super::signals::{Signal, Signals};
use crate::net::drain::{Class, Drain, DrainReport};
use crate::net::{ConnectionHandle, Interfaces};
use crate::proxy::{self, Observed, Proxy};
use crate::server::{self, BindError, Handler, Refusal, Server};
use crate::store::{self, Store};
use crate::telemetry::{AccessLog, log};
use crate::time::{SharedClock, SystemClock};
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

/// Why serving did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener could not be opened.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The way to the origins could not be set up.
    #[error(transparent)]
    Setup(#[from] SetupError),
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

    async fn handle(
        &self,
        request: Request<Incoming>,
        connection: Arc<ConnectionHandle>,
    ) -> Response<Observed> {
        self.0.handle(request, connection).await
    }

    fn refuse(&self, connection: &ConnectionHandle, refusal: &Refusal) -> Bytes {
        self.0.refuse(connection, refusal.status, &refusal.first_line, refusal.reason)
    }
}

/// Opens the listeners and serves. Must be called inside a runtime.
///
/// # Errors
/// When a listener cannot be opened, or a file of certificates cannot be read.
pub fn start(config: Config, parts: Parts) -> Result<Running, StartError> {
    let interfaces = Arc::new(parts.interfaces);
    let drain = Drain::new();
    let store = Arc::new(Store::new(&config.store));
    let upstream = Arc::new(Upstream::new(&config.upstream, interfaces.clone())?);
    let drain_wait = config.server.drain_wait;
    let server = Server::bind(&config.server)?;
    let addresses = server.addresses();
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

    /// What is stored.
    pub fn usage(&self) -> store::Usage {
        self.store.usage()
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
    let running = start(Config::from(settings), parts).map_err(CliError::failed)?;
    let listen: Vec<_> = running.addresses().iter().map(ToString::to_string).collect();
    let usage = running.usage();
    tracing::info!(
        listen = listen.join(","),
        memory_responses = usage.responses,
        memory_bytes = usage.bytes,
        "Ready to serve"
    );
    let signal = next_stop(&mut signals, access_log).await;
    tracing::info!(signal, "Stopping");
    running.begin_drain();
    let report = tokio::select! {
        report = running.drained() => report,
        _again = next_stop(&mut signals, access_log) => {
            running.begin_drain();
            let report = running.drained().await;
            stopped(&report);
            return Err(CliError::failed("stopped by a second signal before everything had ended"));
        }
    };
    stopped(&report);
    Ok(())
}

/// The one line that counts what was served and what was cut.
fn stopped(report: &DrainReport) {
    tracing::info!(
        exchanges = report.served,
        tunnels = report.tunnels,
        connections = report.connections,
        cut = report.cut,
        "Stopped"
    );
}

async fn next_stop(signals: &mut Signals, access_log: &AccessLog) -> &'static str {
    loop {
        match signals.next().await {
            Signal::Stop(name) => return name,
            Signal::Reopen => access_log.reopen(),
        }
    }
}
