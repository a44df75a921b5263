//! Content negotiation as a cache needs it (RFC 9110 §12): which of several representations a request
//! prefers. Lists are read strictly: who cannot say how much he likes a thing has not said it.

use http::header::{ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE};
use http::{HeaderMap, HeaderName};

use super::list::{is_ows, is_token, members, unquote};

/// A weight in thousandths (RFC 9110 §12.4.2): 0 is not acceptable, 1000 is best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quality(u16);

impl Quality {
    /// Not acceptable.
    pub const NONE: Self = Self(0);
    /// Acceptable, and nothing more was said.
    pub const LEAST: Self = Self(1);
    /// As good as can be.
    pub const BEST: Self = Self(1000);

    /// Reads a qvalue: `0` or `1`, with up to three decimals, none of which takes it over 1.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        if decimals.len() > 3 || !decimals.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let thousandths = format!("{decimals:0<3}").parse().ok()?;
        match (whole, thousandths) {
            ("0", some) => Some(Self(some)),
            ("1", 0) => Some(Self::BEST),
            _ => None,
        }
    }

    /// Thousandths, 0 to 1000.
    pub const fn thousandths(self) -> u16 {
        self.0
    }
}

/// One member of a list with weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preference {
    /// What is preferred, in lower case: a language range, a content coding, a media range.
    pub range: String,
    /// Parameters before the weight, names in lower case, values without their quotes.
    pub parameters: Vec<(String, String)>,
    /// How much.
    pub quality: Quality,
}

/// Reads a list with weights, over all lines of the field, in their order. `None` when a member is
/// malformed. An absent field and an empty one are an empty list.
pub fn preferences(request: &HeaderMap, name: &HeaderName) -> Option<Vec<Preference>> {
    members(request, name).map(preference).collect()
}

/// The only language tag that a request ranks above all others, in lower case: not `*`, and nothing
/// else has its weight. `None` when there is none, or when the field is malformed.
pub fn favourite_language(request: &HeaderMap) -> Option<String> {
    let all = preferences(request, &ACCEPT_LANGUAGE)?;
    let best = all.iter().map(|one| one.quality).max().filter(|best| *best > Quality::NONE)?;
    let mut top = all.into_iter().filter(|one| one.quality == best);
    let (Some(first), None) = (top.next(), top.next()) else { return None };
    (first.range != "*" && first.parameters.is_empty()).then_some(first.range)
}

/// How well a request likes a language tag: by the longest of its ranges that the tag begins with
/// (RFC 4647 §3.3.1). Without the field, or with a malformed one, all languages are the same.
pub fn language_quality(request: &HeaderMap, tag: &str) -> Quality {
    let tag = tag.to_ascii_lowercase();
    let specificity = |range: &Preference| match range.range.as_str() {
        "*" => Some(0),
        text => {
            let rest = tag.strip_prefix(text)?;
            (rest.is_empty() || rest.starts_with('-')).then_some(text.len())
        }
    };
    ranked(request, &ACCEPT_LANGUAGE, specificity).unwrap_or(Quality::NONE)
}

/// How well a request likes a content coding; `identity` is acceptable unless it is excluded
/// (RFC 9110 §12.5.3).
pub fn coding_quality(request: &HeaderMap, coding: &str) -> Quality {
    let specificity = |range: &Preference| match range.range.as_str() {
        "*" => Some(0),
        text => text.eq_ignore_ascii_case(coding).then_some(1),
    };
    let unnamed =
        if coding.eq_ignore_ascii_case("identity") { Quality::LEAST } else { Quality::NONE };
    ranked(request, &ACCEPT_ENCODING, specificity).unwrap_or(unnamed)
}

/// How well a request likes a media type with its parameters: the most specific range counts
/// (RFC 9110 §12.5.1).
pub fn media_quality(request: &HeaderMap, media_type: &str) -> Quality {
    let Some(media) = parameterised(media_type) else { return Quality::LEAST };
    let (major, _) = media.range.split_once('/').unwrap_or((&media.range, ""));
    let specificity = |range: &Preference| {
        let named = match range.range.split_once('/') {
            Some(("*", "*")) => 0,
            Some((wanted, "*")) => (wanted == major).then_some(1)?,
            _ => (range.range == media.range).then_some(2)?,
        };
        let all = range.parameters.iter().all(|wanted| media.parameters.contains(wanted));
        all.then_some(named + range.parameters.len())
    };
    ranked(request, &ACCEPT, specificity).unwrap_or(Quality::NONE)
}

/// The weight of the most specific range that matches. All is best where nothing can be said.
fn ranked(
    request: &HeaderMap,
    name: &HeaderName,
    specificity: impl Fn(&Preference) -> Option<usize>,
) -> Option<Quality> {
    let all = preferences(request, name).unwrap_or_default();
    if all.is_empty() {
        return Some(Quality::BEST);
    }
    let matching = all.iter().filter_map(|one| Some((specificity(one)?, one.quality)));
    matching.max().map(|(_, quality)| quality)
}

fn preference(member: &str) -> Option<Preference> {
    let mut read = parameterised(member)?;
    // What follows a weight is not part of the range.
    if let Some(at) = read.parameters.iter().position(|(name, _)| name == "q") {
        read.quality = Quality::parse(&read.parameters.get(at)?.1)?;
        read.parameters.truncate(at);
    }
    Some(read)
}

/// A value with parameters, split at the semicolons outside quotes.
fn parameterised(text: &str) -> Option<Preference> {
    let mut quoted = false;
    let mut escaped = false;
    let mut parts = text.split(|c: char| {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => return c == ';' && !quoted,
        }
        false
    });
    let range = parts.next()?.trim_matches(is_ows).to_ascii_lowercase();
    let valid = |part: &str| is_token(part);
    let well_formed = match range.split_once('/') {
        Some((major, minor)) => valid(major) && valid(minor),
        None => valid(&range),
    };
    let parameters = parts
        .map(|part| part.trim_matches(is_ows))
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (name, value) = part.split_once('=')?;
            let value = unquote(value)?.into_owned();
            is_token(name).then(|| (name.to_ascii_lowercase(), value))
        })
        .collect::<Option<Vec<_>>>()?;
    well_formed.then_some(Preference { range, parameters, quality: Quality::BEST })
}

#[cfg(test)]
mod tests;
