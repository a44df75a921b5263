//! Responses of every kind, and what they have to be when they are found again.

use std::sync::Arc;

use bytes::Bytes;
use http::header::ACCEPT_LANGUAGE;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::stage::text;
use crate::http::{Scheme, TargetUri};
use crate::net::{Scope, Whence};
use crate::policy::{CacheKey, Interval, StoredHead};
use crate::store::blocks::Blocks;
use crate::store::contract::{grouped, head, head_with, key, read, request, response};
use crate::store::disk::scene::Scene;
use crate::store::memory::next_id;
use crate::store::segments::{Segment, Segments};
use crate::store::stored::{Content, Extent, Parts, StoredResponse};

/// A whole response.
pub(super) fn plain(path: &str, second: u64, length: usize) -> StoredResponse {
    response(key(path), head_with(second, 200, &[("content-type", "text/plain")]), &text(length))
}

/// A response to HEAD.
pub(super) fn head_key(path: &str) -> CacheKey {
    CacheKey::head(TargetUri::new(Scheme::Http, "example.org", 80, path))
}

/// The bytes of `body` that are in these intervals.
pub(super) fn part(path: &str, body: &[u8], intervals: &[(usize, usize)]) -> StoredResponse {
    let lineage = next_id();
    let mut held: Option<Segments> = None;
    for (first, end) in intervals {
        let interval = Interval { first: *first as u64, last: *end as u64 - 1 };
        let blocks = Blocks::One(Bytes::copy_from_slice(&body[*first..*end]));
        let complete_length = Some(body.len() as u64);
        let segment = Segment { begun: lineage, interval, complete_length, blocks };
        held = Some(match held {
            None => Segments::first(lineage, &segment),
            Some(before) => before.with(&segment, u64::MAX).unwrap(),
        });
    }
    let content = Content::Parts(Arc::new(held.unwrap()));
    made(key(path), head_with(1, 200, &[("etag", "\"x\"")]), None, Scope::Public, content)
}

fn made(
    key: CacheKey,
    head: StoredHead,
    trailers: Option<HeaderMap>,
    scope: Scope,
    content: Content,
) -> StoredResponse {
    let whence = scope.into();
    StoredResponse::new(next_id(), Parts { key, head, whence, trailers, content })
}

/// One of each kind. Those under `/large` go into files of their own.
pub(super) fn one_of_each() -> Vec<StoredResponse> {
    let whole = |length| Content::whole(Blocks::compact(vec![Bytes::from(text(length))]));
    let trailer = (HeaderName::from_static("x-sum"), HeaderValue::from_static("17"));
    let trailers = Some(HeaderMap::from_iter([trailer]));
    let none = HeaderMap::new();
    let varying = |language| head(2, &[ACCEPT_LANGUAGE], &request(language));
    let rule = head_with(1, 200, &[("no-vary-search", "params=(\"x\")")]);
    let other = || head_with(7, 404, &[("age", "3"), ("x-more", "a"), ("cache-groups", "\"g\"")]);
    vec![
        plain("/plain", 1, 5000),
        plain("/empty", 1, 0),
        plain("/long", 3, 30_000),
        plain("/large", 4, 200_000),
        response(key("/vary"), varying("de"), b"de"),
        response(key("/vary"), varying("en"), b"en"),
        response(head_key("/plain"), head(5, &[], &none), b""),
        response(key("/rule?x=1"), rule, b"rule"),
        response(key("/group"), grouped("\"g\""), b"group"),
        made(key("/trailers"), other(), trailers.clone(), Scope::Public, whole(10)),
        made(key("/large/trailers"), other(), trailers, Scope::Private, whole(70_000)),
        made(key("/scope"), other(), None, Scope::Loopback, whole(10)),
        part("/part", &text(9000), &[(100, 200), (4000, 9000)]),
        part("/large/part", &text(190_000), &[(0, 90_000), (100_000, 190_000)]),
    ]
}

/// All of a response that is to be the same when it is found again.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Likeness {
    key: String,
    is_head: bool,
    id: u64,
    lineage: u64,
    begun: Option<u64>,
    head: Vec<u8>,
    whence: Whence,
    trailers: Option<HeaderMap>,
    held: String,
    extent: String,
    groups: Vec<u128>,
    /// Length and checksum of each part.
    body: Vec<(usize, u32)>,
}

/// What a response is. Reads its body.
pub(super) fn likeness(response: &StoredResponse) -> Likeness {
    let mut head = Vec::new();
    response.head().encode(&mut head);
    let held = response.held();
    let parts = held.intervals.as_slice().iter();
    let body = parts.map(|held| {
        let part = read(response.reader_range(held.first, held.last).unwrap());
        let part = part.expect("it is not damaged");
        (part.len(), crc32c::crc32c(&part))
    });
    Likeness {
        key: response.key().uri().as_str().to_owned(),
        is_head: response.key().is_head(),
        id: response.id(),
        lineage: response.lineage(),
        begun: matches!(response.extent(), Extent::Part(_)).then(|| response.begun()),
        head,
        whence: response.whence(),
        trailers: response.trailers().cloned(),
        body: body.collect(),
        held: format!("{held:?}"),
        extent: format!("{:?}", response.extent()),
        groups: response.groups().to_vec(),
    }
}

/// Whether a response is found as it was stored.
pub(super) fn is_found(scene: &Scene, stored: &StoredResponse) -> bool {
    let found = scene.find(stored.key());
    let found = found.iter().find(|found| found.id() == stored.id());
    found.is_some_and(|found| {
        assert_eq!(likeness(found), likeness(stored));
        true
    })
}

/// What is stored under a key: the numbers.
pub(super) fn ids(scene: &Scene, key: &CacheKey) -> Vec<u64> {
    let mut ids: Vec<u64> = scene.find(key).iter().map(StoredResponse::id).collect();
    ids.sort_unstable();
    ids
}
