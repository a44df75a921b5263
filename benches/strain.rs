//! Memory, tail and scale: what larder takes and how long it keeps a request waiting when it is strained.
//!
//! ```sh
//! cargo bench --bench strain                      # everything
//! cargo bench --bench strain -- --churn --idle
//! cargo bench --bench strain -- --tail --seconds 20
//! cargo bench --bench strain -- --scale --larder target/other/larder
//! ```
//!
//! | option | meaning |
//! | --- | --- |
//! | `--churn`, `--idle`, `--tail`, `--scale` | only these parts; all of them when none is given |
//! | `--larder PATH` | the program that is measured; the one that cargo has built unless said |
//! | `--mib N` | the memory budget of `--churn`, 128 unless said |
//! | `--seconds N` | how long each load of `--tail` and `--scale` runs, 10 unless said |
//! | `--responses N` | how many are stored at most in `--scale`, a million unless said |
//! | `--dir PATH` | where the files go, below `target/tmp` unless said; removed at the end |
//!
//! `--scale` needs wrk. The server has the first core, what asks and the origin the second, where taskset is.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "this is a bench: it prints, it may fail, and it waits for other processes"
)]

#[path = "strain/churn.rs"]
mod churn;
#[path = "strain/idle.rs"]
mod idle;
#[path = "support/origin.rs"]
mod origin;
#[path = "strain/paced.rs"]
mod paced;
#[expect(dead_code, reason = "it is of other benches too")]
#[path = "support/process.rs"]
mod process;
#[path = "strain/proxy.rs"]
mod proxy;
#[path = "strain/scale.rs"]
mod scale;
#[path = "strain/tail.rs"]
mod tail;
#[expect(dead_code, reason = "it is of other benches too")]
#[path = "support/wire.rs"]
mod wire;

use std::fs;
use std::path::{Path, PathBuf};

/// What the command line says.
struct Options {
    parts: Vec<String>,
    larder: PathBuf,
    mib: u64,
    seconds: u64,
    responses: u64,
    dir: PathBuf,
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let options = options(&words);
    let wanted = |part: &str| options.parts.is_empty() || options.parts.iter().any(|p| p == part);
    fs::create_dir_all(&options.dir).expect("the directory can be made");
    let (larder, dir) = (options.larder.as_path(), options.dir.as_path());
    if wanted("--churn") {
        churn::run(larder, dir, options.mib);
    }
    if wanted("--idle") {
        idle::run(larder, dir);
    }
    if wanted("--tail") {
        tail::run(larder, dir, options.seconds);
    }
    if wanted("--scale") {
        scale::run(larder, dir, options.seconds, options.responses);
    }
    fs::remove_dir_all(&options.dir).expect("what was written can be removed");
}

fn options(words: &[String]) -> Options {
    let mut options = Options {
        parts: Vec::new(),
        larder: env!("CARGO_BIN_EXE_larder").into(),
        mib: 128,
        seconds: 10,
        responses: 1_000_000,
        dir: Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-strain"),
    };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().expect("the option has a value");
        match word.as_str() {
            "--larder" => options.larder = value().into(),
            "--mib" => options.mib = number(value()),
            "--seconds" => options.seconds = number(value()),
            "--responses" => options.responses = number(value()),
            "--dir" => options.dir = value().into(),
            "--churn" | "--idle" | "--tail" | "--scale" => options.parts.push(word.clone()),
            // What cargo says, and filters.
            _ => {}
        }
    }
    options
}

fn number(text: &str) -> u64 {
    text.parse().expect("it is a number")
}
