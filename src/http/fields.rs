//! The field table: what becomes of each field when a message travels on, is stored, or is updated.

use http::HeaderName;
use http::header::{
    AGE, AUTHORIZATION, CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_TYPE, COOKIE, DATE, EXPECT, EXPIRES, HOST, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    IF_RANGE, IF_UNMODIFIED_SINCE, LOCATION, MAX_FORWARDS, PRAGMA, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, RANGE, RETRY_AFTER, SET_COOKIE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
    VARY, VIA, WARNING, WWW_AUTHENTICATE,
};

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

static TABLE: [(HeaderName, Rule); 39] = [
    (CONNECTION, HOP),
    (HeaderName::from_static("keep-alive"), HOP),
    (HeaderName::from_static("proxy-connection"), HOP),
    (TE, HOP),
    (TRANSFER_ENCODING, HOP),
    (UPGRADE, HOP),
    (HeaderName::from_static("http2-settings"), HOP),
    (PROXY_AUTHENTICATE, HOP),
    (HeaderName::from_static("proxy-authentication-info"), HOP),
    (PROXY_AUTHORIZATION, HOP),
    (HOST, FRAMING),
    (CONTENT_LENGTH, FRAMING),
    (CONTENT_ENCODING, BODY),
    (CONTENT_RANGE, BODY),
    (CONTENT_TYPE, HEAD),
    (AGE, FRESH),
    (AUTHORIZATION, HEAD),
    (CACHE_CONTROL, HEAD),
    (HeaderName::from_static("cdn-cache-control"), HEAD),
    (COOKIE, HEAD),
    (DATE, HEAD),
    (EXPECT, HEAD),
    (EXPIRES, HEAD),
    (IF_MATCH, HEAD),
    (IF_MODIFIED_SINCE, HEAD),
    (IF_NONE_MATCH, HEAD),
    (IF_RANGE, HEAD),
    (IF_UNMODIFIED_SINCE, HEAD),
    (LOCATION, HEAD),
    (MAX_FORWARDS, HEAD),
    (PRAGMA, HEAD),
    (RANGE, HEAD),
    (RETRY_AFTER, HEAD),
    (SET_COOKIE, HEAD),
    (TRAILER, HEAD),
    (VARY, HEAD),
    (VIA, HEAD),
    (WARNING, HEAD),
    (WWW_AUTHENTICATE, HEAD),
];

/// What may be done with a field of this name.
pub fn rule(name: &HeaderName) -> Rule {
    TABLE.iter().find(|(listed, _)| listed == name).map_or(ANY, |(_, rule)| *rule)
}

/// The fields that never travel on.
pub(super) fn hop_by_hop() -> impl Iterator<Item = &'static HeaderName> {
    TABLE.iter().filter(|(_, rule)| !rule.forwarded).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_field_that_is_not_listed_travels_is_stored_updated_and_may_trail() {
        for name in ["x-anything", "etag", "last-modified", "authentication-info", "server-timing"]
        {
            assert_eq!(rule(&HeaderName::from_static(name)), ANY, "{name}");
        }
    }

    #[test]
    fn no_field_is_listed_twice() {
        let names: HashSet<_> = TABLE.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), TABLE.len());
    }

    #[test]
    fn what_does_not_travel_is_neither_stored_nor_updated_nor_trailing() {
        for (name, rule) in &TABLE {
            if !rule.forwarded {
                assert!(!rule.stored && !rule.updated && !rule.trailing, "{name}");
            }
            assert!(rule.stored || !rule.updated, "{name} is updated but not stored");
        }
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
