//! The greeting server: takes one message of each client, thanks for it, and closes the connection.
//!
//! The steps: a socket that listens; for each client `accept`, one `recv`, one `send`, `close`. The
//! server closes first here, so it is the server's side of the connection that the system keeps in the
//! state TIME-WAIT afterwards.

use std::convert::Infallible;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use super::ServerConfig;
use super::error::LabError;
use super::serve::{Seats, serve, start_thread};
use super::sockets::on_all_addresses;
use super::terminal::{run as run_program, say, shown};

/// What every client gets.
const THANKS: &[u8] = b"Thanks for connecting";

/// The most bytes that are taken for the message.
const LONGEST: usize = 64 * 1024;

/// Bytes that are read of a client that goes on sending after its answer.
const MOST_UNREAD: u64 = 4 * 1024 * 1024;

/// How long a client may leave unread what it is sent, and keep a connection that is closed here.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs the server until Ctrl-C. Exit code 1 when it cannot listen.
pub fn run(config: ServerConfig) -> ExitCode {
    run_program(move || {
        // socket(), bind() and listen() in one call, which libraries have under many names; the echo
        // server makes the three one by one. There is one socket for 127.0.0.1 and one for ::1.
        let bound = on_all_addresses(&config, TcpListener::bind)?;
        say(format_args!("Waiting for connections{}...", bound.chosen))?;
        // A thread for each of them, because `accept` waits for one.
        serve(bound.sockets, |listener, seats| accept_clients(listener, seats, greet))
    })
}

/// Takes one client after another, and gives each a thread that talks to it.
pub(super) fn accept_clients(
    listener: &TcpListener,
    seats: &Seats,
    talk: fn(&TcpStream, SocketAddr) -> Result<(), LabError>,
) -> Result<Infallible, LabError> {
    loop {
        // 256 clients at once; more of them wait in the queue of listen().
        let seat = seats.take();
        // accept(): the handshake (SYN; SYN, ACK; ACK) is over, and the connection has a socket of
        // its own.
        let (stream, client) = match listener.accept() {
            Ok(accepted) => accepted,
            // The client was gone again before it was accepted.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
            Err(error) => return Err(LabError::system("accept a connection")(error)),
        };
        // A client that breaks off ends its own thread, with a sentence; the others go on.
        start_thread("client", move || seat.leave(talk(&stream, client)))?;
    }
}

/// One client: its message, our thanks, the end.
fn greet(mut stream: &TcpStream, client: SocketAddr) -> Result<(), LabError> {
    say(format_args!("Got Connection from {client}"))?;
    let gone = |error: io::Error| LabError::gone(&client, &error);
    stream.set_write_timeout(Some(PATIENCE)).map_err(gone)?;
    let mut space = vec![0; LONGEST];
    // recv(), once: what has come by now (PSH, ACK) is the message.
    let length = loop {
        match stream.read(&mut space) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            received => break received.map_err(gone)?,
        }
    };
    if length == 0 {
        // The client's FIN came before any byte.
        return Err(LabError::Gone {
            peer: client.to_string(),
            reason: "it left without a message".to_owned(),
        });
    }
    say(shown(space.get(..length).unwrap_or_default()))?;
    // send(): PSH, ACK.
    stream.write_all(THANKS).map_err(gone)?;
    close(stream);
    Ok(())
}

/// Says goodbye so that the client gets all that was sent.
fn close(stream: &TcpStream) {
    let closed = stream
        // shutdown(): our FIN. We send no more, and may still receive.
        .shutdown(Shutdown::Write)
        // A socket that is closed over bytes that nobody has read sends RST instead of FIN, and the
        // client may lose our thanks. So the rest of a long message is read first, until its FIN.
        .and_then(|()| stream.set_read_timeout(Some(PATIENCE)))
        .and_then(|()| io::copy(&mut stream.take(MOST_UNREAD), &mut io::sink()));
    // A client that is gone already has nothing to lose. close() follows where `stream` ends.
    closed.ok();
}
