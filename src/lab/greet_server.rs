//! The greeting server: takes one message of each client, thanks for it, and closes the connection.
//!
//! The server closes first here, so it is the server's side of the connection that the system keeps in
//! the state TIME-WAIT afterwards.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;

use super::ServerConfig;
use super::error::LabError;
use super::serve::{close, serve};
use super::sockets::listen;
use super::terminal::{run as run_program, say, shown};

/// What every client gets.
const THANKS: &[u8] = b"Thanks for connecting";

/// The most bytes that are taken for the message.
const LONGEST: usize = 64 * 1024;

/// Runs the server until Ctrl-C. Exit code 1 when it cannot listen.
pub fn run(config: ServerConfig) -> ExitCode {
    run_program(move || {
        let bound = listen(&config)?;
        say(format_args!("Waiting for connections{}...", bound.chosen))?;
        serve(bound.sockets, greet)
    })
}

/// One client: its message, our thanks, the end.
fn greet(mut stream: &TcpStream, client: SocketAddr) -> Result<(), LabError> {
    say(format_args!("Got Connection from {client}"))?;
    let mut space = vec![0; LONGEST];
    let length = loop {
        match stream.read(&mut space) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => break other.map_err(|error| LabError::gone(&client, &error))?,
        }
    };
    if length == 0 {
        return Err(LabError::Gone {
            peer: client.to_string(),
            reason: "it left without a message".to_owned(),
        });
    }
    say(shown(space.get(..length).unwrap_or_default()))?;
    stream.write_all(THANKS).map_err(|error| LabError::gone(&client, &error))?;
    close(stream);
    Ok(())
}
