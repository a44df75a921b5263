//! Resident memory per stored response of 1 KiB with eight fields: all told, the cache's own tables
//! included. Run with `cargo bench --bench memory`; the number of responses may follow `--`.

#![expect(clippy::print_stdout, reason = "prints what it measures")]

use std::fs;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use larder::http::{Scheme, TargetUri};
use larder::net::Scope;
use larder::policy::{
    CacheKey, ExchangeTimes, Freshness, NominatedFields, ResponseDirectives, StoredHead,
};
use larder::store::{Config, Store};
use larder::time::Timestamp;

/// As in the program.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

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

fn main() {
    let count = std::env::args().filter_map(|word| word.parse().ok()).next().unwrap_or(200_000);
    let store = Store::new(&Config { memory: 8 << 30, ..Config::default() });
    let at = Timestamp::from_unix_secs(784_111_777);
    let times = ExchangeTimes { request_time: at, response_time: at };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() else { return };
    let before = resident();
    for n in 0..count {
        let fields: HeaderMap = FIELDS.iter().map(|(name, value)| line(name, value)).collect();
        let directives = ResponseDirectives::parse(&fields);
        let freshness = Freshness::new(StatusCode::OK, &fields, &directives, times, Duration::ZERO);
        let nominated = NominatedFields::default();
        let head = StoredHead::new(StatusCode::OK, None, &fields, times, nominated, freshness);
        let begun = store.announce(key(n)).begin(head, Scope::Public, Some(1024));
        let Ok(mut writer) = begun else { continue };
        runtime.block_on(async {
            if writer.write(Bytes::from(vec![b'x'; 1024])).await.is_ok() {
                drop(writer.finish(None).await);
            }
        });
    }
    store.maintain();
    report("stored", &store, before);
    for n in 0..count {
        for stored in &runtime.block_on(store.find(&key(n))) {
            store.used(stored);
            drop(stored.head().fields());
            let mut reader = stored.reader();
            let mut context = Context::from_waker(Waker::noop());
            while let Poll::Ready(Some(_)) = reader.poll_next(&mut context) {}
        }
    }
    store.maintain();
    report("each used once", &store, before);
}

fn line(name: &'static str, value: &'static str) -> (HeaderName, HeaderValue) {
    (HeaderName::from_static(name), HeaderValue::from_static(value))
}

fn key(n: u32) -> CacheKey {
    CacheKey::new(TargetUri::new(Scheme::Http, "localhost", 8080, &format!("/1k/{n:08}")))
}

fn report(when: &str, store: &Store, before: u64) {
    let usage = store.usage();
    let responses = usage.responses.max(1);
    let resident = resident().saturating_sub(before) / responses;
    let counted = usage.bytes / responses;
    println!("{when}: {responses} responses, {resident} bytes resident each, {counted} counted");
}

/// `VmRSS` in bytes.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}
