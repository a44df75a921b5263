//! A body on disk: runs of bytes in files, one behind the other.

use std::sync::Arc;

use super::chunks::Chunks;
use super::dense::Dense;
use crate::policy::{Interval, Partial};

/// The most runs of one body; with more, a new part is not put together with it.
const MOST_RUNS: usize = 1024;

/// A body on disk, whole or in parts. Never changed.
#[derive(Debug)]
pub(in crate::store) struct Extents {
    lineage: u64,
    begun: u64,
    partial: Partial,
    /// In the order of the bytes that are there.
    runs: Box<[Run]>,
}

/// Bytes of a body that are one behind the other in a file.
#[derive(Clone, Debug)]
pub(in crate::store) struct Run {
    /// Where they are.
    pub(in crate::store) dense: Arc<Dense>,
    /// The first of them, in `dense`.
    pub(in crate::store) first: u64,
    /// How many they are.
    pub(in crate::store) length: u64,
}

impl Extents {
    /// All of a body.
    pub(in crate::store) fn whole(lineage: u64, begun: u64, dense: Arc<Dense>) -> Self {
        let length = dense.length();
        let mut partial = Partial { complete_length: Some(length), ..Partial::default() };
        Interval::whole(length).into_iter().for_each(|whole| partial.intervals.add(whole));
        Self { lineage, begun, partial, runs: Box::new([Run { dense, first: 0, length }]) }
    }

    /// The bytes that `partial` names. The runs, one behind the other, are those bytes in order: a run
    /// may have bytes of several intervals, and an interval may be in several runs. `lineage` and
    /// `begun` are as with a stored response. `None` when the runs do not have as many bytes, or a run
    /// has bytes that its file has not.
    pub(in crate::store) fn new(
        lineage: u64,
        begun: u64,
        partial: Partial,
        runs: Vec<Run>,
    ) -> Option<Self> {
        let mut length: u64 = 0;
        for run in &runs {
            run.first.checked_add(run.length).filter(|end| *end <= run.dense.length())?;
            length = length.checked_add(run.length)?;
        }
        let runs = runs.into_boxed_slice();
        (length == partial.intervals.length()).then_some(Self { lineage, begun, partial, runs })
    }

    /// With a new part, whose bytes win over those that are there. `None` when the two are not parts of a
    /// body of one length, or have more than `most` bytes together, or too many gaps.
    pub(in crate::store) fn with(
        &self,
        part: &Self,
        (lineage, begun): (u64, u64),
        most: u64,
    ) -> Option<Self> {
        let [new] = part.partial.intervals.as_slice() else { return None };
        let lengths = (self.partial.complete_length, part.partial.complete_length);
        let complete_length = lengths.0.or(lengths.1);
        let last = self.partial.intervals.as_slice().last()?.last.max(new.last);
        let differs = lengths.0.zip(lengths.1).is_some_and(|(one, other)| one != other);
        if differs || complete_length.is_some_and(|length| last >= length) {
            return None;
        }
        let mut pieces: Vec<(Interval, Vec<Run>)> = Vec::new();
        let mut before: u64 = 0;
        for held in self.partial.intervals.as_slice() {
            let rests = [
                new.first.checked_sub(1).map(|last| (held.first, last.min(held.last))),
                new.last.checked_add(1).map(|first| (first.max(held.first), held.last)),
            ];
            for (first, last) in rests.into_iter().flatten().filter(|(first, last)| first <= last) {
                let rest = Interval { first, last };
                pieces.push((rest, self.cut(before + (first - held.first), rest.length())));
            }
            before += held.length();
        }
        pieces.push((*new, part.runs.to_vec()));
        pieces.sort_unstable_by_key(|(interval, _)| interval.first);
        let mut partial = Partial { complete_length, ..Partial::default() };
        pieces.iter().for_each(|(interval, _)| partial.intervals.add(*interval));
        let is_fit = partial.intervals.length() <= most
            && partial.intervals.as_slice().len() <= crate::store::segments::INTERVALS
            && pieces.len() <= MOST_RUNS;
        let runs = pieces.into_iter().flat_map(|(_, runs)| runs).collect();
        is_fit.then(|| Self::new(lineage, begun, partial, runs))?
    }

    /// The runs that have `length` bytes from number `at` on of those that are there.
    fn cut(&self, at: u64, length: u64) -> Vec<Run> {
        let (mut at, mut left, mut runs) = (at, length, Vec::new());
        while left > 0
            && let Some((dense, first, follow)) = self.place(at)
        {
            let length = follow.min(left);
            runs.push(Run { dense: Arc::clone(dense), first, length });
            at += length;
            left -= length;
        }
        runs
    }

    /// The number under which the first byte of it was written: the same for all that came out of that.
    pub(in crate::store) fn lineage(&self) -> u64 {
        self.lineage
    }

    /// When the latest part was asked for.
    pub(in crate::store) fn begun(&self) -> u64 {
        self.begun
    }

    /// Which bytes are there.
    pub(in crate::store) fn partial(&self) -> &Partial {
        &self.partial
    }

    /// How many bytes are there.
    pub(in crate::store) fn length(&self) -> u64 {
        self.partial.intervals.length()
    }

    /// Where the bytes are, in order.
    pub(in crate::store) fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// About how much memory it takes, in bytes.
    pub(in crate::store) fn weight(&self) -> usize {
        let runs: usize = self.runs.iter().map(|run| size_of::<Run>() + run.dense.weight()).sum();
        let intervals = self.partial.intervals.as_slice();
        size_of::<Self>() + size_of_val(intervals) + runs
    }

    /// Reads these bytes. `None` when not all of them are there.
    pub(in crate::store) fn reader(self: &Arc<Self>, wanted: Interval) -> Option<Chunks> {
        let mut before: u64 = 0;
        for held in self.partial.intervals.as_slice() {
            if held.first <= wanted.first && wanted.last <= held.last {
                let at = before.saturating_add(wanted.first - held.first);
                return Some(Chunks::new(Arc::clone(self), at, wanted.length()));
            }
            before = before.saturating_add(held.length());
        }
        None
    }

    /// The run that has byte number `at` of those that are there: where it is in that run's file, and
    /// how many bytes follow there, itself included.
    pub(in crate::store) fn place(&self, at: u64) -> Option<(&Arc<Dense>, u64, u64)> {
        let mut before: u64 = 0;
        for run in &self.runs {
            let within = at.saturating_sub(before);
            if within < run.length {
                return Some((&run.dense, run.first.saturating_add(within), run.length - within));
            }
            before = before.saturating_add(run.length);
        }
        None
    }
}
