//! Validation (RFC 9111 §4.3): the conditions that we add, and what an answer to them means.

mod conditions;
mod head;

use http::header::{AGE, DATE, IF_MODIFIED_SINCE, IF_NONE_MATCH};
use http::{HeaderMap, StatusCode};

pub use conditions::{clear_conditions, clear_particulars, set_conditions};
pub use head::{HeadSays, assess_head};

use super::partial::recoded;
use super::reuse::Config;
use super::select::{Variant, could_be_chosen};
use super::storable::{Kept, judge};
use super::{ExchangeTimes, RequestView, ResponseView, Storable, StoredHead};
use crate::http::validators::{
    EntityTag, Validators, date_field, entity_tags, strong_last_modified,
};
use crate::http::{date, fields, hop_by_hop};
use conditions::Conditions;

/// What the answer to a validation means.
#[derive(Clone, Debug)]
pub enum Validated {
    /// A 304 for stored responses (§4.3.4).
    Freshened {
        /// The one that answers the request.
        used: Update,
        /// The others that it is about too.
        others: Vec<Update>,
    },
    /// A 304 that answers the client's own conditions and says nothing about what is stored: it is the
    /// client's.
    PassOn,
    /// A 304 that helps nobody: ask once more, without conditions ([`clear_conditions`]).
    Repeat,
    /// Any other answer: treat it like the answer to a forwarded request (§4.3.3).
    Replace,
}

/// A stored response under the fields of a 304.
#[derive(Clone, Debug)]
pub struct Update {
    /// Which one of those that were validated.
    pub at: usize,
    /// Its freshened head.
    pub head: StoredHead,
    /// Whether the stored response stays as it is beside this one, which has other nominated fields: the
    /// request did not select it, but the origin says that it is the same.
    pub beside: bool,
    /// Whether it may be kept. If not, it answers this request, and then nothing of it is stored any more.
    pub kept: bool,
}

/// Decides what the answer to a validation means. `variants` are all responses stored under the key and
/// `chosen` the one that the request selected, both as [`set_conditions`] was given them; `request` is
/// the client's request, `times` are those of the validation.
pub fn assess<V: Variant>(
    variants: &[V],
    chosen: Option<usize>,
    request: &RequestView<'_>,
    response: &ResponseView<'_>,
    times: ExchangeTimes,
    config: &Config,
) -> Validated {
    if response.status != StatusCode::NOT_MODIFIED {
        return Validated::Replace;
    }
    let sent = Conditions::of(variants, chosen, request, times.request_time);
    let freshened = |at: &usize| {
        let head = variants.get(*at)?.head();
        freshen(head, request, response, times, config).map(|(new, kept)| Update {
            at: *at,
            head: new,
            beside: !head.nominated.matches(request.fields),
            kept,
        })
    };
    let mut updates: Vec<_> = identified(variants, &sent, request, response, times)
        .iter()
        .filter_map(freshened)
        .collect();
    let used = updates
        .iter()
        .position(|update| Some(update.at) == chosen)
        .or_else(|| (0..updates.len()).max_by_key(|at| updates.get(*at).map(|u| u.head.date())));
    match used {
        Some(used) if used < updates.len() => {
            let used = updates.swap_remove(used);
            updates.retain(|update| !update.beside);
            Validated::Freshened { used, others: updates }
        }
        _ if is_clients(&sent, request, response, times) => Validated::PassOn,
        _ => Validated::Repeat,
    }
}

