//! Reads everything and compares it with its checksums.

use std::collections::HashMap;
use std::io;

use super::files::{Files, LargeFile};
use super::segments::{Segment, Unreadable};
use super::{Damage, Seen, Verified};
use crate::policy::CacheKey;
use crate::store::disk::checksum;
use crate::store::disk::dense::{Unread, Why};
use crate::store::disk::record::{HEADER, Header, Kind, Meta, Place, Run};
use crate::store::disk::segment::FooterEntry;

/// A block of a body that is not what was written.
const WRONG: &str = "the checksum of a body is wrong";

/// Who is told of what is come across.
type Each<'a> = &'a mut dyn FnMut(Seen) -> io::Result<()>;

/// Reads all segments, and then all files.
pub(super) fn all(segments: &[Segment], files: &Files, each: Each<'_>) -> io::Result<Verified> {
    let by_number = segments.iter().map(|segment| (segment.seq(), segment)).collect();
    let mut verifier = Verifier { by_number, files, owners: HashMap::new(), each };
    let mut verified = Verified { files: files.count(), ..Verified::default() };
    for segment in segments {
        verified.records += verifier.segment(segment)?;
        verified.bytes += segment.length();
    }
    for (id, file) in files.iter() {
        verifier.file(id, file)?;
        verified.bytes += file.length;
    }
    Ok(verified)
}

struct Verifier<'a, 'b> {
    by_number: HashMap<u32, &'a Segment>,
    files: &'a Files,
    /// By the number of a file: what was last said to be in it.
    owners: HashMap<u64, CacheKey>,
    each: Each<'b>,
}

impl Verifier<'_, '_> {
    fn damaged(
        &mut self,
        file: &str,
        offset: u64,
        why: &(impl ToString + ?Sized),
        key: Option<CacheKey>,
    ) -> io::Result<()> {
        let (file, why) = (file.to_owned(), why.to_string());
        (self.each)(Seen::Damaged(Damage { file, offset, why, key }))
    }

    /// Reads a segment and counts its records.
    fn segment(&mut self, segment: &Segment) -> io::Result<u64> {
        let listing = segment.listing();
        for (offset, why) in listing.faults {
            self.damaged(segment.name(), offset, &why, None)?;
        }
        let mut read = 0;
        for entry in &listing.entries {
            self.record(segment, entry)?;
            (self.each)(Seen::Read(entry.end().saturating_sub(read)))?;
            read = entry.end();
        }
        (self.each)(Seen::Read(segment.length().saturating_sub(read)))?;
        Ok(listing.entries.len() as u64)
    }

    fn record(&mut self, segment: &Segment, entry: &FooterEntry) -> io::Result<()> {
        let FooterEntry { offset, kind, .. } = *entry;
        let (header, meta) = match segment.head_of(offset) {
            Ok((header, _)) if FooterEntry::new(&header, offset) != *entry => {
                let why = "the footer of the segment says something else";
                return self.damaged(segment.name(), offset, why, None);
            }
            Ok(_) if !kind.is_response() => return Ok(()),
            Ok((header, bytes)) => {
                (header, bytes.get(HEADER..).and_then(|meta| Meta::decode(meta, &header)))
            }
            Err(error) => return self.damaged(segment.name(), offset, &error, None),
        };
        let Some(meta) = meta else {
            let why = "the head of a record makes no sense";
            return self.damaged(segment.name(), offset, why, None);
        };
        let key = meta.key;
        match &meta.body {
            Place::Here { crcs } => self.body(segment, offset, &header, crcs, &key),
            Place::Base { seq, offset: base, crcs, .. } => {
                let older = self.by_number.get(seq).copied();
                let header_of = |older: &Segment| older.head_of(*base).map(|(header, _)| header);
                match older.map(|older| (older, header_of(older))) {
                    Some((older, Ok(header))) if header.kind == Kind::Object => {
                        self.body(older, *base, &header, crcs, &key)
                    }
                    Some((older, Err(error))) => {
                        self.damaged(older.name(), *base, &error, Some(key))
                    }
                    _ => {
                        let why = format!("its body is gone, which was in segment {seq:08x}");
                        self.damaged(segment.name(), offset, &why, Some(key))
                    }
                }
            }
            Place::Files(runs) => self.runs(segment, offset, runs, &key),
        }
    }

    /// The body behind the record at `offset`.
    fn body(
        &mut self,
        segment: &Segment,
        offset: u64,
        header: &Header,
        crcs: &[u32],
        key: &CacheKey,
    ) -> io::Result<()> {
        let at = offset + HEADER as u64 + u64::from(header.meta_len);
        match segment.read(at, header.body_len) {
            Ok(body) if checksum::matches(&body, crcs) => Ok(()),
            Ok(body) => {
                let blocks = body.chunks(checksum::BLOCK).map(crc32c::crc32c);
                let sound = blocks.zip(crcs).take_while(|(found, sum)| found == *sum).count();
                let at = at + (sound * checksum::BLOCK) as u64;
                self.damaged(segment.name(), at, WRONG, Some(key.clone()))
            }
            Err(error) => {
                self.damaged(segment.name(), at, &Unreadable::Io(error), Some(key.clone()))
            }
        }
    }

    /// Whether the files that a record names are there, and long enough.
    fn runs(
        &mut self,
        segment: &Segment,
        offset: u64,
        runs: &[Run],
        key: &CacheKey,
    ) -> io::Result<()> {
        for run in runs {
            self.owners.insert(run.file, key.clone());
            let end = run.offset.saturating_add(run.length);
            let why = match self.files.get(run.file) {
                None => format!("its body is gone, which was in file {:016x}", run.file),
                Some(file) if file.end().is_ok_and(|(length, _)| length < end) => {
                    format!("its body is longer than what is in {}", file.name)
                }
                // What else is wrong with the file is told when that is read.
                Some(_) => continue,
            };
            self.damaged(segment.name(), offset, &why, Some(key.clone()))?;
        }
        Ok(())
    }

    /// A file with a body: its end, and each block. Of several blocks that are damaged the first is told.
    fn file(&mut self, id: u64, file: &LargeFile) -> io::Result<()> {
        let owner = self.owners.get(&id).cloned();
        let (length, sums) = match file.end() {
            Ok(end) => end,
            Err(Unread { offset, why }) => {
                let why = match why {
                    Why::Damaged => "the end of the file is damaged".to_owned(),
                    Why::Failed(error) => Unreadable::Io(error).to_string(),
                };
                self.damaged(&file.name, offset, &why, owner)?;
                return (self.each)(Seen::Read(file.length));
            }
        };
        let (mut at, mut is_sound) = (0, true);
        let mut buffer = vec![0; checksum::BLOCK];
        for sum in &sums {
            let size = usize::try_from(length - at).unwrap_or(usize::MAX).min(checksum::BLOCK);
            let block = buffer.get_mut(..size).unwrap_or_default();
            let why = match file.read(block, at) {
                Ok(()) if crc32c::crc32c(block) == *sum => None,
                Ok(()) => Some(WRONG.to_owned()),
                Err(error) => Some(Unreadable::Io(error).to_string()),
            };
            if let Some(why) = why.filter(|_| is_sound) {
                is_sound = false;
                self.damaged(&file.name, at, &why, owner.clone())?;
            }
            (self.each)(Seen::Read(size as u64))?;
            at += size as u64;
        }
        (self.each)(Seen::Read(file.length - at))
    }
}
