//! What the lab's servers share: a thread for each of their sockets, and the limit of clients.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use parking_lot::{Condvar, Mutex};

use super::error::LabError;
use super::terminal::complain;

/// Clients that a server talks to at once.
const MOST_CLIENTS: usize = 256;

/// Runs `work` for each of a server's sockets, in a thread of its own: one call waits for one socket.
/// Ends when something ends the whole program.
///
/// # Errors
/// What ended it.
pub(super) fn serve<S, F>(sockets: Vec<S>, work: F) -> Result<(), LabError>
where
    S: Send + 'static,
    F: Fn(&S, &Seats) -> Result<Infallible, LabError> + Send + Sync + 'static,
{
    // The first end is the one that counts: the others do not wait for a place.
    let (end, ended) = sync_channel(1);
    let (seats, work) = (Seats { room: Arc::default(), end }, Arc::new(work));
    for socket in sockets {
        let (seats, work) = (seats.clone(), Arc::clone(&work));
        start_thread("socket", move || {
            let Err(error) = work(&socket, &seats);
            seats.end.try_send(error).ok();
        })?;
    }
    drop(seats);
    ended.recv().map_or(Ok(()), Err)
}

/// Starts a thread that nobody waits for: it ends with its work, or with the process.
///
/// # Errors
/// When the system has no thread for it.
pub(super) fn start_thread(
    name: &str,
    work: impl FnOnce() + Send + 'static,
) -> Result<(), LabError> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map(drop).map_err(LabError::system("start a thread"))
}

/// The places that a server has for clients: 256.
#[derive(Clone)]
pub(super) struct Seats {
    room: Arc<Room>,
    end: SyncSender<LabError>,
}

/// How many clients are served now.
#[derive(Default)]
struct Room {
    taken: Mutex<usize>,
    freed: Condvar,
}

impl Seats {
    /// Waits until there is a seat for one more.
    pub(super) fn take(&self) -> Seat {
        let mut taken = self.room.taken.lock();
        self.room.freed.wait_while(&mut taken, |taken| *taken >= MOST_CLIENTS);
        *taken += 1;
        Seat(self.clone())
    }
}

/// The place of one client; given back when dropped.
pub(super) struct Seat(Seats);

impl Seat {
    /// Gives the seat back. What ended the conversation is said on standard error, and what cannot be
    /// mended, such as a closed standard output, ends the program.
    pub(super) fn leave(self, outcome: Result<(), LabError>) {
        match outcome {
            Err(error) if error.is_final() => drop(self.0.end.try_send(error)),
            Err(error) => complain(error),
            Ok(()) => {}
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        *self.0.room.taken.lock() -= 1;
        self.0.room.freed.notify_one();
    }
}
