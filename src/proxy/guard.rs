//! What hyper lets through and RFC 9112 does not: checks on a request head before it is understood.

use ::http::uri::Authority;
use hyper::body::Incoming;
use hyper::header::{HOST, TRANSFER_ENCODING};
use hyper::{HeaderMap, Request, Version};

use super::error::ProxyError;

/// Refuses a head that others would read differently.
pub(super) fn check(request: &Request<Incoming>) -> Result<(), ProxyError> {
    host(request.headers(), request.version())?;
    transfer_coding(request.headers())
}

/// Exactly one valid `Host` in HTTP/1.1, at most one in HTTP/1.0 (RFC 9112 §3.2).
fn host(fields: &HeaderMap, version: Version) -> Result<(), ProxyError> {
    let mut lines = fields.get_all(HOST).iter();
    let Some(first) = lines.next() else {
        return match version {
            Version::HTTP_10 => Ok(()),
            _ => Err(ProxyError::Malformed("an HTTP/1.1 request needs a Host field")),
        };
    };
    if lines.next().is_some() {
        return Err(ProxyError::Malformed("a request must have only one Host field"));
    }
    let valid = first.is_empty()
        || first
            .to_str()
            .is_ok_and(|text| !text.contains('@') && text.parse::<Authority>().is_ok());
    if valid { Ok(()) } else { Err(ProxyError::Malformed("the Host field is not a host")) }
}

/// Nothing but exactly one `chunked` (RFC 9112 §6.1): anything else is read differently by others.
fn transfer_coding(fields: &HeaderMap) -> Result<(), ProxyError> {
    let mut lines = fields.get_all(TRANSFER_ENCODING).iter();
    match (lines.next(), lines.next()) {
        (None, _) => Ok(()),
        (Some(only), None) if only.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") => {
            Ok(())
        }
        _ => Err(ProxyError::TransferCoding),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in lines {
            map.append(*name, hyper::header::HeaderValue::from_static(value));
        }
        map
    }

    #[test]
    fn http_1_1_needs_exactly_one_host_that_is_a_host() {
        let ok =
            |lines: &[(&'static str, &'static str)], version| host(&fields(lines), version).is_ok();
        assert!(ok(&[("host", "a.example")], Version::HTTP_11));
        assert!(ok(&[("host", "[::1]:8080")], Version::HTTP_11));
        assert!(ok(&[("host", "")], Version::HTTP_11));
        assert!(ok(&[], Version::HTTP_10));
        assert!(!ok(&[], Version::HTTP_11));
        assert!(!ok(&[("host", "a"), ("host", "a")], Version::HTTP_11));
        assert!(!ok(&[("host", "a b")], Version::HTTP_11));
        assert!(!ok(&[("host", "me@a")], Version::HTTP_11));
        assert!(!ok(&[("host", "a/b")], Version::HTTP_10));
    }

    #[test]
    fn only_one_chunked_is_a_transfer_coding_that_we_take() {
        let ok = |values: &[&'static str]| {
            let lines: Vec<_> = values.iter().map(|v| ("transfer-encoding", *v)).collect();
            transfer_coding(&fields(&lines)).is_ok()
        };
        assert!(ok(&[]));
        assert!(ok(&["chunked"]));
        assert!(ok(&["Chunked "]));
        assert!(!ok(&["gzip, chunked"]));
        assert!(!ok(&["chunked, chunked"]));
        assert!(!ok(&["chunked", "chunked"]));
        assert!(!ok(&["identity"]));
    }
}
