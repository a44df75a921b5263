//! What is in a segment that has no footer: its records one after another, by their headers.

use std::io;

use super::{FooterEntry, HEAD, Head};
use crate::store::disk::io::File;
use crate::store::disk::record::{ALIGN, HEADER, open, verify};

/// How much is read at once: enough for the longest head of a record many times over, so that what is
/// read twice is little.
const CHUNK: u64 = 4 << 20;

/// What was found in a segment.
#[derive(Debug, Default)]
pub(in crate::store) struct Scan {
    /// The records whose header and meta are what was written, in order. Their bodies were not read.
    pub(in crate::store) entries: Vec<FooterEntry>,
    /// Where the last of them ends: the next one could begin there.
    pub(in crate::store) end: u64,
    /// Bytes before that end which belong to no record: something is damaged.
    pub(in crate::store) damaged: u64,
    /// Why it stopped before the end, where the system could not read on.
    pub(in crate::store) error: Option<io::Error>,
}

/// Looks for the records in the first `up_to` bytes of a segment. After damage it goes on where the next
/// record of this segment is. Takes time in proportion to `up_to`, whatever the bytes are.
pub(in crate::store) fn scan(file: &dyn File, segment: Head, up_to: u64) -> Scan {
    let mut found = Scan { end: HEAD as u64, ..Scan::default() };
    let walked = file.len().and_then(|length| {
        let mut window = Window { file, up_to: up_to.min(length), at: 0, bytes: Vec::new() };
        walk(&mut window, segment, &mut found)
    });
    found.error = walked.err();
    found
}

fn walk(window: &mut Window<'_>, segment: Head, found: &mut Scan) -> io::Result<()> {
    // Checksums that prove wrong may cover so many bytes. Heads that were written do not overlap, so what
    // is left of them never takes more.
    let mut patience = window.up_to;
    let mut at = found.end;
    while let Some(offset) = window.next(at, segment.nonce)? {
        at = offset + ALIGN;
        let Ok(header) = open(window.get(offset, HEADER as u64)?, segment) else { continue };
        if header.length() > window.up_to - offset {
            continue;
        }
        let head = HEADER as u64 + u64::from(header.meta_len);
        match verify(window.get(offset, head)?, segment, offset) {
            Ok((header, ..)) => {
                found.damaged += offset - found.end;
                let entry = FooterEntry::new(&header, offset);
                (at, found.end) = (entry.end(), entry.end());
                found.entries.push(entry);
            }
            Err(_) => match patience.checked_sub(head) {
                Some(left) => patience = left,
                None => return Ok(()),
            },
        }
    }
    Ok(())
}

/// A part of a segment in memory, which moves towards its end.
struct Window<'a> {
    file: &'a dyn File,
    up_to: u64,
    at: u64,
    bytes: Vec<u8>,
}

impl Window<'_> {
    /// So many bytes from `offset` on; they are before `up_to`.
    fn get(&mut self, offset: u64, length: u64) -> io::Result<&[u8]> {
        if self.held(offset, length).is_none() {
            let size = (self.up_to - offset).min(CHUNK.max(length));
            self.bytes.resize(usize::try_from(size).unwrap_or_default(), 0);
            self.at = offset;
            self.file.read_at(&mut self.bytes, offset)?;
        }
        self.held(offset, length).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// The same, if they are in memory.
    fn held(&self, offset: u64, length: u64) -> Option<&[u8]> {
        let from = usize::try_from(offset.checked_sub(self.at)?).ok()?;
        self.bytes.get(from..)?.get(..usize::try_from(length).ok()?)
    }

    /// Where, at `offset` or after it, the next header may begin: where the nonce is.
    fn next(&mut self, mut offset: u64, nonce: u64) -> io::Result<Option<u64>> {
        let nonce = nonce.to_le_bytes();
        while self.up_to.saturating_sub(offset) >= HEADER as u64 {
            self.get(offset, HEADER as u64)?;
            let from = usize::try_from(offset - self.at).unwrap_or(usize::MAX);
            let headers = self.bytes.get(from..).unwrap_or_default().as_chunks::<HEADER>().0;
            if headers.is_empty() {
                return Ok(None);
            }
            match headers.iter().position(|header| header.starts_with(&nonce)) {
                Some(index) => return Ok(Some(offset + index as u64 * ALIGN)),
                None => offset += headers.len() as u64 * ALIGN,
            }
        }
        Ok(None)
    }
}
