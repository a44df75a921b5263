//! When the disk is in trouble: it is left alone for a while, then tried again, at first after seconds
//! and at last every five minutes. Pure: the time is an argument.

use std::fmt;
use std::io::{self, ErrorKind};
use std::time::Duration;

use rustix::io::Errno;

/// The first pause; each after a try that fails is twice as long.
const FIRST: Duration = Duration::from_secs(10);
/// The longest pause, and how long the disk must have worked to begin with the first again.
const LONGEST: Duration = Duration::from_secs(300);

/// Whether the disk may be written to. Times are counted from any moment, the same for all calls.
#[derive(Clone, Debug)]
pub(in crate::store) struct Breaker {
    state: State,
    /// The last pause; zero before the first.
    pause: Duration,
    /// The trouble that the last warning was about.
    warned: Option<Trouble>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// All goes well, since then.
    Closed { since: Duration },
    /// Nothing is tried until then.
    Open { until: Duration },
    /// One try is under way; when nothing is heard of it until then, there is another.
    Trying { until: Duration },
}

/// Tells errors apart.
type Trouble = (ErrorKind, Option<i32>);

/// What the log says when the disk fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct Warning {
    /// What the system says.
    pub error: String,
    /// What to do about it: a sentence.
    pub remedy: &'static str,
    /// When the disk is tried again.
    pub pause: Duration,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (error, remedy, pause) = (&self.error, self.remedy, self.pause.as_secs());
        write!(f, "{error}; nothing is stored on disk for {pause} s. {remedy}")
    }
}

impl Breaker {
    /// One that allows everything.
    pub(in crate::store) fn new() -> Self {
        Self { state: State::Closed { since: Duration::ZERO }, pause: Duration::ZERO, warned: None }
    }

    /// Whether the disk may be written to. After a pause this is true once: who asked tries, and says
    /// how it went.
    pub(in crate::store) fn allows(&mut self, now: Duration) -> bool {
        match self.state {
            State::Closed { .. } => true,
            State::Open { until } | State::Trying { until } if now < until => false,
            State::Open { .. } | State::Trying { .. } => {
                self.state = State::Trying { until: now.saturating_add(self.pause) };
                true
            }
        }
    }

    /// Whether all goes well, for the metrics. Changes nothing.
    pub(in crate::store) fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed { .. })
    }

    /// When the next try is due; `None` while all goes well.
    #[cfg(test)]
    pub(in crate::store) fn next_try(&self) -> Option<Duration> {
        match self.state {
            State::Closed { .. } => None,
            State::Open { until } | State::Trying { until } => Some(until),
        }
    }

    /// Notes that a write failed. There is a warning when that is news: the first time, and when the
    /// trouble has become another.
    pub(in crate::store) fn failed(&mut self, now: Duration, error: &io::Error) -> Option<Warning> {
        let is_first = match self.state {
            // What was under way when another failed.
            State::Open { .. } => return None,
            State::Closed { since } => {
                if now.saturating_sub(since) >= LONGEST {
                    self.pause = Duration::ZERO;
                }
                true
            }
            State::Trying { .. } => false,
        };
        self.pause = self.pause.saturating_mul(2).clamp(FIRST, LONGEST);
        self.state = State::Open { until: now.saturating_add(self.pause) };
        let trouble = Some((error.kind(), error.raw_os_error()));
        if !is_first && trouble == self.warned {
            return None;
        }
        self.warned = trouble;
        Some(Warning { error: error.to_string(), remedy: remedy(error), pause: self.pause })
    }

    /// Notes that a write went well. True when that ends the trouble. What was begun before another
    /// write failed proves nothing, and changes nothing.
    pub(in crate::store) fn succeeded(&mut self, now: Duration) -> bool {
        let is_over = matches!(self.state, State::Trying { .. });
        if is_over {
            self.state = State::Closed { since: now };
            self.warned = None;
        }
        is_over
    }
}

/// What to do about an error of the disk: a sentence for the log.
pub(in crate::store) fn remedy(error: &io::Error) -> &'static str {
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    match errno {
        Some(Errno::NOSPC) => {
            "The device is full: free space, or inodes (`df -i`), or make `disk` smaller."
        }
        Some(Errno::DQUOT) => "The quota is used up: raise it, or make `disk` smaller.",
        Some(Errno::ROFS) => {
            "The file system is mounted read-only: mount it for writing, or set another `cache_dir`."
        }
        Some(Errno::IO) => {
            "The device fails: look into the kernel's log, check it, and set another `cache_dir`."
        }
        Some(Errno::NOENT) => {
            "The cache directory was deleted or moved; it is made again at the next try."
        }
        Some(Errno::ACCESS | Errno::PERM) => {
            "Give the user that larder runs as the cache directory and all files in it (`chown -R`)."
        }
        Some(Errno::MFILE) => "Raise the limit of open files of this process (`ulimit -n`).",
        Some(Errno::NFILE) => "Raise the limit of open files of this machine (`fs.file-max`).",
        Some(Errno::NOMEM) => "Memory is short: make `memory` smaller.",
        Some(Errno::FBIG) => {
            "Files may not be that large here: raise `ulimit -f`, or make `max_object` smaller."
        }
        Some(Errno::NODEV | Errno::NXIO | Errno::STALE | Errno::TIMEDOUT) => {
            "The device or its server is gone: mount it again, or set another `cache_dir`."
        }
        Some(Errno::NOTDIR | Errno::LOOP | Errno::NAMETOOLONG) => {
            "Set another `cache_dir`: this path leads nowhere."
        }
        Some(Errno::OPNOTSUPP | Errno::NOSYS | Errno::NOLCK) => {
            "This file system cannot do what a cache needs: set another `cache_dir`."
        }
        _ => "Look into the cache directory, or set another `cache_dir`.",
    }
}

#[cfg(test)]
mod tests;
