//! Which of several stored responses a request selects (RFC 9111 §4.1).

use http::HeaderName;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE,
};

use super::partial::Partial;
use super::reuse::Candidate;
use super::vary::Asked;
use super::{RequestView, StoredHead};
use crate::http::accept;
use crate::time::Timestamp;

/// One of the responses stored under a key, as the store hands it over.
pub trait Variant {
    /// Its head.
    fn head(&self) -> &StoredHead;

    /// Which bytes of it are there, where it is not complete.
    fn partial(&self) -> Option<&Partial> {
        None
    }

    /// How long its body is, where that is known.
    fn complete_length(&self) -> Option<u64> {
        None
    }
}

impl Variant for StoredHead {
    fn head(&self) -> &StoredHead {
        self
    }
}

/// What a request finds among the responses stored under its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// There are none.
    Nothing,
    /// There are some, but none that it selects.
    Others,
    /// It selects the one at this place.
    At(usize),
}

impl Selection {
    /// What [`decide`](super::decide) takes.
    pub fn candidate<'a, V: Variant>(self, variants: &'a [V]) -> Candidate<'a> {
        match self {
            Self::Nothing => Candidate::None,
            Self::Others => Candidate::OtherVariant {
                tagged: variants.iter().any(|v| has_strong_tag(v.head())),
            },
            Self::At(at) => match variants.get(at) {
                None => Candidate::None,
                Some(variant) => match variant.partial() {
                    Some(partial) => Candidate::Partial(variant.head(), partial),
                    None => Candidate::Stored(variant.head()),
                },
            },
        }
    }

    /// The place of the selected one.
    pub fn at(self) -> Option<usize> {
        match self {
            Self::At(at) => Some(at),
            Self::Nothing | Self::Others => None,
        }
    }
}

/// Chooses among all responses stored under the request's key: of those that match, the one that its
/// weights rank highest, and of equals the newest by `Date`. What has no `Vary` matches everything, but
/// may lack it by mistake: it gives way to what has one, and is not used at all while a fresh response
/// says that the resource varies.
pub fn select<V: Variant>(variants: &[V], request: &RequestView<'_>, now: Timestamp) -> Selection {
    match variants {
        [] => return Selection::Nothing,
        [only] if only.head().nominated.matches(request.fields) => return Selection::At(0),
        _ => {}
    }
    let all = || variants.iter().enumerate();
    let varying = all().filter(|(_, v)| !v.head().nominated.is_empty());
    let asked = Asked::of(request.fields);
    let matching: Vec<_> = varying.filter(|(_, v)| is_chosen(v.head(), request, &asked)).collect();
    if let Some(at) = preferred(&matching, request) {
        return Selection::At(at);
    }
    let varies = |v: &V| !v.head().nominated.is_empty() && v.head().ttl(now) > 0;
    let same_for_all: Vec<_> = all().filter(|(_, v)| v.head().nominated.is_empty()).collect();
    match preferred(&same_for_all, request) {
        Some(at) if !variants.iter().any(varies) => Selection::At(at),
        _ => Selection::Others,
    }
}

/// Whether a request could select a stored response (§4.1): its nominated fields match; but for
/// `Accept-Language` it is enough that the response is wholly in the one language that the request
/// ranks highest.
pub(super) fn could_be_chosen(head: &StoredHead, request: &RequestView<'_>) -> bool {
    // The first alone needs nothing normalised where the bytes are the same.
    head.nominated.matches(request.fields) || is_chosen(head, request, &Asked::of(request.fields))
}

/// The same of one of several.
fn is_chosen(head: &StoredHead, request: &RequestView<'_>, asked: &Asked<'_>) -> bool {
    asked.matches(&head.nominated)
        || (asked.matches_except(&head.nominated, &ACCEPT_LANGUAGE) && is_favourite(head, request))
}

/// Whether `Content-Language` is the one tag that the request ranks strictly highest.
fn is_favourite(head: &StoredHead, request: &RequestView<'_>) -> bool {
    let mut lines = head.lines().filter(|(name, _)| *name == CONTENT_LANGUAGE.as_str().as_bytes());
    let (Some((_, language)), None) = (lines.next(), lines.next()) else { return false };
    let language = language.trim_ascii();
    accept::favourite_language(request.fields)
        .is_some_and(|favourite| language.eq_ignore_ascii_case(favourite.as_bytes()))
}

/// Of several that match, the one ranked highest; of equals the newest, of those the one stored last.
fn preferred<V: Variant>(matching: &[(usize, &V)], request: &RequestView<'_>) -> Option<usize> {
    if let [(at, _)] = matching {
        return Some(*at);
    }
    let ranks = Ranks::of(matching, request);
    let best = matching.iter().max_by_key(|(at, variant)| {
        let head = variant.head();
        (ranks.rank(head, request), head.date(), head.times.response_time, *at)
    });
    best.map(|(at, _)| *at)
}

/// Which of the weights rank: those of fields that all that match are chosen by, and that all of them
/// say something about.
#[derive(Clone, Copy)]
struct Ranks {
    language: bool,
    media: bool,
    coding: bool,
}

impl Ranks {
    fn of<V: Variant>(matching: &[(usize, &V)], request: &RequestView<'_>) -> Self {
        let all = |asked: &HeaderName, answered: Option<&HeaderName>| {
            request.fields.contains_key(asked)
                && matching.iter().all(|(_, variant)| {
                    let head = variant.head();
                    head.nominated.names(asked)
                        && answered.is_none_or(|name| head.field(name).is_some())
                })
        };
        Self {
            language: all(&ACCEPT_LANGUAGE, Some(&CONTENT_LANGUAGE)),
            media: all(&ACCEPT, Some(&CONTENT_TYPE)),
            // No coding is one too.
            coding: all(&ACCEPT_ENCODING, None),
        }
    }

    /// The product of the weights that count.
    fn rank(self, head: &StoredHead, request: &RequestView<'_>) -> u64 {
        let text = |name| head.field(name).and_then(|value| std::str::from_utf8(value).ok());
        let fields = request.fields;
        let mut rank = 1;
        if self.language {
            // Of several languages the one that is liked least: the whole is for who likes them all.
            let tags = text(&CONTENT_LANGUAGE).unwrap_or_default().split(',');
            let least = tags.map(|tag| accept::language_quality(fields, tag.trim())).min();
            rank *= u64::from(least.unwrap_or(accept::Quality::NONE).thousandths());
        }
        if self.media {
            let media = text(&CONTENT_TYPE).unwrap_or_default();
            rank *= u64::from(accept::media_quality(fields, media).thousandths());
        }
        if self.coding {
            let codings = text(&CONTENT_ENCODING).unwrap_or("identity").split(',');
            let least = codings.map(|coding| accept::coding_quality(fields, coding.trim())).min();
            rank *= u64::from(least.unwrap_or(accept::Quality::NONE).thousandths());
        }
        rank
    }
}

/// Whether a tag of it names its very bytes.
pub(super) fn has_strong_tag(head: &StoredHead) -> bool {
    use http::header::ETAG;
    head.freshness.has_etag() && head.field(&ETAG).is_some_and(|tag| !tag.starts_with(b"W/"))
}

#[cfg(test)]
mod tests;
