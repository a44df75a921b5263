//! Whom the lab's servers serve: connections with a thread each, datagrams one after another.

use std::convert::Infallible;
use std::io::{self, Read as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::dial::{DATAGRAM, send_datagram};
use super::error::LabError;
use super::terminal::complain;

/// Clients that a server talks to at once; the next ones wait in the listener's queue.
const MOST_CLIENTS: usize = 256;

/// Datagrams that wait for a server; then they wait in the system, which drops what is too much.
const MOST_DATAGRAMS: usize = 64;

/// How long a client may leave unread what it is sent, and keep a connection that is closed here.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes that are read of a client that goes on sending after its answer.
const MOST_UNREAD: u64 = 4 * 1024 * 1024;

/// Accepts clients on all `listeners`, and gives each to `converse` in a thread of its own. Ends when
/// something ends the whole program.
///
/// # Errors
/// What ended it; what ends one conversation alone is said on standard error.
pub(super) fn serve<F>(listeners: Vec<TcpListener>, converse: F) -> Result<(), LabError>
where
    F: Fn(&TcpStream, SocketAddr) -> Result<(), LabError> + Send + Sync + 'static,
{
    // The first end is the one that counts: the others do not wait for a place.
    let (end, ended) = sync_channel(1);
    let (seats, converse) = (Arc::new(Seats::default()), Arc::new(converse));
    for listener in listeners {
        let (end, seats, converse) = (end.clone(), Arc::clone(&seats), Arc::clone(&converse));
        start("listener", move || {
            let Err(error) = accept_all(&listener, &seats, &converse, &end);
            end.try_send(error).ok();
        })?;
    }
    drop(end);
    ended.recv().map_or(Ok(()), Err)
}

fn accept_all<F>(
    listener: &TcpListener,
    seats: &Arc<Seats>,
    converse: &Arc<F>,
    end: &SyncSender<LabError>,
) -> Result<Infallible, LabError>
where
    F: Fn(&TcpStream, SocketAddr) -> Result<(), LabError> + Send + Sync + 'static,
{
    loop {
        let seat = Seats::take(seats);
        let (stream, client) = match listener.accept() {
            Ok(accepted) => accepted,
            // The client was gone before it was accepted.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
            Err(error) => return Err(LabError::system("accept a connection")(error)),
        };
        let ready =
            stream.set_write_timeout(Some(PATIENCE)).and_then(|()| stream.set_nodelay(true));
        if let Err(error) = ready {
            complain(LabError::gone(&client, &error));
            continue;
        }
        let (end, converse) = (end.clone(), Arc::clone(converse));
        start("client", move || {
            match converse(&stream, client) {
                Err(error) if error.is_final() => drop(end.try_send(error)),
                Err(error) => complain(error),
                Ok(()) => {}
            }
            drop(seat);
        })?;
    }
}

/// Starts a thread that nobody waits for: it ends with its conversation, or with the process.
fn start(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), LabError> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map(drop).map_err(LabError::system("start a thread"))
}

/// Closes a connection so that the client gets all that was sent: what it has sent meanwhile is read
/// first, because a socket that is closed over unread bytes resets its connection.
pub(super) fn close(stream: &TcpStream) {
    let closed = stream
        .shutdown(Shutdown::Write)
        .and_then(|()| stream.set_read_timeout(Some(PATIENCE)))
        .and_then(|()| io::copy(&mut stream.take(MOST_UNREAD), &mut io::sink()));
    // A client that is gone already has nothing to lose.
    closed.ok();
}

/// How many clients are served now.
#[derive(Default)]
struct Seats {
    taken: Mutex<usize>,
    freed: Condvar,
}

impl Seats {
    /// Waits until there is a seat for one more.
    fn take(seats: &Arc<Self>) -> Seat {
        let mut taken = seats.taken.lock();
        seats.freed.wait_while(&mut taken, |taken| *taken >= MOST_CLIENTS);
        *taken += 1;
        Seat(Arc::clone(seats))
    }
}

/// The place of one client; given back when dropped.
struct Seat(Arc<Seats>);

impl Drop for Seat {
    fn drop(&mut self) {
        *self.0.taken.lock() -= 1;
        self.0.freed.notify_one();
    }
}

/// A datagram that has come.
pub(super) struct Datagram {
    /// What is in it; may be nothing.
    pub(super) message: Vec<u8>,
    /// Who sent it.
    pub(super) from: SocketAddr,
    socket: Arc<UdpSocket>,
}

impl Datagram {
    /// Sends `message` to whoever sent this one.
    ///
    /// # Errors
    /// When it is too long or the system does not send it; that ends no program.
    pub(super) fn reply(&self, message: &[u8]) -> Result<(), LabError> {
        send_datagram(&self.socket, message, self.from)
    }
}

/// The datagrams of all `sockets`, in the order of their coming.
///
/// # Errors
/// When there is no thread to wait for them.
pub(super) fn receive(
    sockets: Vec<UdpSocket>,
) -> Result<Receiver<Result<Datagram, LabError>>, LabError> {
    let (queue, datagrams) = sync_channel(MOST_DATAGRAMS);
    for socket in sockets {
        let (socket, queue) = (Arc::new(socket), queue.clone());
        start("socket", move || {
            let mut space = vec![0; DATAGRAM];
            loop {
                let received = match socket.recv_from(&mut space) {
                    Ok((length, from)) => {
                        let message = space.get(..length).unwrap_or_default().to_vec();
                        Ok(Datagram { message, from, socket: Arc::clone(&socket) })
                    }
                    Err(error) => Err(LabError::system("receive a datagram")(error)),
                };
                let failed = received.is_err();
                // A full queue waits, and the datagrams that come next wait in the system.
                if queue.send(received).is_err() || failed {
                    return;
                }
            }
        })?;
    }
    Ok(datagrams)
}
