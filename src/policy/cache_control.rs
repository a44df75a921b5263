//! Cache directives (RFC 9111 §5.2): typed once, never strings again.
//!
//! Names in any case, token and quoted-string arguments, all lines combined, unknown directives
//! ignored. Of duplicates the most restrictive counts, and what is invalid never lengthens a life.

use std::borrow::Cow;
use std::time::Duration;

use http::header::{CACHE_CONTROL, PRAGMA};
use http::{HeaderMap, HeaderName};

use super::targeted::{self, TargetList};
use crate::http::list;

/// The largest delta-seconds; larger ones count as this one (RFC 9111 §1.2.2).
const MOST_SECONDS: u64 = 1 << 31;

/// How much staleness a client accepts (`max-stale`, RFC 9111 §5.2.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxStale {
    /// A stale response of any age.
    Any,
    /// Stale by no more than this.
    Within(Duration),
}

/// The directives of a request (RFC 9111 §5.2.1), `Pragma: no-cache` included (§5.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestDirectives {
    /// Nothing stored is used without validation.
    pub no_cache: bool,
    /// Nothing of this request or its response is stored.
    pub no_store: bool,
    /// Only what is stored; 504 otherwise.
    pub only_if_cached: bool,
    /// No response older than this.
    pub max_age: Option<Duration>,
    /// Only a response that stays fresh for at least this long.
    pub min_fresh: Option<Duration>,
    /// Whether, and by how much, the response may be stale.
    pub max_stale: Option<MaxStale>,
    /// How stale the response may be when the origin fails (RFC 5861 §4).
    pub stale_if_error: Option<Duration>,
}

impl RequestDirectives {
    /// Reads all `Cache-Control` lines; without one, `Pragma: no-cache` counts as `no-cache`.
    pub fn parse(fields: &HeaderMap) -> Self {
        let mut read = Self::default();
        if !fields.contains_key(CACHE_CONTROL) {
            read.no_cache = list::contains_token(fields, &PRAGMA, "no-cache");
            return read;
        }
        for directive in directives(fields) {
            match directive.name.as_str() {
                "no-cache" => read.no_cache = true,
                "no-store" => read.no_store = true,
                "only-if-cached" => read.only_if_cached = true,
                "max-age" => lower(&mut read.max_age, directive.seconds_or_zero()),
                "min-fresh" => {
                    let wanted = directive.seconds().unwrap_or(Duration::from_secs(MOST_SECONDS));
                    read.min_fresh = Some(read.min_fresh.map_or(wanted, |had| had.max(wanted)));
                }
                "max-stale" => read.accept_stale(&directive),
                "stale-if-error" => lower(&mut read.stale_if_error, directive.seconds_or_zero()),
                _ => {}
            }
        }
        read
    }

    /// Of several `max-stale` the least counts; an invalid one accepts nothing stale.
    fn accept_stale(&mut self, directive: &Directive<'_>) {
        let accepted = match directive.argument {
            None => MaxStale::Any,
            Some(_) => MaxStale::Within(directive.seconds_or_zero()),
        };
        self.max_stale = Some(match (self.max_stale, accepted) {
            (Some(MaxStale::Within(a)), MaxStale::Within(b)) => MaxStale::Within(a.min(b)),
            (Some(MaxStale::Within(a)), MaxStale::Any) => MaxStale::Within(a),
            (_, accepted) => accepted,
        });
    }
}

/// What a directive with an optional list of field names covers (RFC 9111 §5.2.2.4, §5.2.2.7).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Extent {
    /// The directive is absent.
    #[default]
    Nothing,
    /// Only these fields.
    Fields(Vec<HeaderName>),
    /// The whole response.
    Whole,
}

impl Extent {
    /// The fields that it names; none when it covers nothing or the whole.
    pub fn fields(&self) -> &[HeaderName] {
        match self {
            Self::Fields(names) => names,
            Self::Nothing | Self::Whole => &[],
        }
    }

    /// Whether it covers the whole response.
    pub fn is_whole(&self) -> bool {
        matches!(self, Self::Whole)
    }

    /// Whether the directive is there at all.
    pub fn is_present(&self) -> bool {
        !matches!(self, Self::Nothing)
    }

    /// Widens by one more occurrence; a list that names no valid field covers the whole.
    fn widen(&mut self, directive: &Directive<'_>) {
        let named = match directive.argument.as_deref().map(list::unquote) {
            Some(Some(text)) => text
                .split(',')
                .map(|name| name.trim_matches([' ', '\t']).as_bytes())
                .filter(|name| !name.is_empty())
                .map(HeaderName::from_bytes)
                .collect::<Result<Vec<_>, _>>(),
            _ => Ok(Vec::new()),
        };
        match (named, &mut *self) {
            (_, Self::Whole) => {}
            (Ok(names), Self::Fields(all)) if !names.is_empty() => all.extend(names),
            (Ok(names), Self::Nothing) if !names.is_empty() => *self = Self::Fields(names),
            _ => *self = Self::Whole,
        }
    }
}

