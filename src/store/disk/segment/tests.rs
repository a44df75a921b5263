use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::Config;

use super::footer::NoFooter;
use super::scan::{Scan, scan};
use super::*;
use crate::store::disk::io::{File, Now};
use crate::store::disk::record::scene::{SEGMENT, one_of_each, record, whole, written};
use crate::store::disk::record::{Header, LONGEST_META, seal};

/// A file that cannot be written, and counts what is read.
#[derive(Debug, Default)]
struct Bytes {
    bytes: Vec<u8>,
    /// Where reading fails.
    broken: Option<u64>,
    read: AtomicU64,
}

impl File for Bytes {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let end = offset + buffer.len() as u64;
        self.read.fetch_add(buffer.len() as u64, Ordering::Relaxed);
        if self.broken.is_some_and(|at| offset <= at && at < end) {
            return Err(io::ErrorKind::Other.into());
        }
        let from = self.bytes.get(offset as usize..).and_then(|from| from.get(..buffer.len()));
        buffer.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn read_now(&self, _: &mut [u8], _: u64) -> io::Result<Now> {
        Ok(Now::WouldWait)
    }

    fn write_at(&self, _: &[u8], _: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn set_len(&self, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes.len() as u64)
    }

    fn reserve(&self, _: u64) -> io::Result<()> {
        Ok(())
    }

    fn is_linked(&self) -> io::Result<bool> {
        Ok(true)
    }

    fn forget(&self, _: u64, _: u64) {}
}

fn file(bytes: &[u8]) -> Bytes {
    Bytes { bytes: bytes.to_vec(), ..Bytes::default() }
}

/// A segment without a footer that has one of each kind of record.
fn segment() -> (Vec<u8>, Vec<FooterEntry>) {
    let (mut bytes, mut entries) = (SEGMENT.encode().to_vec(), Vec::new());
    let tombstones = [
        Header::tombstone(77, 200, None),
        Header::tombstone(78, 201, Some(0x12_3456)),
        Header::group_tombstone(79, 202),
    ];
    for (number, (meta, body)) in one_of_each().iter().enumerate() {
        let at = bytes.len() as u64;
        let (header, record) = record(meta, body, 100 + number as u64, at);
        entries.push(FooterEntry::new(&header, at));
        bytes.extend(record);
    }
    for header in tombstones {
        let at = bytes.len() as u64;
        entries.push(FooterEntry::new(&header, at));
        bytes.extend(written(&header, b"", b"", at));
    }
    (bytes, entries)
}

fn scanned(bytes: &[u8]) -> Scan {
    let found = scan(&file(bytes), SEGMENT, bytes.len() as u64);
    assert!(found.error.is_none());
    found
}

#[test]
fn the_header_of_a_segment_is_read_back_or_refused() {
    let bytes = SEGMENT.encode();
    assert_eq!(Head::decode(&bytes), Some(SEGMENT));
    assert_eq!(Head::decode(&[&bytes[..], b"more"].concat()), Some(SEGMENT));
    assert_eq!(bytes[..12], *b"LARDSEG\n\x01\0\0\0");
    assert_eq!(bytes[12..24], [3, 0, 0, 0, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11]);
    assert_eq!((0..64).find(|end| Head::decode(&bytes[..*end]).is_some()), None);
    for bit in 0..64 * 8 {
        let mut flipped = bytes;
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(Head::decode(&flipped), None, "bit {bit}");
    }
}

#[test]
fn a_header_of_another_format_is_refused() {
    let mut bytes = SEGMENT.encode();
    bytes[8] = 2;
    assert_eq!(Head::decode(&sealed(bytes)), None);
}

#[test]
fn a_footer_lists_the_records_as_a_scan_finds_them() {
    let (bytes, entries) = segment();
    let footer = footer::encode(&entries, SEGMENT, bytes.len() as u64).unwrap();
    assert_eq!(footer.len() as u64, footer::length(entries.len()));
    assert_eq!(footer.len() % 64, 0);
    let sealed = file(&[bytes.clone(), footer].concat());
    assert_eq!(footer::read(&sealed, SEGMENT).unwrap(), entries);

    let found = scanned(&bytes);
    assert_eq!((found.entries, found.end, found.damaged), (entries, bytes.len() as u64, 0));
    let found = scanned(&sealed.bytes);
    assert_eq!((found.end, found.damaged), (bytes.len() as u64, 0));
}

