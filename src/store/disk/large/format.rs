//! A large file: the body, a checksum for each 64 KiB of it, and a trailer that says what it is.

use std::sync::Arc;

use crate::store::disk::checksum::BLOCK;
use crate::store::disk::dense::{Unread, Why};
use crate::store::disk::io::File;

const MAGIC: &[u8; 8] = b"larderL1";

/// Bytes of the trailer.
pub(super) const TRAILER: usize = 64;

/// Bytes that its check is made of: all but itself.
const CHECKED: usize = TRAILER - 4;

/// Bytes of a file whose body has `length` bytes.
pub(super) fn file_length(length: u64) -> u64 {
    length.saturating_add(table_length(length)).saturating_add(TRAILER as u64)
}

fn table_length(length: u64) -> u64 {
    length.div_ceil(BLOCK as u64).saturating_mul(4)
}

/// What follows a body of `length` bytes.
pub(in crate::store) fn end(id: u64, digest: u128, length: u64, checksums: &[u32]) -> Vec<u8> {
    let mut end: Vec<u8> = checksums.iter().flat_map(|checksum| checksum.to_le_bytes()).collect();
    let mut trailer = Vec::with_capacity(TRAILER);
    trailer.extend_from_slice(MAGIC);
    trailer.extend_from_slice(&id.to_le_bytes());
    trailer.extend_from_slice(&length.to_le_bytes());
    trailer.extend_from_slice(&digest.to_le_bytes());
    trailer.extend_from_slice(&crc32c::crc32c(&end).to_le_bytes());
    trailer.resize(CHECKED, 0);
    let check = crc32c::crc32c(&trailer);
    trailer.extend_from_slice(&check.to_le_bytes());
    end.append(&mut trailer);
    end
}

/// What the end of a file says: the body's length, and the checksums of its blocks.
pub(in crate::store) fn read(
    file: &Arc<dyn File>,
    id: u64,
    digest: u128,
) -> Result<(u64, Box<[u32]>), Unread> {
    let whole = file.len().map_err(|error| Unread::from_system(0, error))?;
    let damaged = |offset| Unread { offset, why: Why::Damaged };
    let at = whole.checked_sub(TRAILER as u64).ok_or_else(|| damaged(whole))?;
    let mut trailer = [0; TRAILER];
    file.read_at(&mut trailer, at).map_err(|error| Unread::from_system(at, error))?;
    let (length, sum) = parse(&trailer, id, digest).ok_or_else(|| damaged(at))?;
    if file_length(length) != whole {
        return Err(damaged(at));
    }
    let size = usize::try_from(table_length(length)).ok().ok_or_else(|| damaged(at))?;
    let mut table = vec![0; size];
    file.read_at(&mut table, length).map_err(|error| Unread::from_system(length, error))?;
    if crc32c::crc32c(&table) != sum {
        return Err(damaged(length));
    }
    let (checksums, _) = table.as_chunks();
    Ok((length, checksums.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect()))
}

/// The body's length and the checksum of the table.
fn parse(trailer: &[u8; TRAILER], id: u64, digest: u128) -> Option<(u64, u32)> {
    let (checked, check) = trailer.split_last_chunk::<4>()?;
    if crc32c::crc32c(checked) != u32::from_le_bytes(*check) {
        return None;
    }
    let (magic, rest) = checked.split_first_chunk::<8>()?;
    let (its_id, rest) = rest.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (its_digest, rest) = rest.split_first_chunk()?;
    let (sum, rest) = rest.split_first_chunk()?;
    let is_it = magic == MAGIC
        && u64::from_le_bytes(*its_id) == id
        && u128::from_le_bytes(*its_digest) == digest
        && rest.iter().all(|byte| *byte == 0);
    is_it.then(|| (u64::from_le_bytes(*length), u32::from_le_bytes(*sum)))
}
