//! The spool under its lock: pure bookkeeping, no waiting. Wakers to be woken are handed out, so that
//! they are woken without the lock.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::task::{Poll, Waker};

use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;
use tokio::time::Instant;

use super::SpoolConfig;
use super::budget::{Budget, Size, Taken};
use crate::body::BodyError;

/// What a frame costs besides its bytes: a body of tiny frames must not hide from the budget.
const FRAME_OVERHEAD: u64 = 96;
/// As long as a body of unknown length has no more bytes, it is taken for a small one.
const SMALL_SO_FAR: u64 = 64 << 10;

#[derive(Debug)]
pub(super) struct State {
    budget: Arc<Budget>,
    frames: VecDeque<Held>,
    /// Number of the first frame in `frames`; frames are numbered from 0.
    first: u64,
    /// Bytes pushed.
    head: u64,
    window: bool,
    end: Option<End>,
    length: Option<u64>,
    seats: Vec<Option<Seat>>,
    free: Vec<usize>,
    /// How many readers wait for each frame; those that were cut off are not among them.
    positions: BTreeMap<u64, usize>,
    readers: usize,
    room_waker: Option<Waker>,
    gone_waker: Option<Waker>,
    /// Since when a slow reader has been holding others up.
    held_since: Option<Instant>,
}

#[derive(Debug)]
struct Held {
    start: u64,
    bytes: Bytes,
    taken: Taken,
}

#[derive(Clone, Debug)]
enum End {
    Complete(Option<HeaderMap>),
    Failed(BodyError),
}

#[derive(Debug)]
struct Seat {
    next: u64,
    cut: bool,
    over: bool,
    waker: Option<Waker>,
}

/// What a reader gets.
pub(super) type Next = Poll<Option<Result<Frame<Bytes>, BodyError>>>;

/// What the writer may do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// Go on.
    Free,
    /// Wait to be woken, or until the moment named: then a reader is to be cut off.
    Wait(Option<Instant>),
    /// Nobody reads and nobody can come.
    Nobody,
}

impl State {
    pub(super) fn new(budget: Arc<Budget>) -> Self {
        Self {
            budget,
            frames: VecDeque::new(),
            first: 0,
            head: 0,
            window: false,
            end: None,
            length: None,
            seats: Vec::new(),
            free: Vec::new(),
            positions: BTreeMap::new(),
            readers: 0,
            room_waker: None,
            gone_waker: None,
            held_since: None,
        }
    }

    pub(super) fn joinable(&self) -> bool {
        !self.window && !matches!(self.end, Some(End::Failed(_)))
    }

    pub(super) fn readers(&self) -> usize {
        self.readers
    }

    pub(super) fn announce(&mut self, length: u64) {
        self.length = Some(length);
    }

    // ---- readers ----

    pub(super) fn join(&mut self) -> Option<usize> {
        if !self.joinable() {
            return None;
        }
        let seat = Seat { next: 0, cut: false, over: false, waker: None };
        self.readers += 1;
        *self.positions.entry(0).or_default() += 1;
        let at = self.free.pop().unwrap_or(self.seats.len());
        match self.seats.get_mut(at) {
            Some(free) => *free = Some(seat),
            None => self.seats.push(Some(seat)),
        }
        Some(at)
    }

