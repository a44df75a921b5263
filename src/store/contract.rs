//! What every tier must do, as tests: [`contract!`] runs them against one.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::ACCEPT_LANGUAGE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::blocks::Blocks;
use super::candidates::Candidates;
use super::memory::next_id;
use super::reader::{Damaged, Reader};
use super::stored::{Content, Parts, StoredResponse};
use super::tier::{Storage, Usage};
use super::under_way::{Ticket, UnderWay};
use crate::http::{Scheme, TargetUri};
use crate::net::Scope;
use crate::policy::{CacheKey, ExchangeTimes, Freshness, NominatedFields, StoredHead};
use crate::time::Timestamp;

/// What a look-up found.
#[derive(Debug)]
pub(super) enum Lookup {
    /// A response whose nominated fields match the request.
    Found(StoredResponse),
    /// Responses are stored under this key, but for other values of the fields that `Vary` names.
    OtherVariant,
    /// Nothing is stored under this key.
    Miss,
}

/// What comes of a future that waits for nothing.
pub(super) fn at_once<F: Future>(future: F) -> F::Output {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

pub(super) fn key(path: &str) -> CacheKey {
    CacheKey::new(TargetUri::new(Scheme::Http, "example.org", 80, path))
}

pub(super) fn request(language: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(ACCEPT_LANGUAGE, HeaderValue::from_static(language))])
}

/// A head that came `second` seconds into the epoch and varies by `vary`.
pub(super) fn head(second: u64, vary: &[HeaderName], request: &HeaderMap) -> StoredHead {
    let at = Timestamp::from_unix_secs(second);
    let times = ExchangeTimes { request_time: at, response_time: at };
    let mut fields = HeaderMap::new();
    fields.insert("x-second", HeaderValue::from(second));
    let nominated = NominatedFields::read(vary.iter().cloned(), request);
    StoredHead::new(StatusCode::OK, None, &fields, times, nominated, Freshness::default())
}

/// A head with these lines besides.
pub(super) fn head_with(second: u64, status: u16, lines: &[(&'static str, &str)]) -> StoredHead {
    let at = Timestamp::from_unix_secs(second);
    let times = ExchangeTimes { request_time: at, response_time: at };
    let lines = lines.iter().map(|(name, value)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
    });
    let fields: HeaderMap = lines.collect();
    let status = StatusCode::from_u16(status).unwrap();
    let nominated = NominatedFields::default();
    StoredHead::new(status, None, &fields, times, nominated, Freshness::default())
}

/// A head that belongs to these groups.
pub(super) fn grouped(groups: &str) -> StoredHead {
    head_with(1, 200, &[("cache-groups", groups)])
}

pub(super) fn response(key: CacheKey, head: StoredHead, body: &[u8]) -> StoredResponse {
    let content = Content::whole(Blocks::compact(vec![Bytes::copy_from_slice(body)]));
    let parts = Parts { key, head, whence: Scope::Public.into(), trailers: None, content };
    StoredResponse::new(next_id(), parts)
}

pub(super) fn body(response: &StoredResponse) -> Vec<u8> {
    read(response.reader()).unwrap()
}

/// Reads to the end, waiting for the threads that read from disk.
pub(super) fn read(mut reader: Reader) -> Result<Vec<u8>, Damaged> {
    let mut all = Vec::new();
    while let Some(bytes) = wait(reader.next()) {
        all.extend_from_slice(&bytes?);
    }
    Ok(all)
}

/// Waits for a future where there is no runtime.
pub(super) fn wait<T>(future: impl Future<Output = T>) -> T {
    struct Thread(std::thread::Thread);
    impl Wake for Thread {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Thread(std::thread::current())));
    let mut future = pin!(future);
    let begun = Instant::now();
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return done;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "it does not come");
        std::thread::park_timeout(Duration::from_secs(10));
    }
}

/// The newest that matches; it is used.
pub(super) fn lookup(tier: &impl Storage, key: &CacheKey, request: &HeaderMap) -> Lookup {
    let found = choose(&tier.candidates(key), request);
    if let Lookup::Found(newest) = &found {
        tier.used(newest);
    }
    found
}

/// The newest that matches.
pub(super) fn choose(candidates: &Candidates, request: &HeaderMap) -> Lookup {
    let matching = candidates.iter().filter(|stored| stored.head().nominated.matches(request));
    match matching.max_by_key(|stored| stored.head().date()) {
        Some(newest) => Lookup::Found(newest.clone()),
        None if candidates.is_empty() => Lookup::Miss,
        None => Lookup::OtherVariant,
    }
}

pub(super) fn freshen(
    tier: &impl Storage,
    stored: &StoredResponse,
    head: StoredHead,
) -> StoredResponse {
    let fresh = stored.with_head(next_id(), head);
    tier.replace(stored, &fresh, &Ticket::default());
    fresh
}

