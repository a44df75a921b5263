//! Where the readers of a spool are. Each has a seat, and a place: the offset of the byte that it reads
//! next.

use std::collections::BTreeMap;
use std::task::Waker;

#[derive(Debug, Default)]
pub(super) struct Seats {
    seats: Vec<Option<Seat>>,
    free: Vec<usize>,
    /// How many readers are at each offset; those that were cut off are not among them.
    places: BTreeMap<u64, usize>,
    readers: usize,
}

/// One reader.
#[derive(Debug)]
pub(super) struct Seat {
    /// The offset of the byte that it reads next.
    pub(super) at: u64,
    /// It was cut off, and has not been told yet, or has.
    pub(super) cut: bool,
    /// It has been told how the body ended.
    pub(super) over: bool,
    /// Woken when there is more to read.
    pub(super) waker: Option<Waker>,
}

impl Seats {
    /// A seat at the first byte.
    pub(super) fn join(&mut self) -> usize {
        let seat = Seat { at: 0, cut: false, over: false, waker: None };
        self.readers += 1;
        *self.places.entry(0).or_default() += 1;
        let index = self.free.pop().unwrap_or(self.seats.len());
        match self.seats.get_mut(index) {
            Some(free) => *free = Some(seat),
            None => self.seats.push(Some(seat)),
        }
        index
    }

    pub(super) fn seat(&self, index: usize) -> Option<&Seat> {
        self.seats.get(index)?.as_ref()
    }

    pub(super) fn seat_mut(&mut self, index: usize) -> Option<&mut Seat> {
        self.seats.get_mut(index)?.as_mut()
    }

    /// Moves a reader on, unless it was cut off; returns its new place.
    pub(super) fn advance(&mut self, index: usize, length: u64) -> Option<u64> {
        let seat = self.seat_mut(index).filter(|seat| !seat.cut)?;
        let from = seat.at;
        seat.at += length;
        self.leave_place(from);
        *self.places.entry(from + length).or_default() += 1;
        Some(from + length)
    }

    /// Gives a seat back.
    pub(super) fn leave(&mut self, index: usize) -> Option<Seat> {
        let seat = self.seats.get_mut(index)?.take()?;
        self.free.push(index);
        if !seat.cut {
            self.readers -= 1;
            self.leave_place(seat.at);
        }
        Some(seat)
    }

    fn leave_place(&mut self, at: u64) {
        if let Some(count) = self.places.get_mut(&at) {
            *count -= 1;
            if *count == 0 {
                self.places.remove(&at);
            }
        }
    }

    /// Readers that were not cut off.
    pub(super) fn readers(&self) -> usize {
        self.readers
    }

    /// Where the slowest reader is.
    pub(super) fn slowest(&self) -> Option<u64> {
        self.places.first_key_value().map(|(at, _)| *at)
    }

    /// Where the fastest reader is.
    pub(super) fn fastest(&self) -> Option<u64> {
        self.places.last_key_value().map(|(at, _)| *at)
    }

    /// Whether a reader is at this very place.
    pub(super) fn is_anybody_at(&self, at: u64) -> bool {
        self.places.contains_key(&at)
    }

    /// Cuts off all readers whose place is a bad one; returns those to be woken.
    pub(super) fn cut(&mut self, is_bad: impl Fn(u64) -> bool) -> Vec<Waker> {
        let mut wakers = Vec::new();
        for seat in self.seats.iter_mut().flatten() {
            if !seat.cut && is_bad(seat.at) {
                seat.cut = true;
                self.readers -= 1;
                wakers.extend(seat.waker.take());
            }
        }
        self.places.retain(|at, _| !is_bad(*at));
        wakers
    }

    /// All readers that wait.
    pub(super) fn wake(&mut self) -> Vec<Waker> {
        self.seats.iter_mut().flatten().filter_map(|seat| seat.waker.take()).collect()
    }
}
