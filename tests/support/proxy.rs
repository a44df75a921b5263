//! The proxy in this process: a port of its own, a clock that a test moves, a log that a test reads.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use larder::cli::serve::{self, Config, Parts, Running};
use larder::cli::settings::Settings;
use larder::net::Interfaces;
use larder::store::Usage;
use larder::telemetry::output::{Output, Sink};
use larder::telemetry::{AccessLog, Format};
use larder::time::{Clock, ManualClock, SharedClock, Timestamp};

use tokio::task::JoinHandle;

use super::client::{self, Client};
use super::gate::{eventually, within};
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

/// A response that a client of its own is waiting for. Dropping it makes that client go away.
pub struct Asked(JoinHandle<Response>);

impl Asked {
    /// The whole response.
    pub async fn response(mut self) -> Response {
        let response = self.any().await;
        assert!(response.broken.is_none(), "it broke off: {:?}", response.broken);
        response
    }

    /// The response, whole or broken off.
    pub async fn any(&mut self) -> Response {
        (&mut self.0).await.expect("the client does not panic")
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.abort();
    }
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
        config.store.disk = None;
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

    /// `GET url` with fields on a new connection.
    pub async fn get_with(&self, url: &str, fields: &[(&str, &str)]) -> Response {
        self.client().await.get_with(url, fields).await
    }

    /// `GET url` on a new connection, while the test goes on.
    pub fn ask(&self, url: &str) -> Asked {
        self.ask_with(url, &[])
    }

    /// `GET url` with fields on a new connection, while the test goes on.
    pub fn ask_with(&self, url: &str, fields: &[(&str, &str)]) -> Asked {
        let (address, request) = (self.address, client::request("GET", url, fields));
        Asked(tokio::spawn(async move {
            let mut client = Client::connect(address).await;
            client.send(request).await;
            client.any_response_to("GET").await
        }))
    }

    /// Waits until so many requests are in flight. A request that is counted has been looked up, and
    /// has joined what is under way, on a runtime of one thread: there is no wait in between.
    #[track_caller]
    pub fn wait_for_in_flight(&self, count: usize) -> impl Future<Output = ()> {
        eventually(format!("{count} requests in flight"), move || {
            (self.running.in_flight() == count).then_some(())
        })
    }

    /// What it has stored.
    pub fn usage(&self) -> Usage {
        self.running.usage()
    }

    /// Drains and stops.
    pub async fn stop(self) {
        self.running.begin_drain();
        within("the proxy to stop", self.running.drained()).await;
    }
}
