//! The footer of a full segment: one entry for each of its records, in order, and a trailer of 64 bytes
//! that is the end of the file.

use std::io;

use bytes::{Buf, BufMut};
use thiserror::Error;

use super::{HEAD, Head, sealed};
use crate::store::disk::io::File;
use crate::store::disk::record::{ALIGN, HEADER, Header, Kind, LONGEST_BODY, LONGEST_META};

/// Bytes that an entry takes.
const ENTRY: usize = 40;

/// Bytes that the trailer takes.
pub(in crate::store) const TRAILER: usize = 64;

/// What a trailer begins with; the nonce of the segment is behind it.
pub(in crate::store) const MAGIC: &[u8; 8] = b"LARDFTR\n";

/// The longest record.
const LONGEST: u64 = HEADER as u64 + LONGEST_META as u64 + LONGEST_BODY as u64;

/// A record of a segment, as far as it has to be known to find it and to know what it kills.
///
/// ```text
///  0 digest u128
/// 16 generation u64
/// 24 offset / 64 u32
/// 28 length / 64 u32
/// 32 kind u8, flags u8
/// 34 variant u24
/// 37 zeros
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct FooterEntry {
    /// The digest of the key, or of the group.
    pub(in crate::store) digest: u128,
    /// The id of the response; of a tombstone, that below which it kills.
    pub(in crate::store) generation: u64,
    /// Where the record begins, in bytes.
    pub(in crate::store) offset: u64,
    /// Bytes of the whole record, up to where the next one may begin.
    pub(in crate::store) length: u64,
    /// What it says.
    pub(in crate::store) kind: Kind,
    /// Those of the record.
    pub(in crate::store) flags: u8,
    /// The bits that tell its variant.
    pub(in crate::store) variant: u32,
}

/// Why there is no list of a segment's records.
#[derive(Debug, Error)]
pub(in crate::store) enum NoFooter {
    /// The file does not end with a trailer of this segment: it was not sealed.
    #[error("the segment has no footer")]
    Absent,
    /// There is a trailer, but not what it speaks of.
    #[error("the footer of the segment is damaged")]
    Damaged,
    /// The system could not read it.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl FooterEntry {
    /// The entry of a record that begins at `offset`.
    pub(in crate::store) fn new(header: &Header, offset: u64) -> Self {
        let Header { kind, flags, digest, generation, variant, .. } = *header;
        Self { digest, generation, offset, length: header.length(), kind, flags, variant }
    }

    /// Where the next record may begin.
    pub(in crate::store) fn end(&self) -> u64 {
        self.offset.saturating_add(self.length)
    }

    /// Appends it; `None` when it is nowhere in a segment.
    fn encode(&self, out: &mut Vec<u8>) -> Option<()> {
        out.put_u128_le(self.digest);
        out.put_u64_le(self.generation);
        out.put_u32_le(u32::try_from(self.offset / ALIGN).ok()?);
        out.put_u32_le(u32::try_from(self.length / ALIGN).ok()?);
        out.put_u8(self.kind.number());
        out.put_u8(self.flags);
        out.put_u32_le(self.variant);
        out.put_u16_le(0);
        Some(())
    }

    fn decode(mut bytes: &[u8]) -> Option<Self> {
        let entry = Self {
            digest: bytes.try_get_u128_le().ok()?,
            generation: bytes.try_get_u64_le().ok()?,
            offset: u64::from(bytes.try_get_u32_le().ok()?) * ALIGN,
            length: u64::from(bytes.try_get_u32_le().ok()?) * ALIGN,
            kind: Kind::from_number(bytes.try_get_u8().ok()?)?,
            flags: bytes.try_get_u8().ok()?,
            variant: bytes.try_get_u32_le().ok()?,
        };
        let gap = bytes.try_get_u16_le().ok()?;
        let known = entry.kind.allows(entry.flags, entry.variant);
        let sized = (HEADER as u64..=LONGEST.next_multiple_of(ALIGN)).contains(&entry.length);
        (gap == 0 && known && sized).then_some(entry)
    }
}

impl FooterEntry {
    /// Entries as they are, and as they are written again.
    pub(in crate::store) fn rewritten(bytes: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
        let (bytes, rest) = bytes.as_chunks::<ENTRY>();
        let mut again = Vec::new();
        for entry in bytes {
            Self::decode(entry)?.encode(&mut again)?;
        }
        rest.is_empty().then(|| (bytes.concat(), again))
    }
}

