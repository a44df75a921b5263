//! The program that is measured, and what it has computed.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::process::{Server, free_address, on_core};

/// Starts it on the first core, or on both, with a directory for what it stores, which must be empty.
pub(crate) fn start(larder: &Path, dir: &Path, workers: usize, more: &[&str]) -> Server {
    let cache = dir.join("cache");
    fs::remove_dir_all(&cache).ok();
    let address = free_address();
    let cores = if workers > 1 { "0,1" } else { "0" };
    let mut command = on_core(cores, larder.to_str().expect("the path is text"));
    command.args(["--workers", &workers.to_string(), "--listen", &address.to_string()]);
    command.arg("--cache-dir").arg(cache).args(more);
    Server::start(command, address)
}

/// What the threads of a server have computed, and how long they were ready and had to wait for a core.
#[derive(Clone, Copy, Default)]
pub(crate) struct Spent {
    pub(crate) computed: Duration,
    pub(crate) waited: Duration,
}

impl Spent {
    pub(crate) fn of(server: &Server) -> Self {
        let tasks = fs::read_dir(format!("/proc/{}/task", server.pid())).into_iter().flatten();
        let mut spent = Self::default();
        for task in tasks.flatten() {
            let text = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            let mut times = text.split(' ').map(|n| Duration::from_nanos(n.parse().unwrap_or(0)));
            spent.computed += times.next().unwrap_or_default();
            spent.waited += times.next().unwrap_or_default();
        }
        spent
    }

    pub(crate) fn since(self, before: Self) -> Self {
        Self { computed: self.computed - before.computed, waited: self.waited - before.waited }
    }
}
