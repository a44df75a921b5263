//! The small language of policy's tables. A head is one text: lines apart by `|`, `{+60}` and `{-60}`
//! are HTTP-dates that many seconds from [`START`].

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::{
    Config, ExchangeTimes, RequestDirectives, RequestView, ResponseView, Storable, StoredHead,
    storable,
};
use crate::http::{Scheme, TargetUri, date};
use crate::time::Timestamp;

/// Tue, 14 Nov 2023 22:13:20 GMT: when every scene begins.
pub(super) const START: Timestamp = Timestamp::from_unix_secs(1_700_000_000);

/// The moment `secs` seconds from [`START`].
pub(super) fn at(secs: i64) -> Timestamp {
    Timestamp::from_unix_secs(START.unix_secs().checked_add_signed(secs).unwrap())
}

/// The moment `millis` milliseconds from [`START`].
pub(super) fn at_millis(millis: u64) -> Timestamp {
    START.saturating_add(Duration::from_millis(millis))
}

/// An exchange that took no time, `secs` seconds from [`START`].
pub(super) fn instant(secs: i64) -> ExchangeTimes {
    ExchangeTimes { request_time: at(secs), response_time: at(secs) }
}

/// Fields from text.
pub(super) fn fields(text: &str) -> HeaderMap {
    let mut all = HeaderMap::new();
    for line in text.split('|').map(str::trim).filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').unwrap();
        let value = HeaderValue::from_str(dated(value.trim()).trim()).unwrap();
        all.append(HeaderName::try_from(name).unwrap(), value);
    }
    all
}

/// Replaces `{+60}` by a date.
fn dated(text: &str) -> String {
    let Some((before, rest)) = text.split_once('{') else {
        return text.to_owned();
    };
    let (offset, after) = rest.split_once('}').unwrap();
    let date = date::format(at(offset.parse().unwrap()));
    format!("{before}{}{}", date.to_str().unwrap(), dated(after))
}

/// A request and its directives.
pub(super) struct Asked {
    method: Method,
    uri: TargetUri,
    fields: HeaderMap,
    directives: RequestDirectives,
}

impl Asked {
    pub(super) fn view(&self) -> RequestView<'_> {
        let Self { method, uri, fields, directives } = self;
        RequestView { method, uri, fields, directives }
    }
}

/// A request for `http://a.test/dir/x` from text: the method, then fields.
pub(super) fn request(text: &str) -> Asked {
    let (method, rest) = text.split_once('|').unwrap_or((text, ""));
    let fields = fields(rest);
    let directives = RequestDirectives::parse(&fields);
    let uri = TargetUri::new(Scheme::Http, "a.test", 80, "/dir/x");
    Asked { method: method.trim().parse().unwrap(), uri, fields, directives }
}

/// A response from text: the status code, then fields.
pub(super) fn response(text: &str) -> (StatusCode, HeaderMap) {
    let (status, rest) = text.split_once('|').unwrap_or((text, ""));
    (status.trim().parse().unwrap(), fields(rest))
}

/// What [`storable`] says of an exchange.
pub(super) fn ask_storable(asked: &str, answered: &str, times: ExchangeTimes) -> Storable {
    storable_with(asked, answered, times, &Config::default())
}

/// The same under other settings.
pub(super) fn storable_with(
    asked: &str,
    answered: &str,
    times: ExchangeTimes,
    config: &Config,
) -> Storable {
    let (status, fields) = response(answered);
    storable(&request(asked).view(), &ResponseView { status, fields: &fields }, times, config)
}

/// Asserts of the bytes of something: read and written again they are the same; cut anywhere they are
/// refused; with one bit flipped they are refused, or are the bytes of something else. `again` takes it from
/// the front and writes it.
pub(super) fn assert_exact(bytes: &[u8], again: impl Fn(&mut &[u8]) -> Option<Vec<u8>>) {
    let mut rest = bytes;
    assert_eq!(again(&mut rest).as_deref(), Some(bytes));
    assert!(rest.is_empty());
    let behind = [bytes, b"behind"].concat();
    let mut rest = &behind[..];
    assert_eq!(again(&mut rest).as_deref(), Some(bytes));
    assert_eq!(rest, b"behind");
    for end in 0..bytes.len() {
        assert_eq!(again(&mut &bytes[..end]), None, "cut after {end}");
    }
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let mut rest = &flipped[..];
        if let Some(written) = again(&mut rest) {
            assert_eq!(written, flipped[..flipped.len() - rest.len()], "bit {bit}");
        }
    }
}

/// The head that is stored after an exchange at [`START`].
pub(super) fn stored(asked: &str, answered: &str) -> StoredHead {
    let times = instant(0);
    let (status, fields) = response(answered);
    match ask_storable(asked, answered, times) {
        Storable::Store(kept) => StoredHead::keep(status, None, &fields, times, &kept),
        Storable::Decline(detail) => panic!("{answered:?} is not stored: {detail}"),
    }
}
