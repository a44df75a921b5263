//! What came of a request in the cache, in the words of Cache-Status (RFC 9211).

use std::fmt;
use std::io::Write as _;

/// Why a request went forward (RFC 9211 §2.2). The same word in log, metric and field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ForwardReason {
    /// The cache was told not to handle this request.
    Bypass,
    /// The method's semantics require it.
    Method,
    /// Nothing is stored under the target URI.
    UriMiss,
    /// Responses are stored, but none that this request's fields select.
    VaryMiss,
    /// Nothing that is stored can be used, and which of the two it is cannot be told: it is damaged.
    Miss,
    /// A fresh response was there, but the request did not allow its use.
    Request,
    /// A response was there, but stale.
    Stale,
    /// A part was there, but not the part that was asked for.
    Partial,
}

impl ForwardReason {
    /// The value of the `fwd` parameter.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::Method => "method",
            Self::UriMiss => "uri-miss",
            Self::VaryMiss => "vary-miss",
            Self::Miss => "miss",
            Self::Request => "request",
            Self::Stale => "stale",
            Self::Partial => "partial",
        }
    }
}

impl fmt::Display for ForwardReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Declares the closed list of details: variant, word, meaning.
macro_rules! details {
    ($($variant:ident $word:literal $meaning:literal)*) => {
        /// Why something was not stored or not reused, or who allowed it: one closed list, the
        /// `detail` parameter (RFC 9211 §2.8). `docs/OPERATING.md` has a remedy for each.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Detail {
            $(#[doc = $meaning] $variant,)*
        }

        impl Detail {
            /// All details, in the order of the list.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The value of the `detail` parameter: a token.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }
    };
}

details! {
    NoStore "no-store" "The response says `no-store`."
    Private "private" "The response says `private`: not for a shared cache."
    NoCache "no-cache" "The response says `no-cache` and cannot be validated."
    Authorization "authorization" "The request had `Authorization`, and the response does not allow sharing, or its connection speaks for one client."
    SetCookie "set-cookie" "The response sets a cookie and has no explicit freshness."
    NoFreshness "no-freshness" "Nothing gives the response a lifetime, nor a validator."
    VaryStar "vary-star" "`Vary: *`: no other request may be answered with it."
    Status "status" "Responses with this status code are not stored."
    Method "method" "Responses to this method are not stored."
    Unkeyed "unkeyed" "The request has a `Range` that is not understood, or more than 8 KiB of fields: what may shape the answer and is no part of the key."
    Range "range" "A partial response."
    RequestNoStore "request-no-store" "The request says `no-store`."
    Condition "condition" "The request has `If-Match` or `If-Unmodified-Since`: only the origin can tell."
    TooLarge "too-large" "The body is larger than what may be stored."
    Truncated "truncated" "The body broke off."
    Disk "disk" "The disk did not take the body."
    SpoolBudget "spool-budget" "The budget for bodies under way was used up."
    Invalidated "invalidated" "An unsafe request invalidated it while it was being fetched."
    VaryMismatch "vary-mismatch" "The response under way is for other request fields."
    Unshareable "unshareable" "This URI's last response could not be shared: requests do not wait for each other."
    CollapseTimeout "collapse-timeout" "The fetch that this request waited for took too long to answer."
    Scope "scope" "What is stored came from an address that this client may not reach."
    Damaged "damaged" "What is stored could not be read, or is not what was written: it was fetched anew."
    OnlyIfCached "only-if-cached" "The request says `only-if-cached`, and nothing stored answers it."
    MaxStale "max-stale" "Stale, and the request's `max-stale` allows it."
    StaleOnError "stale-on-error" "Stale, and the origin could not be reached."
    StaleIfError "stale-if-error" "Stale, the origin failed, and `stale-if-error` allows it."
    StaleWhileRevalidate "stale-while-revalidate" "Stale, being validated behind, as `stale-while-revalidate` allows."
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What came of a request; written as one member of `Cache-Status` (RFC 9211 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheOutcome {
    /// Answered from what is stored, without asking the origin.
    Hit {
        /// Seconds of freshness left; negative when stale.
        ttl: i64,
        /// Who allowed it, when stale.
        detail: Option<Detail>,
    },
    /// Forwarded.
    Forwarded {
        /// Why.
        reason: ForwardReason,
        /// The status code that the next hop answered, where it is not the response's own.
        status: Option<u16>,
        /// Whether the response is being stored.
        stored: bool,
        /// Whether the request joined another one under way.
        collapsed: bool,
        /// Seconds of freshness left, where a stored response was sent.
        ttl: Option<i64>,
        /// Why it was not stored, or who allowed it stale.
        detail: Option<Detail>,
    },
}

impl CacheOutcome {
    /// The member of `Cache-Status` that says this, `larder` first.
    pub fn member(&self) -> String {
        self.to_string()
    }

    /// Appends the same.
    pub fn write(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Hit { ttl, detail: None } => {
                out.extend_from_slice(b"larder; hit; ttl=");
                out.extend_from_slice(itoa::Buffer::new().format(ttl).as_bytes());
            }
            // Writing to memory cannot fail.
            _ => drop(write!(out, "{self}")),
        }
    }
}

impl fmt::Display for CacheOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ttl, detail) = match *self {
            Self::Hit { ttl, detail } => {
                f.write_str("larder; hit")?;
                (Some(ttl), detail)
            }
            Self::Forwarded { reason, status, stored, collapsed, ttl, detail } => {
                write!(f, "larder; fwd={reason}")?;
                if let Some(status) = status {
                    write!(f, "; fwd-status={status}")?;
                }
                if stored {
                    f.write_str("; stored")?;
                }
                if collapsed {
                    f.write_str("; collapsed")?;
                }
                (ttl, detail)
            }
        };
        if let Some(ttl) = ttl {
            write!(f, "; ttl={ttl}")?;
        }
        match detail {
            Some(detail) => write!(f, "; detail={detail}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORWARDED: CacheOutcome = CacheOutcome::Forwarded {
        reason: ForwardReason::UriMiss,
        status: None,
        stored: false,
        collapsed: false,
        ttl: None,
        detail: None,
    };

    #[test]
    fn an_outcome_is_written_as_one_member_of_cache_status() {
        use CacheOutcome::{Forwarded, Hit};
        use ForwardReason::{Miss, Stale, UriMiss};
        #[rustfmt::skip]
        let rows = [
            (Hit { ttl: 3541, detail: None }, "larder; hit; ttl=3541"),
            (Hit { ttl: -12, detail: Some(Detail::StaleWhileRevalidate) },
                "larder; hit; ttl=-12; detail=stale-while-revalidate"),
            (FORWARDED, "larder; fwd=uri-miss"),
            (Forwarded { reason: UriMiss, status: None, stored: true, collapsed: false, ttl: None, detail: None },
                "larder; fwd=uri-miss; stored"),
            (Forwarded { reason: UriMiss, status: None, stored: false, collapsed: false, ttl: None, detail: Some(Detail::NoStore) },
                "larder; fwd=uri-miss; detail=no-store"),
            (Forwarded { reason: Miss, status: None, stored: true, collapsed: false, ttl: None, detail: Some(Detail::Damaged) },
                "larder; fwd=miss; stored; detail=damaged"),
            (Forwarded { reason: UriMiss, status: None, stored: false, collapsed: true, ttl: None, detail: None },
                "larder; fwd=uri-miss; collapsed"),
            (Forwarded { reason: Stale, status: Some(304), stored: false, collapsed: false, ttl: Some(60), detail: None },
                "larder; fwd=stale; fwd-status=304; ttl=60"),
        ];
        for (outcome, member) in rows {
            assert_eq!(outcome.member(), member);
            let mut written = Vec::new();
            outcome.write(&mut written);
            assert_eq!(written, member.as_bytes());
        }
    }

    #[test]
    fn every_detail_is_a_token_of_its_own() {
        let mut words: Vec<_> = Detail::ALL.iter().map(|detail| detail.as_str()).collect();
        assert!(words.iter().all(|w| w.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')));
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Detail::ALL.len());
    }
}
