//! What never became a request, and why.

use ::http::{HeaderMap, Request, StatusCode, Uri};
use bytes::Bytes;

use super::Config;
use crate::http::framing::{TransferCoding, transfer_coding};

/// The most of a request line that is kept for the log.
pub(super) const FIRST_LINE_LIMIT: usize = 16 * 1024;

/// Why a connection gets an answer that no request asked for; it is closed after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// 400, 408, 414, 431 or 501.
    pub status: StatusCode,
    /// What arrived of the request line, without its end; at most 16 KiB, possibly nothing.
    pub first_line: Bytes,
    /// What was wrong: a part of a sentence.
    pub reason: &'static str,
}

const LINE_TOO_LONG: &str = "the request line is longer than this proxy takes";
const HEAD_TOO_LARGE: &str =
    "the request head is larger than this proxy takes, or has too many fields";

impl Refusal {
    /// For a head that hyper turned down with `status` while `rest` was what it had not parsed.
    pub(super) fn of_head(status: StatusCode, rest: &[u8], seen: Bytes, config: &Config) -> Self {
        let (line, ended) = first_line(rest);
        let first_line = if line.is_empty() { seen } else { shorten(line) };
        let too_long = !line.is_empty() && (!ended || line.len() > config.max_target + 32);
        let (status, reason) = match status {
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE if too_long => {
                (StatusCode::URI_TOO_LONG, LINE_TOO_LONG)
            }
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => (status, HEAD_TOO_LARGE),
            StatusCode::URI_TOO_LONG => (status, LINE_TOO_LONG),
            _ => (StatusCode::BAD_REQUEST, what_is_wrong(&first_line)),
        };
        Self { status, first_line, reason }
    }

    /// For a head that did not come in time.
    pub(super) fn late(rest: &[u8]) -> Self {
        let first_line = shorten(first_line(rest).0);
        Self {
            status: StatusCode::REQUEST_TIMEOUT,
            first_line,
            reason: "the request head did not arrive in time",
        }
    }

    /// For a head whose end the client did not send.
    pub(super) fn cut_short(rest: &[u8]) -> Self {
        let first_line = shorten(first_line(rest).0);
        Self {
            status: StatusCode::BAD_REQUEST,
            first_line,
            reason: "the request ended before its head was complete",
        }
    }

    /// What hyper lets through and the limits do not.
    pub(super) fn of_request<B>(request: &Request<B>, config: &Config) -> Option<Self> {
        let (status, reason) = if target_length(request) > config.max_target {
            (StatusCode::URI_TOO_LONG, LINE_TOO_LONG)
        } else if longest_field(request.headers()) > config.max_field {
            let reason = "a field of the request is larger than this proxy takes";
            (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, reason)
        } else if transfer_coding(request.headers()) == TransferCoding::Other {
            // RFC 9112 §6.1: a coding that we do not decode; hyper looks at the last one only.
            let reason = "the request has a transfer coding other than chunked";
            (StatusCode::NOT_IMPLEMENTED, reason)
        } else {
            return None;
        };
        let line =
            format!("{} {} {:?}", request.method(), request.uri(), request.version()).into_bytes();
        Some(Self { status, first_line: shorten(&line), reason })
    }
}

fn target_length<B>(request: &Request<B>) -> usize {
    let uri = request.uri();
    let scheme = uri.scheme_str().map_or(0, |scheme| scheme.len() + 3);
    let authority = uri.authority().map_or(0, |authority| authority.as_str().len());
    scheme + authority + uri.path_and_query().map_or(0, |path| path.as_str().len())
}

fn longest_field(fields: &HeaderMap) -> usize {
    let length = |(name, value): (&::http::HeaderName, &::http::HeaderValue)| {
        name.as_str().len() + value.len()
    };
    fields.iter().map(length).max().unwrap_or(0)
}

/// The first line without its end, and whether it has one.
fn first_line(bytes: &[u8]) -> (&[u8], bool) {
    match bytes.iter().position(|&byte| byte == b'\n') {
        Some(end) => {
            let line = bytes.get(..end).unwrap_or_default();
            (line.strip_suffix(b"\r").unwrap_or(line), true)
        }
        None => (bytes, false),
    }
}

