//! The conditions of a validation (RFC 9111 §4.3.1): what is stored, joined with what the client has.

use http::header::{ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::clients_tags;
use crate::http::EntityTag;
use crate::policy::partial::Coverage;
use crate::policy::reuse::{CONDITIONS, coverage};
use crate::policy::select::{Variant, could_be_chosen, has_strong_tag};
use crate::policy::{RequestView, StoredHead};
use crate::time::Timestamp;

/// The most tags of ours in one request; the newest count.
const MOST_TAGS: usize = 32;

/// The most of the client's tags that ours are joined with; of more than these, none.
const MOST_FOREIGN: usize = 64;

/// What is asked about, and of whom it comes.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    /// The stored responses whose tags are sent and that the request could select.
    selectable: Vec<usize>,
    /// The stored responses whose strong tags are sent although the request does not select them.
    pub(super) others: Vec<usize>,
    /// The stored response whose date is sent.
    dated: Option<usize>,
    /// The client's tags that are sent too and are none of ours.
    pub(super) foreign: Vec<EntityTag>,
}

impl Conditions {
    /// Decides what to ask: the tags of all variants, or the date of the chosen one where it has no tag;
    /// with nothing but one variant, both.
    pub(super) fn of<V: Variant>(
        variants: &[V],
        chosen: Option<usize>,
        request: &RequestView<'_>,
        now: Timestamp,
    ) -> Self {
        let selected = chosen.and_then(|at| Some((at, variants.get(at)?.head())));
        let dated = selected
            .filter(|(_, head)| head.freshness.has_last_modified())
            .filter(|(_, head)| variants.len() == 1 || !head.freshness.has_etag())
            .map(|(at, _)| at);
        let mut sent = Self { dated, ..Self::default() };
        if selected.is_some_and(|(_, head)| !head.freshness.has_etag()) {
            return sent;
        }
        for (at, variant) in newest_first(variants) {
            // Of parts only if they can answer (§4.3.2).
            let answers = variant.partial().is_none_or(|partial| {
                matches!(coverage(request, variant.head(), partial, now), Coverage::Within(_))
            });
            if !answers || !variant.head().freshness.has_etag() {
                continue;
            }
            if could_be_chosen(variant.head(), request) {
                sent.selectable.push(at);
            } else if has_strong_tag(variant.head()) {
                sent.others.push(at);
            }
        }
        sent.selectable.truncate(MOST_TAGS);
        sent.others.truncate(MOST_TAGS - sent.selectable.len());
        if !sent.tagged().is_empty() {
            let ours: Vec<_> = sent.own_tags(variants).collect();
            sent.foreign = clients_tags(request.fields);
            sent.foreign.retain(|tag| !ours.iter().any(|own| own.weak_eq(tag)));
            if sent.foreign.len() > MOST_FOREIGN {
                sent.foreign.clear();
            }
        }
        sent
    }

    /// Whether nothing of ours is asked.
    pub(super) fn is_empty(&self) -> bool {
        self.tagged().is_empty() && self.dated.is_none()
    }

    /// The only stored response that the conditions are made from.
    pub(super) fn sole(&self) -> Option<usize> {
        let mut all = self.tagged();
        all.extend(self.dated);
        all.dedup();
        match all.as_slice() {
            [only] => Some(*only),
            _ => None,
        }
    }

    fn tagged(&self) -> Vec<usize> {
        self.selectable.iter().chain(&self.others).copied().collect()
    }

    fn own_tags<V: Variant>(&self, variants: &[V]) -> impl Iterator<Item = EntityTag> {
        let heads = self.tagged().into_iter().filter_map(|at| Some(variants.get(at)?.head()));
        heads.filter_map(|head| EntityTag::parse(head.field(&ETAG)?))
    }
}

fn newest_first<V: Variant>(variants: &[V]) -> Vec<(usize, &V)> {
    let mut all: Vec<_> = variants.iter().enumerate().collect();
    all.sort_by_key(|(_, variant)| std::cmp::Reverse(variant.head().date()));
    all
}

/// Makes a request validate what is stored: `variants` are all responses stored under the key, `chosen`
/// the one that the request selects. The client's own conditions give way to ours; its list of entity
/// tags is joined with ours (§4.3.2). Its `Range` stays: `If-None-Match` is evaluated before it. Where
/// there is nothing to ask about, nothing is changed.
pub fn set_conditions<V: Variant>(
    variants: &[V],
    chosen: Option<usize>,
    request: &RequestView<'_>,
    now: Timestamp,
    fields: &mut HeaderMap,
) {
    let sent = Conditions::of(variants, chosen, request, now);
    if sent.is_empty() {
        return;
    }
    clear_conditions(fields);
    // Sent byte for byte as the origin wrote them.
    let mut tags: Vec<Vec<u8>> = Vec::new();
    for head in sent.tagged().into_iter().filter_map(|at| Some(variants.get(at)?.head())) {
        let tag = head.field(&ETAG).unwrap_or_default().to_vec();
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    tags.extend(sent.foreign.iter().map(written));
    if let (false, Ok(value)) = (tags.is_empty(), HeaderValue::try_from(tags.join(&b", "[..]))) {
        fields.insert(IF_NONE_MATCH, value);
    }
    if let Some(dated) = sent.dated.and_then(|at| variants.get(at)) {
        copy(dated.head(), &LAST_MODIFIED, fields, IF_MODIFIED_SINCE);
    }
}

/// Takes the conditions that ask for a 304 out of a request, so that the answer has a body.
pub fn clear_conditions(fields: &mut HeaderMap) {
    for name in CONDITIONS.iter().filter(|name| **name != http::header::IF_RANGE) {
        fields.remove(name);
    }
}

/// Takes everything that is the client's alone out of a request, so that it can be made again on our own
/// account, behind an answer: conditions and range.
pub fn clear_particulars(fields: &mut HeaderMap) {
    for name in CONDITIONS.iter().chain([&http::header::RANGE]) {
        fields.remove(name);
    }
}

fn copy(stored: &StoredHead, from: &HeaderName, fields: &mut HeaderMap, to: HeaderName) {
    if let Some(Ok(value)) = stored.field(from).map(HeaderValue::from_bytes) {
        fields.insert(to, value);
    }
}

fn written(tag: &EntityTag) -> Vec<u8> {
    let mark: &[u8] = if tag.weak { b"W/" } else { b"" };
    [mark, b"\"", &tag.opaque, b"\""].concat()
}
