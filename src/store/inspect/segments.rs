//! The segments of a directory, and the records in them.

use std::io;
use std::sync::Arc;

use crate::store::disk::io::{File, Io};
use crate::store::disk::names::{SEGMENTS, segment, segment_number};
use crate::store::disk::record::{self, ALIGN, Damaged, HEADER, Header, Meta};
use crate::store::disk::segment::footer::{self, MAGIC, NoFooter, TRAILER};
use crate::store::disk::segment::scan::scan;
use crate::store::disk::segment::{FooterEntry, HEAD, Head};

/// A segment. One whose header is damaged has no records.
#[derive(Debug)]
pub(super) struct Segment {
    name: String,
    seq: u32,
    head: Option<Head>,
    file: Arc<dyn File>,
    length: u64,
}

/// What a segment says of its records.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// They, in order.
    pub(super) entries: Vec<FooterEntry>,
    /// What is wrong with the list, and where.
    pub(super) faults: Vec<(u64, String)>,
}

/// Why a record cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    /// It is not what was written.
    #[error(transparent)]
    Damaged(#[from] Damaged),
    /// The system could not read it.
    #[error("cannot read it: {0}")]
    Io(#[from] io::Error),
}

/// The segments of a directory, the oldest first.
pub(super) fn all(io: &dyn Io) -> io::Result<Vec<Segment>> {
    let mut segments = Vec::new();
    for file_name in names(io, SEGMENTS)? {
        let Some(seq) = segment_number(&file_name) else { continue };
        let name = segment(seq);
        let file = io.open(&name)?;
        let length = file.len()?;
        let mut bytes = [0; HEAD];
        let head = file.read_at(&mut bytes, 0).ok().and_then(|()| Head::decode(&bytes));
        segments.push(Segment {
            name,
            seq,
            head: head.filter(|head| head.seq == seq),
            file,
            length,
        });
    }
    segments.sort_by_key(|segment| segment.seq);
    Ok(segments)
}

/// The names in a directory; none where there is no such directory.
pub(super) fn names(io: &dyn Io, directory: &str) -> io::Result<Vec<String>> {
    match io.list(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        names => names,
    }
}

impl Segment {
    /// Its file, below the cache directory.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Its number.
    pub(super) fn seq(&self) -> u32 {
        self.seq
    }

    /// Bytes of its file.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Its records: from its footer, or where it has none by walking through it.
    pub(super) fn listing(&self) -> Listing {
        let mut listing = Listing::default();
        let Some(head) = self.head else {
            // A segment that was just made may be empty.
            if self.length > 0 {
                listing.faults.push((0, "the header of the segment is damaged".into()));
            }
            return listing;
        };
        match footer::read(&*self.file, head) {
            Ok(entries) => {
                listing.entries = entries;
                return listing;
            }
            // The one that was written last has none, nor has one that a crash ended.
            Err(NoFooter::Absent) if !self.has_trailer(head) => {}
            Err(NoFooter::Absent) => {
                listing.faults.push((self.length, NoFooter::Damaged.to_string()));
            }
            Err(error) => listing.faults.push((self.length, error.to_string())),
        }
        let found = scan(&*self.file, head, self.length);
        if found.damaged > 0 {
            let what = format!("{} bytes before here belong to no record", found.damaged);
            listing.faults.push((found.end, what));
        }
        if let Some(error) = found.error {
            listing.faults.push((found.end, format!("cannot read on: {error}")));
        }
        listing.entries = found.entries;
        listing
    }

    /// Whether the file ends with what was once a trailer.
    fn has_trailer(&self, head: Head) -> bool {
        let mut bytes = [0; 16];
        let aligned = self.length.is_multiple_of(ALIGN);
        let at = self.length.checked_sub(TRAILER as u64).filter(|_| aligned);
        let Some(at) = at else { return false };
        let (magic, nonce) = match self.file.read_at(&mut bytes, at) {
            Ok(()) => bytes.split_at(MAGIC.len()),
            Err(_) => return false,
        };
        magic == MAGIC || nonce == head.nonce.to_le_bytes()
    }

    /// What the record at `offset` says of its response; tombstones say nothing.
    pub(super) fn meta(&self, offset: u64) -> Result<(Header, Meta), Unreadable> {
        let (header, bytes) = self.head_of(offset)?;
        let meta = bytes.get(HEADER..).and_then(|meta| Meta::decode(meta, &header));
        Ok((header, meta.ok_or(Damaged::Meta)?))
    }

    /// The header of the record at `offset`, and the bytes of it and its meta, verified.
    pub(super) fn head_of(&self, offset: u64) -> Result<(Header, Vec<u8>), Unreadable> {
        let head = self.head.ok_or(Damaged::Absent)?;
        let mut bytes = vec![0; HEADER];
        self.file.read_at(&mut bytes, offset)?;
        let header = record::open(&bytes, head)?;
        bytes.resize(HEADER + header.meta_len as usize, 0);
        let (_, meta) = bytes.split_at_mut(HEADER);
        self.file.read_at(meta, offset + HEADER as u64)?;
        record::verify(&bytes, head, offset)?;
        Ok((header, bytes))
    }

    /// So many bytes of the file.
    pub(super) fn read(&self, offset: u64, length: u32) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length as usize];
        self.file.read_at(&mut bytes, offset)?;
        Ok(bytes)
    }
}
