//! What is on disk: whatever the bytes are they are refused, or written again they are the same.
#![no_main]

use larder::http::TargetUri;
use larder::net::Scope;
use larder::policy::{ExchangeTimes, Freshness, NominatedFields, Partial, StoredHead};
use larder::store::rewritten;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Some((read, written)) = rewritten(input) {
        assert_eq!(read, written);
    }
    let Some((kind, bytes)) = input.split_first() else { return };
    match kind % 5 {
        0 => {
            if let Some(head) = check(bytes, StoredHead::decode, StoredHead::encode) {
                assert_eq!(head.fields().len(), head.lines().count());
                assert!(head.fields_without_validation().len() <= head.fields().len());
                assert_eq!(head.with_tail(b"tail").fields(), head.fields());
                let _ = (head.groups(), head.query_rule(), head.validators(), head.completed());
            }
        }
        1 => {
            check(bytes, NominatedFields::decode, NominatedFields::encode);
        }
        2 => {
            if let Some(partial) = check(bytes, Partial::decode, Partial::encode) {
                let intervals = partial.intervals.as_slice();
                assert!(intervals.iter().all(|interval| partial.intervals.contains(*interval)));
            }
        }
        3 => {
            check(bytes, ExchangeTimes::decode, ExchangeTimes::encode);
            check(bytes, Freshness::decode, Freshness::encode);
        }
        _ => {
            if let Some(uri) = std::str::from_utf8(bytes).ok().and_then(TargetUri::from_normal) {
                assert_eq!(uri.as_str().as_bytes(), bytes);
                assert_eq!(TargetUri::parse(uri.as_str()), Some(uri));
            }
            let scope = bytes.first().and_then(|number| Scope::from_number(*number));
            assert!(scope.is_none_or(|scope| Some(&scope.number()) == bytes.first()));
        }
    }
});

/// Reads, and asserts that what was read is written as it was.
fn check<T>(
    bytes: &[u8],
    decode: impl Fn(&mut &[u8]) -> Option<T>,
    encode: impl Fn(&T, &mut Vec<u8>),
) -> Option<T> {
    let mut rest = bytes;
    let read = decode(&mut rest)?;
    let mut written = Vec::new();
    encode(&read, &mut written);
    assert_eq!(written, bytes[..bytes.len() - rest.len()]);
    Some(read)
}
