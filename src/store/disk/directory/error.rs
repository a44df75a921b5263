//! Why a cache directory cannot be used: one sentence each, with what to do.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::store::disk::breaker::remedy;

/// Why a cache directory cannot be used. Only after [`Io`](Self::Io) is it worth trying again, and
/// going on without a disk tier until then: all others are for the user to decide.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another process has it.
    #[error(
        "the cache directory {} is in use by another larder{}: stop that one, or give another \
         --cache-dir", .dir.display(), of(*.pid)
    )]
    InUse {
        /// The directory.
        dir: PathBuf,
        /// Which process, when that can be told.
        pid: Option<u32>,
    },
    /// It has a cache of another format, or one without VERSION. Nothing was changed.
    #[error(
        "the cache directory {} {}: give another --cache-dir, run the larder that made it, or throw \
         its contents away with --reset-cache", .dir.display(), format(.found.as_deref())
    )]
    UnknownVersion {
        /// The directory.
        dir: PathBuf,
        /// What its VERSION says; `None` when there is no VERSION.
        found: Option<String>,
    },
    /// Something in its place, or of the names that we need, was not made by larder. Nothing was
    /// changed.
    #[error("{} cannot be a cache directory, {why}: give another --cache-dir", .dir.display())]
    NotOurs {
        /// The directory.
        dir: PathBuf,
        /// What is in the way.
        why: String,
    },
    /// There is no cache to look into.
    #[error("there is no cache in {}: give the --cache-dir of the proxy", .dir.display())]
    Empty {
        /// The directory.
        dir: PathBuf,
    },
    /// The system says no.
    #[error("the cache directory {} cannot be used, {source}. {}", .dir.display(), remedy(.source))]
    Io {
        /// The directory.
        dir: PathBuf,
        /// What it says.
        source: io::Error,
    },
}

fn of(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}

/// What is known of the format, of what may be any text.
fn format(found: Option<&str>) -> String {
    let Some(found) = found else {
        return "has files of a cache but no VERSION file".to_owned();
    };
    let line: String = found.lines().next().unwrap_or_default().chars().take(60).collect();
    let line = line.escape_debug();
    format!("has another format (\"{line}\") than this larder (\"{}\")", super::VERSION.trim())
}
