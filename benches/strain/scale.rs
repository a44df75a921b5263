//! What a hit costs as there is more of everything: workers, stored responses, variants, fields.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::churn::Chance;
use super::origin::Origin;
use super::process::{Server, exists, median, on_core};
use super::proxy::{self, Spent};
use super::wire::Client;

const SETTINGS: [&str; 6] = ["--log-level", "warn", "--disk", "0", "--memory", "8GiB"];
const ROUNDS: usize = 3;
const SIZE: u64 = 1024;
const FILLERS: u64 = 16;

/// What is asked for: Lua that makes the target and the fields of one request.
struct Work {
    target: String,
    lines: String,
}

pub(crate) fn run(larder: &Path, dir: &Path, seconds: u64, most: u64) {
    if !exists("wrk") {
        return println!("scale: left out: wrk is not there");
    }
    println!(
        "what a hit of {SIZE} bytes costs, 64 connections, {ROUNDS} rounds of {seconds} s, medians"
    );
    let origin = Origin::start();
    let host = origin.address;
    let small = |count: u64| Work {
        target: format!("\"http://{host}/small/{SIZE}/\" .. math.random(0, {})", count - 1),
        lines: String::new(),
    };
    for workers in [1, 2] {
        let server = proxy::start(larder, dir, workers, &SETTINGS);
        fill(&server, &origin, 0, 1000, |n| (format!("small/{SIZE}/{n}"), String::new()));
        measure(&format!("{workers} worker(s)"), &server, dir, seconds, &small(1000));
    }
    let server = proxy::start(larder, dir, 1, &SETTINGS);
    let mut there = 0;
    for count in [1000, 100_000, 1_000_000].into_iter().filter(|count| *count <= most) {
        fill(&server, &origin, there, count, |n| (format!("small/{SIZE}/{n}"), String::new()));
        there = count;
        measure(&format!("{count} responses, all asked for"), &server, dir, seconds, &small(count));
        measure(&format!("{count} responses, 1000 asked for"), &server, dir, seconds, &small(1000));
    }
    drop(server);
    let server = proxy::start(larder, dir, 1, &SETTINGS);
    for count in [1, 10, 100] {
        let path = |n: u64| (format!("varied/{SIZE}/{count}"), format!("x-variant: {n}\r\n"));
        fill(&server, &origin, 0, count, path);
        let work = Work {
            target: format!("\"http://{host}/varied/{SIZE}/{count}\""),
            lines: format!("fields[\"x-variant\"] = math.random(0, {})", count - 1),
        };
        measure(&format!("{count} variants of one key"), &server, dir, seconds, &work);
    }
    for count in [8, 32, 90] {
        fill(&server, &origin, 0, 1, |_| (format!("fields/{SIZE}/{count}"), String::new()));
        let target = format!("\"http://{host}/fields/{SIZE}/{count}\"");
        let work = Work { target, lines: String::new() };
        measure(&format!("a response of {count} fields"), &server, dir, seconds, &work);
    }
    for count in [8, 32, 90] {
        let lines =
            format!("for i = 2, {count} do fields[\"x-field-\" .. i] = \"value \" .. i end");
        let target = format!("\"http://{host}/small/{SIZE}/0\"");
        fill(&server, &origin, 0, 1, |_| (format!("small/{SIZE}/0"), String::new()));
        measure(
            &format!("a request of {count} fields"),
            &server,
            dir,
            seconds,
            &Work { target, lines },
        );
    }
}

/// Has responses stored, by several clients.
fn fill(
    server: &Server,
    origin: &Origin,
    first: u64,
    last: u64,
    of: impl Fn(u64) -> (String, String) + Sync,
) {
    let part = |from: u64| {
        let mut client = Client::connect(server.address);
        for n in (first + from..last).step_by(FILLERS as usize) {
            let (path, lines) = of(n);
            let target = format!("http://{}/{path}", origin.address);
            let (head, _) = client.get(&target, origin.address, &lines);
            assert_eq!(head.status, 200, "{}", head.text);
        }
    };
    std::thread::scope(|scope| (0..FILLERS).for_each(|from| drop(scope.spawn(move || part(from)))));
    // Some of them again: they are there.
    let mut client = Client::connect(server.address);
    let mut chance = Chance(7);
    for _ in 0..100 {
        let (path, lines) = of(first + chance.next() % (last - first));
        let target = format!("http://{}/{path}", origin.address);
        let (head, _) = client.get(&target, origin.address, &lines);
        assert!(head.is_hit(), "{}", head.text);
    }
}

/// Has wrk ask, and says what each request took.
fn measure(name: &str, server: &Server, dir: &Path, seconds: u64, work: &Work) {
    let script = dir.join("scale.lua");
    let text = format!(
        r#"local made, at = {{}}, 0
function init(args)
    math.randomseed(7)
    for i = 1, 20000 do
        local fields = {{ Host = "localhost" }}
        {}
        made[i] = wrk.format("GET", {}, fields)
    end
end
function request()
    at = at % #made + 1
    return made[at]
end
function done(summary, latency, requests)
    local e = summary.errors
    print(string.format("RESULT %d %d %d", summary.requests, latency:percentile(99),
        e.connect + e.read + e.write + e.status + e.timeout))
end
"#,
        work.lines, work.target
    );
    fs::write(&script, text).expect("the script can be written");
    let rounds: Vec<[f64; 3]> = (0..ROUNDS).map(|_| round(server, &script, seconds)).collect();
    let of =
        |at: usize| median(&rounds.iter().filter_map(|r| r.get(at).copied()).collect::<Vec<_>>());
    println!(
        "  {name:<36} {:>6.2} us computed each, {:>7.0} requests/s, 99 % within {:.2} ms",
        of(0),
        of(1),
        of(2)
    );
}

/// Microseconds computed for each request, requests per second, milliseconds for 99 of 100.
fn round(server: &Server, script: &Path, seconds: u64) -> [f64; 3] {
    let (before, began) = (Spent::of(server), Instant::now());
    let output = on_core("1", "wrk")
        .args(["-t1", "-c64", "-d", &format!("{seconds}s"), "-s"])
        .arg(script)
        .arg(format!("http://{}", server.address))
        .output()
        .expect("wrk runs");
    let (spent, took) = (Spent::of(server).since(before), began.elapsed());
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix("RESULT "));
    let numbers = line.unwrap_or_default().split(' ').filter_map(|n| n.parse::<f64>().ok());
    let numbers: Vec<f64> = numbers.collect();
    let [requests, p99, errors] = numbers[..] else { panic!("wrk says: {text}") };
    assert!(requests > 0.0 && errors == 0.0, "no request fails: {text}");
    let each = spent.computed.max(Duration::from_nanos(1)).as_secs_f64() * 1e6 / requests;
    [each, requests / took.as_secs_f64(), p99 / 1e3]
}
