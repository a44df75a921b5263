//! The proxy in this process: a port of its own, a clock that a test moves, a log that a test reads, and a
//! cache directory that outlives it where it has one.

use std::marker::PhantomData;
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use larder::cli::serve::{self, Config, Parts, Running};
use larder::cli::settings::Settings;
use larder::net::Interfaces;
use larder::store::{self, DiskConfig, DiskEvents, Tier, Usage};
use larder::telemetry::output::{Output, Sink};
use larder::telemetry::{AccessLog, Format};
use larder::time::{Clock, ManualClock, SharedClock, Timestamp};

use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::client::{self, Client};
use super::gate::{deadline, eventually, within};
use super::log::Log;
use super::message::Response;

/// Where the manual clock starts: Fri, 15 Jan 2027 08:00:00 GMT.
pub const START: Timestamp = Timestamp::from_unix_secs(1_800_000_000);

/// Bytes of log lines that may wait.
const LOG_QUEUE: usize = 16 * 1024 * 1024;

/// The disk budget of a test's proxy: as much is stored of one response as in memory alone.
const DISK: u64 = 64 << 20;

/// Which tiers a proxy has.
pub trait Tiers {
    /// Sets them up; `directory` is empty, or what an earlier proxy left.
    fn set_up(config: &mut store::Config, directory: &Path);

    /// What is counted as stored is in this tier.
    const COUNTED: Tier;

    /// The tiers that stored responses are read from, once nothing is on its way (`tier=` of the log).
    const READ: &[&str];
}

/// Memory alone, as without a cache directory.
pub struct InMemory;

/// Both tiers, as users have them.
pub struct InBoth;

/// A memory tier that holds nothing, so that everything goes through the disk.
pub struct OnDisk;

fn disk(directory: &Path) -> Option<DiskConfig> {
    let (dir, budget) = (directory.to_path_buf(), DISK);
    Some(DiskConfig { dir, budget, reset: false, write_behind_rate: 0 })
}

impl Tiers for InMemory {
    fn set_up(config: &mut store::Config, _directory: &Path) {
        config.disk = None;
    }

    const COUNTED: Tier = Tier::Memory;
    const READ: &[&str] = &["memory"];
}

impl Tiers for InBoth {
    fn set_up(config: &mut store::Config, directory: &Path) {
        config.disk = disk(directory);
    }

    const COUNTED: Tier = Tier::Memory;
    const READ: &[&str] = &["memory", "disk"];
}

impl Tiers for OnDisk {
    fn set_up(config: &mut store::Config, directory: &Path) {
        config.disk = disk(directory);
        (config.memory, config.max_memory_object) = (0, 0);
    }

    const COUNTED: Tier = Tier::Disk;
    const READ: &[&str] = &["disk"];
}

/// A running proxy whose responses are in memory.
pub type Proxy = Tested<InMemory>;

/// A running proxy with both tiers.
pub type ProxyWithDisk = Tested<InBoth>;

/// A running proxy whose responses are on disk.
pub type ProxyOnDisk = Tested<OnDisk>;

/// A running proxy.
pub struct Tested<T: Tiers> {
    running: Serving<T>,
    address: SocketAddr,
    lines: AccessLog,
    rest: Rest,
}

/// What runs. When it ends, nothing was put into a tier that is to hold nothing: a test of what is on disk
/// must not pass because memory answered.
struct Serving<T: Tiers>(Running, PhantomData<T>);

impl<T: Tiers> Deref for Serving<T> {
    type Target = Running;

    fn deref(&self) -> &Running {
        &self.0
    }
}

impl<T: Tiers> Drop for Serving<T> {
    fn drop(&mut self) {
        if !T::READ.contains(&"memory") && !std::thread::panicking() {
            assert_eq!(self.0.usage(Tier::Memory), Usage::default(), "memory is to hold nothing");
        }
    }
}

