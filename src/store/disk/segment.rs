//! Segments: files that are only appended to. A header of 64 bytes, records, and when it is full a footer
//! that lists them, so that a start needs no more than that.

pub(in crate::store) mod footer;
pub(in crate::store) mod scan;

use bytes::{Buf, BufMut};

pub(in crate::store) use footer::FooterEntry;

/// Bytes of a segment's header: the first record is behind it.
pub(in crate::store) const HEAD: usize = 64;

const MAGIC: &[u8; 8] = b"LARDSEG\n";

/// The format of what is in a segment.
pub(in crate::store) const FORMAT: u32 = 1;

/// The header of a segment.
///
/// ```text
///  0 "LARDSEG\n"
///  8 format u32
/// 12 seq u32
/// 16 nonce u64
/// 24 zeros
/// 60 check u32     CRC-32C of bytes 0 to 60
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::store) struct Head {
    /// The number of the segment, which is its name too.
    pub(in crate::store) seq: u32,
    /// What only this segment's records begin with. Nobody can guess it, so nobody can put a record into
    /// a body.
    pub(in crate::store) nonce: u64,
}

impl Head {
    /// The bytes of it.
    pub(in crate::store) fn encode(self) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        let mut out = &mut bytes[..];
        out.put_slice(MAGIC);
        out.put_u32_le(FORMAT);
        out.put_u32_le(self.seq);
        out.put_u64_le(self.nonce);
        sealed(bytes)
    }

    /// Reads what a file begins with; `None` when that is not the header of a segment of this format.
    pub(in crate::store) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut fields = bytes.get(..HEAD)?.strip_prefix(MAGIC)?;
        let format = fields.try_get_u32_le().ok()?;
        let (seq, nonce) = (fields.try_get_u32_le().ok()?, fields.try_get_u64_le().ok()?);
        let head = Self { seq, nonce };
        (format == FORMAT && bytes.get(..HEAD)? == head.encode()).then_some(head)
    }
}

/// Writes the checksum of all bytes but the last four into those.
fn sealed(mut bytes: [u8; 64]) -> [u8; 64] {
    let (covered, check) = bytes.split_at_mut(60);
    check.copy_from_slice(&crc32c::crc32c(covered).to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests;
