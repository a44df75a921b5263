//! Requests per second: hits, hits from disk, misses, and a mix of them.

use std::fs;

use super::ground::{Ground, Outcome, Sample, Started, Wrong, path};
use super::load::{Load, Round, Targets};
use super::peer::Peer;
use super::process;
use super::rows::{Row, SMALL, Work};
use super::wire::Client;

const CONNECTIONS: u32 = 64;

/// How many different ones are asked for from disk.
const ON_DISK: u64 = 1000;

/// Nothing fits into memory: every hit is read from disk.
const DISK_ONLY: [&str; 6] = ["--memory", "64MiB", "--max-memory-object", "512", "--disk", "1GiB"];

/// Hits from memory; the servers are started once for all of these rows.
pub(crate) fn hits(ground: &Ground, rows: &[&'static Row]) -> Vec<Outcome> {
    let started = ground.start("hits", |peer| rows.iter().any(|row| row.work.includes(peer)));
    rows.iter().filter_map(|row| hit_row(ground, row, &started)).collect()
}

fn hit_row(ground: &Ground, row: &'static Row, started: &[Started]) -> Option<Outcome> {
    let Work::Hits { size, connections, closing } = row.work else { return None };
    eprintln!("{}", row.title);
    let load = |peer: Peer| {
        let targets = Targets::One(peer.target(ground.origin.address, &path(size, 0)));
        let name = format!("{}-{peer:?}", row.id);
        Load::new(&ground.dir, &name, &targets, ground.origin.address, connections, closing)
    };
    let started = started.iter().filter(|started| row.work.includes(started.peer));
    let outcome = ground.in_turn(row, ground.rounds, started, |started, round| {
        let load = load(started.peer);
        ground.warm(started, size, 0)?;
        let asked = ground.origin.asked();
        if round == 0 {
            load.run(started.server()?, 1, 0)?;
        }
        let found = load.run(started.server()?, ground.seconds, 0)?;
        ground.warm(started, size, 0)?;
        if started.peer == Peer::Logging {
            let log = ground.dir.join("hits/Logging/access.log");
            let file = fs::OpenOptions::new().write(true).open(log).expect("there is a log");
            let lines = file.metadata().map_or(0, |of| of.len());
            if (lines as f64) < found.requests * 50.0 {
                return Err("it did not log".to_owned());
            }
            // It is appended to: what was written is not needed any more.
            file.set_len(0).expect("it can be emptied");
        }
        nobody_asked(ground, asked)?;
        right_length(&found, size, connections)?;
        Ok(found.sample())
    });
    Some(outcome)
}

/// Hits from disk.
pub(crate) fn disk(ground: &Ground, row: &'static Row, size: u64) -> Outcome {
    let started = ground.start(row.id, |peer| peer == Peer::Nginx && row.work.includes(peer));
    let ours = ground.peers.contains(&Peer::Larder).then(|| larder_on_disk(ground, row, size));
    let started: Vec<Started> = ours.into_iter().chain(started).collect();
    for one in &started {
        ground.fill(one, ON_DISK, |_| size).expect("all are answered");
    }
    ground.in_turn(row, ground.rounds, started.iter(), |started, round| {
        let target = |n| Some(started.peer.target(ground.origin.address, &path(size, n)));
        let targets = (0..ON_DISK).map(target).collect();
        let targets = Targets::Many { targets, fresh: String::new() };
        let name = format!("{}-{:?}", row.id, started.peer);
        let host = ground.origin.address;
        let load = Load::new(&ground.dir, &name, &targets, host, CONNECTIONS, false);
        let asked = ground.origin.asked();
        if round == 0 {
            load.run(started.server()?, 1, 0)?;
        }
        let found = load.run(started.server()?, ground.seconds, 0)?;
        ground.warm(started, size, ON_DISK - 1)?;
        nobody_asked(ground, asked)?;
        right_length(&found, size, CONNECTIONS)?;
        Ok(found.sample())
    })
}

/// Stored by one process, read by the next: nothing of it can be in memory.
fn larder_on_disk(ground: &Ground, row: &Row, size: u64) -> Started {
    let dir = ground.dir.join(row.id).join("Larder");
    fs::create_dir_all(&dir).expect("the directory can be made");
    let log = dir.join("access.log");
    let start = |log: Option<&std::path::Path>| {
        let server = process::larder(&ground.larder, &dir, log, &DISK_ONLY);
        Started { peer: Peer::Larder, server: Some(server) }
    };
    let first = start(Some(&log));
    // What comes faster than it is written is not stored, and asked for again.
    for turn in 1.. {
        let asked = ground.origin.asked();
        ground.fill(&first, ON_DISK, |_| size).expect("all are answered");
        if ground.origin.asked() == asked {
            break;
        }
        assert!(turn < 20, "all of them get to disk");
    }
    drop(first);
    let log = fs::read_to_string(&log).expect("there is a log");
    let from = |tier: &str| log.lines().filter(|line| line.contains(tier)).count() as u64;
    assert!(from("tier=disk") >= ON_DISK && from("tier=memory") == 0, "all hits are from disk");
    start(None)
}

/// Each URL is new.
pub(crate) fn misses(ground: &Ground, row: &'static Row) -> Outcome {
    let started = ground.start(row.id, |peer| row.work.includes(peer));
    ground.in_turn(row, ground.rounds, started.iter(), |started, round| {
        let first = unused(started.peer, round);
        let load = with_fresh(ground, row, started, vec![None]);
        let check = |n: u64| {
            let asked = ground.asked();
            let mut client = Client::connect(started.server()?.address);
            ground.fetch(&mut client, started.peer, SMALL, n)?;
            expected(ground.origin.asked() - asked, 1.0, 0.0)
        };
        check(first)?;
        let asked = ground.origin.asked();
        let found = load.run(started.server()?, ground.seconds, first)?;
        let seen = ground.asked() - asked;
        // What was under way when wrk stopped was asked for too.
        expected(seen, found.requests, f64::from(CONNECTIONS))?;
        right_length(&found, SMALL, CONNECTIONS)?;
        check(first + (1 << 30))?;
        Ok(found.sample())
    })
}

/// One in ten is new, the others are drawn from what is stored.
pub(crate) fn mix(ground: &Ground, row: &'static Row) -> Outcome {
    let started = ground.start(row.id, |peer| row.work.includes(peer));
    let draws = draws(ground.responses);
    ground.in_turn(row, ground.rounds, started.iter(), |started, round| {
        let first = unused(started.peer, round);
        if round == 0 {
            ground.fill(started, ground.responses, mixed)?;
            ground.fill(started, ground.responses, mixed)?;
        }
        let target = |n: &u64| started.peer.target(ground.origin.address, &path(mixed(*n), *n));
        let targets = draws.iter().map(|draw| draw.as_ref().map(target)).collect();
        let load = with_fresh(ground, row, started, targets);
        let asked = ground.origin.asked();
        let found = load.run(started.server()?, ground.seconds, first)?;
        let seen = ground.asked() - asked;
        // A tenth, less or more what chance makes of it.
        expected(seen, found.requests * 0.1, found.requests * 0.01 + f64::from(CONNECTIONS))?;
        ground.warm(started, mixed(0), 0)?;
        Ok(found.sample())
    })
}

fn with_fresh(ground: &Ground, row: &Row, started: &Started, targets: Vec<Option<String>>) -> Load {
    let host = ground.origin.address;
    let fresh = started.peer.target(host, &format!("/small/{SMALL}/"));
    let name = format!("{}-{:?}", row.id, started.peer);
    Load::new(&ground.dir, &name, &Targets::Many { targets, fresh }, host, CONNECTIONS, false)
}

/// A number from which on nothing was asked for yet.
fn unused(peer: Peer, round: u64) -> u64 {
    (1 << 40) + ((peer as u64) << 36) + ((round + 1) << 31)
}

/// How long the response of this number is in the mix: 1 KiB for most of them, 64 KiB for few.
fn mixed(n: u64) -> u64 {
    match n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32 & 127 {
        0..=89 => 1 << 10,
        90..=115 => 4 << 10,
        116..=125 => 16 << 10,
        _ => 64 << 10,
    }
}

/// Draws of numbers below `count` after Zipf's law, the same each time; every tenth is none of them.
fn draws(count: u64) -> Vec<Option<u64>> {
    let mut sum = 0.0;
    let sums: Vec<f64> = (1..=count)
        .map(|rank| {
            sum += 1.0 / rank as f64;
            sum
        })
        .collect();
    let mut state = 1_u64;
    let mut random = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        ((mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb) >> 11) as f64
            / (1_u64 << 53) as f64
    };
    (0..count)
        .map(|at| {
            let drawn = random() * sum;
            (at % 10 != 9).then(|| sums.partition_point(|upto| *upto < drawn) as u64)
        })
        .collect()
}

fn nobody_asked(ground: &Ground, before: u64) -> Wrong {
    expected(ground.origin.asked() - before, 0.0, 0.0)
}

/// Whether the origin was asked as often as it should be, or a few times more or less.
fn expected(seen: u64, wanted: f64, more_or_less: f64) -> Wrong {
    if (seen as f64 - wanted).abs() > more_or_less {
        return Err(format!("the origin was asked {seen} times, not {wanted:.0}"));
    }
    Ok(())
}

/// Whether so much came as such responses are long, with what had begun when wrk stopped.
fn right_length(found: &Round, size: u64, connections: u32) -> Wrong {
    let size = size as f64;
    let begun = f64::from(connections) * (size + 2000.0) / found.requests;
    if found.bytes < size || found.bytes > size + 2000.0 + begun {
        return Err(format!("{} bytes came for each response of {size}", found.bytes));
    }
    Ok(())
}

impl Round {
    fn sample(&self) -> Sample {
        Sample { value: self.rate, p99: Some(self.p99), busy: Some(self.busy), ..Sample::default() }
    }
}
