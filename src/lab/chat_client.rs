//! The chat client: sends what is typed, over UDP, and shows the reply, in turn.
//!
//! The steps are those of every UDP client: `socket`, and then `sendto` and `recvfrom` in turn. Nothing
//! is connected: every datagram has the server's address beside it, and every message is one datagram.
//!
//! A reply takes as long as somebody takes to type it, so the client waits for it without an end. It
//! cannot know whether anybody is there: it says so once, and goes on waiting. It does not send a message
//! twice, since whoever types the replies would answer it twice.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::process::ExitCode;
use std::time::Duration;

use super::ClientConfig;
use super::chat_server::is_quit;
use super::error::{LabError, is_silence};
use super::sockets::addresses_for_datagrams;
use super::terminal::{ask, complain, run as run_program, say, shown};

/// More than any datagram, so that none is cut.
pub(super) const DATAGRAM: usize = 64 * 1024;

/// Runs the client until `quit` on either side, the end of input or Ctrl-C. Exit code 1 when the host
/// is unknown.
pub fn run(config: ClientConfig) -> ExitCode {
    run_program(move || chat(&config))
}

fn chat(config: &ClientConfig) -> Result<(), LabError> {
    // A name may have several addresses. Over UDP there is no trying one after another, since nothing
    // tells that nobody is there: the first is taken, and localhost is 127.0.0.1.
    let places = addresses_for_datagrams(&config.host, config.port)?;
    let Some(&server) = places.first() else { return Ok(()) };
    let socket = open(server)?;
    while let Some(message) = ask("You (Client): ")? {
        // sendto(): one datagram, the whole message. It has left when this returns; nothing tells
        // whether it arrives.
        if let Err(error) = socket.send_to(&message, server) {
            // Nothing has left: the next message may do better.
            complain(LabError::not_sent(&message, server, &error));
            continue;
        }
        if is_quit(&message) {
            return Ok(());
        }
        let reply = wait_for_reply(&socket, server, config.wait)?;
        say(format_args!("Server: {}", shown(&reply)))?;
        if is_quit(&reply) {
            return Ok(());
        }
    }
    // The end of input ends the chat as `quit` does. The server would not notice by itself: close()
    // sends no packet here.
    let sent = socket.send_to(b"quit", server);
    sent.map(drop).map_err(|error| LabError::not_sent(b"quit", server, &error))
}

/// A socket of the server's family, on a port that the system picks: the reply comes to that.
///
/// # Errors
/// When the system has no socket of this kind.
pub(super) fn open(server: SocketAddr) -> Result<UdpSocket, LabError> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    // socket(), and bind() to port 0, which means any. No packet travels.
    UdpSocket::bind((any, 0)).map_err(LabError::system("open a socket"))
}

/// Receives the reply, however late it comes.
fn wait_for_reply(
    socket: &UdpSocket,
    server: SocketAddr,
    wait: Duration,
) -> Result<Vec<u8>, LabError> {
    let mut space = vec![0; DATAGRAM];
    let mut patience = Some(wait);
    loop {
        socket.set_read_timeout(patience).map_err(LabError::system("set a time limit"))?;
        // recvfrom(): waits for one datagram, and returns it whole, with the address of its sender.
        match socket.recv_from(&mut space) {
            Ok((length, from)) if (from.ip(), from.port()) == (server.ip(), server.port()) => {
                return Ok(space.get(..length).unwrap_or_default().to_vec());
            }
            // Anybody may send to our port: what is not from the server is no reply.
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if is_silence(&error) => {
                patience = None;
                complain(format_args!(
                    "no reply from {server} yet: somebody is typing, or nobody is there; UDP does not tell"
                ));
            }
            Err(error) => return Err(LabError::system("receive a datagram")(error)),
        }
    }
}
