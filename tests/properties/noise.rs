//! Noise in every field that is read: an answer comes, whatever it is.

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use larder::http::{EntityTag, QueryRule, Validators, date, hop_by_hop, list};
use larder::http::{accept, cache_groups, precondition, range, structured};
use larder::policy::{RequestDirectives, ResponseDirectives};
use larder::time::Timestamp;
use proptest::prelude::*;

use super::cases;

const NOW: Timestamp = Timestamp::from_unix_secs(1_785_542_400);

/// The fields that some parser reads.
const READ: [&str; 24] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "age",
    "cache-control",
    "cache-group-invalidation",
    "cache-groups",
    "cdn-cache-control",
    "connection",
    "content-encoding",
    "content-range",
    "date",
    "etag",
    "expires",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "last-modified",
    "no-vary-search",
    "pragma",
    "range",
    "te",
    "upgrade",
    "vary",
];

/// Pieces with meaning to some parser.
const PIECES: [&str; 44] = [
    ",",
    ";",
    "=",
    "\"",
    "\\",
    "*",
    " ",
    "\t",
    "-",
    ":",
    "/",
    "(",
    ")",
    "?1",
    "W/",
    "0",
    "9",
    ".5",
    "99999999999999999999",
    "max-age",
    "s-maxage",
    "no-store",
    "no-cache",
    "private",
    "public",
    "stale-while-revalidate=9",
    "only-if-cached",
    "max-stale",
    "bytes",
    "bytes=0-",
    "bytes */9",
    "\"a\"",
    "params",
    "except",
    "key-order",
    "en-GB",
    "q=0.5",
    "text/html",
    "GMT",
    "x-a",
    "é",
    "Sun, 06 Nov 1994 08:49:37 GMT",
    "Sunday, 06-Nov-94 ",
    "Sun Nov  6 ",
];

/// A value that looks like something, or does not.
pub(super) fn value() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::collection::vec(prop::sample::select(&PIECES[..]), 0..8);
    prop_oneof![
        4 => pieces.prop_map(|pieces| pieces.concat().into_bytes()),
        1 => prop::collection::vec(prop_oneof![Just(b'\t'), 0x20..=0x7e_u8, 0x80..=0xff_u8], 0..24),
    ]
}

fn head() -> impl Strategy<Value = HeaderMap> {
    let line = (prop::sample::select(&READ[..]), value());
    prop::collection::vec(line, 0..12).prop_map(|lines| {
        let mut head = HeaderMap::new();
        for (name, value) in lines {
            let value = HeaderValue::from_bytes(&value).unwrap();
            head.append(HeaderName::from_static(name), value);
        }
        head
    })
}

proptest! {
    #![proptest_config(cases(384))]

    #[test]
    fn whatever_a_head_says_it_is_read(one in head(), other in head(), length: u64) {
        let _ = (ResponseDirectives::parse(&one), RequestDirectives::parse(&one));
        let _ = (Validators::read(&one, NOW), QueryRule::parse(&one));
        let _ = (cache_groups::groups(&one), cache_groups::invalidated_groups(&one));
        let _ = accept::favourite_language(&one);
        for name in one.keys() {
            let _ = (list::members(&one, name).count(), structured::dictionary(&one, name));
            let _ = (structured::strings(&one, name), accept::preferences(&one, name));
            for line in one.get_all(name) {
                let _ = EntityTag::parse(line.as_bytes());
                let text = String::from_utf8_lossy(line.as_bytes());
                let _ = date::parse(&text, NOW);
                let _ = accept::coding_quality(&other, &text);
                let _ = accept::language_quality(&other, &text);
                let _ = accept::media_quality(&other, &text);
            }
        }
        let _ = precondition::evaluate(&one, &Method::GET, StatusCode::OK, &other, NOW);
        let _ = precondition::if_range_holds(&one, &other, NOW);
        let _ = (range::select(&one, length), range::ContentRange::parse(&one));
        let mut stripped = one.clone();
        hop_by_hop::strip_response(&mut stripped);
        prop_assert!(stripped.len() <= one.len());
    }
}
