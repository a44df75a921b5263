//! The echo server: sends every message back, over TCP, until the client leaves.
//!
//! The steps are those of every TCP server: make a socket, bind it to a port, listen, accept a
//! client; then read and write until a read says that the client has closed its side. Each client has a
//! thread of its own, so that one that is silent keeps nobody waiting.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;

use super::ServerConfig;
use super::error::LabError;
use super::serve::serve;
use super::sockets::listen;
use super::terminal::{run as run_program, say, shown};

/// The most bytes that are taken for one message.
const LONGEST: usize = 64 * 1024;

/// Runs the server until Ctrl-C. Exit code 1 when it cannot listen.
pub fn run(config: ServerConfig) -> ExitCode {
    run_program(move || {
        say("Socket created")?;
        let bound = listen(&config)?;
        say(format_args!("bind done{}", bound.chosen))?;
        say("Waiting for incoming connections...")?;
        serve(bound.sockets, converse)
    })
}

/// One client, from its first message to its last.
fn converse(mut stream: &TcpStream, client: SocketAddr) -> Result<(), LabError> {
    say("Connection accepted")?;
    let mut space = vec![0; LONGEST];
    let outcome = loop {
        // What one read returns is what the course calls a message. TCP itself knows none: two that
        // are sent at once may come as one, and a long one in parts.
        let message = match stream.read(&mut space) {
            Ok(0) => break Ok(()),
            Ok(length) => space.get(..length).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => break Err(LabError::gone(&client, &error)),
        };
        say(shown(message))?;
        if let Err(error) = stream.write_all(message) {
            break Err(LabError::gone(&client, &error));
        }
    };
    say("Client disconnected")?;
    outcome
}
