//! What is stored is what is read back.

use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use larder::http::TargetUri;
use larder::http::fields::rule;
use larder::net::Scope;
use larder::policy::{CacheKey, ExchangeTimes, Freshness, NominatedFields, StoredHead};
use larder::store::{Config, Reader, Store};
use larder::time::Timestamp;
use proptest::prelude::*;

use super::{cases, noise};

fn fields() -> impl Strategy<Value = HeaderMap> {
    let names = ["etag", "x-a", "x-a", "set-cookie", "age", "content-type", "server", "link"];
    let line = (prop::sample::select(names.to_vec()), noise::value());
    prop::collection::vec(line, 0..10).prop_map(|lines| {
        let mut fields = HeaderMap::new();
        for (name, value) in lines {
            let value = HeaderValue::from_bytes(&value).unwrap();
            fields.append(HeaderName::from_static(name), value);
        }
        fields
    })
}

fn head(status: u16, reason: &[u8], fields: &HeaderMap) -> StoredHead {
    let now = Timestamp::from_unix_secs(1_785_542_400);
    let times = ExchangeTimes { request_time: now, response_time: now };
    let status = StatusCode::from_u16(status).unwrap();
    let (nominated, freshness) = (NominatedFields::default(), Freshness::default());
    StoredHead::new(status, Some(reason), fields, times, nominated, freshness)
}

/// The lines that a stored response keeps, in the order that a name's lines have.
fn kept(fields: &HeaderMap) -> Vec<(String, Vec<Vec<u8>>)> {
    let mut names: Vec<_> = fields.keys().filter(|name| rule(name).stored).collect();
    names.sort_by_key(|name| name.as_str());
    let lines = |name| fields.get_all(name).iter().map(|line| line.as_bytes().to_vec()).collect();
    names.into_iter().map(|name| (name.to_string(), lines(name))).collect()
}

fn bytes(mut reader: Reader) -> Vec<u8> {
    let mut context = Context::from_waker(Waker::noop());
    let mut all = Vec::new();
    while let Poll::Ready(Some(chunk)) = reader.poll_next(&mut context) {
        all.extend_from_slice(&chunk.unwrap());
    }
    assert_eq!(reader.remaining(), 0, "memory does not wait");
    all
}

proptest! {
    #![proptest_config(cases(128))]

    #[test]
    fn a_stored_response_read_back_is_what_was_stored(
        status in 200..600_u16,
        reason in "[ -~]{0,20}",
        fields in fields(),
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..700), 0..6),
        (from, to) in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
    ) {
        let whole = chunks.concat();
        let key = CacheKey::new(TargetUri::parse("http://a.example/b?c").unwrap());
        let store = Store::new(&Config { memory: 1 << 20, ..Config::default() });
        let length = u64::try_from(whole.len()).unwrap();
        let head = head(status, reason.as_bytes(), &fields);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut writer = store.announce(key.clone()).begin(head, Scope::Public, Some(length)).unwrap();
        for chunk in &chunks {
            runtime.block_on(writer.write(Bytes::copy_from_slice(chunk))).unwrap();
        }
        prop_assert!(runtime.block_on(writer.finish(None)).is_ok());

        let candidates = runtime.block_on(store.find(&key));
        let [stored] = candidates.as_slice() else {
            return Err(TestCaseError::fail("it is not found"));
        };
        let read = stored.head();
        prop_assert_eq!(read.status().as_u16(), status);
        prop_assert_eq!(read.reason().unwrap_or_default(), reason.as_bytes());
        prop_assert_eq!(kept(&read.fields()), kept(&fields));
        prop_assert_eq!(stored.length(), length);
        prop_assert_eq!(&bytes(stored.reader()), &whole);
        if !whole.is_empty() {
            let (one, other) = (from.index(whole.len()), to.index(whole.len()));
            let (first, last) = (one.min(other), one.max(other));
            let part = stored.reader_range(first.try_into().unwrap(), last.try_into().unwrap());
            prop_assert_eq!(&bytes(part.unwrap())[..], &whole[first..=last]);
        }
    }
}
