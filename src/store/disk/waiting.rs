//! For threads that may wait: what elsewhere is awaited.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use bytes::Bytes;

use super::dense::Dense;
use super::large::LargeFiles;
use crate::store::stored::StoredResponse;

/// A future is looked at again after so long though nobody woke it: the timers of a runtime may not be
/// there.
const LOOK: Duration = Duration::from_millis(20);

/// Wakes a thread that is parked.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits, in this thread, until a future is ready. Not for futures that need the runtime: those here wait
/// with [`Pause`](super::pause::Pause).
pub(super) fn wait_for<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park_timeout(LOOK),
        }
    }
}

/// All bytes of a small body. `None` when they cannot be read.
pub(super) fn read_all(response: &StoredResponse) -> io::Result<Option<Vec<Bytes>>> {
    let mut all = Vec::new();
    for held in response.held().intervals.as_slice() {
        let Some(mut reader) = response.reader_range(held.first, held.last) else {
            return Ok(None);
        };
        while let Some(bytes) = wait_for(reader.next()) {
            match bytes {
                Ok(bytes) => all.push(bytes),
                Err(_damaged) => return Ok(None),
            }
        }
    }
    Ok(Some(all))
}

/// Writes a body into a file of its own.
pub(super) fn write_file(
    large: &LargeFiles,
    (id, digest): (u64, u128),
    length: u64,
    frames: Vec<Bytes>,
) -> io::Result<Arc<Dense>> {
    let (mut writer, _growing) = large.begin(id, digest, Some(length));
    for frame in frames {
        wait_for(writer.write(frame)).map_err(io::Error::other)?;
    }
    wait_for(writer.finish()).map_err(io::Error::other)
}
