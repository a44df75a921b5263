//! The disk tier: a million small responses, hits beside nginx, one large response.
//!
//! ```sh
//! cargo bench --bench disk                        # everything, a million responses, 10 GiB
//! cargo bench --bench disk -- --many --responses 200000
//! cargo bench --bench disk -- --peer --seconds 10 --rounds 7
//! cargo bench --bench disk -- --large --gib 2
//! ```
//!
//! | option | meaning |
//! | --- | --- |
//! | `--many`, `--peer`, `--large` | only these parts; all three when none is given |
//! | `--responses N` | how many small responses are written, a million unless said |
//! | `--gib N` | how long the large one is, 10 unless said |
//! | `--rounds N`, `--seconds N` | how often and how long `wrk` runs, 5 and 4 unless said |
//! | `--dir PATH` | where the files go, below `target/tmp` unless said; removed at the end |
//! | `--spare N` | GB that stay free on that device, 15 unless said |
//!
//! `--peer` needs nginx, wrk and taskset; without them it says so. It needs two cores: the server has the
//! first, the load the second.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "this is a bench: it prints, it may fail, and it waits for other processes"
)]

#[path = "disk/large.rs"]
mod large;
#[path = "disk/many.rs"]
mod many;
#[path = "support/origin.rs"]
mod origin;
#[path = "disk/peer.rs"]
mod peer;
#[path = "support/process.rs"]
mod process;
#[path = "support/wire.rs"]
mod wire;

use std::fs;
use std::path::{Path, PathBuf};

/// What the command line says.
struct Options {
    parts: Vec<String>,
    responses: u64,
    gib: u64,
    rounds: usize,
    seconds: u64,
    dir: PathBuf,
    spare: u64,
}

fn main() {
    // What the store warns of is worth knowing here.
    tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).init();
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [child, rest @ ..] = words.as_slice()
        && many::child(child, rest)
    {
        return;
    }
    let options = options(&words);
    let wanted = |part: &str| options.parts.is_empty() || options.parts.iter().any(|p| p == part);
    if wanted("--many") {
        with_dir(&options, "many", options.responses * 2048 + (1 << 30), |dir| {
            many::run(dir, options.responses);
        });
    }
    if wanted("--peer") {
        with_dir(&options, "peer", 2 << 30, |dir| {
            peer::run(dir, options.rounds, options.seconds);
        });
    }
    if wanted("--large") {
        with_dir(&options, "large", (options.gib << 30) + (1 << 30), |dir| {
            large::run(dir, options.gib << 30);
        });
    }
}

fn options(words: &[String]) -> Options {
    let mut options = Options {
        parts: Vec::new(),
        responses: 1_000_000,
        gib: 10,
        rounds: 5,
        seconds: 4,
        dir: Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-disk"),
        spare: 15,
    };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().expect("the option has a value");
        match word.as_str() {
            "--responses" => options.responses = number(value()),
            "--gib" => options.gib = number(value()),
            "--rounds" => options.rounds = number(value()) as usize,
            "--seconds" => options.seconds = number(value()),
            "--spare" => options.spare = number(value()),
            "--dir" => options.dir = value().into(),
            "--many" | "--peer" | "--large" => options.parts.push(word.clone()),
            // What cargo says, and filters.
            _ => {}
        }
    }
    options
}

fn number(text: &str) -> u64 {
    text.parse().expect("it is a number")
}

/// Runs a part in an empty directory of its own, and removes that; not where it would fill the device.
fn with_dir(options: &Options, name: &str, needed: u64, part: impl FnOnce(&Path)) {
    let dir = options.dir.join(name);
    fs::create_dir_all(&dir).expect("the directory can be made");
    let device = rustix::fs::statvfs(&dir).expect("the device says how full it is");
    let free = device.f_bavail * device.f_frsize;
    if free < needed + options.spare * 1_000_000_000 {
        println!(
            "{name}: left out: it writes {} MB to {}, where {} MB are free, and {} GB are to stay free",
            needed / 1_000_000,
            dir.display(),
            free / 1_000_000,
            options.spare
        );
        return;
    }
    part(&dir);
    fs::remove_dir_all(&dir).expect("what was written can be removed");
}
