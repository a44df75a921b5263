//! One large response: stored while it streams, served from disk, and ranges of it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use super::origin::{Origin, stretches};
use super::process::{self, Server};
use super::wire::Client;

const LIMITS: [&str; 4] = ["--max-object", "16GiB", "--disk", "32GiB"];

/// How many ranges, and how long.
const RANGES: u64 = 200;
const RANGE: u64 = 1 << 20;

pub(crate) fn run(dir: &Path, size: u64) {
    println!("a response of {} MiB", size >> 20);
    let origin = Origin::start();
    let larder = process::larder(env!("CARGO_BIN_EXE_larder"), dir, None, &LIMITS);
    let target = format!("http://{}/large/{size}", origin.address);
    let mut sum = 0;
    let add = |bytes: &[u8]| {
        sum = crc32c::crc32c_append(sum, bytes);
        Ok::<(), Infallible>(())
    };
    stretches(0, size, add).ok();
    let whole = |server: SocketAddr, target: &str, expected: bool| {
        let began = Instant::now();
        let mut client = Client::connect(server);
        let head = client.ask(target, origin.address, "");
        assert_eq!((head.status, head.length), (200, size), "{}", head.text);
        assert_eq!(head.is_hit(), expected, "{}", head.text);
        let mut received = 0;
        client.body(size, |bytes| received = crc32c::crc32c_append(received, bytes));
        assert_eq!(received, sum, "every byte is right");
        began.elapsed()
    };
    let direct = whole(origin.address, &format!("/large/{size}"), false);
    say("direct", size, direct, direct, 0);
    let (took, grown) = watched(&larder, || whole(larder.address, &target, false));
    say("through larder, stored", size, took, direct, grown);
    let asked = origin.asked();
    for turn in ["from disk", "from disk again"] {
        let (took, grown) = watched(&larder, || whole(larder.address, &target, true));
        say(turn, size, took, direct, grown);
    }
    let (took, grown) = watched(&larder, || ranges(&larder, &origin, &target, size));
    println!(
        "  {RANGES} ranges of {} KiB from disk: {:.2} ms each; memory grew by {} KiB",
        RANGE >> 10,
        took.as_secs_f64() * 1e3 / RANGES as f64,
        grown >> 10
    );
    assert_eq!(origin.asked(), asked, "nobody asked the origin again");
}

/// Reads ranges all over the body, none of them where a block begins, and compares every byte.
fn ranges(larder: &Server, origin: &Origin, target: &str, size: u64) -> Duration {
    let mut client = Client::connect(larder.address);
    let mut spent = Duration::ZERO;
    for n in 0..RANGES {
        let first = (n * 7_368_787 * 1009 + 13) % (size - RANGE);
        let last = first + RANGE - 1;
        let began = Instant::now();
        let lines = format!("Range: bytes={first}-{last}\r\n");
        let (head, body) = client.get(target, origin.address, &lines);
        spent += began.elapsed();
        assert_eq!((head.status, head.length), (206, RANGE), "{}", head.text);
        let mut expected = Vec::with_capacity(body.len());
        let add = |bytes: &[u8]| {
            expected.extend_from_slice(bytes);
            Ok::<(), Infallible>(())
        };
        stretches(first, RANGE, add).ok();
        assert!(body == expected, "the bytes from {first} on are right");
    }
    spent
}

/// By how many bytes resident memory rose meanwhile.
fn watched(server: &Server, work: impl FnOnce() -> Duration) -> (Duration, u64) {
    server.forget_peak();
    let before = server.resident();
    let took = work();
    (took, server.peak().saturating_sub(before))
}

fn say(what: &str, size: u64, took: Duration, direct: Duration, grown: u64) {
    println!(
        "  {what:<24} {:>7.2} s, {:>5.0} MB/s, {:.2} of going direct; memory grew by {} KiB",
        took.as_secs_f64(),
        size as f64 / 1e6 / took.as_secs_f64(),
        direct.as_secs_f64() / took.as_secs_f64(),
        grown >> 10
    );
}
