//! What an invalidation has to wait for.

use super::index::Known;
use super::record::Header;

/// What became of a tombstone.
#[derive(Debug)]
pub(super) enum Buried {
    /// There was nothing to bury.
    Nothing,
    /// It is or will be appended, and survives a crash once it is synced. Until then these records are
    /// still on disk.
    Appended(Header, Vec<Known>),
    /// It could not be appended; these records are still on disk.
    Exposed(Header, Vec<Known>),
}

impl Buried {
    /// Both: the worse counts. Of two the records of the first are struck out where that has to be.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (exposed @ Self::Exposed(..), _) | (_, exposed @ Self::Exposed(..)) => exposed,
            (Self::Nothing, other) => other,
            (appended, _) => appended,
        }
    }
}
