//! Records that are superseded by what was then never written: they are buried, or the next start would
//! find them again.

use std::collections::VecDeque;

use parking_lot::Mutex;

use super::engine::Engine;
use super::index::{Known, Tag};
use super::record::{self, Header};
use crate::store::stored::StoredResponse;

/// The most that are remembered; with one more, the oldest is forgotten until the tier is closed.
const MOST: usize = 64 << 10;

/// Variants of which the newest response was given up.
#[derive(Debug, Default)]
pub(super) struct GivenUp(Mutex<VecDeque<(u128, Tag)>>);

impl GivenUp {
    fn add(&self, digest: u128, tag: Tag) {
        let mut all = self.0.lock();
        if all.len() >= MOST {
            all.pop_front();
        }
        all.push_back((digest, tag));
    }
}

impl Engine {
    /// A response will not be written any more: what it has superseded is to go too.
    pub(super) fn give_up_for_good(&self, response: &StoredResponse) {
        let tag = Tag::of(response);
        if self.index.at(tag).is_some_and(|known| known.is_superseded) {
            self.given_up.add(response.key().digest(), tag);
        }
    }

    /// Buries what was superseded by what was given up since. Waits for the device.
    pub(super) fn bury_superseded(&self) {
        if !self.is_trusted() {
            return;
        }
        let all = std::mem::take(&mut *self.given_up.0.lock());
        for (digest, tag) in all {
            if let Some(known) = self.index.at(tag).filter(|known| known.is_superseded) {
                self.discard(digest, &known);
            }
        }
    }

    /// At the end: buries all that is superseded still, as nothing that comes after it was written.
    pub(super) fn bury_all_superseded(&self) {
        for known in self.index.superseded() {
            if let Some(digest) = self.digest_of(&known) {
                self.discard(digest, &known);
            }
        }
    }

    /// Under which digest a record was written.
    pub(super) fn digest_of(&self, known: &Known) -> Option<u128> {
        self.header_of(known).map(|header| header.digest)
    }

    /// The header of a record; its meta is not looked at.
    pub(super) fn header_of(&self, known: &Known) -> Option<Header> {
        let segment = self.log.segment(known.spot)?;
        let head = (known.spot.offset, record::HEADER as u64);
        let bytes = self.log.read(&segment, head, true).ok()??;
        record::open(&bytes, segment.head).ok()
    }
}
