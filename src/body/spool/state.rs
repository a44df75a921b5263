//! The spool under its lock: pure bookkeeping, no waiting. Wakers to be woken are handed out, so that
//! they are woken without the lock.

use std::sync::Arc;
use std::task::{Poll, Waker};

use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;
use tokio::time::Instant;

use super::SpoolConfig;
use super::backing::Backing;
use super::budget::{Budget, Size};
use super::frames::Frames;
use super::seats::Seats;
use crate::body::BodyError;
use crate::store::Growing;

/// As long as a body of unknown length has no more bytes, it is taken for a small one.
const SMALL_SO_FAR: u64 = 64 << 10;

#[derive(Debug)]
pub(super) struct State {
    frames: Frames,
    seats: Seats,
    backing: Option<Backing>,
    window: bool,
    end: Option<End>,
    length: Option<u64>,
    room_waker: Option<Waker>,
    gone_waker: Option<Waker>,
    /// Since when a slow reader has been holding others up.
    held_since: Option<Instant>,
}

#[derive(Clone, Debug)]
enum End {
    Complete(Option<HeaderMap>),
    Failed(BodyError),
}

/// What a reader gets.
pub(super) type Next = Poll<Option<Result<Frame<Bytes>, BodyError>>>;

/// What a reader does next.
#[derive(Debug)]
pub(super) enum Step {
    /// This is what there is for it.
    Take(Next),
    /// The bytes `first` to `last`, both included, are in the file.
    ReadFile { file: Growing, first: u64, last: u64 },
}

/// What the writer may do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// Go on.
    Free,
    /// Wait to be woken, or until the moment named: then a reader is to be cut off.
    Wait(Option<Instant>),
    /// Nobody reads and nobody can come.
    Nobody,
    /// The budget is used up.
    Full,
}

/// What a spool does that keeps everything, when the budget is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WhenFull {
    /// It becomes a window.
    Window,
    /// It says so.
    Tell,
}

impl State {
    pub(super) fn new(budget: Arc<Budget>) -> Self {
        Self {
            frames: Frames::new(budget),
            seats: Seats::default(),
            backing: None,
            window: false,
            end: None,
            length: None,
            room_waker: None,
            gone_waker: None,
            held_since: None,
        }
    }

    pub(super) fn joinable(&self) -> bool {
        !self.window && !matches!(self.end, Some(End::Failed(_)))
    }

    pub(super) fn readers(&self) -> usize {
        self.seats.readers()
    }

    pub(super) fn announce(&mut self, length: u64) {
        self.length = Some(length);
    }

    // ---- readers ----

    pub(super) fn join(&mut self) -> Option<usize> {
        self.joinable().then(|| self.seats.join())
    }

