//! The operating system's files below one directory.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{File, Io, Now};

/// Stored responses are nobody else's business.
const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;

/// The files below a directory of this machine.
#[derive(Clone, Debug)]
pub(in crate::store) struct System {
    root: PathBuf,
    /// Whether reads that do not wait are worth trying here; once false, false for good.
    tries_now: Arc<AtomicBool>,
}

impl System {
    /// The files below `root`, which need not be there yet.
    pub(in crate::store) fn new(root: PathBuf) -> Self {
        let can = cfg!(all(target_os = "linux", not(miri)));
        Self { root, tries_now: Arc::new(AtomicBool::new(can)) }
    }

    /// Where a name is. Names are made by us only; one that leads out is a mistake of ours.
    fn path(&self, name: &str) -> io::Result<PathBuf> {
        let path = Path::new(name);
        if path.components().all(|part| matches!(part, Component::Normal(_))) {
            return Ok(self.root.join(path));
        }
        Err(io::Error::new(ErrorKind::InvalidInput, "a name that leads out of the cache directory"))
    }

    fn file(&self, file: fs::File) -> Arc<dyn File> {
        Arc::new(SystemFile { file, tries_now: Arc::clone(&self.tries_now) })
    }

    /// The options of all files: theirs is a regular file, never what a link points to.
    fn options() -> OpenOptions {
        let mut options = OpenOptions::new();
        options.read(true).write(true).mode(FILE_MODE);
        options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
        options
    }
}

impl Io for System {
    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        Ok(self.file(Self::options().open(self.path(name)?)?))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        Ok(self.file(Self::options().create_new(true).open(self.path(name)?)?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path(from)?, self.path(to)?)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path(name)?)
    }

    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.path(directory)?)? {
            let entry = entry?;
            // A name that is not UTF-8 is none of ours.
            if entry.file_type()?.is_file()
                && let Ok(name) = entry.file_name().into_string()
            {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn make_dir(&self, directory: &str) -> io::Result<()> {
        let wanted = self.path(directory)?;
        if wanted.is_dir() {
            return Ok(());
        }
        fs::create_dir_all(&self.root)?;
        let mut parent = self.root.clone();
        for part in Path::new(directory) {
            let below = parent.join(part);
            match DirBuilder::new().mode(DIRECTORY_MODE).create(&below) {
                Ok(()) => fs::File::open(&parent)?.sync_all()?,
                Err(error) if error.kind() == ErrorKind::AlreadyExists && below.is_dir() => {}
                Err(error) => return Err(error),
            }
            parent = below;
        }
        Ok(())
    }

    fn sync_dir(&self, directory: &str) -> io::Result<()> {
        fs::File::open(self.path(directory)?)?.sync_all()
    }
}

#[derive(Debug)]
struct SystemFile {
    file: fs::File,
    tries_now: Arc<AtomicBool>,
}

impl SystemFile {
    #[cfg(target_os = "linux")]
    fn read_in_memory(&self, buffer: &mut [u8], offset: u64) -> io::Result<Now> {
        use rustix::io::{Errno, ReadWriteFlags, preadv2};

        let wanted = buffer.len();
        let parts = &mut [io::IoSliceMut::new(buffer)];
        match preadv2(&self.file, parts, offset, ReadWriteFlags::NOWAIT) {
            // Less than all: part of it is not in memory, or the file ends here, or the kernel is one
            // of those (5.9, 5.10) that stop after a page. Only a read that waits can tell.
            Ok(read) if read == wanted => Ok(Now::Read),
            Ok(_) | Err(Errno::AGAIN | Errno::INTR) => Ok(Now::WouldWait),
            // Not on this file system, not in this kernel, or not in this container.
            Err(error @ (Errno::OPNOTSUPP | Errno::NOSYS | Errno::PERM)) => {
                if self.tries_now.swap(false, Ordering::Relaxed) {
                    tracing::debug!(
                        %error, "reads that do not wait are not supported here; reading by threads"
                    );
                }
                Ok(Now::WouldWait)
            }
            Err(error) => Err(error.into()),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn read_in_memory(&self, _: &mut [u8], _: u64) -> io::Result<Now> {
        Ok(Now::WouldWait)
    }
}

impl File for SystemFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    fn read_now(&self, buffer: &mut [u8], offset: u64) -> io::Result<Now> {
        if self.tries_now.load(Ordering::Relaxed) {
            return self.read_in_memory(buffer, offset);
        }
        Ok(Now::WouldWait)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    #[cfg(target_os = "linux")]
    fn reserve(&self, length: u64) -> io::Result<()> {
        use rustix::fs::{FallocateFlags, fallocate};
        use rustix::io::Errno;

        if length == 0 {
            return Ok(());
        }
        loop {
            match fallocate(&self.file, FallocateFlags::KEEP_SIZE, 0, length) {
                Err(Errno::INTR) => {}
                Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn reserve(&self, _: u64) -> io::Result<()> {
        Ok(())
    }

    fn is_linked(&self) -> io::Result<bool> {
        Ok(self.file.metadata()?.nlink() > 0)
    }

    #[cfg(target_os = "linux")]
    fn forget(&self, offset: u64, length: u64) {
        // No length would mean: to the end of the file.
        if let Some(length) = std::num::NonZeroU64::new(length) {
            let advice = rustix::fs::Advice::DontNeed;
            if let Err(error) = rustix::fs::fadvise(&self.file, offset, Some(length), advice) {
                tracing::trace!(%error, "the page cache keeps what was offered");
            }
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn forget(&self, _: u64, _: u64) {}
}

#[cfg(test)]
mod tests;
