//! Which stored responses are of the same representation, and which take each other's place.

use super::stored::{Extent, StoredResponse};
use crate::policy::StoredHead;
use crate::policy::partial::is_completable;

/// Whether one takes the place of the other: the same key and the same request fields are nominated, with
/// equal values.
pub(super) fn is_same_variant(one: &StoredResponse, other: &StoredResponse) -> bool {
    one.key() == other.key() && one.head().nominated == other.head().nominated
}

/// Whether one is a part and says nothing against the other, which is whole: both are of the same
/// representation, or the part has no strong validator, so that nothing can ever be added to it.
pub(super) fn gives_way(part: &StoredResponse, whole: &StoredResponse) -> bool {
    let is_part = part.extent() != Extent::Whole && whole.extent() == Extent::Whole;
    is_part && (!is_completable(part.head()) || is_same_representation(part, whole))
}

/// Whether two can be put together, in one's place: variants that are the same, of one representation and
/// from the same place.
pub(super) fn belong_together(one: &StoredResponse, other: &StoredResponse) -> bool {
    one.whence() == other.whence()
        && is_same_variant(one, other)
        && is_same_representation(one, other)
}

/// Whether both have bytes of one body: the same strong validator (RFC 9110 §8.8.1), and lengths that
/// can be those of one.
pub(super) fn is_same_representation(one: &StoredResponse, other: &StoredResponse) -> bool {
    share_strong_validator(one.head(), other.head()) && {
        let (one, other) = (one.held(), other.held());
        let length = one.complete_length.or(other.complete_length);
        let fits = |length| {
            [&one, &other].iter().all(|held| {
                held.complete_length.is_none_or(|its| its == length)
                    && !held.intervals.reach_beyond(length)
            })
        };
        length.is_none_or(fits)
    }
}

fn share_strong_validator(one: &StoredHead, other: &StoredHead) -> bool {
    if !is_completable(one) || !is_completable(other) {
        return false;
    }
    let (one, other) = (one.validators(), other.validators());
    match (one.etag, other.etag) {
        (Some(one), Some(other)) => one.strong_eq(&other),
        (None, None) => one.last_modified == other.last_modified,
        _ => false,
    }
}
