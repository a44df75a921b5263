//! The proxy in this process: a port of its own, a clock that a test moves, a log that a test reads.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use larder::cli::serve::{self, Config, Parts, Running};
use larder::cli::settings::Settings;
use larder::net::Interfaces;
use larder::telemetry::output::{Output, Sink};
use larder::telemetry::{AccessLog, Format};
use larder::time::{Clock, ManualClock, SharedClock, Timestamp};

use super::client::{self, Client};
use super::gate::within;
use super::log::Log;
use super::message::Response;

/// Where the manual clock starts: Fri, 15 Jan 2027 08:00:00 GMT.
pub const START: Timestamp = Timestamp::from_unix_secs(1_800_000_000);

/// Bytes of log lines that may wait.
const LOG_QUEUE: usize = 16 * 1024 * 1024;

/// A running proxy.
pub struct Proxy {
    running: Running,
    address: SocketAddr,
    clock: ManualClock,
    log: Log,
}

impl Proxy {
    /// Starts with the settings that nobody has changed.
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// Starts with changed settings.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::seen_by(Interfaces::system(), change)
    }

    /// Starts with changed settings on a machine that has these addresses.
    pub fn seen_by(interfaces: Interfaces, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::from(&Settings::default());
        config.server.listen = vec![SocketAddr::from(([127, 0, 0, 1], 0))];
        change(&mut config);
        let (clock, log) = (ManualClock::new(START), Log::new());
        let shared: SharedClock = Arc::new(clock.clone());
        let sink = Sink::Writer(Box::new(log.output()));
        let lines = Output::open(sink, LOG_QUEUE, Box::new(|_, _| {})).expect("a thread starts");
        let parts = Parts { clock: shared, interfaces, log: AccessLog::new(Format::Json, lines) };
        let running = serve::start(config, parts).expect("the proxy starts");
        let address = running.addresses()[0];
        Self { running, address, clock, log }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has logged.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Moves its clock forward. Waits do not follow the clock: they are settings.
    pub fn advance(&self, span: Duration) {
        self.clock.advance(span);
    }

    /// Its present moment as a field value.
    pub fn date(&self) -> String {
        httpdate::fmt_http_date(SystemTime::from(self.clock.now()))
    }

    /// A new connection to it.
    pub async fn client(&self) -> Client {
        Client::connect(self.address).await
    }

    /// `GET url` on a new connection.
    pub async fn get(&self, url: &str) -> Response {
        client::get(self.address, url).await
    }

    /// Drains and stops.
    pub async fn stop(self) {
        self.running.begin_drain();
        within("the proxy to stop", self.running.drained()).await;
    }
}
