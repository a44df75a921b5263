//! How the lab's clients talk to a server.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::ClientConfig;
use super::error::LabError;
use super::sockets::addresses;
use super::terminal::complain;

/// More than any datagram, so that none is cut.
pub(super) const DATAGRAM: usize = 64 * 1024;

/// Bytes of a reply after which no more is waited for.
const LONGEST_REPLY: usize = 4 * 1024 * 1024;

/// Between the parts of a reply there is less silence than this.
const LULL: Duration = Duration::from_millis(250);

/// How long a server may leave unread what it is sent.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection to a server.
pub(super) struct Connection {
    stream: TcpStream,
    server: String,
    wait: Duration,
}

impl Connection {
    /// Connects to the first address of the server that takes it.
    ///
    /// # Errors
    /// When the host is unknown, or nobody listens there.
    pub(super) fn open(config: &ClientConfig) -> Result<Self, LabError> {
        let server = format!("{}:{}", config.host, config.port);
        let places = addresses(&config.host, config.port)?;
        let stream = TcpStream::connect(places.as_slice())
            .and_then(|stream| {
                stream.set_nodelay(true)?;
                stream.set_write_timeout(Some(PATIENCE))?;
                Ok(stream)
            })
            .map_err(|source| LabError::Unreachable { server: server.clone(), source })?;
        Ok(Self { stream, server, wait: config.wait })
    }

    /// Sends `message` and reads the reply. TCP is a stream and has no messages: a reply is whole when
    /// it is `expected`, when the server closes, or when nothing more comes for a quarter of a second.
    /// What has begun as `expected` may take longer to go on, and so may all of it where nothing is
    /// expected.
    ///
    /// # Errors
    /// When the server is gone before any reply.
    pub(super) fn exchange(&self, message: &[u8], expected: &[u8]) -> Result<Vec<u8>, LabError> {
        // Both at once: a server that answers a long message while it still comes may stop to read
        // until its answer is read.
        thread::scope(|scope| {
            let sent = thread::Builder::new()
                .spawn_scoped(scope, || (&self.stream).write_all(message))
                .map_err(LabError::system("start a thread"))?;
            let reply = self.reply(expected)?;
            match sent.join() {
                Ok(Err(error)) if reply.is_empty() => Err(LabError::gone(&self.server, &error)),
                _ if reply.is_empty() => Err(LabError::Gone {
                    peer: self.server.clone(),
                    reason: "it closed the connection without a reply".to_owned(),
                }),
                // A server that answers and hangs up before it has heard us out has still answered.
                _ => Ok(reply),
            }
        })
    }

    /// Reads a reply; an empty one when the server closes without any.
    fn reply(&self, expected: &[u8]) -> Result<Vec<u8>, LabError> {
        let (mut reply, mut part) = (Vec::new(), vec![0; DATAGRAM]);
        let mut patient = true;
        while reply != expected && reply.len() < LONGEST_REPLY || reply.is_empty() {
            let silence = match expected.starts_with(&reply) {
                _ if reply.is_empty() && !patient => None,
                _ if reply.is_empty() => Some(self.wait),
                true => Some(self.wait.max(LULL)),
                // Then it is whole when the server closes, and there is time to wait for that.
                false if expected.is_empty() => Some(self.wait.max(LULL)),
                false => Some(LULL),
            };
            self.stream.set_read_timeout(silence).map_err(LabError::system("set a time limit"))?;
            match (&self.stream).read(&mut part) {
                Ok(0) => break,
                Ok(length) => reply.extend_from_slice(part.get(..length).unwrap_or_default()),
                Err(error) if is_silence(&error) && !reply.is_empty() => break,
                Err(error) if is_silence(&error) => {
                    patient = false;
                    complain(format_args!(
                        "no reply from {} yet; a server that reads lines wants --newline",
                        self.server
                    ));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) if !reply.is_empty() => break,
                Err(error) => return Err(LabError::gone(&self.server, &error)),
            }
        }
        Ok(reply)
    }
}

/// A socket to send datagrams to `server` with. It is not connected to it: nothing is sent here, and
/// the system will not tell whether anybody is there.
///
/// # Errors
/// When the system has no socket of this kind.
pub(super) fn datagram_socket(server: SocketAddr) -> Result<UdpSocket, LabError> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    UdpSocket::bind((any, 0)).map_err(LabError::system("open a socket"))
}

/// Sends `message` as one datagram.
///
/// # Errors
/// When it is too long for one, or the system does not send it.
pub(super) fn send_datagram(
    socket: &UdpSocket,
    message: &[u8],
    to: SocketAddr,
) -> Result<(), LabError> {
    match socket.send_to(message, to) {
        Ok(_) => Ok(()),
        Err(error) if error.raw_os_error() == Some(Errno::EMSGSIZE as i32) => {
            Err(LabError::TooLong { length: message.len() })
        }
        Err(error) => Err(LabError::gone(&to, &error)),
    }
}

/// Forgets the datagrams that have come already: an answer that came twice would be taken for the one
/// to the next question.
///
/// # Errors
/// When the socket fails.
pub(super) fn forget_datagrams(socket: &UdpSocket) -> Result<(), LabError> {
    let failed = LabError::system;
    socket.set_nonblocking(true).map_err(failed("forget old datagrams"))?;
    while socket.recv_from(&mut [0]).is_ok() {}
    socket.set_nonblocking(false).map_err(failed("forget old datagrams"))
}

/// Waits for a datagram from `server`, for `wait` at most; what others send is not for us.
///
/// # Errors
/// When the socket fails.
pub(super) fn receive_datagram(
    socket: &UdpSocket,
    server: SocketAddr,
    wait: Duration,
) -> Result<Option<Vec<u8>>, LabError> {
    let mut space = vec![0; DATAGRAM];
    let until = Instant::now() + wait;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        socket.set_read_timeout(Some(left)).map_err(LabError::system("set a time limit"))?;
        match socket.recv_from(&mut space) {
            Ok((length, from)) if (from.ip(), from.port()) == (server.ip(), server.port()) => {
                return Ok(Some(space.get(..length).unwrap_or_default().to_vec()));
            }
            Ok(_) => {}
            Err(error) if is_silence(&error) || error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(LabError::system("receive a datagram")(error)),
        }
    }
}

/// Whether a read has come to its time limit.
fn is_silence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
