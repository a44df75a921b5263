//! `Range`, `Content-Range`, multipart framing: no answer goes beyond the end or overlaps.
#![no_main]

use http::header::{CONTENT_RANGE, RANGE};
use http::{HeaderMap, HeaderValue};
use larder::http::range::{
    Boundary, ContentRange, Multipart, RangeAnswer, content_range, requested, select, unsatisfied,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((length, text)) = input.split_first_chunk::<8>() else { return };
    let length = u64::from_be_bytes(*length);
    let Ok(value) = HeaderValue::from_bytes(text) else { return };
    let mut head = HeaderMap::new();
    head.insert(RANGE, value.clone());
    head.insert(CONTENT_RANGE, value);

    let asked = requested(&head);
    match select(&head, length) {
        RangeAnswer::Whole => {}
        RangeAnswer::Unsatisfiable => {
            assert!(asked.unwrap().iter().all(|range| range.within(length).is_none()));
            let said = read(unsatisfied(length));
            assert_eq!(said, Some(ContentRange::Unsatisfied { length }));
        }
        RangeAnswer::Part { first, last } => {
            assert!(first <= last && last < length);
            let said = read(content_range(first, last, length));
            assert_eq!(said, Some(ContentRange::Part { first, last, length: Some(length) }));
        }
        RangeAnswer::Parts(parts) => {
            assert!(parts.len() > 1 && parts.len() <= asked.unwrap().len());
            let mut sorted = parts.clone();
            sorted.sort_unstable();
            assert!(sorted.iter().all(|(first, last)| first <= last && *last < length));
            assert!(sorted.windows(2).all(|pair| pair[0].1 < pair[1].0));
            let framing = Multipart::new(parts.clone(), Some(length), None, Boundary::random());
            let bodies: u128 = parts.iter().map(|(first, last)| u128::from(last - first) + 1).sum();
            assert!(u128::from(framing.content_length()) > bodies.min(u128::from(u64::MAX - 1)));
        }
    }
    if let Some(ContentRange::Part { first, last, length }) = ContentRange::parse(&head) {
        assert!(first <= last && length.is_none_or(|length| last < length));
    }
});

fn read(value: HeaderValue) -> Option<ContentRange> {
    let mut head = HeaderMap::new();
    head.insert(CONTENT_RANGE, value);
    ContentRange::parse(&head)
}
