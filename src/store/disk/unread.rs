//! What the device cannot read: one place is a bad one, several are a bad device; and whether it works
//! again.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::engine::Engine;
use super::names;
use super::witness::Origin;

/// So many places within [`WHILE`], and the device is left alone.
const SEVERAL: usize = 3;
const WHILE: Duration = Duration::from_secs(60);

/// The device failed.
pub(super) const EIO: i32 = rustix::io::Errno::IO.raw_os_error();

/// The places that could not be read last.
#[derive(Debug, Default)]
pub(super) struct Unread(Mutex<VecDeque<(Instant, Origin)>>);

impl Unread {
    /// One more; whether they are several.
    fn add(&self, origin: Origin, now: Instant) -> bool {
        let mut places = self.0.lock();
        places.retain(|(when, other)| {
            *other != origin && now.saturating_duration_since(*when) < WHILE
        });
        if places.len() + 1 >= SEVERAL {
            places.clear();
            return true;
        }
        places.push_back((now, origin));
        false
    }
}

impl Engine {
    /// What is here could not be read. Whether it is to go, as it is bad; else the disk is left alone for
    /// some time.
    pub(super) fn is_bad(&self, origin: Origin, error: &io::Error) -> bool {
        let is_bad =
            error.raw_os_error() == Some(EIO) && !self.unread_places.add(origin, Instant::now());
        if is_bad {
            self.counters.unreadable.add();
            tracing::warn!(file = %origin, "A stored response cannot be read and goes: {error}");
        } else {
            self.unread(error);
        }
        is_bad
    }
}

impl Engine {
    /// Writes, syncs, reads and removes a file of the size of a segment.
    pub(super) fn probe(&self) -> io::Result<()> {
        let name = names::probe();
        self.io.remove(&name).ok();
        let file = self.io.create(&name)?;
        let (written, mut read) = ([0x5a; 4096], [0; 4096]);
        let tried = file.write_at(&written, 0).and_then(|()| file.sync());
        let tried = tried.and_then(|()| file.read_at(&mut read, 0));
        // A segment is begun the next time: there is to be room for it.
        let tried = tried.and_then(|()| file.reserve(self.limits.segment));
        self.io.remove(&name)?;
        tried
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_places_within_a_minute_are_a_bad_device() {
        let (unread, start) = (Unread::default(), Instant::now());
        let place = |id| Origin::Large { id, digest: 1 };
        let after = |seconds| start + Duration::from_secs(seconds);
        assert!(!unread.add(place(1), start) && !unread.add(place(1), start), "the same");
        assert!(!unread.add(place(2), after(1)));
        assert!(!unread.add(place(3), after(60)), "the first is long ago");
        assert!(unread.add(place(4), after(60)));
        assert!(!unread.add(place(5), after(60)), "counted anew");
    }
}
