//! What hyper lets through and RFC 9112 does not: checks on a request head before it is understood.

use ::http::uri::Authority;
use hyper::body::Incoming;
use hyper::header::HOST;
use hyper::{HeaderMap, Request, Version};

use super::error::ProxyError;

/// Refuses a head that others would read differently.
pub(super) fn check(request: &Request<Incoming>) -> Result<(), ProxyError> {
    if !request.uri().path_and_query().is_none_or(|target| target.as_str().is_ascii()) {
        const OUTSIDE: &str = "the target has bytes outside ASCII; write each as % and two digits";
        return Err(ProxyError::Malformed(OUTSIDE));
    }
    let target = request.uri().authority().map(Authority::as_str);
    host(request.headers(), request.version(), target)
}

/// Exactly one valid `Host` in HTTP/1.1, at most one in HTTP/1.0 (RFC 9112 §3.2). `target` is the
/// authority in the target, which was read already.
fn host(fields: &HeaderMap, version: Version, target: Option<&str>) -> Result<(), ProxyError> {
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
        || first.to_str().is_ok_and(|text| {
            let is_host = || text.parse().is_ok_and(|host| is_host(&host));
            !text.contains('@') && (target == Some(text) || is_host())
        });
    if valid { Ok(()) } else { Err(ProxyError::Malformed("the Host field is not a host")) }
}

/// Whether what follows the host is nothing, or a colon and a port or none.
fn is_host(authority: &Authority) -> bool {
    let after = authority.as_str().strip_prefix(authority.host());
    matches!(after, Some("" | ":")) || authority.port_u16().is_some()
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
        let ok = |lines: &[(&'static str, &'static str)], version| {
            host(&fields(lines), version, Some("a.example")).is_ok()
        };
        assert!(ok(&[("host", "a.example")], Version::HTTP_11));
        assert!(ok(&[("host", "[::1]:8080")], Version::HTTP_11));
        assert!(ok(&[("host", "")], Version::HTTP_11));
        assert!(ok(&[], Version::HTTP_10));
        assert!(!ok(&[], Version::HTTP_11));
        assert!(!ok(&[("host", "a"), ("host", "a")], Version::HTTP_11));
        assert!(!ok(&[("host", "a b")], Version::HTTP_11));
        assert!(!ok(&[("host", "a:b")], Version::HTTP_11));
        assert!(!ok(&[("host", "a:65536")], Version::HTTP_11));
        assert!(ok(&[("host", "a:")], Version::HTTP_11));
        assert!(!ok(&[("host", "me@a")], Version::HTTP_11));
        assert!(!ok(&[("host", "a/b")], Version::HTTP_10));
    }
}