/// The stored responses that a 304 is about (§4.3.4): those with its strong validator; else the newest
/// with its weak one; else, where it has none, the only one that the conditions were made from.
fn identified<V: Variant>(
    variants: &[V],
    sent: &Conditions,
    request: &RequestView<'_>,
    response: &ResponseView<'_>,
    times: ExchangeTimes,
) -> Vec<usize> {
    let new = Validators::read(response.fields, times.response_time);
    if new.is_empty() {
        let ours_alone = sent.foreign.is_empty();
        return sent.sole().filter(|_| ours_alone).into_iter().collect();
    }
    let same = |at: usize| {
        let head = variants.get(at)?.head();
        selects(head, &new, times).then_some(at)
    };
    let strong = new.etag.as_ref().is_some_and(|tag| !tag.weak)
        || (new.etag.is_none()
            && strong_last_modified(response.fields, times.response_time).is_some());
    let selected =
        |at: &usize| variants.get(*at).is_some_and(|v| could_be_chosen(v.head(), request));
    let mut found: Vec<usize> = (0..variants.len()).filter(selected).filter_map(same).collect();
    if found.is_empty() {
        // Not of those that the request selects, but we asked about it by its strong tag.
        found = sent.others.iter().copied().filter_map(same).collect();
    }
    if !strong {
        let newest =
            found.iter().copied().max_by_key(|at| variants.get(*at).map(|v| v.head().date()));
        found = newest.into_iter().collect();
    }
    found
}

/// Whether a 304 with validators is about this stored response.
fn selects(head: &StoredHead, new: &Validators, times: ExchangeTimes) -> bool {
    let had = head.fields();
    let old = Validators::read(&had, head.times.response_time);
    let same_date = old.last_modified.is_some() && old.last_modified == new.last_modified;
    match (&old.etag, &new.etag) {
        (Some(old), Some(new)) if new.weak => old.weak_eq(new),
        (Some(old), Some(new)) => old.strong_eq(new),
        // A tag that the stored response did not have: only a strong date says that it is the same.
        (None, Some(_)) => same_date && strong_last_modified(&had, times.response_time).is_some(),
        (_, None) => same_date,
    }
}

/// Whether a 304 that nothing stored can use is the answer to what the client itself asked.
fn is_clients(
    sent: &Conditions,
    request: &RequestView<'_>,
    response: &ResponseView<'_>,
    times: ExchangeTimes,
) -> bool {
    if sent.is_empty() {
        // Nothing of ours was in it.
        return [IF_NONE_MATCH, IF_MODIFIED_SINCE].iter().any(|c| request.fields.contains_key(c));
    }
    let new = Validators::read(response.fields, times.response_time).etag;
    new.is_some_and(|new| sent.foreign.iter().any(|tag| tag.weak_eq(&new)))
}

/// The stored head under the fields of a 304, and whether it may be kept; `None` when the 304 speaks of
/// other bytes.
fn freshen(
    stored: &StoredHead,
    request: &RequestView<'_>,
    response: &ResponseView<'_>,
    times: ExchangeTimes,
    config: &Config,
) -> Option<(StoredHead, bool)> {
    let had = stored.fields();
    if recoded(&had, response.fields) {
        return None;
    }
    let received = update(had.clone(), response.fields, times);
    let merged = ResponseView { status: stored.status(), fields: &received };
    let (how, kept) = match judge(request, &merged, times, config) {
        Storable::Store(how) => (how, true),
        Storable::Decline(_) => (Kept::default(), false),
    };
    let fields = update(had, &end_to_end(response.fields), times);
    let head = StoredHead::keep(stored.status(), stored.reason(), &fields, times, &how);
    Some((head, kept))
}

/// The stored fields, updated by those of a newer response (§3.2).
pub(super) fn update(had: HeaderMap, new: &HeaderMap, times: ExchangeTimes) -> HeaderMap {
    let mut merged = had;
    // No `Age` is stored, so the age is that of the newer answer.
    if let Some(age) = new.get(AGE) {
        merged.insert(AGE, age.clone());
    }
    for name in new.keys().filter(|name| fields::rule(name).updated) {
        merged.remove(name);
        for value in new.get_all(name) {
            merged.append(name.clone(), value.clone());
        }
    }
    if date_field(new, &DATE, times.response_time).is_none() {
        merged.insert(DATE, date::format(times.response_time));
    }
    merged
}

/// The fields of a response that travel further than one hop: what is stored of them.
pub(super) fn end_to_end(received: &HeaderMap) -> HeaderMap {
    let mut fields = received.clone();
    hop_by_hop::strip_response(&mut fields);
    fields
}

/// The tags of the client's `If-None-Match`.
fn clients_tags(request: &HeaderMap) -> Vec<EntityTag> {
    entity_tags(request, &IF_NONE_MATCH).collect()
}

#[cfg(test)]
mod tests;
