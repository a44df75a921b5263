//! Records of a segment: a header of 64 bytes, what is said of a response, and its body where that is in
//! the segment. Everything is little endian, and every record begins at a multiple of 64 bytes.
//!
//! ```text
//!  0 nonce u64        that of the segment, which nobody else knows
//!  8 check u32        CRC-32C of the segment's number, the offset, bytes 12 to 64, and the meta
//! 12 kind u8, flags u8, u16 0
//! 16 digest u128      of the key, or of a group
//! 32 generation u64
//! 40 lineage u64
//! 48 meta_len u32
//! 52 body_len u32
//! 56 variant u32      24 bits are used
//! 60 u32 0
//! 64 meta, body, and zeros up to the next multiple of 64
//! ```

mod encoding;
mod meta;
mod rewrite;
#[cfg(test)]
pub(in crate::store) mod scene;
#[cfg(test)]
mod tests;

use bytes::{Buf, BufMut};
use thiserror::Error;

#[cfg(test)]
use super::checksum;
use super::segment::Head;
use crate::policy::NominatedFields;
pub(in crate::store) use meta::{Meta, Place, Run};
pub use rewrite::rewritten;

/// Records begin at multiples of this many bytes.
pub(in crate::store) const ALIGN: u64 = 64;

/// Bytes of a record's header.
pub(in crate::store) const HEADER: usize = 64;

/// The most bytes that a [`Meta`] takes.
pub(in crate::store) const LONGEST_META: u32 = 1 << 20;

/// The most bytes of a body that is in a segment.
pub(in crate::store) const LONGEST_BODY: u32 = 1 << 20;

/// Of a record's flags: its head has a rule which queries ask for the same (`No-Vary-Search`).
pub(in crate::store) const HAS_RULE: u8 = 1;

/// Of a tombstone's flags: it kills only the variant that it names.
pub(in crate::store) const ONE: u8 = 1 << 1;

/// The bits that tell a variant.
const VARIANT: u32 = 0x00ff_ffff;

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::store) enum Kind {
    /// A response, its body included.
    Object,
    /// A new head for the body of an older [`Object`](Self::Object) of the same lineage.
    Update,
    /// A response whose body is in files of its own.
    Pointer,
    /// What has this digest and a lower generation is no longer valid.
    Tombstone,
    /// What belongs to the group of this digest and has a lower generation is no longer valid.
    GroupTombstone,
}

impl Kind {
    /// The kinds by the number that stands for each on disk, from 1 on.
    const NUMBERED: [Self; 5] =
        [Self::Object, Self::Update, Self::Pointer, Self::Tombstone, Self::GroupTombstone];

    /// The number that stands for it on disk; never 0.
    pub(in crate::store) fn number(self) -> u8 {
        Self::NUMBERED.iter().zip(1..).find(|(kind, _)| **kind == self).map_or(0, |(_, at)| at)
    }

    /// The kind of a number.
    pub(in crate::store) fn from_number(number: u8) -> Option<Self> {
        Self::NUMBERED.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// Whether it is of a response, and has a [`Meta`].
    pub(in crate::store) fn is_response(self) -> bool {
        matches!(self, Self::Object | Self::Update | Self::Pointer)
    }

    /// Whether a record of this kind may have these flags, and bits of a variant.
    pub(in crate::store) fn allows(self, flags: u8, variant: u32) -> bool {
        let known = match self {
            Self::Object | Self::Update | Self::Pointer => HAS_RULE,
            Self::Tombstone => ONE,
            Self::GroupTombstone => 0,
        };
        flags & !known == 0 && variant & !VARIANT == 0
    }
}

/// The header of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct Header {
    /// What it says.
    pub(in crate::store) kind: Kind,
    /// [`HAS_RULE`], [`ONE`].
    pub(in crate::store) flags: u8,
    /// The digest of the key, or of the group.
    pub(in crate::store) digest: u128,
    /// The id of the response; of a tombstone, that below which it kills.
    pub(in crate::store) generation: u64,
    /// The id under which the body was first written.
    pub(in crate::store) lineage: u64,
    /// Bytes of the [`Meta`]; 0 for tombstones.
    pub(in crate::store) meta_len: u32,
    /// Bytes of the body that follow; 0 but for [`Kind::Object`].
    pub(in crate::store) body_len: u32,
    /// [`variant_of`] its nominated fields.
    pub(in crate::store) variant: u32,
}

/// Why bytes are not the record that was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(in crate::store) enum Damaged {
    /// The nonce of the segment is not there: nothing was written, or something else was.
    #[error("there is no record")]
    Absent,
    /// The header says what no header says.
    #[error("the header of a record makes no sense")]
    Header,
    /// Header and meta do not have the checksum that was written.
    #[error("the checksum of a record's head is wrong")]
    Check,
    /// The meta says what no meta says.
    #[error("the head of a record makes no sense")]
    Meta,
    /// The body does not have the checksums that were written.
    #[error("the checksum of a body is wrong")]
    Body,
}

impl Header {
    /// The header of a tombstone: everything of `digest` below `generation`, or of that only one variant.
    pub(in crate::store) fn tombstone(digest: u128, generation: u64, variant: Option<u32>) -> Self {
        let flags = if variant.is_some() { ONE } else { 0 };
        let variant = variant.unwrap_or_default();
        Self { flags, variant, ..Self::bare(Kind::Tombstone, digest, generation) }
    }

    /// The header of a tombstone for a group: all its responses below `generation`.
    pub(in crate::store) fn group_tombstone(digest: u128, generation: u64) -> Self {
        Self::bare(Kind::GroupTombstone, digest, generation)
    }

