//! A small file of the system's that is read again when it has changed.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;

/// How often the file is looked at.
const CHECK: Duration = Duration::from_secs(5);

/// What was made of a file.
pub(super) struct Watched<T> {
    path: PathBuf,
    read: Box<Read<T>>,
    state: Mutex<State<T>>,
}

type Read<T> = dyn Fn(&Path) -> io::Result<T> + Send + Sync;

struct State<T> {
    value: Arc<T>,
    /// When the file that `value` was made of was written; none when there was no file.
    written: Option<SystemTime>,
    checked: Instant,
}

impl<T> Watched<T> {
    /// Reads the file; `otherwise` stands in as long as that fails.
    pub(super) fn new(
        path: &Path,
        otherwise: T,
        read: impl Fn(&Path) -> io::Result<T> + Send + Sync + 'static,
    ) -> Self {
        let written = written(path);
        let value = Arc::new(read(path).unwrap_or(otherwise));
        let state = State { value, written, checked: Instant::now() };
        Self { path: path.to_path_buf(), read: Box::new(read), state: Mutex::new(state) }
    }

    /// The newest readable version, looked for at most every 5 s.
    pub(super) fn current(&self) -> Arc<T> {
        self.current_at(Instant::now())
    }

    fn current_at(&self, now: Instant) -> Arc<T> {
        let mut state = self.state.lock();
        if now.saturating_duration_since(state.checked) > CHECK {
            state.checked = now;
            let written = written(&self.path);
            if written != state.written
                && let Ok(value) = (self.read)(&self.path)
            {
                state.value = Arc::new(value);
                state.written = written;
            }
        }
        Arc::clone(&state.value)
    }
}

fn written(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|file| file.modified()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_is_read_again_and_a_lost_one_is_remembered() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("hosts");
        let start = Instant::now();
        let watched = Watched::new(&path, "none".to_owned(), |path| std::fs::read_to_string(path));
        let at = |seconds| watched.current_at(start + Duration::from_secs(seconds)).to_string();
        assert_eq!(at(10), "none");
        std::fs::write(&path, "one").unwrap();
        assert_eq!(at(14), "none");
        assert_eq!(at(20), "one");
        let file = std::fs::File::options().append(true).open(&path).unwrap();
        std::fs::write(&path, "two").unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(at(30), "two");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(at(40), "two");
    }
}