/// Bytes that the footer of so many records takes, its trailer included.
pub(in crate::store) fn length(count: usize) -> u64 {
    let entries = (count as u64).saturating_mul(ENTRY as u64);
    entries.next_multiple_of(ALIGN).saturating_add(TRAILER as u64)
}

/// The bytes of the footer that is to be written at `offset`, where the next record would begin, as the
/// end of the file. `None` when these are not the records of one segment, in order.
///
/// ```text
/// entries, and zeros up to the next multiple of 64
///  0 "LARDFTR\n"
///  8 nonce u64      that of the segment
/// 16 offset u64     where the entries begin
/// 24 count u32      of the entries
/// 28 seq u32        that of the segment
/// 32 entries u32    CRC-32C of the entries
/// 36 zeros
/// 60 check u32      CRC-32C of bytes 0 to 60
/// ```
pub(in crate::store) fn encode(
    entries: &[FooterEntry],
    segment: Head,
    offset: u64,
) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(usize::try_from(length(entries.len())).ok()?);
    entries.iter().try_for_each(|entry| entry.encode(&mut out))?;
    let sum = crc32c::crc32c(&out);
    out.resize(out.len().next_multiple_of(HEAD), 0);
    let mut trailer = [0; TRAILER];
    let mut fields = &mut trailer[..];
    fields.put_slice(MAGIC);
    fields.put_u64_le(segment.nonce);
    fields.put_u64_le(offset);
    fields.put_u32_le(u32::try_from(entries.len()).ok()?);
    fields.put_u32_le(segment.seq);
    fields.put_u32_le(sum);
    out.put_slice(&sealed(trailer));
    are_apart(entries, offset).then_some(out)
}

/// What a trailer says.
struct Trailer {
    offset: u64,
    count: usize,
    sum: u32,
}

impl Trailer {
    fn decode(bytes: &[u8; TRAILER], segment: Head) -> Option<Self> {
        let mut fields = bytes.strip_prefix(MAGIC).filter(|_| sealed(*bytes) == *bytes)?;
        let nonce = fields.try_get_u64_le().ok()?;
        let offset = fields.try_get_u64_le().ok()?;
        let count = usize::try_from(fields.try_get_u32_le().ok()?).ok()?;
        let seq = fields.try_get_u32_le().ok()?;
        let sum = fields.try_get_u32_le().ok()?;
        (Head { seq, nonce } == segment).then_some(Self { offset, count, sum })
    }
}

/// Reads the footer of this segment, which takes no more memory than the file is long. The records come
/// in the order in which they were written; that they are whole, only reading them says.
pub(in crate::store) fn read(file: &dyn File, segment: Head) -> Result<Vec<FooterEntry>, NoFooter> {
    let end = file.len()?;
    let trailer_at = end.checked_sub(TRAILER as u64).ok_or(NoFooter::Absent)?;
    let mut bytes = [0; TRAILER];
    file.read_at(&mut bytes, trailer_at)?;
    let trailer = Trailer::decode(&bytes, segment).ok_or(NoFooter::Absent)?;
    // The entries are as long as the file has room for before any memory is asked for.
    let fits = trailer.offset.checked_add(length(trailer.count)) == Some(end);
    let size = trailer.count.checked_mul(ENTRY).filter(|_| fits).ok_or(NoFooter::Damaged)?;
    let mut bytes = vec![0; size];
    file.read_at(&mut bytes, trailer.offset)?;
    if crc32c::crc32c(&bytes) != trailer.sum {
        return Err(NoFooter::Damaged);
    }
    let entries: Option<Vec<_>> = bytes.chunks_exact(ENTRY).map(FooterEntry::decode).collect();
    entries.filter(|entries| are_apart(entries, trailer.offset)).ok_or(NoFooter::Damaged)
}

/// Whether the records are in order, none reaches into another, and all of them end before `end`.
fn are_apart(entries: &[FooterEntry], end: u64) -> bool {
    let mut free = HEAD as u64;
    entries.iter().all(|entry| {
        let aligned = entry.offset.is_multiple_of(ALIGN) && entry.length.is_multiple_of(ALIGN);
        let fits = entry.offset >= free && entry.end() <= end && entry.length > 0;
        free = entry.end();
        aligned && fits
    })
}
