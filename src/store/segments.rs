//! What is stored of a body in parts: one run of blocks for each interval of bytes that is there.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::blocks::Blocks;
use crate::policy::{Interval, Partial};

/// The most intervals of one stored response; with one more, the shortest go.
pub(super) const INTERVALS: usize = 256;

/// A part of a body.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    /// When it was asked for.
    pub(super) begun: u64,
    pub(super) interval: Interval,
    pub(super) complete_length: Option<u64>,
    pub(super) blocks: Blocks,
}

/// A body in parts, complete or not. Never changed: a new part makes a new value, and what is not
/// touched by it is shared.
#[derive(Debug)]
pub(super) struct Segments {
    /// The same for all that came out of one first part by adding others.
    lineage: u64,
    /// When the latest part was asked for.
    begun: u64,
    partial: Partial,
    /// One for each interval, in order.
    runs: Box<[Blocks]>,
}

impl Segments {
    /// The first part.
    pub(super) fn first(lineage: u64, part: &Segment) -> Self {
        let runs = BTreeMap::from([(part.interval.first, part.blocks.clone())]);
        Self { begun: part.begun, ..Self::of(lineage, part.complete_length, &runs) }
    }

    /// A complete body as the only part of itself; `None` when it is empty.
    pub(super) fn whole(lineage: u64, begun: u64, blocks: &Blocks) -> Option<Self> {
        let length = blocks.length() as u64;
        let interval = Interval::whole(length)?;
        let complete_length = Some(length);
        let blocks = blocks.clone();
        Some(Self::first(lineage, &Segment { begun, interval, complete_length, blocks }))
    }

    /// As it was written to disk: the bytes that `partial` names, one behind the other. `None` when they
    /// are not as many.
    pub(super) fn of_disk(
        lineage: u64,
        begun: u64,
        partial: Partial,
        mut body: Bytes,
    ) -> Option<Self> {
        let cut = |interval: &Interval| {
            let length = usize::try_from(interval.length()).ok()?;
            (length <= body.len()).then(|| Blocks::compact(vec![body.split_to(length)]))
        };
        let runs = partial.intervals.as_slice().iter().map(cut).collect::<Option<_>>()?;
        body.is_empty().then_some(Self { lineage, begun, partial, runs })
    }

    /// With a new part, whose bytes win over those that are there. At most `most` bytes and
    /// [`INTERVALS`] intervals are kept: the shortest old ones go first. `None` when the two are not
    /// parts of a body of one length.
    pub(super) fn with(&self, part: &Segment, most: u64) -> Option<Self> {
        let lengths = self.partial.complete_length.zip(part.complete_length);
        let complete_length = self.partial.complete_length.or(part.complete_length);
        let last = self.partial.intervals.as_slice().last()?.last.max(part.interval.last);
        if lengths.is_some_and(|(one, other)| one != other)
            || complete_length.is_some_and(|length| last >= length)
        {
            return None;
        }
        let mut old: Vec<_> = self.around(part.interval).collect();
        let mut length = old.iter().map(|(interval, _)| interval.length()).sum::<u64>();
        length = length.saturating_add(part.interval.length());
        old.sort_unstable_by_key(|(interval, _)| std::cmp::Reverse(interval.length()));
        while length > most || old.len() >= INTERVALS {
            let Some((shortest, _)) = old.pop() else { break };
            length -= shortest.length();
        }
        let mut runs: BTreeMap<_, _> =
            old.into_iter().map(|(interval, blocks)| (interval.first, blocks)).collect();
        runs.insert(part.interval.first, part.blocks.clone());
        let begun = self.begun.max(part.begun);
        Some(Self { begun, ..Self::of(self.lineage, complete_length, &runs) })
    }

    /// What is there, without the bytes of `new`.
    fn around(&self, new: Interval) -> impl Iterator<Item = (Interval, Blocks)> {
        self.runs().flat_map(move |(old, blocks)| {
            let before = new.first.checked_sub(1).map(|last| (old.first, last.min(old.last)));
            let after = new.last.checked_add(1).map(|first| (first.max(old.first), old.last));
            let rests = [before, after].into_iter().flatten().filter(|(first, last)| first <= last);
            rests.map(move |(first, last)| {
                let rest = Interval { first, last };
                let whole = rest == old;
                let cut = || blocks.part(first - old.first, last - old.first);
                (rest, if whole { blocks.clone() } else { cut() })
            })
        })
    }

    /// Puts runs together that do not overlap; those that touch become one.
    fn of(lineage: u64, complete_length: Option<u64>, pieces: &BTreeMap<u64, Blocks>) -> Self {
        let mut partial = Partial { complete_length, ..Partial::default() };
        for (first, blocks) in pieces {
            if let Some(last) = (blocks.length() as u64).checked_sub(1) {
                partial.intervals.add(Interval { first: *first, last: first.saturating_add(last) });
            }
        }
        let runs = partial.intervals.as_slice().iter().map(|interval| {
            let mut touching = pieces.range(interval.first..=interval.last).map(|(_, run)| run);
            match (touching.next(), touching.next()) {
                (Some(one), None) => one.clone(),
                (one, other) => {
                    let all = one.into_iter().chain(other).chain(touching);
                    Blocks::compact(all.flat_map(Blocks::iter).cloned().collect())
                }
            }
        });
        let runs = runs.collect();
        Self { lineage, begun: lineage, partial, runs }
    }

    /// Which bytes are there.
    pub(super) fn partial(&self) -> &Partial {
        &self.partial
    }

    /// The same for all that came out of one first part by adding others.
    pub(super) fn lineage(&self) -> u64 {
        self.lineage
    }

    /// When the latest part was asked for.
    pub(super) fn begun(&self) -> u64 {
        self.begun
    }

    /// How many bytes are there.
    pub(super) fn length(&self) -> u64 {
        self.partial.intervals.length()
    }

    /// The run that has all bytes of `wanted`, and its first byte's number.
    pub(super) fn run(&self, wanted: Interval) -> Option<(u64, &Blocks)> {
        let holds = |held: &Interval| held.first <= wanted.first && wanted.last <= held.last;
        self.runs().find(|(held, _)| holds(held)).map(|(held, blocks)| (held.first, blocks))
    }

    /// Bytes of memory that this takes.
    pub(super) fn weight(&self) -> usize {
        let each = size_of::<Interval>() + size_of::<Blocks>();
        let runs: usize = self.runs.iter().map(|blocks| each + blocks.weight()).sum();
        size_of::<Self>() + runs
    }

    /// The bytes that are there, in order.
    pub(super) fn frames(&self) -> impl Iterator<Item = &Bytes> {
        self.runs.iter().flat_map(Blocks::iter)
    }

    fn runs(&self) -> impl Iterator<Item = (Interval, &Blocks)> {
        self.partial.intervals.as_slice().iter().copied().zip(&self.runs)
    }
}

#[cfg(test)]
mod tests;
