//! A part of a body, put together with what is stored of the same.

use std::sync::Arc;

use http::StatusCode;

use super::{Announced, NotStored, Writer};
use crate::policy::StoredHead;
use crate::store::memory::next_id;
use crate::store::same::belong_together;
use crate::store::segments::{Segment, Segments};
use crate::store::stored::{Content, Extent, StoredResponse};

/// How often a part is put together with what is stored, when others add parts at the same moment.
const ATTEMPTS: usize = 16;

impl Writer {
    /// Adds the part to what came out of `onto`, or to what else is stored of the same representation.
    /// Stores it alone where there is nothing of the kind.
    pub(super) fn finish_part(
        &self,
        onto: Option<&StoredResponse>,
        head: &StoredHead,
        segment: &Segment,
    ) -> Result<StoredResponse, NotStored> {
        let Announced { shared, ticket, key, id: begun } = &self.announced;
        let content = Content::Parts(Arc::new(Segments::first(*begun, segment)));
        let alone = self.response(*begun, head.clone(), None, content);
        let grown = |other: &&StoredResponse| onto.is_some_and(|onto| other.continues(onto));
        let fits = |other: &&StoredResponse| belong_together(&alone, other);
        for _ in 0..ATTEMPTS {
            // Before all that is looked at: what is invalidated from here on has a larger number.
            let id = next_id();
            let stored = shared.candidates(key);
            let found = match stored.iter().find(grown) {
                Some(current) => self.add(id, current, head, segment).map(|added| (current, added)),
                None => None,
            };
            let found = found.or_else(|| {
                let current = stored.iter().find(fits)?;
                Some((current, self.join(id, current, head, segment)?))
            });
            match found {
                Some((_, added)) if shared.epochs.are_over(added.groups(), *begun) => {
                    return Err(NotStored::Invalidated);
                }
                Some((current, added)) if shared.replace(current, &added, ticket) => {
                    return Ok(added);
                }
                // It has changed meanwhile, or was invalidated.
                Some((_, added)) if ticket.is_void_for(&added) => {
                    return Err(NotStored::Invalidated);
                }
                Some(_) => {}
                None if !is_consistent(&alone) => return Err(self.refusal(&alone)),
                None if shared.publish(&alone, ticket) => return Ok(alone),
                // Perhaps another part of the same was faster.
                None if shared.candidates(key).iter().any(|other| fits(&other)) => {}
                None => return Err(self.refusal(&alone)),
            }
        }
        Err(self.refusal(&alone))
    }

    /// Adds the part to another response of the same representation.
    fn join(
        &self,
        id: u64,
        current: &StoredResponse,
        head: &StoredHead,
        segment: &Segment,
    ) -> Option<StoredResponse> {
        if current.extent() != Extent::Whole {
            return self.add(id, current, head, segment);
        }
        // It has all bytes already.
        Some(current.with_head(id, newer(current, head, segment).clone().completed()))
    }

    /// Adds the part to a stored response.
    fn add(
        &self,
        id: u64,
        current: &StoredResponse,
        head: &StoredHead,
        segment: &Segment,
    ) -> Option<StoredResponse> {
        let most = self.announced.shared.config.max_stored();
        let segments = Arc::new(current.segments()?.with(segment, most)?);
        let content = || Content::Parts(Arc::clone(&segments));
        let heads = [newer(current, head, segment), current.head()];
        let mut added =
            heads.map(|head| self.response(id, head.clone(), None, content())).into_iter();
        added.find(is_consistent)
    }
}

/// The head of what was asked for later.
fn newer<'a>(
    current: &'a StoredResponse,
    head: &'a StoredHead,
    segment: &Segment,
) -> &'a StoredHead {
    if current.begun() > segment.begun { current.head() } else { head }
}

/// Not if its head speaks of a whole, and there is only a part.
fn is_consistent(response: &StoredResponse) -> bool {
    response.extent() == Extent::Whole || response.head().status() == StatusCode::PARTIAL_CONTENT
}
