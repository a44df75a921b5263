//! A part of a body, put together with what is stored of the same.

use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;

use super::{Announced, NotStored, Writer};
use crate::policy::{CacheKey, Part, Partial, StoredHead};
use crate::store::disk::Extents;
use crate::store::memory::next_id;
use crate::store::same::belong_together;
use crate::store::shared::{Published, Shared};
use crate::store::sink::Written;
use crate::store::stored::{Content, Extent, StoredResponse};

/// How often a part is put together with what is stored, when others add parts at the same moment.
const ATTEMPTS: usize = 16;

impl Writer {
    /// Adds the part to what came out of `onto`, or to what else is stored of the same representation.
    /// Stores it alone where there is nothing of the kind.
    pub(super) async fn finish_part(
        &self,
        onto: Option<&StoredResponse>,
        head: &StoredHead,
        written: &Written,
    ) -> Result<StoredResponse, NotStored> {
        let Announced { shared, ticket, key, id: begun } = &self.announced;
        let alone = self.response(*begun, head.clone(), None, written.content.clone());
        let grown = |other: &&StoredResponse| onto.is_some_and(|onto| other.continues(onto));
        let fits = |other: &&StoredResponse| belong_together(&alone, other);
        for _ in 0..ATTEMPTS {
            // Before all that is looked at: what is invalidated from here on has a larger number.
            let id = next_id();
            let Some(stored) = shared.find_all(key).await else {
                return Err(NotStored::Unknown);
            };
            let mut found = None;
            if let Some(current) = stored.iter().find(grown) {
                found = self.add(id, current, head, written).await.map(|added| (current, added));
            }
            if let (None, Some(current)) = (&found, stored.iter().find(fits)) {
                found = self.join(id, current, head, written).await.map(|added| (current, added));
            }
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
                None => match shared.publish_part(&alone, ticket, &stored) {
                    Published::Stored => return Ok(alone),
                    Published::Dropped => return Err(NotStored::Broken),
                    Published::Refused => {
                        // Perhaps another part of the same was faster, or something else.
                        let now = shared.find(key).await;
                        let is_new = |other: &&StoredResponse| {
                            !stored.iter().any(|before| before.id() == other.id())
                        };
                        if !now.iter().any(|other| fits(&other) || is_new(&other)) {
                            return Err(self.refusal(&alone));
                        }
                    }
                },
            }
        }
        Err(self.refusal(&alone))
    }

    /// Adds the part to another response of the same representation.
    async fn join(
        &self,
        id: u64,
        current: &StoredResponse,
        head: &StoredHead,
        written: &Written,
    ) -> Option<StoredResponse> {
        if current.extent() != Extent::Whole {
            return self.add(id, current, head, written).await;
        }
        // It has all bytes already.
        Some(current.with_head(id, self.newer(current, head).clone().completed()))
    }

    /// Adds the part to a stored response.
    async fn add(
        &self,
        id: u64,
        current: &StoredResponse,
        head: &StoredHead,
        written: &Written,
    ) -> Option<StoredResponse> {
        let content = match self.in_memory(current, written) {
            Some(content) => content,
            None => self.in_files(current, written).await?,
        };
        let heads = [self.newer(current, head), current.head()];
        let mut added =
            heads.map(|head| self.response(id, head.clone(), None, content.clone())).into_iter();
        added.find(is_consistent)
    }

    /// Both together in memory, if they are there and are short enough. Without a disk tier, some of the
    /// old bytes go instead.
    fn in_memory(&self, current: &StoredResponse, written: &Written) -> Option<Content> {
        let shared = &self.announced.shared;
        let (old, new, most) =
            (current.segments()?, written.segment.as_ref()?, shared.max_in_memory());
        let is_short = old.length().saturating_add(new.interval.length()) <= most;
        if shared.large().is_some() && !is_short {
            return None;
        }
        Some(Content::Parts(Arc::new(old.with(new, most)?)))
    }

    /// Both together in files: what is in memory is written to one.
    async fn in_files(&self, current: &StoredResponse, written: &Written) -> Option<Content> {
        let Announced { shared, key, id, .. } = &self.announced;
        let old = match current.extents() {
            Some(extents) => Arc::clone(extents),
            None => spilled(shared, key, current.frames(), current.held()).await?,
        };
        let new = match (&written.content, &written.segment) {
            (Content::Spilled(extents), _) => Arc::clone(extents),
            (_, Some(segment)) => {
                let part =
                    Part { interval: segment.interval, complete_length: segment.complete_length };
                let frames = segment.blocks.iter().cloned().collect();
                spilled(shared, key, frames, part.into()).await?
            }
            _ => return None,
        };
        let lineage = (current.lineage(), current.begun().max(*id));
        old.with(&new, lineage, shared.max_stored()).map(|both| Content::Spilled(Arc::new(both)))
    }

    /// The head of what was asked for later.
    fn newer<'a>(&self, current: &'a StoredResponse, head: &'a StoredHead) -> &'a StoredHead {
        if current.begun() > self.announced.id { current.head() } else { head }
    }
}

/// Writes bytes to a file; those are of a body that has `held` of its own.
async fn spilled(
    shared: &Shared,
    key: &CacheKey,
    frames: Vec<Bytes>,
    held: Partial,
) -> Option<Arc<Extents>> {
    let length = held.intervals.length();
    let mut file = shared.large()?.begin(next_id(), key.digest(), Some(length)).await.ok()?;
    for frame in frames {
        file.write(frame).await.ok()?;
    }
    match file.finish(held).await.ok()? {
        Content::Spilled(extents) => Some(extents),
        Content::Whole(_) | Content::Tail(_) | Content::Parts(_) => None,
    }
}

/// Not if its head speaks of a whole, and there is only a part.
fn is_consistent(response: &StoredResponse) -> bool {
    response.extent() == Extent::Whole || response.head().status() == StatusCode::PARTIAL_CONTENT
}
