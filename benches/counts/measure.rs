//! Counting. Starting and stopping are counted too, so what a request costs is the difference of two runs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::origin::Origin;
use super::process::{Server, free_address};
use super::row::Row;

/// How often it is asked in the shorter and in the longer run.
const FEW: u64 = 1000;
const MANY: u64 = 3000;

/// The median of so many counts of instructions is taken.
const ROUNDS: usize = 3;

/// Instructions for each request: the smallest, the middle and the greatest count.
#[derive(Clone, Debug)]
pub(crate) struct Instructions {
    pub(crate) least: f64,
    pub(crate) median: f64,
    pub(crate) most: f64,
}

/// Calls for each request, by name; those that are rare are left out of the names, not of the sum.
#[derive(Clone, Debug)]
pub(crate) struct Calls {
    pub(crate) sum: f64,
    pub(crate) named: Vec<(String, f64)>,
}

pub(crate) fn instructions(larder: &Path, row: Row) -> Result<Instructions, String> {
    let mut counts = Vec::new();
    for _ in 0..ROUNDS {
        let [few, many] = [callgrind(larder, row, FEW)?, callgrind(larder, row, MANY)?];
        counts.push((many - few) / (MANY - FEW) as f64);
    }
    counts.sort_by(f64::total_cmp);
    let [least, median, most] = counts[..] else { return Err("too few rounds".to_owned()) };
    Ok(Instructions { least, median, most })
}

/// All instructions of a run, of all threads, from its start to its end.
fn callgrind(larder: &Path, row: Row, times: u64) -> Result<f64, String> {
    let dir = TempDir::new().map_err(|error| error.to_string())?;
    let said = dir.path().join("said");
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    command.arg(format!("--log-file={}", said.display())).arg(larder);
    drive(command, dir.path(), row, times);
    let text = fs::read_to_string(&said).map_err(|error| error.to_string())?;
    let count = text.lines().find_map(|line| line.split_once("Collected :"));
    let count = count.and_then(|(_, count)| count.trim().parse().ok());
    count.ok_or(format!("valgrind counted nothing, but said: {text}"))
}

pub(crate) fn calls(larder: &Path, row: Row) -> Result<Calls, String> {
    let [few, many] = [strace(larder, row, FEW)?, strace(larder, row, MANY)?];
    let each = |name: &String, count: u64| {
        let before = few.get(name).copied().unwrap_or_default();
        (count as f64 - before as f64) / (MANY - FEW) as f64
    };
    let mut named: Vec<(String, f64)> =
        many.iter().map(|(name, count)| (name.clone(), each(name, *count))).collect();
    let sum = named.iter().map(|(_, calls)| calls).sum();
    named.retain(|(_, calls)| *calls >= 0.005);
    named.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    Ok(Calls { sum, named })
}

/// All system calls of a run, by name.
fn strace(larder: &Path, row: Row, times: u64) -> Result<BTreeMap<String, u64>, String> {
    let dir = TempDir::new().map_err(|error| error.to_string())?;
    let said = dir.path().join("said");
    let mut command = Command::new("strace");
    // With -D our child is larder, and strace looks on: it is larder that is to be stopped.
    command.args(["-D", "-f", "-c", "-o"]).arg(&said).arg(larder);
    drive(command, dir.path(), row, times);
    let text = whole(&said)?;
    let lines = text.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        Some((words.last()?.to_string(), words.get(3)?.parse::<u64>().ok()?))
    });
    Ok(lines.filter(|(name, _)| name != "total").collect())
}

/// What strace writes once what it looks at has ended.
fn whole(said: &PathBuf) -> Result<String, String> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let text = fs::read_to_string(said).unwrap_or_default();
        if text.trim_end().ends_with(" total") {
            return Ok(text);
        }
        if Instant::now() > deadline {
            return Err(format!("strace counted nothing, but said: {text}"));
        }
        sleep(Duration::from_millis(20));
    }
}

/// One run: larder is started, asked and stopped as an operator does.
fn drive(mut command: Command, dir: &Path, row: Row, times: u64) {
    for (name, _) in std::env::vars_os() {
        if name == "RUST_LOG" || name.to_string_lossy().starts_with("LARDER_") {
            command.env_remove(name);
        }
    }
    let address = free_address();
    command.args(["--workers", "1", "--listen", &address.to_string()]).args(row.options(dir));
    let origin = Origin::start();
    let server = Server::start(command, address);
    row.ask(&server, &origin, times);
}
