//! Which operations fail, which wait, and how many there were.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rustix::io::Errno;

/// How long a test waits for an event.
const DEADLINE: Duration = Duration::from_secs(10);

/// A kind of operation. A fault of reading strikes those that do not wait, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store) enum Op {
    Open,
    Create,
    Rename,
    Remove,
    List,
    MakeDir,
    SyncDir,
    Read,
    /// Counted when it finds all in memory.
    ReadNow,
    Write,
    Sync,
    SetLen,
    /// Asking for the length, or for whether there is a name.
    Len,
    Reserve,
}

impl Op {
    fn strikes(self, op: Self) -> bool {
        self == op || self == Self::Read && op == Self::ReadNow
    }
}

/// How an operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Error {
    /// By an error without a number.
    Kind(io::ErrorKind),
    /// By an error of the system.
    System(Errno),
}

impl From<io::ErrorKind> for Error {
    fn from(kind: io::ErrorKind) -> Self {
        Self::Kind(kind)
    }
}

impl From<Errno> for Error {
    fn from(errno: Errno) -> Self {
        Self::System(errno)
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Kind(kind) => kind.into(),
            Error::System(errno) => errno.into(),
        }
    }
}

/// Which operations fail, counted from when the fault is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum When {
    /// All.
    Always,
    /// One only; the next is the first.
    Nth(u64),
    /// So many of the next ones.
    Next(u64),
    /// All after so many.
    After(u64),
}

/// Operations that fail.
#[derive(Clone, Debug)]
pub(in crate::store) struct Fault {
    /// The kind.
    pub op: Op,
    /// How.
    pub error: Error,
    /// Which ones.
    pub when: When,
    /// Only with names that begin so; a file's is the one under which it was opened, a rename's the
    /// one before.
    pub under: &'static str,
}

impl Fault {
    /// A fault of all names.
    pub(in crate::store) fn new(op: Op, error: impl Into<Error>, when: When) -> Self {
        Self { op, error: error.into(), when, under: "" }
    }

    /// The same, only with names that begin so.
    pub(in crate::store) fn under(self, start: &'static str) -> Self {
        Self { under: start, ..self }
    }
}

#[derive(Debug)]
struct Armed {
    fault: Fault,
    seen: u64,
}

impl Armed {
    fn strikes(&mut self, op: Op, name: &str) -> bool {
        if !self.fault.op.strikes(op) || !name.starts_with(self.fault.under) {
            return false;
        }
        self.seen += 1;
        match self.fault.when {
            When::Always => true,
            When::Nth(n) => self.seen == n,
            When::Next(n) => self.seen <= n,
            When::After(n) => self.seen > n,
        }
    }
}

#[derive(Debug, Default)]
struct State {
    armed: Vec<Armed>,
    calls: BTreeMap<Op, u64>,
    /// How often a kind is held.
    held: BTreeMap<Op, u64>,
    /// How many operations of a kind wait.
    waiting: BTreeMap<Op, u64>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
pub(super) struct Faults(Arc<Shared>);

impl Faults {
    pub(super) fn add(&self, fault: Fault) {
        self.0.state.lock().armed.push(Armed { fault, seen: 0 });
    }

    pub(super) fn clear(&self) {
        self.0.state.lock().armed.clear();
    }

    pub(super) fn calls(&self, op: Op) -> u64 {
        self.0.state.lock().calls.get(&op).copied().unwrap_or_default()
    }

    pub(super) fn hold(&self, op: Op) -> Hold {
        *self.0.state.lock().held.entry(op).or_default() += 1;
        Hold { shared: Arc::clone(&self.0), op }
    }

    /// Counts an operation, lets it wait while it is held, and says whether it fails.
    pub(super) fn check(&self, op: Op, name: &str) -> io::Result<()> {
        let mut state = self.0.state.lock();
        *state.calls.entry(op).or_default() += 1;
        if state.held.get(&op).is_some_and(|held| *held > 0) {
            *state.waiting.entry(op).or_default() += 1;
            self.0.changed.notify_all();
            self.0.changed.wait_while(&mut state, |state| state.held[&op] > 0);
            *state.waiting.entry(op).or_default() -= 1;
        }
        // All count, the first that strikes decides.
        let mut failed = None;
        for armed in &mut state.armed {
            if armed.strikes(op, name) && failed.is_none() {
                failed = Some(armed.fault.error);
            }
        }
        failed.map_or(Ok(()), |error| Err(error.into()))
    }
}

/// Operations of a kind wait while this lives.
#[derive(Debug)]
pub(in crate::store) struct Hold {
    shared: Arc<Shared>,
    op: Op,
}

impl Hold {
    /// Waits until so many operations wait.
    ///
    /// # Panics
    /// When that takes 10 s.
    pub(in crate::store) fn reached(&self, count: u64) {
        let (mut state, deadline) = (self.shared.state.lock(), Instant::now() + DEADLINE);
        while state.waiting.get(&self.op).copied().unwrap_or_default() < count {
            let timeout = self.shared.changed.wait_until(&mut state, deadline).timed_out();
            assert!(!timeout, "{:?} is not waited for {count} times", self.op);
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        *self.shared.state.lock().held.entry(self.op).or_default() -= 1;
        self.shared.changed.notify_all();
    }
}