/// The body that is found.
pub(super) fn found(lookup: Lookup) -> Option<Vec<u8>> {
    match lookup {
        Lookup::Found(response) => Some(body(&response)),
        Lookup::OtherVariant | Lookup::Miss => None,
    }
}

fn put(tier: &impl Storage, path: &str, second: u64, body: &[u8]) -> StoredResponse {
    let none = HeaderMap::new();
    let response = response(key(path), head(second, &[], &none), body);
    assert!(tier.publish(&response, &Ticket::default()));
    response
}

fn put_variant(tier: &impl Storage, language: &'static str, second: u64) -> StoredResponse {
    let head = head(second, &[ACCEPT_LANGUAGE], &request(language));
    let response = response(key("/"), head, language.as_bytes());
    assert!(tier.publish(&response, &Ticket::default()));
    response
}

fn second_of(lookup: Lookup) -> Option<Vec<u8>> {
    let Lookup::Found(response) = lookup else { return None };
    response.head().field(&HeaderName::from_static("x-second")).map(<[u8]>::to_vec)
}

pub(super) fn what_is_published_is_found_under_its_key_alone(tier: &impl Storage) {
    let none = HeaderMap::new();
    assert!(matches!(lookup(tier, &key("/"), &none), Lookup::Miss));
    put(tier, "/", 1, b"hello");
    assert_eq!(found(lookup(tier, &key("/"), &none)).unwrap(), b"hello");
    assert!(matches!(lookup(tier, &key("/other"), &none), Lookup::Miss));
}

pub(super) fn variants_live_side_by_side(tier: &impl Storage) {
    put_variant(tier, "de", 1);
    put_variant(tier, "en", 2);
    assert_eq!(found(lookup(tier, &key("/"), &request("de"))).unwrap(), b"de");
    assert_eq!(found(lookup(tier, &key("/"), &request("en"))).unwrap(), b"en");
    assert!(matches!(lookup(tier, &key("/"), &request("fr")), Lookup::OtherVariant));
    assert_eq!(tier.usage().responses, 2);
}

pub(super) fn a_newer_response_replaces_the_one_with_equal_nominated_fields(tier: &impl Storage) {
    put_variant(tier, "de", 1);
    let one = tier.usage();
    put_variant(tier, "de", 2);
    tier.maintain();
    assert_eq!(tier.usage(), one);
    assert_eq!(second_of(lookup(tier, &key("/"), &request("de"))).unwrap(), b"2");
}

pub(super) fn a_response_to_an_earlier_exchange_replaces_nothing(tier: &impl Storage) {
    let slow = response(key("/"), head(1, &[], &HeaderMap::new()), b"old");
    put(tier, "/", 2, b"new");
    assert!(!tier.publish(&slow, &Ticket::default()));
    assert_eq!(found(lookup(tier, &key("/"), &HeaderMap::new())).unwrap(), b"new");
    tier.maintain();
    assert_eq!(tier.usage().responses, 1);
}

pub(super) fn a_clock_that_is_set_back_freezes_nothing(tier: &impl Storage) {
    put(tier, "/", 1000, b"before");
    put(tier, "/", 1, b"after");
    assert_eq!(found(lookup(tier, &key("/"), &HeaderMap::new())).unwrap(), b"after");
    tier.maintain();
    assert_eq!(tier.usage().responses, 1);
}

pub(super) fn a_cancelled_ticket_publishes_nothing(tier: &impl Storage) {
    let under_way = UnderWay::default();
    let ticket = under_way.enter(&key("/"));
    under_way.cancel(&key("/"));
    let late = response(key("/"), head(1, &[], &HeaderMap::new()), b"late");
    assert!(!tier.publish(&late, &ticket));
    assert!(matches!(lookup(tier, &key("/"), &HeaderMap::new()), Lookup::Miss));
    tier.maintain();
    assert_eq!(tier.usage(), Usage::default());
}

pub(super) fn all_variants_are_candidates(tier: &impl Storage) {
    assert!(tier.candidates(&key("/")).is_empty());
    put_variant(tier, "de", 1);
    assert!(matches!(tier.candidates(&key("/")), Candidates::One(_)));
    put_variant(tier, "en", 2);
    put(tier, "/", 3, b"any");
    put(tier, "/other", 1, b"other");
    let mut bodies: Vec<_> = tier.candidates(&key("/")).iter().map(body).collect();
    bodies.sort();
    assert_eq!(bodies, [&b"any"[..], b"de", b"en"]);
}