    /// The next frame for a reader; leaves the waker there when there is none.
    pub(super) fn read(&mut self, at: usize, waker: &Waker) -> (Next, Option<Waker>) {
        let behind = self.first + self.frames.len() as u64;
        let Some(seat) = self.seats.get_mut(at).and_then(Option::as_mut) else {
            return (Poll::Ready(None), None);
        };
        if seat.over {
            return (Poll::Ready(None), None);
        }
        if seat.cut {
            seat.over = true;
            return (Poll::Ready(Some(Err(BodyError::CutOff))), None);
        }
        if seat.next == behind {
            let Some(end) = &self.end else {
                if !seat.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
                    seat.waker = Some(waker.clone());
                }
                return (Poll::Pending, None);
            };
            seat.over = true;
            let last = match end {
                End::Complete(trailers) => trailers.clone().map(|t| Ok(Frame::trailers(t))),
                End::Failed(error) => Some(Err(error.clone())),
            };
            return (Poll::Ready(last), None);
        }
        let from = seat.next;
        seat.next += 1;
        let held = usize::try_from(from.saturating_sub(self.first)).ok();
        let held = held.and_then(|index| self.frames.get(index));
        let bytes = held.map(|held| held.bytes.clone()).unwrap_or_default();
        self.leave_position(from);
        *self.positions.entry(from + 1).or_default() += 1;
        let trimmed = self.trim();
        // Only what may change the writer's mind wakes it: with many readers most reads do not.
        let matters = if self.window {
            trimmed || from + 1 == behind
        } else {
            self.positions.last_key_value().is_some_and(|(next, _)| *next == from + 1)
        };
        let waker = if matters { self.room_waker.take() } else { None };
        (Poll::Ready(Some(Ok(Frame::data(bytes)))), waker)
    }

    /// Whether a reader has nothing more to get.
    pub(super) fn is_over(&self, at: usize) -> bool {
        let Some(seat) = self.seats.get(at).and_then(Option::as_ref) else { return true };
        let behind = self.first + self.frames.len() as u64;
        seat.over
            || (!seat.cut && seat.next == behind && matches!(self.end, Some(End::Complete(None))))
    }

    /// The length of the whole body, where it is known.
    pub(super) fn length(&self) -> Option<u64> {
        match self.end {
            Some(End::Complete(None)) => Some(self.head),
            Some(End::Complete(Some(_))) => None,
            _ => self.length,
        }
    }

    pub(super) fn leave(&mut self, at: usize) -> [Option<Waker>; 2] {
        let Some(seat) = self.seats.get_mut(at).and_then(Option::take) else { return [None, None] };
        self.free.push(at);
        if !seat.cut {
            self.readers -= 1;
            self.leave_position(seat.next);
            self.trim();
        }
        let gone = if self.readers == 0 { self.gone_waker.take() } else { None };
        [self.room_waker.take(), gone]
    }

    fn leave_position(&mut self, next: u64) {
        if let Some(count) = self.positions.get_mut(&next) {
            *count -= 1;
            if *count == 0 {
                self.positions.remove(&next);
            }
        }
    }

    // ---- the writer ----

    /// How far the writer is ahead of the reader that counts; nothing when nobody reads.
    fn ahead(&self) -> u64 {
        let counts = if self.window {
            self.positions.first_key_value()
        } else {
            self.positions.last_key_value()
        };
        counts.map_or(0, |(next, _)| self.head - self.offset(*next))
    }

    /// The offset of a frame's first byte.
    fn offset(&self, frame: u64) -> u64 {
        let index = usize::try_from(frame.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.frames.get(index).map_or(self.head, |held| held.start)
    }

    /// Whether there is room for another frame; leaves the waker when there is none.
    pub(super) fn room(&mut self, config: &SpoolConfig, waker: &Waker) -> Room {
        if self.window && self.readers == 0 {
            return Room::Nobody;
        }
        if self.ahead() >= config.read_ahead {
            return self.wait(config, waker);
        }
        self.held_since = None;
        Room::Free
    }

    /// Adds a frame when there is room and the budget has it; leaves the waker when not.
    pub(super) fn add(&mut self, bytes: &Bytes, config: &SpoolConfig, waker: &Waker) -> Room {
        if self.window && self.readers == 0 {
            return Room::Nobody;
        }
        if self.ahead() >= config.read_ahead {
            return self.wait(config, waker);
        }
        let cost = bytes.len() as u64 + FRAME_OVERHEAD;
        let taken = match self.budget.try_take(cost, self.size(bytes, config)) {
            Some(taken) => taken,
            None if !self.window => {
                // What this lets go may be enough.
                self.stop_joining();
                return self.add(bytes, config, waker);
            }
            None if !self.frames.is_empty() => return self.wait(config, waker),
            None => self.budget.take(cost),
        };
        self.held_since = None;
        self.frames.push_back(Held { start: self.head, bytes: bytes.clone(), taken });
        self.head += bytes.len() as u64;
        Room::Free
    }

    /// Whether the body that `bytes` come next of is small enough for the reserve. A window's is not:
    /// it is not stored.
    fn size(&self, bytes: &Bytes, config: &SpoolConfig) -> Size {
        match self.length {
            _ if self.window => Size::Large,
            Some(length) if length <= config.read_ahead => Size::Small,
            None if self.head + bytes.len() as u64 <= SMALL_SO_FAR => Size::SmallSoFar,
            _ => Size::Large,
        }
    }

    /// Leaves the waker, and says until when a slow reader is borne with: only while another reader
    /// has read everything and waits, which cannot be while the spool may be joined.
    fn wait(&mut self, config: &SpoolConfig, waker: &Waker) -> Room {
        self.room_waker = Some(waker.clone());
        let behind = self.first + self.frames.len() as u64;
        if !self.positions.contains_key(&behind) {
            self.held_since = None;
            return Room::Wait(None);
        }
        let since = *self.held_since.get_or_insert_with(Instant::now);
        Room::Wait(Some(since + config.cutoff))
    }

    /// Cuts off the readers that leave no room, when their time is over.
    pub(super) fn cut_off(&mut self, config: &SpoolConfig) -> Vec<Waker> {
        let now = Instant::now();
        let held_up = self.positions.contains_key(&(self.first + self.frames.len() as u64));
        if !held_up || self.held_since.is_none_or(|since| since + config.cutoff > now) {
            return Vec::new();
        }
        self.held_since = None;
        // Without room for the window all who leave none; else the budget is used up, and it is
        // whoever has something left to read.
        let lag = if self.ahead() >= config.read_ahead { config.read_ahead } else { 1 };
        let late = |next: u64| self.head - self.offset(next) >= lag;
        let slow: Vec<u64> = self.positions.keys().copied().filter(|next| late(*next)).collect();
        let mut wakers = Vec::new();
        for seat in self.seats.iter_mut().flatten() {
            if !seat.cut && slow.contains(&seat.next) {
                seat.cut = true;
                self.readers -= 1;
                wakers.extend(seat.waker.take());
            }
        }
        for next in slow {
            self.positions.remove(&next);
        }
        self.trim();
        wakers
    }

    /// All readers that wait.
    pub(super) fn wake_readers(&mut self) -> Vec<Waker> {
        self.seats.iter_mut().flatten().filter_map(|seat| seat.waker.take()).collect()
    }

    /// Nobody may join any more: what no reader needs goes, all of it when there is none.
    pub(super) fn stop_joining(&mut self) {
        self.window = true;
        self.trim();
    }

    /// Stops joining when nobody reads, and says whether that is so: nobody comes in between.
    pub(super) fn stop_joining_if_unread(&mut self) -> bool {
        let unread = self.readers == 0;
        if unread {
            self.stop_joining();
        }
        unread
    }

    pub(super) fn gone(&mut self, waker: &Waker) -> bool {
        if self.readers > 0 {
            self.gone_waker = Some(waker.clone());
        }
        self.readers == 0
    }

    pub(super) fn finish(&mut self, trailers: Option<HeaderMap>) {
        let trailers = trailers.filter(|fields| !fields.is_empty());
        self.end.get_or_insert(End::Complete(trailers));
    }

    pub(super) fn fail(&mut self, error: BodyError) {
        self.end.get_or_insert(End::Failed(error));
        self.trim();
    }

    // ---- frames ----

    /// Lets go what nobody will read; says whether there was anything.
    fn trim(&mut self) -> bool {
        if self.joinable() {
            return false;
        }
        let before = self.first;
        let behind = self.first + self.frames.len() as u64;
        let needed = self.positions.first_key_value().map_or(behind, |(next, _)| *next);
        while self.first < needed {
            let Some(held) = self.frames.pop_front() else { break };
            let cost = held.bytes.len() as u64 + FRAME_OVERHEAD;
            self.budget.give_back(cost, held.taken);
            self.first += 1;
        }
        self.first > before
    }
}
