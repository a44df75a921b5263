//! Many small responses through the store's own writer: how fast they are on disk, how soon they answer
//! after a stop and after a kill, and what the index takes.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use larder::http::{Scheme, TargetUri};
use larder::net::Scope;
use larder::policy::{
    CacheKey, ExchangeTimes, Freshness, NominatedFields, ResponseDirectives, StoredHead,
};
use larder::store::{Config, DiskConfig, Store, Tier};
use larder::time::Timestamp;
use rustix::fs::{Advice, fadvise};
use tokio::runtime::Runtime;

use super::origin::small;
use super::process::status;

const FIELDS: [(&str, &str); 8] = [
    ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
    ("server", "nginx/1.24.0"),
    ("content-type", "text/html; charset=utf-8"),
    ("last-modified", "Sat, 05 Nov 1994 07:00:00 GMT"),
    ("etag", "\"5f3c6d2a-400\""),
    ("cache-control", "public, max-age=3600"),
    ("accept-ranges", "bytes"),
    ("x-content-type-options", "nosniff"),
];

const SIZE: usize = 1024;

/// So many may be on their way to the disk: fewer than its queue holds, so that none is dropped.
const UNDER_WAY: u64 = 8192;

/// So many are looked up to see that all answer.
const SAMPLE: u64 = 20_000;

pub(crate) fn run(dir: &Path, count: u64) {
    println!("{count} responses of {SIZE} bytes with {} fields", FIELDS.len());
    let (through_memory, straight) = (dir.join("memory"), dir.join("cache"));
    for (how, dir, memory_object) in
        [("through memory", &through_memory, 1 << 20), ("straight", &straight, 0)]
    {
        let began = Instant::now();
        let store = Store::open(&config(dir, memory_object)).expect("the store opens");
        let runtime = runtime();
        fill(&runtime, &store, 0, count);
        let written = began.elapsed();
        let bytes = store.usage_of(Tier::Disk).bytes;
        runtime.block_on(store.close(Instant::now() + Duration::from_secs(60)));
        let closed = began.elapsed();
        println!(
            "written {how}: {:.0} per second until appended, {:.0} until synced; {} bytes on disk each",
            count as f64 / written.as_secs_f64(),
            count as f64 / closed.as_secs_f64(),
            bytes / count
        );
        drop(store);
    }
    std::fs::remove_dir_all(&through_memory).ok();
    opened("after a stop", &straight, count);
    forget(&straight);
    opened("after a stop, nothing in the page cache", &straight, count);

    let more = count / 10;
    let mut child = myself(&["fill", &text(&straight), &count.to_string(), &more.to_string()]);
    let out = child.stdout.take().expect("it has an output");
    let line = BufReader::new(out).lines().next().expect("it says when it is done");
    line.expect("it can be read");
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    opened("after a kill", &straight, count + more);
}

/// What runs in a process of its own; false for what is nothing of that.
pub(crate) fn child(word: &str, rest: &[String]) -> bool {
    let number = |at: usize| rest.get(at).and_then(|n| n.parse().ok()).unwrap_or(0);
    let dir = || Path::new(rest.first().expect("a directory is given"));
    match word {
        "fill" => {
            let store = Store::open(&config(dir(), 0)).expect("the store opens");
            fill(&runtime(), &store, number(1), number(2));
            // What was appended is written after a quarter of a second.
            sleep(Duration::from_secs(1));
            println!("filled");
            sleep(Duration::from_secs(3600));
        }
        "open" => open(dir(), number(1)),
        _ => return false,
    }
    true
}

fn myself(words: &[&str]) -> Child {
    let me = std::env::current_exe().expect("this program has a name");
    Command::new(me).args(words).stdout(Stdio::piped()).spawn().expect("it can be run")
}

fn text(dir: &Path) -> String {
    dir.to_str().expect("the directory is text").to_owned()
}

fn opened(when: &str, dir: &Path, count: u64) {
    let child = myself(&["open", &text(dir), &count.to_string()]);
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{when}: it failed");
    print!("opened {when}: {}", String::from_utf8_lossy(&output.stdout));
}

