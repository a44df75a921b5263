//! Fields that end at this hop (RFC 9110 §7.6.1), and trailers that may not go further (§6.5.1).

use http::header::{CONNECTION, CONTENT_LENGTH, TE, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Version};

use super::{fields, list};

/// Removes from a request's head what must not travel on: every field that `Connection` names, on any
/// line, and the hop-by-hop fields of the table. `Host` and `Content-Length` stay whatever `Connection`
/// says; but a `Content-Length` next to a `Transfer-Encoding` is a lie and goes with it. `Trailer` stays.
/// Ask [`upgrade_protocol`] and [`wants_trailers`] before.
pub fn strip_request(head: &mut HeaderMap) {
    strip(head);
}

/// Removes from a response's head what must not travel on or be stored; see [`strip_request`].
pub fn strip_response(head: &mut HeaderMap) {
    strip(head);
}

/// The protocol to switch to, if a message (request or 101) asks for one that may pass: `websocket`, over
/// HTTP/1.1, with `Connection: upgrade`. Everything else is no upgrade (RFC 9110 §7.8: a server may
/// ignore it), `h2c` above all.
pub fn upgrade_protocol(head: &HeaderMap, version: Version) -> Option<HeaderValue> {
    let asked = version == Version::HTTP_11
        && list::contains_token(head, &CONNECTION, "upgrade")
        && list::contains_token(head, &UPGRADE, "websocket");
    asked.then_some(HeaderValue::from_static("websocket"))
}

/// Whether a request says `TE: trailers`: that it does something with trailers (RFC 9110 §10.1.4).
pub fn wants_trailers(head: &HeaderMap) -> bool {
    list::contains_token(head, &TE, "trailers")
}

/// Removes from a trailer section what has no place there: framing, routing, authentication, request
/// modifiers, response control and content format (RFC 9110 §6.5.1).
pub fn clean_trailers(trailers: &mut HeaderMap) {
    let misplaced: Vec<HeaderName> =
        trailers.keys().filter(|name| !fields::rule(name).trailing).cloned().collect();
    for name in misplaced {
        trailers.remove(name);
    }
}