#[test]
fn an_empty_segment_has_no_records() {
    let head = SEGMENT.encode();
    let footer = footer::encode(&[], SEGMENT, 64).unwrap();
    assert_eq!(footer.len(), 64);
    let sealed = file(&[&head[..], &footer].concat());
    assert!(footer::read(&sealed, SEGMENT).unwrap().is_empty());
    assert_eq!(scanned(&head).end, 64);
    assert_eq!(scanned(&[&head[..], &[0; 1000]].concat()).end, 64);
    assert_eq!(scanned(b"").end, 64);
}

#[test]
fn a_flipped_bit_of_a_footer_is_seen() {
    let (bytes, entries) = segment();
    let footer = footer::encode(&entries, SEGMENT, bytes.len() as u64).unwrap();
    let padding = entries.len() * 40..footer.len() - 64;
    for bit in 0..footer.len() * 8 {
        let mut flipped = footer.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let read = footer::read(&file(&[&bytes[..], &flipped].concat()), SEGMENT);
        if padding.contains(&(bit / 8)) {
            assert_eq!(read.unwrap(), entries);
        } else {
            assert!(matches!(read, Err(NoFooter::Absent | NoFooter::Damaged)), "bit {bit}");
        }
    }
}

#[test]
fn a_footer_that_is_cut_or_of_another_segment_is_none() {
    let (bytes, entries) = segment();
    let footer = footer::encode(&entries, SEGMENT, bytes.len() as u64).unwrap();
    let whole = [&bytes[..], &footer].concat();
    for end in (0..70).chain(bytes.len() - 70..whole.len()) {
        let read = footer::read(&file(&whole[..end]), SEGMENT);
        assert!(matches!(read, Err(NoFooter::Absent)), "cut after {end}");
    }
    let Head { seq, nonce } = SEGMENT;
    for other in [Head { seq: seq + 1, nonce }, Head { seq, nonce: nonce + 1 }] {
        assert!(matches!(footer::read(&file(&whole), other), Err(NoFooter::Absent)));
    }
    // As it is in another file, further from its beginning.
    let moved = [&bytes[..], &[0; 64], &footer].concat();
    assert!(matches!(footer::read(&file(&moved), SEGMENT), Err(NoFooter::Damaged)));
    let broken = Bytes { broken: Some(whole.len() as u64 - 1), ..file(&whole) };
    assert!(matches!(footer::read(&broken, SEGMENT), Err(NoFooter::Io(_))));
}

#[test]
fn a_footer_of_records_that_overlap_is_neither_written_nor_read() {
    let (bytes, entries) = segment();
    let end = bytes.len() as u64;
    let encode = |entries: &[FooterEntry]| footer::encode(entries, SEGMENT, end);
    let with = |change: fn(&mut FooterEntry)| {
        let mut entries = entries.clone();
        change(&mut entries[1]);
        encode(&entries)
    };
    assert!(with(|_| ()).is_some());
    assert!(with(|entry| entry.length += 64).is_none());
    assert!(with(|entry| entry.length = 0).is_none());
    assert!(with(|entry| entry.length -= 1).is_none());
    assert!(with(|entry| entry.offset = 0).is_none());
    assert!(with(|entry| entry.offset -= 64).is_none());
    assert!(with(|entry| entry.offset = 1 << 40).is_none());
    assert!(footer::encode(&entries, SEGMENT, end - 64).is_none());
    let twice: Vec<_> = entries.iter().chain(&entries).copied().collect();
    assert!(encode(&twice).is_none());
}

#[test]
fn after_a_damaged_record_the_next_one_is_found() {
    let (bytes, entries) = segment();
    for (number, entry) in entries.iter().enumerate() {
        for at in [0, 8, 12, 40, 63] {
            let mut damaged = bytes.clone();
            damaged[entry.offset as usize + at] ^= 0x10;
            let found = scanned(&damaged);
            let mut expected = entries.clone();
            expected.remove(number);
            assert_eq!(found.entries, expected, "record {number}, byte {at}");
            let last = number + 1 == entries.len();
            assert_eq!(found.damaged, if last { 0 } else { entry.length });
            assert_eq!(found.end, if last { entry.offset } else { bytes.len() as u64 });
        }
    }
}

