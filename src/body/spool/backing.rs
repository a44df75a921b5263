//! The growing file behind a spool.

use std::ops::Range;

use super::frames::Frames;
use super::seats::Seats;
use crate::store::Growing;

/// A file that holds what the spool lets go.
#[derive(Debug)]
pub(super) struct Backing {
    growing: Growing,
    read_ahead: u64,
    /// Not any more once it broke: what was written is still read from it, but nothing relies on its
    /// taking more.
    takes: bool,
}

impl Backing {
    /// A file whose first byte is that of the body.
    pub(super) fn new(growing: Growing, read_ahead: u64) -> Self {
        Self { growing, read_ahead, takes: true }
    }

    /// To be read from.
    pub(super) fn file(&self) -> Growing {
        self.growing.clone()
    }

    /// Whether what is pushed is written too, sooner or later.
    pub(super) fn takes(&self) -> bool {
        self.takes
    }

    /// It broke, or nobody writes it any more.
    pub(super) fn give_up(&mut self) {
        self.takes = false;
    }

    /// Bytes that may be let go because they are in the file.
    pub(super) fn written(&self) -> u64 {
        if self.takes { self.growing.written() } else { 0 }
    }

    /// Whether nobody needs `first`, the first frame held, in memory: it is written, and no reader is
    /// there, or it is so far behind the head that its readers may as well read the file.
    pub(super) fn replaces(&self, first: &Range<u64>, frames: &Frames, seats: &Seats) -> bool {
        let is_far_behind = frames.head() - first.end >= self.read_ahead;
        (is_far_behind || !seats.is_anybody_at(first.start)) && first.end <= self.written()
    }
}
