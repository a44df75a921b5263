//! A door for the fuzz target `records`, which could never guess a checksum.

use super::{HEADER, Header, Meta, seal, verify};
use crate::store::disk::segment::{FooterEntry, Head};

/// Any segment.
const SEGMENT: Head = Head { seq: 7, nonce: 0x0123_4567_89ab_cdef };

/// Takes bytes for a record, or for the entries of a footer, whatever their checksums say. `None` when they
/// are not. Else as they are, and as they are written again: the same.
#[doc(hidden)]
pub fn rewritten(input: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (first, rest) = input.split_first()?;
    if *first == 0 { record(rest) } else { FooterEntry::rewritten(rest) }
}

fn record(bytes: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (head, meta) = bytes.split_at_checked(HEADER)?;
    let header = Header::read(head.get(12..)?)?;
    let meta = meta.get(..header.meta_len as usize)?;
    let sealed = [&seal(&header, SEGMENT, 64, meta), meta].concat();
    let (header, meta, _) = verify(&sealed, SEGMENT, 64).ok()?;
    let meta = Meta::read(meta, &header)?;
    // One that cannot be written again is another.
    let again = meta.encode().unwrap_or_default();
    let meta_len = u32::try_from(again.len()).unwrap_or_default();
    let header = Header { meta_len, kind: meta.body.kind(), ..header };
    let again = [&seal(&header, SEGMENT, 64, &again)[..], &again].concat();
    Some((sealed, again))
}