    /// The next frame for a reader; leaves the waker there when there is none.
    pub(super) fn read(&mut self, index: usize, waker: &Waker) -> (Step, Option<Waker>) {
        let Some(seat) = self.seats.seat_mut(index).filter(|seat| !seat.over) else {
            return (Step::Take(Poll::Ready(None)), None);
        };
        if seat.cut {
            seat.over = true;
            return (Step::Take(Poll::Ready(Some(Err(BodyError::CutOff)))), None);
        }
        if let Some(backing) = self.backing.as_ref().filter(|_| seat.at < self.frames.tail()) {
            let (file, last) = (backing.file(), self.frames.tail() - 1);
            return (Step::ReadFile { file, first: seat.at, last }, None);
        }
        if seat.at == self.frames.head() {
            let Some(end) = &self.end else {
                if !seat.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
                    seat.waker = Some(waker.clone());
                }
                return (Step::Take(Poll::Pending), None);
            };
            seat.over = true;
            let last = match end {
                End::Complete(trailers) => trailers.clone().map(|t| Ok(Frame::trailers(t))),
                End::Failed(error) => Some(Err(error.clone())),
            };
            return (Step::Take(Poll::Ready(last)), None);
        }
        let bytes = self.frames.at(seat.at).cloned().unwrap_or_default();
        let waker = self.advance(index, bytes.len() as u64);
        (Step::Take(Poll::Ready(Some(Ok(Frame::data(bytes))))), waker)
    }

    /// A reader has read so many bytes more.
    pub(super) fn advance(&mut self, index: usize, length: u64) -> Option<Waker> {
        let at = self.seats.advance(index, length)?;
        let trimmed = self.trim();
        // Only what may change the writer's mind wakes it: with many readers most reads do not.
        let matters = if self.window {
            trimmed || at == self.frames.head()
        } else {
            self.seats.fastest() == Some(at)
        };
        if matters { self.room_waker.take() } else { None }
    }

    /// Moves a reader on, to `offset` at most, without reading: over what is in the file alone. Returns
    /// how many bytes that were.
    pub(super) fn skip(&mut self, index: usize, offset: u64) -> (u64, Option<Waker>) {
        let seat = self.seats.seat(index).filter(|_| self.backing.is_some());
        let to = offset.min(self.frames.tail());
        match seat.and_then(|seat| to.checked_sub(seat.at)) {
            None | Some(0) => (0, None),
            Some(length) => (length, self.advance(index, length)),
        }
    }

    /// A reader gets nothing more.
    pub(super) fn close(&mut self, index: usize) {
        if let Some(seat) = self.seats.seat_mut(index) {
            seat.over = true;
        }
    }

    /// Whether a reader was cut off.
    pub(super) fn is_cut(&self, index: usize) -> bool {
        self.seats.seat(index).is_none_or(|seat| seat.cut)
    }

    /// Whether a reader has nothing more to get.
    pub(super) fn is_over(&self, index: usize) -> bool {
        let Some(seat) = self.seats.seat(index) else { return true };
        let has_all = seat.at == self.frames.head();
        seat.over || (!seat.cut && has_all && matches!(self.end, Some(End::Complete(None))))
    }

    /// The length of the whole body, where it is known.
    pub(super) fn length(&self) -> Option<u64> {
        match self.end {
            Some(End::Complete(None)) => Some(self.frames.head()),
            Some(End::Complete(Some(_))) => None,
            _ => self.length,
        }
    }

    pub(super) fn leave(&mut self, index: usize) -> [Option<Waker>; 2] {
        let Some(seat) = self.seats.leave(index) else { return [None, None] };
        if !seat.cut {
            self.trim();
        }
        let gone = if self.readers() == 0 { self.gone_waker.take() } else { None };
        [self.room_waker.take(), gone]
    }

    // ---- the writer ----

    /// Keeps from now on only what the file does not have, and what somebody reads in memory.
    pub(super) fn back(&mut self, backing: Backing) {
        if self.joinable() && self.backing.is_none() {
            self.backing = Some(backing);
            self.trim();
        }
    }

    /// How far the writer is ahead of the reader that counts; nothing when nobody reads. In a window
    /// who reads the file is no farther back than the first frame held.
    fn ahead(&self) -> u64 {
        let counts = if self.window {
            self.seats.slowest().map(|at| at.max(self.frames.tail()))
        } else {
            self.seats.fastest()
        };
        counts.map_or(0, |at| self.frames.head() - at)
    }

    /// Whether there is room for another frame; leaves the waker when there is none.
    pub(super) fn room(&mut self, config: &SpoolConfig, waker: &Waker) -> Room {
        if self.window && self.readers() == 0 {
            return Room::Nobody;
        }
        if self.ahead() >= config.read_ahead {
            return self.wait(config, waker);
        }
        self.held_since = None;
        Room::Free
    }

    /// Adds a frame when there is room and the budget has it; leaves the waker when not.
    pub(super) fn add(
        &mut self,
        bytes: &Bytes,
        when_full: WhenFull,
        config: &SpoolConfig,
        waker: &Waker,
    ) -> Room {
        if self.window && self.readers() == 0 {
            return Room::Nobody;
        }
        if self.ahead() >= config.read_ahead {
            return self.wait(config, waker);
        }
        self.trim();
        let size = self.size(bytes, config);
        if !self.frames.try_push(bytes, size) {
            let is_backed = self.backing.as_ref().is_some_and(Backing::takes);
            match when_full {
                _ if is_backed => {
                    self.let_go_of_written();
                    if !self.frames.try_push(bytes, size) {
                        // The file's writer holds the same bytes in any case, and no more than it may.
                        self.frames.push(bytes);
                    }
                }
                WhenFull::Tell if !self.window => return Room::Full,
                WhenFull::Window if !self.window => {
                    // What this lets go may be enough.
                    self.stop_joining();
                    return self.add(bytes, when_full, config, waker);
                }
                _ if !self.frames.is_empty() => return self.wait(config, waker),
                _ => self.frames.push(bytes),
            }
        }
        self.held_since = None;
        Room::Free
    }

    /// Whether the body that `bytes` come next of is small enough for the reserve. A window's is not:
    /// it is not stored.
    fn size(&self, bytes: &Bytes, config: &SpoolConfig) -> Size {
        match self.length {
            _ if self.window => Size::Large,
            Some(length) if length <= config.read_ahead => Size::Small,
            None if self.frames.head() + bytes.len() as u64 <= SMALL_SO_FAR => Size::SmallSoFar,
            _ => Size::Large,
        }
    }

    /// Leaves the waker, and says until when a slow reader is borne with: only while another reader
    /// has read everything and waits, which cannot be while the spool may be joined.
    fn wait(&mut self, config: &SpoolConfig, waker: &Waker) -> Room {
        self.room_waker = Some(waker.clone());
        if !self.seats.is_anybody_at(self.frames.head()) {
            self.held_since = None;
            return Room::Wait(None);
        }
        let since = *self.held_since.get_or_insert_with(Instant::now);
        Room::Wait(Some(since + config.cutoff))
    }

    /// Cuts off the readers that leave no room, when their time is over.
    pub(super) fn cut_off(&mut self, config: &SpoolConfig) -> Vec<Waker> {
        let now = Instant::now();
        let held_up = self.seats.is_anybody_at(self.frames.head());
        if !held_up || self.held_since.is_none_or(|since| since + config.cutoff > now) {
            return Vec::new();
        }
        self.held_since = None;
        // Without room for the window all who leave none; else the budget is used up, and it is
        // whoever has something left to read.
        let lag = if self.ahead() >= config.read_ahead { config.read_ahead } else { 1 };
        let (head, tail) = (self.frames.head(), self.frames.tail());
        let wakers = self.seats.cut(|at| head - at.max(tail) >= lag);
        self.trim();
        wakers
    }

    /// All readers that wait.
    pub(super) fn wake_readers(&mut self) -> Vec<Waker> {
        self.seats.wake()
    }

    /// Nobody may join any more: what no reader needs goes, all of it when there is none. Before the
    /// end the file counts for nothing any more.
    pub(super) fn stop_joining(&mut self) {
        self.window = true;
        if let Some(backing) = self.backing.as_mut().filter(|_| self.end.is_none()) {
            backing.give_up();
        }
        self.trim();
    }

    /// Stops joining when nobody reads, and says whether that is so: nobody comes in between.
    pub(super) fn stop_joining_if_unread(&mut self) -> bool {
        let unread = self.readers() == 0;
        if unread {
            self.stop_joining();
        }
        unread
    }

    pub(super) fn gone(&mut self, waker: &Waker) -> bool {
        if self.readers() > 0 {
            self.gone_waker = Some(waker.clone());
        }
        self.readers() == 0
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

    /// Lets go what nobody will read, and what is read from the file instead; says whether there was
    /// anything.
    fn trim(&mut self) -> bool {
        let (tail, joinable) = (self.frames.tail(), self.joinable());
        while let Some(first) = self.frames.first() {
            let is_passed = || self.seats.slowest().is_none_or(|at| at > first.start);
            let replaces = |backing: &Backing| backing.replaces(&first, &self.frames, &self.seats);
            if (joinable || !is_passed()) && !self.backing.as_ref().is_some_and(replaces) {
                break;
            }
            self.frames.drop_first();
        }
        self.frames.tail() > tail
    }

    /// Lets go all that is in the file, whoever reads it.
    fn let_go_of_written(&mut self) {
        let written = self.backing.as_ref().map_or(0, Backing::written);
        while self.frames.first().is_some_and(|first| first.end <= written) {
            self.frames.drop_first();
        }
    }
}
