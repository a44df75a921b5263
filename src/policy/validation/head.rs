//! What the answer to a HEAD says about the stored answers to GET (RFC 9111 §4.3.5).

use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Method, StatusCode};

use super::{Update, freshen};
use crate::http::validators::Validators;
use crate::policy::reuse::Config;
use crate::policy::select::{Variant, could_be_chosen};
use crate::policy::storable::carries_unkeyed;
use crate::policy::{ExchangeTimes, RequestView, ResponseView};

/// What a HEAD says about what is stored.
#[derive(Clone, Debug, Default)]
pub struct HeadSays {
    /// These are still the same.
    pub freshened: Vec<Update>,
    /// These have changed: they are stale at least, and to be removed.
    pub changed: Vec<usize>,
}

/// Compares a 200 to a HEAD with the stored answers to GET that it could have been the head of: those
/// with the same validators and length are freshened, or left alone where the answer may not be stored;
/// the others have changed. Any other response says nothing.
pub fn assess_head<V: Variant>(
    variants: &[V],
    request: &RequestView<'_>,
    response: &ResponseView<'_>,
    times: ExchangeTimes,
    config: &Config,
) -> HeadSays {
    let mut says = HeadSays::default();
    if *request.method != Method::HEAD
        || response.status != StatusCode::OK
        || carries_unkeyed(request)
    {
        return says;
    }
    let new = Validators::read(response.fields, times.response_time);
    for (at, variant) in variants.iter().enumerate() {
        let head = variant.head();
        if !could_be_chosen(head, request) {
            continue;
        }
        let old = Validators::read(&head.fields(), head.times.response_time);
        let ours = matches!(head.status(), StatusCode::OK | StatusCode::PARTIAL_CONTENT);
        let same = ours
            && (new.etag.is_none() || new.etag == old.etag)
            && (new.last_modified.is_none() || new.last_modified == old.last_modified)
            && same_length(variant, response.fields);
        match freshen(head, request, response, times, config) {
            Some((head, kept @ true)) if same => {
                says.freshened.push(Update { at, head, beside: false, kept });
            }
            // What may not be stored is this answer; what is stored has not changed.
            Some((_, false)) if same => {}
            _ => says.changed.push(at),
        }
    }
    says
}

/// Whether the length that a HEAD names, if it names one, is that of the stored body.
fn same_length(variant: &impl Variant, new: &HeaderMap) -> bool {
    let Some(said) = new.get(CONTENT_LENGTH) else { return true };
    let said = said.to_str().ok().and_then(|text| text.trim().parse::<u64>().ok());
    said.is_none() || said == variant.complete_length()
}

#[cfg(test)]
mod tests;
