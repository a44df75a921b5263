//! The frames that a spool holds, and what they cost of the budget.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::budget::{Budget, Size, Taken};

/// What a frame costs besides its bytes: a body of tiny frames must not hide from the budget.
const FRAME_OVERHEAD: u64 = 96;

/// A run of frames, none empty, that ends with the last byte pushed.
#[derive(Debug)]
pub(super) struct Frames {
    budget: Arc<Budget>,
    held: VecDeque<Held>,
    head: u64,
}

#[derive(Debug)]
struct Held {
    start: u64,
    bytes: Bytes,
    taken: Taken,
}

impl Held {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    fn cost(&self) -> u64 {
        cost(&self.bytes)
    }
}

fn cost(bytes: &Bytes) -> u64 {
    bytes.len() as u64 + FRAME_OVERHEAD
}

impl Frames {
    pub(super) fn new(budget: Arc<Budget>) -> Self {
        Self { budget, held: VecDeque::new(), head: 0 }
    }

    /// Bytes pushed.
    pub(super) fn head(&self) -> u64 {
        self.head
    }

    /// The offset of the first byte held; that of the next byte to come when none is.
    pub(super) fn tail(&self) -> u64 {
        self.held.front().map_or(self.head, |held| held.start)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// The frame that begins at `offset`.
    pub(super) fn at(&self, offset: u64) -> Option<&Bytes> {
        let index = self.held.partition_point(|held| held.start < offset);
        self.held.get(index).filter(|held| held.start == offset).map(|held| &held.bytes)
    }

    /// Adds a frame when the budget has it for a body of this size.
    pub(super) fn try_push(&mut self, bytes: &Bytes, size: Size) -> bool {
        let taken = self.budget.try_take(cost(bytes), size);
        if let Some(taken) = taken {
            self.append(bytes, taken);
        }
        taken.is_some()
    }

    /// Adds a frame even when the budget does not have it.
    pub(super) fn push(&mut self, bytes: &Bytes) {
        let taken = self.budget.take(cost(bytes));
        self.append(bytes, taken);
    }

    fn append(&mut self, bytes: &Bytes, taken: Taken) {
        self.held.push_back(Held { start: self.head, bytes: bytes.clone(), taken });
        self.head += bytes.len() as u64;
    }

    /// The offsets of the first frame held.
    pub(super) fn first(&self) -> Option<Range<u64>> {
        self.held.front().map(|held| held.start..held.end())
    }

    /// Lets the first frame go.
    pub(super) fn drop_first(&mut self) {
        if let Some(held) = self.held.pop_front() {
            self.budget.give_back(held.cost(), held.taken);
        }
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        while !self.is_empty() {
            self.drop_first();
        }
    }
}