/// What is the same after a restart.
struct Rest {
    config: Config,
    clock: ManualClock,
    log: Log,
    directory: TempDir,
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

impl<T: Tiers> Tested<T> {
    /// Starts with the settings that nobody has changed.
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// Starts with changed settings; waits until it knows that there is nothing on disk.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let proxy = Self::seen_by(Interfaces::system(), change);
        within("the disk to be looked at", proxy.running.recovered()).await;
        proxy
    }

    /// Starts with changed settings on a machine that has these addresses.
    pub fn seen_by(interfaces: Interfaces, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::from(&Settings::default());
        config.server.listen = vec![SocketAddr::from(([127, 0, 0, 1], 0))];
        let directory = tempfile::tempdir().expect("a directory");
        T::set_up(&mut config.store, directory.path());
        change(&mut config);
        let (clock, log) = (ManualClock::new(START), Log::new());
        Self::run(interfaces, Rest { config, clock, log, directory })
    }

    fn run(interfaces: Interfaces, rest: Rest) -> Self {
        let clock: SharedClock = Arc::new(rest.clock.clone());
        let sink = Sink::Writer(Box::new(rest.log.output()));
        let lines = Output::open(sink, LOG_QUEUE, Box::new(|_, _| {})).expect("a thread starts");
        let lines = AccessLog::new(Format::Json, lines);
        let parts = Parts { clock, interfaces, log: lines.clone() };
        let running = serve::start(rest.config.clone(), parts).expect("the proxy starts");
        let address = running.addresses()[0];
        Self { running: Serving(running, PhantomData), address, lines, rest }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has logged.
    pub fn log(&self) -> &Log {
        &self.rest.log
    }

    /// Moves its clock forward. Waits do not follow the clock: they are settings.
    pub fn advance(&self, span: Duration) {
        self.rest.clock.advance(span);
    }

    /// Its present moment as a field value.
    pub fn date(&self) -> String {
        httpdate::fmt_http_date(SystemTime::from(self.rest.clock.now()))
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

    /// Its cache directory; empty where it has no disk tier.
    pub fn directory(&self) -> &Path {
        self.rest.directory.path()
    }

    /// What it has stored in memory.
    pub fn usage(&self) -> Usage {
        self.running.usage(Tier::Memory)
    }

    /// What happened to its disk tier so far.
    pub fn disk_events(&self) -> DiskEvents {
        self.running.disk_events().expect("it has a disk tier")
    }

    /// Waits until it has stored exactly so many responses.
    #[track_caller]
    pub fn wait_for_stored(&self, count: u64) -> impl Future<Output = ()> {
        eventually(format!("{count} stored responses"), move || {
            (self.running.usage(T::COUNTED).responses == count).then_some(())
        })
    }

    /// Whether `tier` of a line of the log is one that its stored responses are read from, once nothing
    /// is on its way there.
    pub fn reads_from(tier: &Value) -> bool {
        tier.as_str().is_some_and(|tier| T::READ.contains(&tier))
    }

    /// Drains, and closes the store.
    pub async fn stop(self) {
        self.end().await;
    }

    async fn end(self) -> Rest {
        self.running.begin_drain();
        within("the proxy to stop", self.running.drained()).await;
        within("the store to close", self.running.close(deadline())).await;
        // Before the lines of whoever comes next.
        self.lines.close();
        self.rest
    }

    /// Stops it in order and starts it again on the same directory, with the same clock and log, at
    /// another address; waits until all that is on disk is found again.
    pub async fn restarted(self) -> Self {
        self.restarted_with(|_| {}).await
    }

    /// The same with changed settings.
    pub async fn restarted_with(self, change: impl FnOnce(&mut Config)) -> Self {
        let mut rest = self.end().await;
        change(&mut rest.config);
        let again = Self::run(Interfaces::system(), rest);
        within("what is on disk to be found", again.running.recovered()).await;
        again
    }
}
