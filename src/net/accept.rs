//! Accepting connections: a permit first, then the socket; back off when descriptors run out.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// How many connections there may be; shared by all listeners.
#[derive(Debug)]
pub struct Gate {
    permits: Arc<Semaphore>,
    per_client: usize,
    clients: Clients,
}

/// Connections per address.
type Clients = Arc<Mutex<HashMap<IpAddr, usize>>>;

impl Gate {
    /// At most `connections` in all, and `per_client` from one address that is not loopback.
    pub fn new(connections: usize, per_client: usize) -> Self {
        let connections = connections.clamp(1, Semaphore::MAX_PERMITS);
        Self { permits: Arc::new(Semaphore::new(connections)), per_client, clients: Arc::default() }
    }

    /// A place for one more connection from `client`; `None` when that address has its share.
    fn seat(&self, client: IpAddr, permit: OwnedSemaphorePermit) -> Option<Seat> {
        let client = client.to_canonical();
        if client.is_loopback() {
            return Some(Seat { _permit: permit, counted: None });
        }
        let mut clients = self.clients.lock();
        let count = clients.entry(client).or_default();
        if *count >= self.per_client {
            return None;
        }
        *count += 1;
        Some(Seat { _permit: permit, counted: Some((Arc::clone(&self.clients), client)) })
    }
}

/// A connection's place under the limits; given back when dropped.
#[derive(Debug)]
pub struct Seat {
    _permit: OwnedSemaphorePermit,
    counted: Option<(Clients, IpAddr)>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some((clients, client)) = self.counted.take() else { return };
        let mut clients = clients.lock();
        if let Some(count) = clients.get_mut(&client) {
            *count -= 1;
            if *count == 0 {
                clients.remove(&client);
            }
        }
    }
}

/// A connection that was accepted.
#[derive(Debug)]
pub struct Accepted {
    /// The socket, with `TCP_NODELAY`.
    pub stream: TcpStream,
    /// Who connected.
    pub client: SocketAddr,
    /// The address that the client connected to.
    pub local: SocketAddr,
    /// To be kept as long as the socket.
    pub seat: Seat,
}

/// Accepts until `stop` resolves and hands each connection to `each`. While there is no permit the
/// kernel keeps new connections in the listener's backlog.
pub async fn accept_loop(
    listener: TcpListener,
    gate: Arc<Gate>,
    stop: impl Future<Output = ()>,
    mut each: impl FnMut(Accepted),
) {
    let mut stop = pin!(stop);
    let mut pause = None;
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stop => return,
            accepted = accept_one(&listener, &gate) => accepted,
        };
        match accepted {
            Ok(accepted) => {
                pause = None;
                if let Some(accepted) = accepted {
                    each(accepted);
                }
            }
            Err(error) => match after_error(&error, pause) {
                Retry::AtOnce => {}
                Retry::After(wait) => {
                    if pause.is_none() {
                        tracing::warn!(%error, "Cannot accept connections for now");
                    }
                    pause = Some(wait);
                    tokio::select! {
                        biased;
                        () = &mut stop => return,
                        () = tokio::time::sleep(wait) => {}
                    }
                }
            },
        }
    }
}

/// `Ok(None)`: the client was turned away, or is gone already.
async fn accept_one(listener: &TcpListener, gate: &Gate) -> io::Result<Option<Accepted>> {
    if gate.permits.available_permits() == 0 {
        tracing::debug!("All client connections are in use; new ones wait");
    }
    let permit = Arc::clone(&gate.permits).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, client) = listener.accept().await?;
    let Some(seat) = gate.seat(client.ip(), permit) else {
        tracing::debug!(client = %client.ip(), "Turned away: too many connections from one address");
        return Ok(None);
    };
    let Ok(local) = stream.local_addr().and_then(|local| stream.set_nodelay(true).map(|()| local))
    else {
        return Ok(None);
    };
    Ok(Some(Accepted { stream, client, local, seat }))
}

/// What to do after a failed accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Only that one connection failed.
    AtOnce,
    /// We are short of something; wait first.
    After(Duration),
}

/// Decides it: `previous` is the pause before this error when the one before failed too.
pub fn after_error(error: &io::Error, previous: Option<Duration>) -> Retry {
    let one_connection = error.raw_os_error().map(Errno::from_raw).is_some_and(|errno| {
        matches!(
            errno,
            Errno::ECONNABORTED
                | Errno::ECONNRESET
                | Errno::EINTR
                | Errno::EPROTO
                | Errno::ENOTCONN
                | Errno::ETIMEDOUT
                | Errno::EHOSTUNREACH
                | Errno::ENETUNREACH
        )
    });
    // Something that fails again right away must not spin, whatever it is.
    if one_connection && previous.is_none() {
        return Retry::AtOnce;
    }
    Retry::After(previous.map_or(FIRST_PAUSE, |pause| (pause * 2).min(LONGEST_PAUSE)))
}

#[cfg(test)]
#[path = "accept_tests.rs"]
mod tests;