fn shorten(line: &[u8]) -> Bytes {
    Bytes::copy_from_slice(line.get(..FIRST_LINE_LIMIT).unwrap_or(line))
}

fn what_is_wrong(line: &[u8]) -> &'static str {
    let mut words = line.split(|&byte| byte == b' ');
    let (target, version) = (words.nth(1).unwrap_or_default(), words.next());
    match version {
        Some(version) if words.next().is_some() || !version.starts_with(b"HTTP/") => {
            "the request line is not: method, one space, target, one space, HTTP/1.1"
        }
        Some(b"HTTP/1.1" | b"HTTP/1.0") if Uri::try_from(target).is_err() => {
            "the request target is not a URL; write one such as http://www.example.com/path"
        }
        Some(b"HTTP/1.1" | b"HTTP/1.0") => "a field of the request is not valid HTTP/1.1",
        Some(_) => "the HTTP version is neither 1.0 nor 1.1",
        None if line.is_empty() => "the request is not valid HTTP/1.1",
        None => "the request line is not: method, one space, target, one space, HTTP/1.1",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hypers_word_and_the_unparsed_bytes_make_the_status() {
        let long = [b"GET http://a/".as_slice(), &[b'x'; 20_000]].concat();
        let ended = [&long, b" HTTP/1.1\r\nHost: a\r\n".as_slice()].concat();
        for (word, rest, status) in [
            (400, b"GET / HTTP/3.0\r\n".as_slice(), 400),
            (431, b"GET / HTTP/1.1\r\nA: b\r\n", 431),
            (431, &long, 414),
            (431, &ended, 414),
            (431, b"", 431),
            (414, b"", 414),
            (500, b"GET / HTTP/1.1\r\n", 400),
        ] {
            let refusal = Refusal::of_head(
                StatusCode::from_u16(word).unwrap(),
                rest,
                Bytes::new(),
                &Config::default(),
            );
            assert_eq!(refusal.status.as_u16(), status, "{word} {}", rest.len());
            assert!(refusal.first_line.len() <= FIRST_LINE_LIMIT);
        }
    }

    #[test]
    fn the_first_line_is_taken_from_what_is_left_else_from_what_was_seen() {
        let of = |rest: &'static [u8]| {
            let seen = Bytes::from_static(b"seen");
            let status = StatusCode::BAD_REQUEST;
            Refusal::of_head(status, rest, seen, &Config::default()).first_line
        };
        assert_eq!(of(b"G@T / HTTP/1.1\r\nHost: a\r\n"), "G@T / HTTP/1.1");
        assert_eq!(of(b"half"), "half");
        assert_eq!(of(b""), "seen");
    }

    #[test]
    fn the_reason_names_what_is_wrong_with_the_line() {
        for (line, word) in [
            ("GET / HTTP/2.0", "version"),
            ("GET / extra HTTP/1.1", "request line"),
            ("GET /", "request line"),
            ("GET / HTTP/1.1", "field"),
            ("GET http:///path HTTP/1.1", "URL"),
            ("GET http://[::1/ HTTP/1.1", "URL"),
        ] {
            assert!(what_is_wrong(line.as_bytes()).contains(word), "{line}");
        }
    }

    #[test]
    fn limits_and_codings_that_hyper_lets_through_are_refused() {
        let config = Config { max_target: 10, max_field: 40, ..Config::default() };
        let request = |target: &str, fields: &[(&str, &str)]| {
            let mut request = Request::builder().uri(target);
            for &(name, value) in fields {
                request = request.header(name, value);
            }
            let request = request.body(()).unwrap();
            Refusal::of_request(&request, &config).map_or(0, |refusal| refusal.status.as_u16())
        };
        let te = "transfer-encoding";
        assert_eq!(request("http://a/1", &[]), 0);
        assert_eq!(request("http://a/12", &[]), 414);
        assert_eq!(request("/", &[("a", &"x".repeat(39))]), 0);
        assert_eq!(request("/", &[("a", &"x".repeat(40))]), 431);
        assert_eq!(request("/", &[(te, "Chunked")]), 0);
        for codings in ["gzip, chunked", "chunked, chunked", "x, chunked"] {
            assert_eq!(request("/", &[(te, codings)]), 501, "{codings}");
        }
        assert_eq!(request("/", &[(te, "gzip"), (te, "chunked")]), 501);
    }
}