pub(super) fn only_what_is_stored_is_replaced(tier: &impl Storage) {
    let old = put(tier, "/", 1, b"old");
    let make = |text: &[u8]| response(key("/"), head(2, &[], &HeaderMap::new()), text);
    let (one, two) = (make(b"one"), make(b"two"));
    let cancelled = UnderWay::default().enter(&key("/"));
    cancelled.cancel();
    assert!(!tier.replace(&old, &one, &cancelled));
    assert!(tier.replace(&old, &one, &Ticket::default()));
    assert!(!tier.replace(&old, &two, &Ticket::default()), "it is not the current one any more");
    assert_eq!(found(lookup(tier, &key("/"), &HeaderMap::new())).unwrap(), b"one");
    tier.maintain();
    assert_eq!(tier.usage().responses, 1);
}

pub(super) fn freshening_changes_the_head_and_keeps_the_body(tier: &impl Storage) {
    let stored = put(tier, "/", 1, b"hello");
    let usage = tier.usage();
    let fresh = freshen(tier, &stored, head(2, &[], &HeaderMap::new()));
    assert_eq!(body(&fresh), b"hello");
    assert_eq!(second_of(lookup(tier, &key("/"), &HeaderMap::new())).unwrap(), b"2");
    tier.maintain();
    assert_eq!(tier.usage(), usage);
}

pub(super) fn freshening_brings_nothing_back(tier: &impl Storage) {
    let stored = put(tier, "/", 1, b"hello");
    tier.invalidate(&key("/"));
    let fresh = freshen(tier, &stored, head(2, &[], &HeaderMap::new()));
    assert_eq!(body(&fresh), b"hello", "the request at hand is answered");
    assert!(matches!(lookup(tier, &key("/"), &HeaderMap::new()), Lookup::Miss));

    let stored = put(tier, "/", 3, b"old");
    put(tier, "/", 4, b"new");
    freshen(tier, &stored, head(5, &[], &HeaderMap::new()));
    assert_eq!(found(lookup(tier, &key("/"), &HeaderMap::new())).unwrap(), b"new");
    tier.maintain();
    assert_eq!(tier.usage().responses, 1);
}

pub(super) fn removing_removes_one_variant_and_not_its_successor(tier: &impl Storage) {
    let german = put_variant(tier, "de", 1);
    put_variant(tier, "en", 1);
    tier.remove(&german);
    assert!(matches!(lookup(tier, &key("/"), &request("de")), Lookup::OtherVariant));
    assert_eq!(found(lookup(tier, &key("/"), &request("en"))).unwrap(), b"en");
    put_variant(tier, "de", 2);
    tier.remove(&german);
    assert_eq!(second_of(lookup(tier, &key("/"), &request("de"))).unwrap(), b"2");
    assert_eq!(body(&german), b"de", "who has it reads on");
}

pub(super) fn invalidating_removes_all_variants_and_counts_them(tier: &impl Storage) {
    put_variant(tier, "de", 1);
    put_variant(tier, "en", 1);
    put(tier, "/other", 1, b"other");
    assert_eq!(tier.invalidate(&key("/")), 2);
    assert_eq!(tier.invalidate(&key("/")), 0);
    assert!(matches!(lookup(tier, &key("/"), &request("de")), Lookup::Miss));
    assert_eq!(found(lookup(tier, &key("/other"), &request("de"))).unwrap(), b"other");
}

pub(super) fn usage_goes_back_to_nothing(tier: &impl Storage) {
    for n in 0..50 {
        put(tier, &format!("/{n}"), 1, &[b'x'; 2000]);
    }
    let usage = tier.usage();
    assert_eq!(usage.responses, 50);
    assert!((50 * 2000..50 * 4000).contains(&usage.bytes), "{usage:?}");
    for n in 0..50 {
        tier.invalidate(&key(&format!("/{n}")));
    }
    tier.maintain();
    assert_eq!(tier.usage(), Usage::default());
}

/// Runs the contract against the tier that `$make` makes.
macro_rules! contract {
    ($make:expr; $($name:ident)*) => {
        $(#[test]
        fn $name() {
            $crate::store::contract::$name(&$make);
        })*
    };
    ($make:expr) => {
        $crate::store::contract::contract! { $make;
            what_is_published_is_found_under_its_key_alone
            variants_live_side_by_side
            a_newer_response_replaces_the_one_with_equal_nominated_fields
            a_response_to_an_earlier_exchange_replaces_nothing
            a_clock_that_is_set_back_freezes_nothing
            a_cancelled_ticket_publishes_nothing
            all_variants_are_candidates
            only_what_is_stored_is_replaced
            freshening_changes_the_head_and_keeps_the_body
            freshening_brings_nothing_back
            removing_removes_one_variant_and_not_its_successor
            invalidating_removes_all_variants_and_counts_them
            usage_goes_back_to_nothing
        }
    };
}
pub(super) use contract;
