//! Noise for everything in this room that reads what others send: it must answer, and never panic.

pub(super) mod sample;

use http::header::{
    CACHE_CONTROL, CONNECTION, DATE, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    LAST_MODIFIED, MAX_FORWARDS, RANGE, VIA,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, Version};

use super::target::{parse_text, resolve};
use super::{Mode, Pseudonym, TargetUri, Validators};
use super::{date, hop_by_hop, list, precondition, range, via};
use crate::time::Timestamp;

/// Pieces with meaning to some parser, so that noise gets beyond the first byte.
const PIECES: [&[u8]; 48] = [
    b"",
    b" ",
    b"\t",
    b",",
    b";",
    b"=",
    b"\"",
    b"\\",
    b"*",
    b"/",
    b":",
    b"@",
    b"?",
    b"#",
    b"%",
    b"[",
    b"]",
    b"-",
    b".",
    b"..",
    b"0",
    b"9",
    b"99999999999999999999",
    b"\xff",
    b"\xc3",
    b"\xc3\xa9",
    b"a",
    b"W/",
    b"\"a\"",
    b"bytes=0-",
    b"bytes=-9",
    b"0-",
    b"max-age=",
    b"close",
    b"x-a",
    b"http://",
    b"https://",
    b"a.example",
    b"[::1]",
    b"0x7f.1",
    b":80",
    b"1.1 larder-00000000",
    b"Sun, 06 Nov 1994 08:49:37 GMT",
    b"Sunday, 06-Nov-94 ",
    b"08:49:60",
    b" GMT",
    b"Sun Nov  6 ",
    b"Feb",
];

/// Pseudo-random numbers (xorshift), the same in each run.
struct Noise(u64);

impl Noise {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn text(&mut self) -> Vec<u8> {
        let count = self.below(6);
        (0..count).flat_map(|_| PIECES[self.below(PIECES.len())]).copied().collect()
    }

    fn head(&mut self) -> HeaderMap {
        let names = [
            CACHE_CONTROL,
            CONNECTION,
            DATE,
            ETAG,
            IF_MODIFIED_SINCE,
            IF_NONE_MATCH,
            IF_RANGE,
            LAST_MODIFIED,
            MAX_FORWARDS,
            RANGE,
            VIA,
        ];
        let mut head = HeaderMap::new();
        for _ in 0..self.below(12) {
            if let Ok(value) = HeaderValue::from_bytes(&self.text()) {
                head.append(&names[self.below(names.len())], value);
            }
        }
        head
    }
}

#[test]
fn noise_in_targets_is_endured() {
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    let base = TargetUri::parse("https://a.example:81/b/c?d").unwrap();
    let modes = [Mode::Forward, Mode::Gateway, Mode::Origin(base.clone())];
    let mut resources = 0;
    for _ in 0..10_000 {
        let text = noise.text();
        if let Some(uri) = parse_text(&text) {
            assert_eq!(TargetUri::parse(uri.as_str()), Some(uri), "{}", text.escape_ascii());
        }
        for mode in &modes {
            let Ok(uri) = Uri::try_from(text.as_slice()) else { continue };
            for method in [Method::GET, Method::CONNECT, Method::OPTIONS] {
                resources += usize::from(resolve(&method, &uri, mode).is_ok());
            }
        }
        if let Ok(text) = str::from_utf8(&text) {
            let _found = base.resolve(text);
        }
    }
    assert!(resources > 100, "only {resources} targets were valid: the noise tests nothing");
}

#[test]
fn noise_in_fields_is_endured() {
    let mut noise = Noise(0x2545_f491_4f6c_dd1d);
    let pseudonym = Pseudonym::random();
    let (mut members, mut dates, mut parts) = (0, 0, 0);
    for now in [0, 1_785_542_400_000, u64::MAX].map(Timestamp::from_unix_millis) {
        for _ in 0..5_000 {
            let (mut request, stored) = (noise.head(), noise.head());
            for member in list::members(&request, &CACHE_CONTROL) {
                let (name, argument) = list::split_argument(member);
                members += usize::from(list::is_token(name));
                let _value = argument.and_then(list::unquote);
            }
            let validators = Validators::read(&stored, now);
            dates += usize::from(validators.last_modified.is_some());
            dates += usize::from(date::parse("Sunday, 06-Nov-94 08:49:37 GMT", now).is_some());
            precondition::evaluate(&request, &Method::GET, StatusCode::OK, &stored, now);
            precondition::if_range_holds(&request, &stored, now);
            for length in [0, 1, u64::MAX] {
                let found = match range::select(&request, length) {
                    range::RangeAnswer::Part { first, last } => vec![(first, last)],
                    range::RangeAnswer::Parts(several) => several,
                    _ => vec![],
                };
                for (first, last) in found {
                    assert!(first <= last && last < length, "{request:?}");
                    parts += 1;
                }
            }
            via::is_loop(&request, &pseudonym);
            via::decrement_max_forwards(&mut request);
            via::append(&mut request, Version::HTTP_11, &pseudonym);
            hop_by_hop::strip_request(&mut request);
            hop_by_hop::clean_trailers(&mut request);
            assert!(!request.contains_key(CONNECTION), "{request:?}");
        }
    }
    assert!(members > 100 && dates > 100 && parts > 20, "{members} {dates} {parts}");
}
