//! The disk tier: small responses in segments that are only appended to, large ones in a file each, and
//! a compact index in memory.

pub(in crate::store) mod checksum;
mod chunks;
pub(in crate::store) mod dense;
pub(in crate::store) mod extents;
mod breaker;
mod directory;
pub(in crate::store) mod io;
pub(in crate::store) mod record;
pub(in crate::store) mod segment;
#[cfg(test)]
mod tests;
pub(in crate::store) mod witness;

pub(in crate::store) use chunks::Chunks;
pub(in crate::store) use extents::Extents;
mod names;
mod pool;

pub use directory::OpenError;
