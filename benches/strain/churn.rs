//! Ten times the memory budget in and out again, in mixed sizes, and what is resident afterwards.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::origin::{Origin, small};
use super::process::Server;
use super::proxy::{self, Spent};
use super::wire::Client;

const CLIENTS: u64 = 24;
const SMALLEST: f64 = 200.0;
const LARGEST: f64 = (1 << 20) as f64;

/// One request in so many asks for something that was asked for before.
const AGAIN: u64 = 4;

/// What was freed may go back to the system for so long.
const SETTLE: Duration = Duration::from_secs(4);

pub(crate) fn run(larder: &Path, dir: &Path, mib: u64) {
    let budget = mib << 20;
    let most = budget + budget / 4 + (64 << 20);
    println!("ten times {mib} MiB in and out again; at most {} MiB may be resident", most >> 20);
    let memory = format!("{mib}MiB");
    for (name, disk) in [("memory alone", "0"), ("above a disk tier", "8GiB")] {
        let origin = Origin::start();
        let limits = ["--log-level", "warn", "--memory", &memory, "--disk", disk];
        let server = proxy::start(larder, dir, 1, &limits);
        let fresh = server.resident();
        let began = Instant::now();
        let spent = Spent::of(&server);
        let requests = churn(&server, &origin, budget * 10);
        let (took, spent) = (began.elapsed(), Spent::of(&server).since(spent));
        let busy = server.resident();
        sleep(SETTLE);
        let settled = server.resident();
        println!(
            "  {name}: {requests} requests in {:.1} s, {:.1} us computed each; resident {} MiB when \
             fresh, {} at the peak, {} at the end, {} after {} s: {:.2} x the budget, {}",
            took.as_secs_f64(),
            spent.computed.as_secs_f64() * 1e6 / requests as f64,
            fresh >> 20,
            server.peak() >> 20,
            busy >> 20,
            settled >> 20,
            SETTLE.as_secs(),
            settled as f64 / budget as f64,
            if settled.max(busy) <= most { "reached" } else { "NOT reached" }
        );
    }
}

/// Asks for new responses, and for some again, until so many bytes have come; says how many requests that
/// took.
fn churn(server: &Server, origin: &Origin, bytes: u64) -> u64 {
    let (asked, came, next) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let client = |seed: u64| {
        let mut client = Client::connect(server.address);
        let mut chance = Chance(seed + 1);
        while came.load(Ordering::Relaxed) < bytes {
            let is_again = chance.next().is_multiple_of(AGAIN);
            let n = if is_again {
                let newest = next.load(Ordering::Relaxed);
                newest.saturating_sub(chance.next() % 10_000)
            } else {
                next.fetch_add(1, Ordering::Relaxed)
            };
            let size = size(n);
            let target = format!("http://{}/small/{size}/{n}", origin.address);
            let (head, body) = client.get(&target, origin.address, "");
            assert_eq!(head.status, 200, "{}", head.text);
            assert!(body == small(n, size as usize), "{target} has every byte right");
            asked.fetch_add(1, Ordering::Relaxed);
            if !is_again {
                came.fetch_add(size, Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        for seed in 0..CLIENTS {
            scope.spawn(move || client(seed));
        }
    });
    asked.into_inner()
}

/// How long the n-th body is: many are short, few are long, and these make most of the bytes.
fn size(n: u64) -> u64 {
    let share = (Chance(n).next() >> 11) as f64 / (1_u64 << 53) as f64;
    (SMALLEST / (1.0 - share).powf(1.0 / 0.7)).min(LARGEST) as u64
}

/// Numbers that look random, the same in each run (splitmix64).
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
