//! A body on disk: runs of bytes in files, one behind the other.

use std::sync::Arc;

use super::chunks::Chunks;
use super::dense::Dense;
use crate::policy::{Interval, Partial};

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