/// The directives of a response (RFC 9111 §5.2.2, RFC 5861, RFC 8246).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseDirectives {
    /// Nothing of it is stored.
    pub no_store: bool,
    /// Not for a shared cache.
    pub private: Extent,
    /// Not used without validation.
    pub no_cache: Extent,
    /// Never used stale.
    pub must_revalidate: bool,
    /// Never used stale by a shared cache.
    pub proxy_revalidate: bool,
    /// Storable although it otherwise would not be.
    pub public: bool,
    /// Stored only by a cache that knows the status code; `no-store` is then for others.
    pub must_understand: bool,
    /// Not changing while fresh (RFC 8246).
    pub immutable: bool,
    /// Freshness lifetime for shared caches.
    pub s_maxage: Option<Duration>,
    /// Freshness lifetime.
    pub max_age: Option<Duration>,
    /// How stale it may be while it is validated behind (RFC 5861 §3).
    pub stale_while_revalidate: Option<Duration>,
    /// How stale it may be when the origin fails (RFC 5861 §4).
    pub stale_if_error: Option<Duration>,
    /// They come from a targeted field: `Expires` means nothing beside it (RFC 9213 §2.2).
    pub targeted: bool,
}

impl ResponseDirectives {
    /// Reads all `Cache-Control` lines. An invalid lifetime is a lifetime of zero (§4.2.1);
    /// `Pragma` means nothing in a response.
    pub fn parse(fields: &HeaderMap) -> Self {
        Self::collect(directives(fields))
    }

    /// Reads the first field of `targets` that says something, else `Cache-Control` (RFC 9213 §2.2).
    pub fn read(fields: &HeaderMap, targets: &TargetList) -> Self {
        match targeted::directives(fields, targets) {
            Some(directives) => Self { targeted: true, ..Self::collect(directives.into_iter()) },
            None => Self::parse(fields),
        }
    }

    fn collect<'a>(directives: impl Iterator<Item = Directive<'a>>) -> Self {
        let mut read = Self::default();
        for directive in directives {
            // What only restricts counts with an argument too; what permits must stand alone.
            let alone = directive.argument.is_none();
            match directive.name.as_str() {
                "no-store" => read.no_store = true,
                "private" => read.private.widen(&directive),
                "no-cache" => read.no_cache.widen(&directive),
                "must-revalidate" => read.must_revalidate = true,
                "proxy-revalidate" => read.proxy_revalidate = true,
                "public" => read.public |= alone,
                "must-understand" => read.must_understand |= alone,
                "immutable" => read.immutable |= alone,
                "s-maxage" => lower(&mut read.s_maxage, directive.seconds_or_zero()),
                "max-age" => lower(&mut read.max_age, directive.seconds_or_zero()),
                "stale-while-revalidate" => {
                    lower(&mut read.stale_while_revalidate, directive.seconds_or_zero());
                }
                "stale-if-error" => lower(&mut read.stale_if_error, directive.seconds_or_zero()),
                _ => {}
            }
        }
        read
    }
}

/// One member of `Cache-Control`, or of a targeted field.
pub(super) struct Directive<'a> {
    /// In lower case.
    pub(super) name: String,
    /// As written: a token or a quoted-string where it is valid.
    pub(super) argument: Option<Cow<'a, str>>,
}

impl Directive<'_> {
    /// The argument as delta-seconds; `None` when it is missing or is none.
    fn seconds(&self) -> Option<Duration> {
        parse_seconds(&list::unquote(self.argument.as_deref()?).unwrap_or_default())
    }

    fn seconds_or_zero(&self) -> Duration {
        self.seconds().unwrap_or_default()
    }
}

fn directives(fields: &HeaderMap) -> impl Iterator<Item = Directive<'_>> {
    list::members(fields, &CACHE_CONTROL).map(|member| {
        let (name, argument) = list::split_argument(member);
        let name = name.trim_matches([' ', '\t']).to_ascii_lowercase();
        Directive { name, argument: argument.map(Cow::Borrowed) }
    })
}

/// delta-seconds (RFC 9111 §1.2.2): digits only; an overlong number saturates.
pub(super) fn parse_seconds(text: &str) -> Option<Duration> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let seconds = text.parse::<u64>().unwrap_or(MOST_SECONDS);
    Some(Duration::from_secs(seconds.min(MOST_SECONDS)))
}

/// Keeps the lesser of two limits.
fn lower(limit: &mut Option<Duration>, other: Duration) {
    *limit = Some(limit.map_or(other, |had| had.min(other)));
}

#[cfg(test)]
mod tests;
