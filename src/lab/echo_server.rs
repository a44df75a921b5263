//! The echo server: sends every message back, over TCP, until the client leaves.
//!
//! The steps are those of every TCP server, each a call of the system: `socket`, `bind`, `listen`, and
//! then, for each client, `accept`; `recv` and `send` in turn, until a `recv` says that the client has
//! closed its side; `close`. They stand here in this order.

use std::convert::Infallible;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::ServerConfig;
use super::error::LabError;
use super::serve::{Seats, serve, start_thread};
use super::sockets::on_all_addresses;
use super::terminal::{run as run_program, say, shown};

/// Connections that the system makes ahead of `accept`, and keeps in a queue.
const BACKLOG: i32 = 128;

/// The most bytes that are taken for one message.
const LONGEST: usize = 64 * 1024;

/// How long a client may leave unread what it is sent.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs the server until Ctrl-C. Exit code 1 when it cannot listen.
pub fn run(config: ServerConfig) -> ExitCode {
    run_program(move || {
        say("Socket created")?;
        // This machine is 127.0.0.1 and ::1: two addresses of two families, so two sockets.
        let bound = on_all_addresses(&config, open)?;
        say(format_args!("bind done{}", bound.chosen))?;
        say("Waiting for incoming connections...")?;
        // A thread for each of them, because `accept` waits for one.
        serve(bound.sockets, accept_clients)
    })
}

/// The first three steps. No packet has travelled after them.
fn open(place: SocketAddr) -> io::Result<TcpListener> {
    // socket(): a stream of bytes, so TCP; it has no address yet.
    let socket = Socket::new(Domain::for_address(place), Type::STREAM, None)?;
    // The port can be taken again while connections of a server that has stopped are in TIME-WAIT.
    socket.set_reuse_address(true)?;
    // bind(): the address and the port. "Address in use" comes from here.
    socket.bind(&place.into())?;
    // listen(): from now on the system answers a SYN with SYN, ACK, without asking us. Until now it
    // answered with RST: connection refused.
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// The fourth step, again and again: the next client, and a thread for it, so that one that is silent
/// keeps nobody waiting.
fn accept_clients(listener: &TcpListener, seats: &Seats) -> Result<Infallible, LabError> {
    loop {
        // 256 clients at once; more of them wait in the queue of listen().
        let seat = seats.take();
        // accept(): takes a connection whose handshake is over, and returns a second socket for it.
        // The first one goes on listening.
        let (stream, client) = match listener.accept() {
            Ok(accepted) => accepted,
            // The client was gone again before it was accepted.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
            Err(error) => return Err(LabError::system("accept a connection")(error)),
        };
        // A client that breaks off ends its own thread, with a sentence; the others go on.
        start_thread("client", move || seat.leave(converse(stream, client)))?;
    }
}

/// One client, from its first message to its last.
fn converse(mut stream: TcpStream, client: SocketAddr) -> Result<(), LabError> {
    say("Connection accepted")?;
    let outcome = echo(&mut stream, client);
    say("Client disconnected")?;
    // close(), where `stream` ends: our FIN. Now both sides have closed.
    outcome
}

/// The last steps: receives and sends in turn, until the client closes its side.
fn echo(stream: &mut TcpStream, client: SocketAddr) -> Result<(), LabError> {
    let gone = |error: io::Error| LabError::gone(&client, &error);
    stream.set_write_timeout(Some(PATIENCE)).map_err(gone)?;
    // What is sent leaves at once, however short, and does not wait for more (Nagle's algorithm).
    stream.set_nodelay(true).map_err(gone)?;
    let mut space = vec![0; LONGEST];
    loop {
        // recv(): waits for bytes, and returns those that have come (PSH, ACK). That is what the
        // course calls a message. TCP itself knows none: two that are sent at once may come as one,
        // and a long one in parts.
        let message = match stream.read(&mut space) {
            // No byte is the client's FIN: no more will come.
            Ok(0) => return Ok(()),
            Ok(length) => space.get(..length).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            // A reset (RST) among others: the client has vanished without a FIN.
            Err(error) => return Err(gone(error)),
        };
        say(shown(message))?;
        // send(), as often as it takes until all bytes are on their way (PSH, ACK).
        stream.write_all(message).map_err(gone)?;
    }
}
