//! The files that have a body each.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use super::segments::names;
use crate::store::disk::dense::Unread;
use crate::store::disk::io::{File, Io};
use crate::store::disk::large::format;
use crate::store::disk::names::{large, large_directory, large_id};

/// The finished ones, by the number in their names.
#[derive(Debug)]
pub(super) struct Files(HashMap<u64, LargeFile>);

/// A file with a body.
#[derive(Debug)]
pub(super) struct LargeFile {
    /// Below the cache directory.
    pub(super) name: String,
    id: u64,
    digest: u128,
    file: Arc<dyn File>,
    /// Bytes of the file.
    pub(super) length: u64,
}

impl Files {
    /// Those of a directory.
    pub(super) fn of(io: &dyn Io) -> io::Result<Self> {
        let mut files = HashMap::new();
        for folder in 0..=u8::MAX {
            let folder = large_directory(u128::from(folder) << 120);
            for file_name in names(io, &folder)? {
                let Some((digest, id)) = large_id(&file_name) else { continue };
                let name = large(digest, id);
                let file = io.open(&name)?;
                let length = file.len()?;
                files.insert(id, LargeFile { name, id, digest, file, length });
            }
        }
        Ok(Self(files))
    }

    /// The file of this number.
    pub(super) fn get(&self, id: u64) -> Option<&LargeFile> {
        self.0.get(&id)
    }

    /// All of them, by number.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &LargeFile)> {
        self.0.iter().map(|(id, file)| (*id, file))
    }

    /// How many.
    pub(super) fn count(&self) -> u64 {
        self.0.len() as u64
    }

    /// Bytes of all of them.
    pub(super) fn bytes(&self) -> u64 {
        self.0.values().map(|file| file.length).sum()
    }
}

impl LargeFile {
    /// Bytes of the body, and the checksums of its blocks, as the end of the file says.
    pub(super) fn end(&self) -> Result<(u64, Box<[u32]>), Unread> {
        format::read(&self.file, self.id, self.digest)
    }

    /// Fills `buffer` from `offset` on.
    pub(super) fn read(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_at(buffer, offset)
    }
}
