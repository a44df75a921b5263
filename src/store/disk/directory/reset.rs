//! Which files in a cache directory larder made, and their end.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::{DIRECTORIES, OpenError, README, VERSION_START, names, read_name};

/// Removes all that larder made, VERSION last: a reset that is broken off is begun again.
///
/// # Errors
/// `NotOurs` when one of our directories is a link, before anything is removed: nothing is deleted
/// behind one. `Io` when the system says no.
pub(super) fn reset(root: &Path) -> Result<(), OpenError> {
    for directory in DIRECTORIES {
        if is_link(&root.join(directory)) {
            let why = format!("its {directory} is a link, and nothing is deleted behind one");
            return Err(OpenError::NotOurs { dir: root.to_owned(), why });
        }
    }
    remove_all(root).map_err(|source| OpenError::Io { dir: root.to_owned(), source })
}

fn remove_all(root: &Path) -> io::Result<()> {
    for file in made_by_us(root)? {
        remove(&file)?;
    }
    // Those that are empty now; what else is in them stays, and so do they.
    let below = directories(&root.join(names::LARGE))?;
    let own = DIRECTORIES.iter().map(|directory| root.join(directory));
    below.into_iter().chain(own).for_each(|directory| drop(fs::remove_dir(directory)));
    let first_line = README.lines().next().unwrap_or_default();
    if read_name(root, "README.md")?.is_some_and(|text| text.lines().next() == Some(first_line)) {
        remove(&root.join("README.md"))?;
    }
    for name in ["VERSION.new", "VERSION"] {
        let text = read_name(root, name)?;
        if text.is_some_and(|text| text.trim().is_empty() || text.starts_with(VERSION_START)) {
            remove(&root.join(name))?;
        }
    }
    Ok(())
}

/// The files below seg/, obj/ and part/ that have names that we give. Links are not followed.
pub(super) fn made_by_us(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = files(&root.join(names::SEGMENTS), names::is_in_segments)?;
    for directory in directories(&root.join(names::LARGE))? {
        found.extend(files(&directory, |name| names::large_id(name).is_some())?);
    }
    found.extend(files(&root.join(names::PARTS), |name| names::part_id(name).is_some())?);
    Ok(found)
}

fn directories(of: &Path) -> io::Result<Vec<PathBuf>> {
    let is_ours = |name: &str| {
        name.len() == 2 && name.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    };
    entries(of, |entry, name| entry.is_dir() && is_ours(name))
}

fn files(of: &Path, is_ours: impl Fn(&str) -> bool) -> io::Result<Vec<PathBuf>> {
    entries(of, |entry, name| entry.is_file() && is_ours(name))
}

/// What is in a directory; nothing when it is not there, or no directory.
fn entries(of: &Path, is_wanted: impl Fn(fs::FileType, &str) -> bool) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    match of.symlink_metadata() {
        Ok(directory) if directory.is_dir() => {}
        Ok(_) => return Ok(found),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(error),
    }
    for entry in fs::read_dir(of)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if entry.file_name().to_str().is_some_and(|name| is_wanted(kind, name)) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

fn is_link(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|entry| entry.is_symlink())
}

/// Removes a file that may be gone already.
fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
