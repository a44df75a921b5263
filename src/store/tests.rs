use bytes::Bytes;
use http::header::ACCEPT_LANGUAGE;
use http::{HeaderMap, HeaderValue};

use super::contract::{Lookup, at_once, body, choose, head, key, read, request};
use super::*;
use crate::net::Scope;
use crate::policy::StoredHead;

mod large;
mod late;
mod parts;
mod reach;

fn store() -> Store {
    Store::new(&Config { memory: 8 << 20, ..Config::default() })
}

fn plain() -> StoredHead {
    head(1, &[], &HeaderMap::new())
}

fn begin(store: &Store, content_length: Option<u64>) -> Writer {
    store.announce(key("/")).begin(plain(), Scope::Private, content_length).unwrap()
}

fn lookup(store: &Store) -> Option<StoredResponse> {
    match choose(&store.candidates(&key("/")), &HeaderMap::new()) {
        Lookup::Found(response) => Some(response),
        Lookup::OtherVariant | Lookup::Miss => None,
    }
}

#[test]
fn a_response_is_visible_only_when_it_is_finished() {
    let store = store();
    let mut writer = begin(&store, None);
    at_once(writer.write(Bytes::from_static(b"hello, "))).unwrap();
    assert!(lookup(&store).is_none());
    at_once(writer.write(Bytes::from_static(b"world"))).unwrap();
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", HeaderValue::from_static("7"));
    let stored = at_once(writer.finish(Some(trailers.clone()))).unwrap();
    let found = lookup(&store).unwrap();
    for response in [&stored, &found] {
        assert_eq!(body(response), b"hello, world");
        assert_eq!(response.length(), 12);
        assert_eq!(response.whence(), Scope::Private.into());
        assert_eq!(response.key(), &key("/"));
        assert_eq!(response.trailers(), Some(&trailers));
        assert_eq!(response.tier(), Tier::Memory);
    }
    assert_eq!(store.usage().responses, 1);
}

#[test]
fn a_dropped_writer_leaves_nothing() {
    let store = store();
    let mut writer = begin(&store, Some(5));
    at_once(writer.write(Bytes::from_static(b"hello"))).unwrap();
    drop(writer);
    assert!(lookup(&store).is_none());
    assert_eq!(store.usage(), Usage::default());
    assert_eq!(store.shared.under_way.count(), 0);
}

#[test]
fn a_length_that_disagrees_with_content_length_is_not_stored() {
    for (promised, stored) in [(Some(4), false), (Some(5), true), (Some(6), false), (None, true)] {
        let store = store();
        let mut writer = begin(&store, promised);
        at_once(writer.write(Bytes::from_static(b"hello"))).unwrap();
        assert_eq!(
            at_once(writer.finish(None)).err(),
            (!stored).then_some(NotStored::Truncated),
            "{promised:?}"
        );
        assert_eq!(lookup(&store).is_some(), stored, "{promised:?}");
    }
}

#[test]
fn an_empty_body_is_stored() {
    let store = store();
    let stored = at_once(begin(&store, Some(0)).finish(None)).unwrap();
    assert_eq!(stored.length(), 0);
    assert_eq!(body(&stored), b"");
    assert!(lookup(&store).is_some());
}

#[test]
fn what_is_announced_too_long_is_refused_and_what_becomes_too_long_overflows() {
    let store = store();
    let most = store.max_stored();
    assert_eq!(most, 1 << 20);
    let refused = store.announce(key("/")).begin(plain(), Scope::Public, Some(most + 1));
    assert_eq!(refused.unwrap_err(), Refused::TooLarge);

    let mut writer = begin(&store, None);
    at_once(writer.write(vec![0; 1 << 20].into())).unwrap();
    assert_eq!(at_once(writer.write(Bytes::from_static(b"x"))), Err(NotStored::TooLarge));
    assert_eq!(
        at_once(writer.write(Bytes::new())),
        Err(NotStored::TooLarge),
        "there is no way back"
    );
    assert!(at_once(writer.finish(None)).is_err());
    assert!(lookup(&store).is_none());

    let mut writer = begin(&store, Some(most));
    at_once(writer.write(vec![0; 1 << 20].into())).unwrap();
    assert!(at_once(writer.finish(None)).is_ok());
}

#[test]
fn the_smaller_limit_counts() {
    let limit =
        |memory, max_object| Config { memory, max_object, ..Config::default() }.max_stored();
    assert_eq!(limit(256 << 20, 8 << 30), 32 << 20);
    assert_eq!(limit(256 << 20, 1000), 1000);
    assert_eq!(limit(0, 1000), 0);
}

