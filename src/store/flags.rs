//! What changes about a stored response while it is stored: a few bits.

use std::sync::atomic::{AtomicU8, Ordering};

const COUNTED: u8 = 1;
const VOID: u8 = 2;
/// Two bits.
const ON_DISK: u8 = 12;

/// Bits that are set and read by anybody at any time.
#[derive(Debug, Default)]
pub(super) struct Flags(AtomicU8);

/// How far a stored response has come on its way to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum OnDisk {
    /// Not on disk, at least not with this head and all of this body.
    No = 0,
    /// Somebody is to write it.
    Queued = 4,
    /// It is there.
    Written = 8,
}

impl Flags {
    /// Notes whether it is counted as stored; returns what was noted before.
    pub(super) fn count(&self, counted: bool) -> bool {
        let before = match counted {
            true => self.0.fetch_or(COUNTED, Ordering::AcqRel),
            false => self.0.fetch_and(!COUNTED, Ordering::AcqRel),
        };
        before & COUNTED != 0
    }

    /// Whether it is counted as stored.
    pub(super) fn is_counted(&self) -> bool {
        self.0.load(Ordering::Acquire) & COUNTED != 0
    }

    /// Notes that it must not be used any more; whether that is news.
    pub(super) fn invalidate(&self) -> bool {
        self.0.fetch_or(VOID, Ordering::AcqRel) & VOID == 0
    }

    /// Whether it must not be used any more.
    pub(super) fn is_void(&self) -> bool {
        self.0.load(Ordering::Acquire) & VOID != 0
    }

    /// Whether it is on disk.
    pub(super) fn on_disk(&self) -> OnDisk {
        match self.0.load(Ordering::Acquire) & ON_DISK {
            4 => OnDisk::Queued,
            8 => OnDisk::Written,
            _ => OnDisk::No,
        }
    }

    /// From one state to another; false, and nothing is changed, when it is in a third.
    pub(super) fn change(&self, from: OnDisk, to: OnDisk) -> bool {
        let change = |bits| (bits & ON_DISK == from as u8).then_some(bits & !ON_DISK | to as u8);
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, change).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_do_not_touch_each_other() {
        let flags = Flags::default();
        assert!(!flags.count(true) && flags.count(true));
        assert!(flags.invalidate() && !flags.invalidate(), "told once");
        assert!(flags.change(OnDisk::No, OnDisk::Queued));
        assert!(!flags.change(OnDisk::No, OnDisk::Queued), "one of two is it");
        assert!(flags.change(OnDisk::Queued, OnDisk::Written));
        assert_eq!(flags.on_disk(), OnDisk::Written);
        assert!(flags.is_counted() && flags.is_void());
        assert!(flags.count(false));
        assert!(!flags.is_counted() && flags.is_void());
        assert!(flags.change(OnDisk::Written, OnDisk::No), "when its segment is reclaimed");
        assert_eq!(flags.on_disk(), OnDisk::No);
    }
}
