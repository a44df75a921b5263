//! What is stored while the pure parts are measured.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{ACCEPT_LANGUAGE, VARY};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use larder::http::{Scheme, TargetUri};
use larder::net::Scope;
use larder::policy::{
    CacheKey, ExchangeTimes, Freshness, NominatedFields, ResponseDirectives, StoredHead,
};
use larder::store::{Candidates, Config, DiskConfig, Store, Tier};
use larder::time::Timestamp;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// When it was stored, and a second later.
const STORED: Timestamp = Timestamp::from_unix_secs(784_111_777);
pub(crate) const NOW: Timestamp = Timestamp::from_unix_secs(784_111_778);

/// So many responses are stored.
pub(crate) const COUNT: u64 = 10_000;

/// How long the disk may take to have them all.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const RESPONSE: &[(&str, &str)] = &[
    ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
    ("server", "nginx/1.24.0"),
    ("content-type", "text/html; charset=utf-8"),
    ("last-modified", "Sat, 05 Nov 1994 07:00:00 GMT"),
    ("etag", "\"5f3c6d2a-400\""),
    ("cache-control", "public, max-age=3600"),
    ("accept-ranges", "bytes"),
    ("x-content-type-options", "nosniff"),
];

pub(crate) fn fields(lines: &[(&'static str, &str)]) -> HeaderMap {
    let value = |text| HeaderValue::from_str(text).expect("it is a value");
    lines.iter().map(|(name, text)| (HeaderName::from_static(name), value(text))).collect()
}

pub(crate) fn uri(n: u64) -> TargetUri {
    TargetUri::new(Scheme::Http, "localhost", 8080, &format!("/1k/{n:08}"))
}

pub(crate) fn key(n: u64) -> CacheKey {
    CacheKey::new(uri(n))
}

/// The head that is stored of these fields.
pub(crate) fn keep(fields: &HeaderMap) -> StoredHead {
    nominated(fields, NominatedFields::default())
}

pub(crate) fn head() -> StoredHead {
    keep(&fields(RESPONSE))
}

/// A head that was sent for this `Accept-Language`.
pub(crate) fn varying(language: &str) -> StoredHead {
    let mut response = fields(RESPONSE);
    response.insert(VARY, HeaderValue::from_static("accept-language"));
    let asked = fields(&[("accept-language", language)]);
    nominated(&response, NominatedFields::read([ACCEPT_LANGUAGE], &asked))
}

fn nominated(fields: &HeaderMap, nominated: NominatedFields) -> StoredHead {
    let times = ExchangeTimes { request_time: STORED, response_time: STORED };
    let directives = ResponseDirectives::parse(fields);
    let freshness = Freshness::new(StatusCode::OK, fields, &directives, times, Duration::ZERO);
    StoredHead::new(StatusCode::OK, None, fields, times, nominated, freshness)
}

/// A store that has [`COUNT`] responses in one tier.
pub(crate) struct Filled {
    store: Store,
    runtime: Runtime,
    /// Removed when the store is gone.
    _dir: TempDir,
}

impl Filled {
    pub(crate) fn with(tier: Tier) -> Self {
        let dir = TempDir::new().expect("a directory can be made");
        let disk = DiskConfig {
            dir: dir.path().to_owned(),
            budget: 1 << 30,
            reset: false,
            write_behind_rate: 0,
        };
        let config = match tier {
            Tier::Memory => Config { disk: None, ..Config::default() },
            Tier::Disk => Config { max_memory_object: 0, disk: Some(disk), ..Config::default() },
        };
        let store = Store::open(&config).expect("the store opens");
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let filled = Self { store, runtime, _dir: dir };
        (0..COUNT).for_each(|n| filled.store(n));
        filled.store.maintain();
        let deadline = Instant::now() + PATIENCE;
        while filled.store.usage_of(tier).responses < COUNT {
            assert!(Instant::now() < deadline, "not all are stored");
            std::thread::yield_now();
        }
        filled
    }

    fn store(&self, n: u64) {
        let begun = self.store.announce(key(n)).begin(head(), Scope::Public, Some(1024));
        let mut writer = begun.expect("it may be stored");
        self.runtime.block_on(async {
            let written = writer.write(Bytes::from(vec![b'x'; 1024])).await;
            written.expect("there is room");
            writer.finish(None).await.expect("it is stored");
        });
    }

    pub(crate) fn find(&self, key: &CacheKey) -> Candidates {
        self.runtime.block_on(self.store.find(key))
    }
}
