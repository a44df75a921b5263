//! Records to test with.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::{ALIGN, Header, Meta, Place, Run, seal};
use crate::http::{Scheme, TargetUri};
use crate::net::{Scope, Whence};
use crate::policy::{
    CacheKey, ExchangeTimes, Freshness, Interval, NominatedFields, Partial, StoredHead,
};
use crate::store::disk::checksum;
use crate::store::disk::segment::Head;
use crate::time::Timestamp;

/// A segment.
pub(in crate::store) const SEGMENT: Head = Head { seq: 3, nonce: 0x1122_3344_5566_7788 };

/// Fields from text: lines apart by `|`.
pub(in crate::store) fn fields(text: &str) -> HeaderMap {
    let mut all = HeaderMap::new();
    for line in text.split('|').filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').unwrap();
        let name = HeaderName::try_from(name.trim()).unwrap();
        all.append(name, HeaderValue::from_str(value.trim()).unwrap());
    }
    all
}

/// A key of `http://a.test`.
pub(in crate::store) fn key(path: &str) -> CacheKey {
    CacheKey::new(TargetUri::new(Scheme::Http, "a.test", 80, path))
}

/// A head with these fields, which varies by `vary` and answers a request with the fields `asked`.
pub(in crate::store) fn head(text: &str, vary: &'static [&str], asked: &str) -> StoredHead {
    let at = Timestamp::from_unix_secs(1_700_000_000);
    let times = ExchangeTimes { request_time: at, response_time: at };
    let names = vary.iter().map(|name| HeaderName::from_static(name));
    let nominated = NominatedFields::read(names, &fields(asked));
    StoredHead::new(StatusCode::OK, None, &fields(text), times, nominated, Freshness::default())
}

/// What a record says of a whole response with this body.
pub(in crate::store) fn whole(path: &str, body: &[u8]) -> Meta {
    Meta {
        key: key(path),
        head: head("content-type: text/plain|x-a: 1", &[], ""),
        whence: Scope::Public.into(),
        trailers: None,
        partial: None,
        body: Place::Here { crcs: checksum::of([body]) },
    }
}

/// Which bytes are there.
pub(in crate::store) fn partial(length: Option<u64>, pairs: &[(u64, u64)]) -> Partial {
    let mut partial = Partial { complete_length: length, ..Partial::default() };
    pairs.iter().for_each(|(first, last)| {
        partial.intervals.add(Interval { first: *first, last: *last });
    });
    partial
}

/// One of each kind, and of each thing that a record may say, with the bodies that are in them.
pub(in crate::store) fn one_of_each() -> Vec<(Meta, Vec<u8>)> {
    let body = b"hello, world".to_vec();
    let plain = || whole("/x?y", &body);
    let run = |file, offset, length| Run { file, offset, length };
    let (meta_len, body_len) = (200, 70_000);
    let base = |offset| Place::Base { seq: 2, offset, meta_len, body_len, crcs: Box::new([1, 2]) };
    let long: Vec<u8> = (0..checksum::BLOCK + 3).map(|at| at as u8).collect();
    let varying = head("vary: accept|no-vary-search: params", &["accept", "x-b"], "accept: B , a");
    let files = |runs: &[Run]| Place::Files(runs.into());
    let from = |text: &str| Whence { scope: Scope::Public, address: text.parse().ok() };
    let part = |length, pairs: &[_]| Some((partial(length, pairs), 11));
    vec![
        (plain(), body.clone()),
        (whole("/", b""), Vec::new()),
        (whole("/long", &long), long.clone()),
        (Meta { key: CacheKey::head(key("/x").uri().clone()), ..whole("/x", b"") }, Vec::new()),
        (Meta { head: varying, whence: Scope::Own.into(), ..plain() }, body.clone()),
        (Meta { whence: from("192.0.2.1"), ..plain() }, body.clone()),
        (Meta { whence: from("2001:db8::1"), ..plain() }, body.clone()),
        (Meta { trailers: Some(fields("x-a: 1|x-b: 2|x-a: 3")), ..plain() }, body.clone()),
        (Meta { trailers: Some(HeaderMap::new()), ..plain() }, body.clone()),
        (Meta { partial: part(Some(99), &[(0, 4), (9, 15)]), ..plain() }, body.clone()),
        (Meta { partial: part(None, &[(1, 12)]), ..plain() }, body.clone()),
        (Meta { body: base(64), ..plain() }, Vec::new()),
        (Meta { partial: part(None, &[(9, 70_008)]), body: base(6400), ..plain() }, Vec::new()),
        (Meta { body: files(&[run(9, 0, 1 << 40)]), ..plain() }, Vec::new()),
        (
            Meta {
                partial: part(Some(900), &[(0, 9), (20, 49)]),
                body: files(&[run(9, 5, 10), run(9, 99, 20), run(7, 0, 10)]),
                ..plain()
            },
            Vec::new(),
        ),
    ]
}

/// The bytes of a record as they are written.
pub(in crate::store) fn record(
    meta: &Meta,
    body: &[u8],
    generation: u64,
    offset: u64,
) -> (Header, Vec<u8>) {
    let bytes = meta.encode().unwrap();
    let [meta_len, body_len] = [bytes.len(), body.len()].map(|length| length as u32);
    let header = meta.header(generation, generation, meta_len, body_len);
    (header, written(&header, &bytes, body, offset))
}

/// The bytes of a record that says what it is told to.
pub(in crate::store) fn written(header: &Header, meta: &[u8], body: &[u8], at: u64) -> Vec<u8> {
    let mut record = [&seal(header, SEGMENT, at, meta)[..], meta, body].concat();
    record.resize(record.len().next_multiple_of(ALIGN as usize), 0);
    record
}
