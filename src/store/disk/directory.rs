//! The cache directory: whose it is, of which format, and what is made or removed in it as a whole.

mod error;
mod reset;
#[cfg(test)]
mod tests;

use std::fs::{self, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::io::{Io, System};
use super::names::{self, DIRECTORIES};
pub use error::OpenError;

/// What VERSION says.
const VERSION: &str = "larder cache format 1\n";
/// How every VERSION begins that larder ever wrote.
const VERSION_START: &str = "larder cache format ";
/// Longer files are not of ours: so much is read of them.
const LONGEST: u64 = 1024;
/// For whoever opens the folder. Its first line is that of every one that larder wrote.
const README: &str = include_str!("directory/README.md");

/// A cache directory that belongs to this process while this lives.
#[derive(Debug)]
pub(in crate::store) struct Directory {
    root: PathBuf,
    io: System,
    /// LOCK, locked; one who only looks has none when there is none.
    lock: Mutex<Option<fs::File>>,
}

impl Directory {
    /// Takes a cache directory for this process alone. Makes what is missing: the directory, LOCK,
    /// VERSION, README.md and the directories in it. When it is not ours to use, nothing is changed.
    ///
    /// With `reset` all that larder made in it is removed, of whatever format; never anything else.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub(in crate::store) fn open(root: &Path, reset: bool) -> Result<Self, OpenError> {
        let fail = |source| OpenError::Io { dir: root.to_owned(), source };
        if root.symlink_metadata().is_ok() && !root.is_dir() {
            let why = "it is no directory".to_owned();
            return Err(OpenError::NotOurs { dir: root.to_owned(), why });
        }
        fs::create_dir_all(root).map_err(fail)?;
        check(root, reset)?;
        let directory = Self::of(root);
        directory.take_lock()?;
        // Before the lock was ours, another may have been at work.
        check(root, reset)?;
        if reset {
            reset::reset(root)?;
        }
        directory.complete().map_err(fail)?;
        Ok(directory)
    }

    fn of(root: &Path) -> Self {
        let io = System::new(root.to_owned());
        Self { root: root.to_owned(), io, lock: Mutex::default() }
    }

    /// Takes the directory of a stopped proxy, to look into it. Makes and changes nothing.
    ///
    /// # Errors
    /// See [`OpenError`]; [`OpenError::Empty`] when there is no cache.
    pub(in crate::store) fn look(root: &Path) -> Result<Self, OpenError> {
        let directory = Self::of(root);
        // Who makes LOCK owns it, and another user's proxy could not open it then.
        *directory.lock.lock() = match OpenOptions::new().read(true).open(root.join("LOCK")) {
            Ok(file) => {
                directory.try_lock(&file)?;
                Some(file)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(source) => return Err(OpenError::Io { dir: root.to_owned(), source }),
        };
        if check(root, false)? { Ok(directory) } else { Err(OpenError::Empty { dir: root.into() }) }
    }

    /// Makes again what was deleted meanwhile: call this after an error `NotFound`, before anything is
    /// written again, or segments would be there without a VERSION. It is of no use that files are
    /// still open: what has no name is gone.
    ///
    /// # Errors
    /// See [`OpenError`]; [`OpenError::InUse`] when another process has taken the place.
    pub(in crate::store) fn restore(&self) -> Result<(), OpenError> {
        let fail = |source| OpenError::Io { dir: self.root.clone(), source };
        fs::create_dir_all(&self.root).map_err(fail)?;
        if !self.is_locked() {
            check(&self.root, false)?;
            self.take_lock()?;
        }
        check(&self.root, false)?;
        self.complete().map_err(fail)
    }

    /// Where it is.
    #[cfg(test)]
    pub(in crate::store) fn path(&self) -> &Path {
        &self.root
    }

    /// The files in it.
    pub(in crate::store) fn io(&self) -> System {
        self.io.clone()
    }

    /// Whether the LOCK that we hold is the one that others see.
    fn is_locked(&self) -> bool {
        let held = self.lock.lock().as_ref().and_then(|file| file.metadata().ok());
        let seen = self.root.join("LOCK").symlink_metadata().ok();
        matches!((held, seen), (Some(a), Some(b)) if (a.dev(), a.ino()) == (b.dev(), b.ino()))
    }

    fn take_lock(&self) -> Result<(), OpenError> {
        let fail = |source| OpenError::Io { dir: self.root.clone(), source };
        let mut file = options().create(true).open(self.root.join("LOCK")).map_err(fail)?;
        self.try_lock(&file)?;
        let text = read(&mut file).map_err(fail)?;
        if !text.is_empty() && pid(&text).is_none() {
            return Err(self.not_ours("its LOCK was not written by larder"));
        }
        // So that a second process can say who is the first.
        let pid = std::process::id();
        let write = |mut file: &fs::File| {
            file.set_len(0)?;
            io::Seek::rewind(&mut file)?;
            file.write_all(format!("{pid}\n").as_bytes())
        };
        write(&file).map_err(fail)?;
        *self.lock.lock() = Some(file);
        // It may have been deleted after it was opened, and another have locked a new one.
        if self.is_locked() { Ok(()) } else { Err(fail(ErrorKind::NotFound.into())) }
    }

    fn try_lock(&self, file: &fs::File) -> Result<(), OpenError> {
        let dir = self.root.clone();
        match file.try_lock() {
            Ok(()) => Ok(()),
            Err(TryLockError::WouldBlock) => {
                let text = read_name(&self.root, "LOCK").ok().flatten();
                Err(OpenError::InUse { dir, pid: text.as_deref().and_then(pid) })
            }
            Err(TryLockError::Error(source)) => Err(OpenError::Io { dir, source }),
        }
    }

    /// Makes what is missing. VERSION is there before anything that needs it.
    fn complete(&self) -> io::Result<()> {
        let at = |name: &str| self.root.join(name);
        if version(&self.root)?.is_none() {
            // Written beside and renamed, so that it is never there by half.
            let mut file = options().create(true).truncate(true).open(at("VERSION.new"))?;
            file.write_all(VERSION.as_bytes())?;
            file.sync_all()?;
            fs::rename(at("VERSION.new"), at("VERSION"))?;
        }
        if at("README.md").symlink_metadata().is_err() {
            let mut file = options().create_new(true).open(at("README.md"))?;
            file.write_all(README.as_bytes())?;
        }
        DIRECTORIES.iter().try_for_each(|directory| self.io.make_dir(directory))?;
        self.io.sync_dir("")
    }

    fn not_ours(&self, why: &str) -> OpenError {
        OpenError::NotOurs { dir: self.root.clone(), why: why.to_owned() }
    }
}

/// Whether there is a cache of our format; changes nothing. With `reset` any format is right.
fn check(root: &Path, reset: bool) -> Result<bool, OpenError> {
    let dir = root.to_owned();
    match version(root) {
        Ok(Some(found)) if found == VERSION => Ok(true),
        Ok(Some(found)) if !found.starts_with(VERSION_START) => {
            Err(OpenError::NotOurs { dir, why: "its VERSION was not written by larder".to_owned() })
        }
        Ok(_) if reset => Ok(true),
        Ok(Some(found)) => Err(OpenError::UnknownVersion { dir, found: Some(found.trim().into()) }),
        Ok(None) => match reset::made_by_us(root) {
            Ok(files) if files.is_empty() => Ok(false),
            Ok(_) => Err(OpenError::UnknownVersion { dir, found: None }),
            Err(source) => Err(OpenError::Io { dir, source }),
        },
        Err(source) => Err(OpenError::Io { dir, source }),
    }
}

/// What VERSION says. One that is empty says nothing: the device may have lost its bytes.
fn version(root: &Path) -> io::Result<Option<String>> {
    Ok(read_name(root, "VERSION")?.filter(|text| !text.trim().is_empty()))
}

fn read_name(root: &Path, name: &str) -> io::Result<Option<String>> {
    match fs::File::open(root.join(name)) {
        Ok(mut file) => read(&mut file).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn read(file: &mut fs::File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.take(LONGEST).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn pid(text: &str) -> Option<u32> {
    text.trim().parse().ok()
}

/// The options of the files in the directory itself, which everybody may read.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o644);
    options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    options
}
