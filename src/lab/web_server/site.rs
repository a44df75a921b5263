//! Finds the file that a request names, and never one outside the directory that is served.
//!
//! To look at a path first and to open it then is a race: between the two, somebody may put a symbolic
//! link where the file was. So it is done the other way round:
//!
//! 1. open the path with `O_PATH`: that holds on to whatever is there, without reading it. Not even a
//!    device or a pipe notices;
//! 2. ask the kernel where that thing lies (`/proc/self/fd/N`), with all links followed, and whether it
//!    is a regular file. What lies outside the directory does not exist for us;
//! 3. open for reading what is held, by the same `/proc/self/fd/N`: no name is looked up again.
//!
//! Symbolic links that stay inside the directory work.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use nix::libc::O_PATH;

use super::content_type;
use crate::time::Timestamp;

/// The directory that is served.
#[derive(Debug)]
pub(super) struct Site {
    root: PathBuf,
}

/// A file, open for reading, and what is known of it.
#[derive(Debug)]
pub(super) struct Opened {
    pub file: File,
    /// What it was when it was opened.
    pub about: Metadata,
    /// When it was modified last.
    pub modified: Timestamp,
    /// The opaque part of a strong entity tag.
    pub tag: String,
    pub content_type: &'static str,
}

/// Why nothing is sent.
#[derive(Debug)]
pub(super) enum NotServed {
    /// The path makes no sense, and why.
    Malformed(&'static str),
    /// It is a directory, asked for without the slash at its end: the path with it.
    Directory(String),
    /// There is no such file.
    Missing,
    /// We may not read it.
    Forbidden,
    /// The system failed.
    Failed(io::Error),
}

impl From<io::Error> for NotServed {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind as Kind;
        match error.kind() {
            // A file where a directory should be, a loop of links, a name that is too long: no file.
            Kind::NotFound | Kind::NotADirectory | Kind::InvalidFilename => Self::Missing,
            Kind::PermissionDenied => Self::Forbidden,
            _ if error.raw_os_error() == Some(nix::libc::ELOOP) => Self::Missing,
            _ => Self::Failed(error),
        }
    }
}

impl Site {
    /// Serves this directory, by the path that it has now.
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        let root = fs::canonicalize(root)?;
        match fs::metadata(&root)?.is_dir() {
            true => Ok(Self { root }),
            false => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    /// Opens the file that the path of a request-target names. Of a directory it is `index.html`.
    pub(super) fn find(&self, path: &str) -> Result<Opened, NotServed> {
        let Names { mut names, directory } = Names::read(path)?;
        let held = self.hold(&names)?;
        let kind = held.metadata()?.file_type();
        match (kind.is_dir(), directory) {
            (true, true) => {
                names.push(b"index.html".to_vec());
                let held = self.hold(&names)?;
                open(&held, &names)
            }
            (true, false) => Err(NotServed::Directory(written(&names))),
            (false, true) => Err(NotServed::Missing),
            (false, false) => open(&held, &names),
        }
    }

    /// Holds on to what lies at these names, if it lies inside the root.
    fn hold(&self, names: &[Vec<u8>]) -> Result<File, NotServed> {
        let mut path = self.root.clone();
        path.extend(names.iter().map(|name| OsStr::from_bytes(name)));
        let held = OpenOptions::new().read(true).custom_flags(O_PATH).open(path)?;
        let lies_at = fs::read_link(by_number(&held))?;
        if lies_at.starts_with(&self.root) { Ok(held) } else { Err(NotServed::Missing) }
    }
}

/// Opens for reading what is held, when it is a regular file.
fn open(held: &File, names: &[Vec<u8>]) -> Result<Opened, NotServed> {
    if !held.metadata()?.is_file() {
        return Err(NotServed::Missing);
    }
    let file = File::open(by_number(held))?;
    let about = file.metadata()?;
    Ok(Opened {
        modified: Timestamp::from_unix_secs(u64::try_from(about.mtime()).unwrap_or_default()),
        tag: tag(&about),
        about,
        content_type: content_type::of(names.last().map_or(&[], Vec::as_slice)),
        file,
    })
}

/// The kernel's name for an open file.
fn by_number(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// Changes with every change of the file, to the nanosecond where the file system counts them. The
/// inode and the time of its last change catch another file with the same length and an old date.
fn tag(about: &Metadata) -> String {
    let mut hasher = blake3::Hasher::new();
    for number in [about.dev(), about.ino(), about.len()] {
        hasher.update(&number.to_le_bytes());
    }
    for number in [about.mtime(), about.mtime_nsec(), about.ctime(), about.ctime_nsec()] {
        hasher.update(&number.to_le_bytes());
    }
    hasher.finalize().to_hex().chars().take(16).collect()
}

/// The path of a request-target as names of files.
#[derive(Debug, PartialEq, Eq)]
struct Names {
    names: Vec<Vec<u8>>,
    /// Whether it ends as the path of a directory does.
    directory: bool,
}

impl Names {
    /// Decodes each segment by itself, so that an encoded slash separates nothing; `.` and `..`,
    /// encoded or not, mean what they mean in a URL (RFC 3986 §5.2.4).
    fn read(path: &str) -> Result<Self, NotServed> {
        use NotServed::{Malformed, Missing};
        let path = path.strip_prefix('/').ok_or(Malformed("a path begins with a slash"))?;
        let (mut names, mut directory) = (Vec::new(), true);
        for segment in path.split('/') {
            let name = decoded(segment).ok_or(Malformed("% is followed by two hex digits"))?;
            directory = matches!(name.as_slice(), b"" | b"." | b"..");
            match name.as_slice() {
                b"" | b"." => {}
                b".." => {
                    names.pop().ok_or(Malformed("the path leads out of the directory served"))?;
                }
                name if name.contains(&0) => return Err(Malformed("no name holds a NUL byte")),
                name if name.contains(&b'/') => return Err(Missing),
                _ => names.push(name),
            }
        }
        Ok(Self { names, directory })
    }
}

/// Undoes percent-encoding; `None` when it is malformed.
fn decoded(segment: &str) -> Option<Vec<u8>> {
    let hex = |byte: Option<u8>| char::from(byte?).to_digit(16);
    let mut decoded = Vec::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => u8::try_from(hex(bytes.next())? * 16 + hex(bytes.next())?).ok()?,
            byte => byte,
        });
    }
    Some(decoded)
}

/// The names as the path of a directory, for `Location`. One slash in front: two would name a host.
fn written(names: &[Vec<u8>]) -> String {
    let mut path = "/".to_owned();
    for name in names {
        for &byte in name {
            match byte {
                b'-' | b'.' | b'_' | b'~' => path.push(char::from(byte)),
                _ if byte.is_ascii_alphanumeric() => path.push(char::from(byte)),
                _ => path.push_str(&format!("%{byte:02X}")),
            }
        }
        path.push('/');
    }
    path
}