fn strip(head: &mut HeaderMap) {
    // Most heads have no such field, or one: they are looked through once.
    let mut ending: Vec<HeaderName> =
        head.keys().filter(|name| !fields::rule(name).forwarded).cloned().collect();
    if ending.contains(&TRANSFER_ENCODING) {
        ending.push(CONTENT_LENGTH);
    }
    if ending.contains(&CONNECTION) {
        let named = list::members(head, &CONNECTION)
            .filter(|option| head.contains_key(*option))
            .filter_map(|option| HeaderName::from_bytes(option.as_bytes()).ok())
            .filter(|name| !fields::rule(name).required);
        ending.extend(named);
    }
    for name in ending {
        head.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::sample::{Lines, head};
    use super::*;

    fn names(head: &HeaderMap) -> Vec<String> {
        let mut names: Vec<_> = head.iter().map(|(name, _)| name.to_string()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_connection_names_does_not_travel_on() {
        let rows: &[(Lines<'_>, &[&str])] = &[
            (&[("connection", "close"), ("accept", "*/*")], &["accept"]),
            (&[("connection", "x-a"), ("x-a", "1"), ("x-a", "2"), ("x-b", "3")], &["x-b"]),
            (&[("connection", " X-A ,, x-B"), ("x-a", "1"), ("x-b", "2")], &[]),
            (&[("connection", "x-a"), ("connection", "x-b"), ("x-a", "1"), ("x-b", "2")], &[]),
            (&[("connection", "cache-control"), ("cache-control", "max-age=9")], &[]),
            (&[("connection", "no such name, x-a"), ("x-a", "1")], &[]),
            (&[("connection", "close, close"), ("close", "1")], &[]),
            (&[("connection", "connection")], &[]),
            (&[("connection", "host"), ("host", "a")], &["host"]),
            (&[("connection", "content-length"), ("content-length", "5")], &["content-length"]),
            (&[("accept", "*/*"), ("via", "1.1 a"), ("via", "1.1 b")], &["accept", "via", "via"]),
        ];
        for (lines, expected) in rows {
            for strip in [strip_request, strip_response] {
                let mut head = head(lines);
                strip(&mut head);
                assert_eq!(names(&head), *expected, "{lines:?}");
            }
        }
    }

    #[test]
    fn hop_by_hop_fields_do_not_travel_on_even_when_connection_does_not_name_them() {
        let rows = [
            "Connection",
            "Keep-Alive",
            "Proxy-Connection",
            "TE",
            "Transfer-Encoding",
            "Upgrade",
            "HTTP2-Settings",
            "Proxy-Authenticate",
            "Proxy-Authentication-Info",
            "Proxy-Authorization",
        ];
        for name in rows {
            let mut head = head(&[(name, "x"), (name, "y"), ("accept", "*/*")]);
            strip_request(&mut head);
            assert_eq!(names(&head), ["accept"], "{name}");
        }
    }

    #[test]
    fn the_declaration_of_trailers_travels_on() {
        let mut head = head(&[("trailer", "digest"), ("transfer-encoding", "chunked")]);
        strip_response(&mut head);
        assert_eq!(names(&head), ["trailer"]);
    }

    #[test]
    fn a_length_beside_a_transfer_coding_is_dropped_with_it() {
        let mut head = head(&[("transfer-encoding", "chunked"), ("content-length", "5")]);
        strip_response(&mut head);
        assert!(head.is_empty());
    }

    #[test]
    fn only_a_websocket_may_upgrade() {
        let ws = &[("connection", "Upgrade"), ("upgrade", "WebSocket")][..];
        let rows: &[(Lines<'_>, Version, bool)] = &[
            (ws, Version::HTTP_11, true),
            (ws, Version::HTTP_10, false),
            (ws, Version::HTTP_2, false),
            (
                &[("connection", "keep-alive, upgrade"), ("upgrade", "h2c, websocket")],
                Version::HTTP_11,
                true,
            ),
            (&[("upgrade", "websocket")], Version::HTTP_11, false),
            (&[("connection", "upgrade")], Version::HTTP_11, false),
            (&[("connection", "upgrade"), ("upgrade", "h2c")], Version::HTTP_11, false),
            (&[("connection", "upgrade"), ("upgrade", "websocket/2")], Version::HTTP_11, false),
            (&[("connection", "close"), ("upgrade", "websocket")], Version::HTTP_11, false),
        ];
        for (lines, version, expected) in rows {
            let found = upgrade_protocol(&head(lines), *version);
            let expected = expected.then_some(HeaderValue::from_static("websocket"));
            assert_eq!(found, expected, "{lines:?} {version:?}");
        }
    }

    #[test]
    fn trailers_are_wanted_when_te_says_so_on_any_line() {
        let rows: &[(Lines<'_>, bool)] = &[
            (&[("te", "trailers")], true),
            (&[("te", "gzip;q=0.5, Trailers")], true),
            (&[("te", "gzip"), ("te", "trailers")], true),
            (&[("te", "gzip")], false),
            (&[], false),
        ];
        for (lines, expected) in rows {
            assert_eq!(wants_trailers(&head(lines)), *expected, "{lines:?}");
        }
    }

    #[test]
    fn trailers_that_would_steer_the_message_are_dropped() {
        let misplaced = [
            "Transfer-Encoding",
            "Content-Length",
            "Host",
            "Connection",
            "Authorization",
            "Proxy-Authorization",
            "WWW-Authenticate",
            "Cookie",
            "Set-Cookie",
            "Cache-Control",
            "Expires",
            "Vary",
            "Age",
            "Date",
            "Range",
            "If-None-Match",
            "Max-Forwards",
            "Expect",
            "Content-Type",
            "Content-Encoding",
            "Content-Range",
            "Trailer",
            "Location",
        ];
        let mut lines: Vec<_> = misplaced.iter().map(|name| (*name, "x")).collect();
        lines.extend([("digest", "a"), ("digest", "b"), ("server-timing", "c")]);
        let mut trailers = head(&lines);
        clean_trailers(&mut trailers);
        assert_eq!(names(&trailers), ["digest", "digest", "server-timing"]);
    }
}
