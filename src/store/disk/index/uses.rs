//! How often what is on disk was used.

use std::collections::HashMap;

use super::{Index, Known, Tag};

impl Index {
    /// Notes a use; returns how many there were before.
    pub(in crate::store::disk) fn touch(&self, tag: Tag, generation: u64) -> Option<u8> {
        let mut shard = self.shard(tag)?;
        let mut before = None;
        shard.change(tag, |entry| {
            if entry.generation == generation {
                before = Some(entry.place.uses());
                entry.place = entry.place.with_uses(entry.place.uses().saturating_add(1));
            }
        });
        before
    }

    /// What was used, by generation.
    pub(in crate::store::disk) fn uses(&self) -> Vec<(u64, u8)> {
        let mut all = Vec::new();
        for shard in &self.shards {
            let shard = shard.lock();
            let used = shard.table.iter().map(|entry| (entry.generation, entry.place.uses()));
            all.extend(used.filter(|(_, uses)| *uses > 0));
        }
        all
    }

    /// What was used in an earlier run.
    pub(in crate::store::disk) fn recover_uses(&self, uses: &HashMap<u64, u8>) {
        for shard in self.shards.iter().filter(|_| !uses.is_empty()) {
            for entry in &mut shard.lock().table {
                if let Some(uses) = uses.get(&entry.generation) {
                    entry.place = entry.place.with_uses(entry.place.uses().max(*uses));
                }
            }
        }
    }

    /// Its uses are counted anew.
    pub(in crate::store::disk) fn forget_uses(&self, known: &Known) {
        let Some(mut shard) = self.shard(known.tag) else { return };
        shard.change(known.tag, |entry| {
            if entry.generation == known.generation {
                entry.place = entry.place.with_uses(0);
            }
        });
    }
}