    fn bare(kind: Kind, digest: u128, generation: u64) -> Self {
        let (flags, lineage, variant) = (0, 0, 0);
        Self { kind, flags, digest, generation, lineage, meta_len: 0, body_len: 0, variant }
    }

    /// Bytes of header, meta and body.
    pub(in crate::store) fn used(&self) -> u64 {
        HEADER as u64 + u64::from(self.meta_len) + u64::from(self.body_len)
    }

    /// Bytes of the whole record, up to where the next one begins.
    pub(in crate::store) fn length(&self) -> u64 {
        self.used().next_multiple_of(ALIGN)
    }

    /// Whether a header may say this.
    fn is_plausible(&self) -> bool {
        let meta = if self.kind.is_response() { 1..=LONGEST_META } else { 0..=0 };
        let body = if self.kind == Kind::Object { LONGEST_BODY } else { 0 };
        self.kind.allows(self.flags, self.variant)
            && meta.contains(&self.meta_len)
            && self.body_len <= body
    }

    /// Bytes 12 to 64.
    fn fields(&self) -> [u8; HEADER - 12] {
        let mut fields = [0; HEADER - 12];
        let mut out = &mut fields[..];
        out.put_u8(self.kind.number());
        out.put_u8(self.flags);
        out.put_u16_le(0);
        out.put_u128_le(self.digest);
        out.put_u64_le(self.generation);
        out.put_u64_le(self.lineage);
        out.put_u32_le(self.meta_len);
        out.put_u32_le(self.body_len);
        out.put_u32_le(self.variant);
        fields
    }

    /// Reads bytes 12 to 64.
    fn read(mut fields: &[u8]) -> Option<Self> {
        let kind = Kind::from_number(fields.try_get_u8().ok()?)?;
        let flags = fields.try_get_u8().ok()?;
        let first_gap = fields.try_get_u16_le().ok()?;
        let header = Self {
            kind,
            flags,
            digest: fields.try_get_u128_le().ok()?,
            generation: fields.try_get_u64_le().ok()?,
            lineage: fields.try_get_u64_le().ok()?,
            meta_len: fields.try_get_u32_le().ok()?,
            body_len: fields.try_get_u32_le().ok()?,
            variant: fields.try_get_u32_le().ok()?,
        };
        let gaps = (first_gap, fields.try_get_u32_le().ok()?);
        (gaps == (0, 0) && header.is_plausible()).then_some(header)
    }
}

/// The bits that tell a variant from most others of its key: equal for equal nominated fields.
pub(in crate::store) fn variant_of(nominated: &NominatedFields) -> u32 {
    crc32c::crc32c(nominated.as_bytes()) & VARIANT
}

/// The bytes of a header, sealed: they are taken for a record only in this segment, at this offset, with
/// this meta behind them. `header.meta_len` is the length of `meta`.
pub(in crate::store) fn seal(header: &Header, segment: Head, offset: u64, meta: &[u8]) -> [u8; 64] {
    let fields = header.fields();
    let mut sealed = [0; HEADER];
    let mut out = &mut sealed[..];
    out.put_u64_le(segment.nonce);
    out.put_u32_le(check(segment, offset, &fields, meta));
    out.put_slice(&fields);
    sealed
}

/// Reads a header where a record may begin. Only [`verify`] says whether it is one: this says how many
/// bytes it needs for that.
pub(in crate::store) fn open(bytes: &[u8], segment: Head) -> Result<Header, Damaged> {
    let (nonce, _, fields, _) = parts(bytes).ok_or(Damaged::Absent)?;
    if nonce != segment.nonce {
        return Err(Damaged::Absent);
    }
    Header::read(fields).ok_or(Damaged::Header)
}

/// Checks the record that begins at `offset` with these bytes, which are its header and its meta at least.
/// Returns the header, the bytes of the meta, and what follows them: the body, as far as it is there.
pub(in crate::store) fn verify(
    bytes: &[u8],
    segment: Head,
    offset: u64,
) -> Result<(Header, &[u8], &[u8]), Damaged> {
    let header = open(bytes, segment)?;
    let (_, sum, fields, behind) = parts(bytes).ok_or(Damaged::Absent)?;
    let (meta, body) = behind.split_at_checked(header.meta_len as usize).ok_or(Damaged::Check)?;
    if check(segment, offset, fields, meta) != sum {
        return Err(Damaged::Check);
    }
    let body = body.get(..header.body_len as usize).unwrap_or(body);
    Ok((header, meta, body))
}

/// Reads the whole record of a response that begins at `offset` with these bytes: its header, its meta, and
/// the body where that is in it, everything checked.
#[cfg(test)]
pub(in crate::store) fn read(
    bytes: &[u8],
    segment: Head,
    offset: u64,
) -> Result<(Header, Meta, &[u8]), Damaged> {
    let (header, meta, body) = verify(bytes, segment, offset)?;
    let meta = Meta::decode(meta, &header).ok_or(Damaged::Meta)?;
    match &meta.body {
        Place::Here { crcs } if !checksum::matches(body, crcs) => Err(Damaged::Body),
        _ => Ok((header, meta, body)),
    }
}

/// Nonce, checksum, bytes 12 to 64, and what is behind the header.
fn parts(bytes: &[u8]) -> Option<(u64, u32, &[u8], &[u8])> {
    let (mut header, behind) = bytes.split_at_checked(HEADER)?;
    Some((header.try_get_u64_le().ok()?, header.try_get_u32_le().ok()?, header, behind))
}

fn check(segment: Head, offset: u64, fields: &[u8], meta: &[u8]) -> u32 {
    let sum = crc32c::crc32c(&segment.seq.to_le_bytes());
    [&offset.to_le_bytes()[..], fields, meta].into_iter().fold(sum, crc32c::crc32c_append)
}
