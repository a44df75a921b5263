//! The background tasks of the test language: what goes wrong in one of them fails the test.

use std::future::Future;
use std::sync::{Arc, Mutex};

use tokio::task::AbortHandle;

/// Owns tasks: aborts them when it goes, and fails its test when one of them panicked or complained.
#[derive(Clone, Debug)]
pub struct Tasks(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    owner: &'static str,
    running: Mutex<Vec<AbortHandle>>,
    complaints: Mutex<Vec<String>>,
}

impl Tasks {
    /// No tasks yet; `owner` is named in complaints.
    pub fn new(owner: &'static str) -> Self {
        let (running, complaints) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Inner { owner, running, complaints }))
    }

    /// Runs `work` until it ends or the owner goes.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let witness = Witness(self.clone());
        let task = tokio::spawn(async move {
            let _witness = witness;
            work.await;
        });
        let mut running = self.0.running.lock().unwrap();
        running.retain(|task| !task.is_finished());
        running.push(task.abort_handle());
    }

    /// Something is wrong: the test will fail when its owner is finished or dropped.
    pub fn complain(&self, what: impl Into<String>) {
        self.0.complaints.lock().unwrap().push(what.into());
    }

    /// Ends all tasks, and fails the test if there was a complaint.
    pub fn finish(&self) {
        for task in self.0.running.lock().unwrap().drain(..) {
            task.abort();
        }
        let complaints = std::mem::take(&mut *self.0.complaints.lock().unwrap());
        if !complaints.is_empty() && !std::thread::panicking() {
            panic!("the {}: {}", self.0.owner, complaints.join("; "));
        }
    }
}

/// Dropped with its task: sees whether that was by a panic.
struct Witness(Tasks);

impl Drop for Witness {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.complain("a task panicked (its message is above)");
        }
    }
}