#[test]
fn with_a_disk_tier_a_response_may_take_seven_eighths_of_it() {
    let limit = |budget, max_object| {
        let disk = DiskConfig { dir: "x".into(), budget, reset: false, write_behind_rate: 0 };
        Config { memory: 0, max_object, disk: Some(disk), ..Config::default() }.max_stored()
    };
    assert_eq!(limit(10 << 30, 8 << 30), 8 << 30);
    assert_eq!(limit(32 << 20, 8 << 30), 28 << 20);
    assert_eq!(limit(32 << 20, 1000), 1000);
}

#[tokio::test]
async fn an_invalidation_reaches_writers_under_way() {
    let store = store();
    let mut writer = begin(&store, None);
    let mut other = store.announce(key("/other")).begin(plain(), Scope::Public, None).unwrap();
    at_once(writer.write(Bytes::from_static(b"old"))).unwrap();
    at_once(other.write(Bytes::from_static(b"other"))).unwrap();
    assert_eq!(store.invalidate(&key("/")).await, 0);
    let later = begin(&store, None);
    assert_eq!(at_once(writer.finish(None)).unwrap_err(), NotStored::Invalidated);
    assert!(lookup(&store).is_none());
    assert!(at_once(other.finish(None)).is_ok(), "another key");
    assert!(at_once(later.finish(None)).is_ok(), "begun after the invalidation");
    assert_eq!(store.shared.under_way.count(), 0);
}

#[test]
fn the_first_of_two_writers_does_not_hide_the_second() {
    let store = store();
    let none = HeaderMap::new();
    let mut older =
        store.announce(key("/")).begin(head(1, &[], &none), Scope::Public, None).unwrap();
    let mut newer =
        store.announce(key("/")).begin(head(2, &[], &none), Scope::Public, None).unwrap();
    at_once(older.write(Bytes::from_static(b"older"))).unwrap();
    at_once(newer.write(Bytes::from_static(b"newer"))).unwrap();
    assert!(at_once(newer.finish(None)).is_ok());
    assert_eq!(at_once(older.finish(None)).unwrap_err(), NotStored::Superseded);
    assert_eq!(body(&lookup(&store).unwrap()), b"newer");
}

#[test]
fn freshening_through_the_store_keeps_scope_body_and_trailers() {
    let store = store();
    let mut writer = begin(&store, None);
    at_once(writer.write(Bytes::from_static(b"hello"))).unwrap();
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", HeaderValue::from_static("7"));
    let stored = at_once(writer.finish(Some(trailers.clone()))).unwrap();
    store
        .announce(stored.key().clone())
        .freshen(&stored, head(9, &[ACCEPT_LANGUAGE], &request("de")));
    let Lookup::Found(found) = choose(&store.candidates(&key("/")), &request("de")) else {
        panic!("found")
    };
    assert_eq!(body(&found), b"hello");
    assert_eq!(found.whence(), Scope::Private.into());
    assert_eq!(found.trailers(), Some(&trailers));
    assert!(matches!(
        choose(&store.candidates(&key("/")), &HeaderMap::new()),
        Lookup::OtherVariant
    ));
}

#[tokio::test]
async fn a_reader_outlives_its_response() {
    let store = store();
    let mut writer = begin(&store, None);
    at_once(writer.write(vec![b'x'; 600_000].into())).unwrap();
    let mut reader = at_once(writer.finish(None)).unwrap().reader();
    let first = reader.next().await.unwrap().unwrap();
    store.invalidate(&key("/")).await;
    store.maintain();
    assert_eq!(store.usage(), Usage::default());
    assert_eq!(first.len() + read(reader).unwrap().len(), 600_000);
}

#[test]
fn a_range_reads_exactly_its_bytes() {
    let store = store();
    let bytes: Vec<u8> = (0..700_000_u32).map(|n| ((n * 7) >> 3) as u8).collect();
    let mut writer = begin(&store, None);
    for frame in bytes.chunks(50_000) {
        at_once(writer.write(Bytes::copy_from_slice(frame))).unwrap();
    }
    let stored = at_once(writer.finish(None)).unwrap();
    let last = bytes.len() as u64 - 1;
    let edges = [0, 1, 249_999, 250_000, 250_001, 262_143, 262_144, 500_000, last - 1, last];
    for first in edges {
        for last in edges.into_iter().filter(|last| *last >= first) {
            let reader = stored.reader_range(first, last).unwrap();
            assert_eq!(reader.remaining(), last - first + 1);
            assert!(
                read(reader).unwrap() == bytes[first as usize..=last as usize],
                "{first}-{last}"
            );
        }
    }
    for (first, last) in [(0, last + 1), (last, u64::MAX), (last + 1, last + 2), (2, 1)] {
        assert!(stored.reader_range(first, last).is_none(), "{first}-{last}");
    }
}