/// Opens a directory in a fresh process, and looks up a sample.
fn open(dir: &Path, count: u64) {
    let runtime = runtime();
    let before = status("self", "VmRSS:");
    let began = Instant::now();
    let store = Store::open(&config(dir, 0)).expect("the store opens");
    let usable = began.elapsed();
    let recovered = runtime.block_on(store.recovered());
    let took = began.elapsed();
    let grown = status("self", "VmRSS:").saturating_sub(before);
    let index = store.index_memory();
    assert_eq!(recovered.responses, count, "all are found again: {recovered:?}");
    // Spread over all of them: the step is coprime to any count that is no multiple of it.
    let began = Instant::now();
    let sample = SAMPLE.min(count);
    for n in (0..sample).map(|at| at * 7919 % count) {
        let found = runtime.block_on(store.find(&key(n)));
        let [stored] = found.as_slice() else { panic!("{n} does not answer") };
        assert_eq!(stored.tier(), Tier::Disk);
        assert_eq!(runtime.block_on(read(stored)), small(n, SIZE), "{n}");
    }
    let each = began.elapsed() / u32::try_from(sample).unwrap_or(u32::MAX);
    println!(
        "first look-up after {} ms, all {count} found again after {} ms ({} dropped); index {} bytes \
         each, resident {} bytes each; {sample} looked up and read, {:.1} us each",
        usable.as_millis(),
        took.as_millis(),
        recovered.dropped,
        index / count,
        grown / count,
        each.as_secs_f64() * 1e6
    );
}

async fn read(stored: &larder::store::StoredResponse) -> Vec<u8> {
    let (mut reader, mut body) = (stored.reader(), Vec::new());
    while let Some(bytes) = reader.next().await {
        body.extend_from_slice(&bytes.expect("it is not damaged"));
    }
    body
}

fn config(dir: &Path, max_memory_object: u64) -> Config {
    let (dir, budget) = (dir.to_owned(), 64 << 30);
    let disk = DiskConfig { dir, budget, reset: false, write_behind_rate: 0 };
    Config { max_memory_object, disk: Some(disk), ..Config::default() }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts")
}

/// Stores responses, and waits until all of them are appended to the log.
fn fill(runtime: &Runtime, store: &Store, first: u64, count: u64) {
    let written = || store.disk_events().expect("there is a disk").written;
    let before = written();
    runtime.block_on(store.recovered());
    for n in 0..count {
        put(runtime, store, first + n);
        if n % 1024 == 0 {
            store.maintain();
            while (n + 1).saturating_sub(written() - before) > UNDER_WAY {
                all_taken(store);
                sleep(Duration::from_micros(200));
            }
        }
    }
    while written() - before < count {
        all_taken(store);
        sleep(Duration::from_millis(1));
    }
    all_taken(store);
}

/// Fails when a response does not get to disk.
fn all_taken(store: &Store) {
    let events = store.disk_events().expect("there is a disk");
    assert_eq!((events.dropped, events.refused), (0, 0), "all are taken: {events:?}");
}

fn put(runtime: &Runtime, store: &Store, n: u64) {
    let at = Timestamp::from_unix_secs(784_111_777);
    let times = ExchangeTimes { request_time: at, response_time: at };
    let fields: HeaderMap = FIELDS.iter().map(|(name, value)| line(name, value)).collect();
    let directives = ResponseDirectives::parse(&fields);
    let freshness = Freshness::new(StatusCode::OK, &fields, &directives, times, Duration::ZERO);
    let nominated = NominatedFields::default();
    let head = StoredHead::new(StatusCode::OK, None, &fields, times, nominated, freshness);
    let body = Bytes::from(small(n, SIZE));
    let begun = store.announce(key(n)).begin(head, Scope::Public, Some(SIZE as u64));
    let mut writer = begun.expect("it is not too long");
    runtime.block_on(async {
        writer.write(body).await.expect("it is taken");
        writer.finish(None).await.expect("it is stored");
    });
}

fn line(name: &'static str, value: &'static str) -> (HeaderName, HeaderValue) {
    (HeaderName::from_static(name), HeaderValue::from_static(value))
}

fn key(n: u64) -> CacheKey {
    CacheKey::new(TargetUri::new(Scheme::Http, "localhost", 8080, &format!("/1k/{n:08}")))
}

/// Takes what was written out of the page cache.
fn forget(dir: &Path) {
    for entry in std::fs::read_dir(dir.join("seg")).expect("there are segments").flatten() {
        let file = std::fs::File::open(entry.path()).expect("a segment can be read");
        fadvise(&file, 0, None, Advice::DontNeed).ok();
    }
}
