//! The disk tier: small responses in segments that are only appended to, large ones in a file each, and
//! a compact index in memory.

pub(in crate::store) mod checksum;
pub(in crate::store) mod io;
pub(in crate::store) mod record;
pub(in crate::store) mod segment;
