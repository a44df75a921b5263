//! Which records count: what a start finds.

use std::collections::{HashMap, HashSet};

use super::segments::Segment;
use crate::store::disk::record::{Kind, ONE};
use crate::store::disk::segment::FooterEntry;
use crate::store::groups;

/// A record of a response that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Live {
    /// The segment, by its place among all.
    pub(super) segment: usize,
    /// Where in it the record begins.
    pub(super) offset: u64,
}

/// What hides older records.
#[derive(Debug, Default)]
struct Hidden {
    /// Variants of which a younger record was seen.
    seen: HashSet<(u128, u32)>,
    /// By key: what is below this generation is gone.
    keys: HashMap<u128, u64>,
    /// By key and variant.
    variants: HashMap<(u128, u32), u64>,
    /// By group.
    groups: HashMap<u128, u64>,
}

/// The records that count, the youngest first: from the last record of the last segment to the first of
/// the first one, so that a tombstone is known before what it hides.
pub(super) fn of(segments: &[Segment]) -> Vec<Live> {
    let (mut hidden, mut live) = (Hidden::default(), Vec::new());
    for (at, segment) in segments.iter().enumerate().rev() {
        for entry in segment.listing().entries.iter().rev() {
            if entry.kind.is_response() {
                let found = Live { segment: at, offset: entry.offset };
                if hidden.shows(entry) && !hidden.is_of_hidden_group(segment, entry) {
                    live.push(found);
                }
            } else {
                hidden.add(entry);
            }
        }
    }
    live
}

impl Hidden {
    fn add(&mut self, tombstone: &FooterEntry) {
        let FooterEntry { digest, generation, variant, .. } = *tombstone;
        let below = match tombstone.kind {
            Kind::GroupTombstone => self.groups.entry(digest).or_default(),
            _ if tombstone.flags & ONE == ONE => {
                self.variants.entry((digest, variant)).or_default()
            }
            _ => self.keys.entry(digest).or_default(),
        };
        *below = generation.max(*below);
    }

    /// Whether nothing younger hides it; from now on it hides what is older.
    fn shows(&mut self, entry: &FooterEntry) -> bool {
        let FooterEntry { digest, generation, variant, .. } = *entry;
        let is_below = |below: Option<&u64>| below.is_some_and(|below| generation < *below);
        self.seen.insert((digest, variant))
            && !is_below(self.keys.get(&digest))
            && !is_below(self.variants.get(&(digest, variant)))
    }

    /// Whether one of its groups was invalidated. Only then does its head have to be read.
    fn is_of_hidden_group(&self, segment: &Segment, entry: &FooterEntry) -> bool {
        if self.groups.is_empty() {
            return false;
        }
        let Ok((header, meta)) = segment.meta(entry.offset) else { return false };
        let origin = groups::origin(meta.key.uri());
        meta.head.groups().iter().any(|group| {
            let below = self.groups.get(&groups::digest(origin, group));
            below.is_some_and(|below| header.generation < *below)
        })
    }
}
