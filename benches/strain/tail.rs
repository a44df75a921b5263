//! How long hits take at the worst, while other clients have new responses stored.

use std::path::Path;
use std::time::Duration;

use super::origin::Origin;
use super::paced::{self, Pace, Times};
use super::process::Server;
use super::proxy::{self, Spent};

const HITS: u32 = 5000;
const STORED: u32 = 5000;

/// So many responses are hit; the origin is asked once for each.
const WARM: u64 = 1000;
const SIZE: u64 = 1024;

pub(crate) fn run(larder: &Path, dir: &Path, seconds: u64) {
    println!(
        "{HITS} hits a second on 64 connections for {seconds} s, alone and while {STORED} new responses a \
         second are stored"
    );
    let log = dir.join("log");
    let log = log.to_str().expect("the path is text");
    let quiet = ["--log-level", "warn", "--memory", "64MiB"];
    let logging = ["--log-file", log, "--memory", "64MiB"];
    let kinds: [(&str, &[&str], &str); 4] = [
        ("memory alone, no log", &quiet, "0"),
        ("memory alone, log", &logging, "0"),
        ("disk tier, no log", &quiet, "4GiB"),
        ("disk tier, log", &logging, "4GiB"),
    ];
    for (name, settings, disk) in kinds {
        for workers in [1, 2] {
            let more = [settings, &["--disk", disk]].concat();
            let server = proxy::start(larder, dir, workers, &more);
            let origin = Origin::start();
            println!("  {name}, {workers} worker(s)");
            measure(&server, &origin, seconds);
        }
    }
}

fn measure(server: &Server, origin: &Origin, seconds: u64) {
    let (host, address) = (origin.address, server.address);
    let warm = move |n: u64| format!("http://{host}/small/{SIZE}/{}", n % WARM);
    let new = move |n: u64| format!("http://{host}/small/{SIZE}/{}", WARM + n);
    let pace = |connections, rate, seconds| Pace {
        connections,
        rate,
        during: Duration::from_secs(seconds),
    };
    // The hits have a thread of their own.
    let hits = move |seconds| {
        let run = move || on_a_runtime(paced::run(address, pace(64, HITS, seconds), warm));
        std::thread::Builder::new().spawn(run).expect("a thread starts")
    };
    hits(2).join().expect("all answer");
    for is_storing in [false, true] {
        let (spent, asked) = (Spent::of(server), origin.asked());
        let running = hits(seconds);
        let stored = is_storing
            .then(|| on_a_runtime(paced::run(address, pace(64, STORED, seconds), new)))
            .map(|stored| stored.count());
        let times = running.join().expect("all answer");
        let spent = Spent::of(server).since(spent);
        say(if is_storing { "while storing" } else { "alone" }, &times);
        println!(
            "; {} stored, {:.0} % of a core computed, {:.0} % waited for one",
            origin.asked() - asked,
            spent.computed.as_secs_f64() / seconds as f64 * 100.0,
            spent.waited.as_secs_f64() / seconds as f64 * 100.0
        );
        assert_eq!(stored.unwrap_or(0) > 0, is_storing);
    }
}

fn on_a_runtime(work: impl Future<Output = Times>) -> Times {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime starts").block_on(work)
}

fn say(when: &str, times: &Times) {
    let ms = |of_a_million| times.at(of_a_million).as_secs_f64() * 1e3;
    print!(
        "    {when:<14} 50 % within {:.2} ms, 99 % {:.2}, 99.9 % {:.2}, 99.99 % {:.2}, all {:.2}",
        ms(500_000),
        ms(990_000),
        ms(999_000),
        ms(999_900),
        ms(1_000_000)
    );
}
