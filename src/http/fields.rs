//! The field table: what becomes of each field when a message travels on, is stored, or is updated.

use http::HeaderName;

/// What may be done with a field. A field that is not in the table may do all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// It travels on; if not, it is hop-by-hop (RFC 9110 §7.6.1) or meant for this proxy alone.
    pub forwarded: bool,
    /// A stored response keeps it (RFC 9111 §3.1). `Age` is not kept: it is made anew at each reuse.
    pub stored: bool,
    /// A 304 replaces the stored one (RFC 9111 §3.2).
    pub updated: bool,
    /// It may stand in a trailer section (RFC 9110 §6.5.1).
    pub trailing: bool,
    /// `Connection` may not remove it: the next hop cannot read the message without it.
    pub required: bool,
}

/// A field that everything may be done with.
const ANY: Rule =
    Rule { forwarded: true, stored: true, updated: true, trailing: true, required: false };
/// Between two neighbours only.
const HOP: Rule =
    Rule { forwarded: false, stored: false, updated: false, trailing: false, required: false };
/// Says where the message ends or whom it is for.
const FRAMING: Rule = Rule { required: true, updated: false, ..HEAD };
/// Says how the stored body is to be read: belongs to the body that came with it.
const BODY: Rule = Rule { updated: false, ..HEAD };
/// Must be known before the body is read.
const HEAD: Rule = Rule { trailing: false, ..ANY };
/// Made anew for each response.
const FRESH: Rule = Rule { stored: false, updated: false, ..HEAD };

/// What may be done with a field of this name: the field table. As a match, because it is asked for every
/// field of every message.
pub fn rule(name: &HeaderName) -> Rule {
    match name.as_str() {
        "connection"
        | "http2-settings"
        | "keep-alive"
        | "proxy-authenticate"
        | "proxy-authentication-info"
        | "proxy-authorization"
        | "proxy-connection"
        | "te"
        | "transfer-encoding"
        | "upgrade" => HOP,
        "content-length" | "host" => FRAMING,
        "content-encoding" | "content-range" => BODY,
        "age" => FRESH,
        "authorization"
        | "cache-control"
        | "cdn-cache-control"
        | "content-type"
        | "cookie"
        | "date"
        | "expect"
        | "expires"
        | "if-match"
        | "if-modified-since"
        | "if-none-match"
        | "if-range"
        | "if-unmodified-since"
        | "location"
        | "max-forwards"
        | "pragma"
        | "range"
        | "retry-after"
        | "set-cookie"
        | "trailer"
        | "vary"
        | "via"
        | "warning"
        | "www-authenticate" => HEAD,
        _ => ANY,
    }
}

#[cfg(test)]
mod tests {
    use http::header::{
        AGE, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, HOST, PROXY_AUTHENTICATE,
        PROXY_AUTHORIZATION, TRANSFER_ENCODING,
    };

    use super::*;

    #[test]
    fn a_field_that_is_not_listed_travels_is_stored_updated_and_may_trail() {
        for name in ["x-anything", "etag", "last-modified", "authentication-info", "server-timing"]
        {
            assert_eq!(rule(&HeaderName::from_static(name)), ANY, "{name}");
        }
    }

    #[test]
    fn what_does_not_travel_is_neither_stored_nor_updated_nor_trailing() {
        for rule in [ANY, HOP, FRAMING, BODY, HEAD, FRESH] {
            if !rule.forwarded {
                assert!(!rule.stored && !rule.updated && !rule.trailing, "{rule:?}");
            }
            assert!(rule.stored || !rule.updated, "{rule:?} is updated but not stored");
        }
    }

    #[test]
    fn a_name_is_found_in_whatever_case_it_was_written() {
        for name in ["Transfer-Encoding", "KEEP-ALIVE", "hTTP2-settings"] {
            assert_eq!(
                HeaderName::from_bytes(name.as_bytes()).map(|name| rule(&name)).ok(),
                Some(HOP)
            );
        }
        assert_eq!(rule(&HOST), FRAMING);
    }

    #[test]
    fn proxy_credentials_and_challenges_never_travel() {
        for name in [PROXY_AUTHORIZATION, PROXY_AUTHENTICATE] {
            assert!(!rule(&name).forwarded, "{name}");
        }
    }

    #[test]
    fn a_304_never_changes_how_the_stored_body_is_read() {
        for name in [CONTENT_LENGTH, CONTENT_ENCODING, CONTENT_RANGE, TRANSFER_ENCODING] {
            assert!(!rule(&name).updated, "{name}");
        }
    }

    #[test]
    fn the_age_of_a_response_is_forwarded_but_not_stored() {
        assert!(rule(&AGE).forwarded && !rule(&AGE).stored && !rule(&AGE).updated);
    }
}
