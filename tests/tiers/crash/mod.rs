//! `kill -9` under load: what the proxy serves afterwards is right, what was invalidated is gone, and what
//! was stored more than five seconds before is there.
//!
//! `LARDER_CRASH_ROUNDS=100` crashes more often, `LARDER_CRASH_SEED=…` repeats a run, and
//! `LARDER_TEST_BINARY=target/release/larder` tries another program.

mod load;
mod world;

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use load::Asker;
use serde_json::Value;
use tokio::task::JoinHandle;
use world::{Dice, URLS, World};

use crate::support::binary::Binary;
use crate::support::client::Client;
use crate::support::damage::contains;
use crate::support::gate::{eventually, moment, within, within_span};
use crate::support::origin::{Origin, Reply};

/// Clients at once.
const CLIENTS: u64 = 6;

/// The load of one round lasts so long at most, in milliseconds.
const LOAD: u64 = 500;

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|why| panic!("{name}={text}: {why}")))
}

/// Shown when a test fails, or with `--nocapture`.
#[expect(clippy::print_stdout, reason = "the seed of a failure is to be seen")]
fn say(line: &str) {
    println!("{line}");
}

/// The seed of this run. It is printed: a failure shows it.
fn seed() -> u64 {
    let any = || RandomState::new().build_hasher().finish() % 1_000_000_000;
    let seed = variable("LARDER_CRASH_SEED").unwrap_or_else(any);
    say(&format!("LARDER_CRASH_SEED={seed}"));
    seed
}

/// A proxy on a directory, and what it has to say.
struct Running {
    larder: Binary,
    proxy: SocketAddr,
    ready: Value,
    conclusion: JoinHandle<Vec<String>>,
}

async fn start(directory: &Path, more: &[&str]) -> Running {
    let directory = directory.to_str().unwrap();
    let (mut larder, ready, proxy) =
        Binary::serve_saying(&[&["--cache-dir", directory][..], more].concat()).await;
    let conclusion = larder.conclusion();
    Running { larder, proxy, ready, conclusion }
}

impl Running {
    fn tell(&self, when: &str, world: &World) {
        let said = |name: &str| self.ready[name].clone();
        let (found, dropped) = (said("disk_responses"), said("disk_dropped"));
        say(&format!("{when}: {} due, {found} found, {dropped} dropped", world.due()));
    }

    /// Ends it at once. It has complained of nothing.
    async fn kill(self) {
        self.larder.kill();
        assert_eq!(self.conclusion.await.unwrap(), [""; 0]);
    }

    async fn stop(self) {
        self.larder.signal("TERM");
        let conclusion = within("it to end", self.conclusion).await.unwrap();
        let exit = self.larder.exit().await;
        assert_eq!(exit.status.code(), Some(0), "{conclusion:#?}");
        let [stopped] = &conclusion[..] else { panic!("{conclusion:#?}") };
        let stopped: Value = serde_json::from_str(stopped).unwrap();
        assert_eq!(stopped["unspilled"], 0, "{stopped}");
    }
}

/// Reads all that the cache has, by several clients.
async fn audit(world: &Arc<World>, running: &Running, origin: &Origin) {
    let before = origin.requests().len();
    let clients = (0..4).map(|first| {
        let mut asker = Asker::new(world, running.proxy, origin.url("").trim_end_matches('/'));
        tokio::spawn(async move {
            for url in (first..URLS).step_by(4) {
                asker.audit(url).await.unwrap_or_else(|why| panic!("/{url}: {why:?}"));
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    assert_eq!(origin.requests().len(), before, "the origin was asked");
}

/// Load until some moment, then a crash; `None` for an orderly stop.
async fn round(
    world: &Arc<World>,
    running: Running,
    origin: &Origin,
    mut dice: Dice,
    is_orderly: bool,
) {
    let was_killed = Arc::new(AtomicBool::new(false));
    let base = origin.url("");
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let asker = Asker::new(world, running.proxy, &base);
            let (dice, was_killed) = (Dice::new(dice.roll()), was_killed.clone());
            tokio::spawn(async move { asker.work(dice, &was_killed).await })
        })
        .collect();
    moment(Duration::from_millis(20 + dice.below(LOAD - 20))).await;
    was_killed.store(true, Ordering::Release);
    let crash = if is_orderly {
        running.stop().await;
        None
    } else {
        let crash = Instant::now();
        running.kill().await;
        Some(crash)
    };
    for client in clients {
        client.await.unwrap();
    }
    world.crashed(crash);
}

async fn crashes(rounds: u64, seed: u64, settings: &[&str], is_roomy: bool) {
    let world = Arc::new(World::new(is_roomy));
    let origin = world::origin(&world).await;
    let directory = tempfile::tempdir().unwrap();
    for number in 0..=rounds {
        let running = start(directory.path(), settings).await;
        running.tell(&format!("round {number}"), &world);
        audit(&world, &running, &origin).await;
        let dice = Dice::new(seed ^ number << 48);
        round(&world, running, &origin, dice, number == rounds).await;
    }
    let running = start(directory.path(), settings).await;
    running.tell("at the end", &world);
    audit(&world, &running, &origin).await;
    running.stop().await;
}

#[tokio::test]
async fn after_a_crash_nothing_is_wrong_and_nothing_that_was_written_is_missing() {
    let rounds = variable("LARDER_CRASH_ROUNDS").unwrap_or(5);
    let settings = ["--memory", "2MiB", "--max-memory-object", "64KiB", "--disk", "16GiB"];
    crashes(rounds, seed(), &settings, true).await;
}

#[tokio::test]
async fn after_a_crash_while_room_is_made_nothing_is_wrong() {
    let rounds = variable("LARDER_CRASH_ROUNDS").unwrap_or(5).div_ceil(2);
    let settings = ["--memory", "1MiB", "--max-memory-object", "64KiB", "--disk", "32MiB"];
    crashes(rounds, seed().wrapping_add(1), &settings, false).await;
}

#[tokio::test]
async fn what_only_memory_would_hold_is_on_disk_within_five_seconds() {
    let (origin, directory) = (Origin::start().await, tempfile::tempdir().unwrap());
    for n in 0..50 {
        origin.route(&format!("/{n}"), Reply::cacheable(60, format!("body number {n}.")));
    }
    let running = start(directory.path(), &[]).await;
    let mut client = Client::connect(running.proxy).await;
    for n in 0..50 {
        client.get(&origin.url(&format!("/{n}"))).await;
    }
    let written = || contains(directory.path(), "body number 49.").then_some(());
    within_span(world::KEPT, "the last one to be in a file", eventually("it", written)).await;
    running.kill().await;

    let running = start(directory.path(), &[]).await;
    assert_eq!(running.ready["disk_responses"], 50, "{}", running.ready);
    let mut client = Client::connect(running.proxy).await;
    for n in 0..50 {
        let hit = client.get(&origin.url(&format!("/{n}"))).await;
        assert!(hit.cache_status().starts_with("larder; hit"), "{n}: {}", hit.cache_status());
        assert_eq!(hit.text(), format!("body number {n}."));
    }
    origin.wait_for_requests(50).await;
    running.stop().await;
}
