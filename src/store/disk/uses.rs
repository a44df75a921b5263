//! How often each response was used, over an orderly stop: what was used keeps its second chance, and
//! `larder cache ls` can tell.
//!
//! One file: for each response that was used its id (u64) and its uses (u8), little endian, then CRC-32C
//! of all that. It is removed at the start: after a crash, nothing is known.

use std::collections::HashMap;
use std::io;

use bytes::{Buf, BufMut};

use super::io::Io;
use super::names;

/// Bytes of one response.
const ENTRY: usize = 9;

/// Bytes of the checksum.
const SUM: usize = 4;

/// The most responses that are told of.
const MOST: usize = if cfg!(test) { 1000 } else { 8 << 20 };

/// Writes the file anew, with as many as it takes.
pub(super) fn save(io: &dyn Io, uses: &[(u64, u8)]) -> io::Result<()> {
    match io.remove(names::USES) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let most = uses.get(..MOST).unwrap_or(uses);
    io.create(names::USES)?.write_at(&encode(most), 0)
}

/// Reads the file; nothing when it is not there, damaged, or longer than any that is written.
pub(in crate::store) fn read(io: &dyn Io) -> HashMap<u64, u8> {
    let read = || -> io::Result<Vec<u8>> {
        let file = io.open(names::USES)?;
        let length = usize::try_from(file.len()?).map_err(io::Error::other)?;
        if length > MOST * ENTRY + SUM {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let mut bytes = vec![0; length];
        file.read_at(&mut bytes, 0)?;
        Ok(bytes)
    };
    read().ok().and_then(|bytes| decode(&bytes)).unwrap_or_default()
}

fn encode(uses: &[(u64, u8)]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(uses.len() * ENTRY + SUM);
    for (id, uses) in uses {
        bytes.put_u64_le(*id);
        bytes.put_u8(*uses);
    }
    bytes.put_u32_le(crc32c::crc32c(&bytes));
    bytes
}

fn decode(bytes: &[u8]) -> Option<HashMap<u64, u8>> {
    let (mut entries, sum) = bytes.split_at_checked(bytes.len().checked_sub(SUM)?)?;
    if !entries.len().is_multiple_of(ENTRY) || crc32c::crc32c(entries).to_le_bytes() != sum {
        return None;
    }
    let mut uses = HashMap::with_capacity(entries.len() / ENTRY);
    while entries.has_remaining() {
        uses.insert(entries.try_get_u64_le().ok()?, entries.try_get_u8().ok()?);
    }
    Some(uses)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::disk::io::faulty::Faulty;

    #[test]
    fn what_is_saved_is_read_and_what_is_damaged_is_nothing() {
        let io = Faulty::new();
        io.make_dir(names::SEGMENTS).unwrap();
        assert!(read(&io).is_empty());
        for uses in [&[][..], &[(1, 2), (u64::MAX, 3)]] {
            save(&io, uses).unwrap();
            assert_eq!(read(&io), uses.iter().copied().collect());
        }
        for bit in 0..(2 * ENTRY + SUM) as u64 * 8 {
            io.flip(names::USES, bit);
            assert!(read(&io).is_empty(), "{bit}");
            io.flip(names::USES, bit);
        }
        assert_eq!(read(&io).len(), 2);
    }

    #[test]
    fn a_file_longer_than_any_that_is_written_is_nothing() {
        let io = Faulty::new();
        io.make_dir(names::SEGMENTS).unwrap();
        let most: Vec<(u64, u8)> = (0..=MOST as u64).map(|id| (id, 1)).collect();
        save(&io, &most).unwrap();
        assert_eq!(read(&io).len(), MOST);
        io.remove(names::USES).unwrap();
        io.create(names::USES).unwrap().write_at(&encode(&most), 0).unwrap();
        assert!(read(&io).is_empty());
    }
}