#[test]
fn of_a_segment_that_is_cut_the_whole_records_are_found() {
    let (bytes, entries) = segment();
    let ends = entries.iter().flat_map(|entry| [entry.offset, entry.end() - 1, entry.end()]);
    for end in (0..400).chain((0..bytes.len() as u64).step_by(97)).chain(ends) {
        let found = scanned(&bytes[..end as usize]);
        let whole: Vec<_> = entries.iter().filter(|entry| entry.end() <= end).copied().collect();
        assert_eq!(found.end, whole.last().map_or(64, FooterEntry::end), "cut after {end}");
        assert_eq!((found.entries, found.damaged), (whole, 0), "cut after {end}");
        // The same when only so much of it is asked for.
        let asked = scan(&file(&bytes), SEGMENT, end);
        assert_eq!(asked.end, found.end, "asked for {end}");
    }
}

#[test]
fn a_record_in_a_body_is_not_taken_for_one() {
    let inner = whole("/inner", b"forged");
    let head = SEGMENT.encode();
    // Where a header may begin, the body has a record: one of this segment, from elsewhere in it, and one
    // of this place, by somebody who does not know the nonce.
    let empty = vec![0; 1024];
    let meta = whole("/outer", &empty).encode().unwrap().len();
    let from = (128 + meta).next_multiple_of(64);
    let own = record(&inner, b"forged", 99, 64).1;
    let mut foreign = record(&inner, b"forged", 99, from as u64).1;
    foreign[0] ^= 1;
    for forged in [own, foreign] {
        let mut body = empty.clone();
        let at = from - 128 - meta;
        body[at..at + forged.len()].copy_from_slice(&forged);
        let (header, outer) = record(&whole("/outer", &body), &body, 1, 64);
        let mut bytes = [&head[..], &outer].concat();
        assert_eq!(scanned(&bytes).entries, [FooterEntry::new(&header, 64)]);
        bytes[64 + 8] ^= 1;
        assert!(scanned(&bytes).entries.is_empty());
    }
}

#[test]
fn an_error_of_the_system_ends_a_scan_with_what_was_found() {
    let (bytes, entries) = segment();
    let mut long = bytes.clone();
    long.resize(6 << 20, 0);
    let broken = Bytes { broken: Some(5 << 20), ..file(&long) };
    let found = scan(&broken, SEGMENT, long.len() as u64);
    assert_eq!((found.entries, found.end), (entries, bytes.len() as u64));
    assert!(found.error.is_some());
}

/// The worst that bytes can be: at each place where a header may begin there is one with the longest meta,
/// and its checksum is wrong. Checking all of them would take a minute, and find the record behind them.
#[test]
fn a_scan_gives_up_where_bytes_are_made_to_take_its_time() {
    let (header, _) = record(&whole("/x", b""), b"", 1, 64);
    let header = Header { meta_len: LONGEST_META, ..header };
    let worst = seal(&header, SEGMENT, 64, b"").repeat((8 << 20) / 64);
    let last = record(&whole("/x", &[0; 1 << 20]), &[0; 1 << 20], 1, worst.len() as u64).1;
    let file = file(&[worst, last].concat());
    let found = scan(&file, SEGMENT, file.bytes.len() as u64);
    assert_eq!((found.entries.len(), found.end), (0, 64));
    assert!(file.read.load(Ordering::Relaxed) < 2 * file.bytes.len() as u64);
}

proptest! {
    #![proptest_config(Config { cases: 200, failure_persistence: None, ..Config::default() })]

    #[test]
    fn whatever_is_damaged_the_other_records_are_found(
        damage in prop::collection::vec((any::<Index>(), 1..5000_usize, any::<u8>()), 1..5),
    ) {
        let (mut bytes, entries) = segment();
        let mut intact = entries.clone();
        for (from, length, byte) in damage {
            let from = from.index(bytes.len());
            let to = bytes.len().min(from + length);
            bytes[from..to].fill(byte);
            intact.retain(|entry| entry.end() <= from as u64 || to as u64 <= entry.offset);
        }
        let found = scanned(&bytes).entries;
        prop_assert!(intact.iter().all(|entry| found.contains(entry)), "{found:?}");
        prop_assert!(found.iter().all(|entry| entries.contains(entry)), "{found:?}");
        prop_assert!(found.is_sorted_by_key(|entry| entry.offset));
    }
}
