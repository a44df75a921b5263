//! The echo client: sends what is typed, over TCP, and shows the reply, until the end of input.
//!
//! The steps are those of every TCP client: make a socket, connect it to the server, which is three
//! packets and no byte of ours yet; then write and read in turn. All messages go over the one
//! connection.

use std::process::ExitCode;

use super::ClientConfig;
use super::dial::Connection;
use super::error::LabError;
use super::terminal::{ask, complain, run as run_program, say, shown};

/// What the client is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Whom it talks to.
    pub server: ClientConfig,
    /// Whether every message ends with a line end.
    pub newline: bool,
}

/// Runs the client until the end of input. Exit code 1 when the server cannot be reached, or is gone.
pub fn run(config: Config) -> ExitCode {
    run_program(move || converse(&config))
}

fn converse(config: &Config) -> Result<(), LabError> {
    say("Socket created")?;
    let connection = Connection::open(&config.server)?;
    say("Connected")?;
    while let Some(mut message) = ask("Enter message : ")? {
        if config.newline {
            message.push(b'\n');
        }
        if message.is_empty() {
            complain("an empty message is no byte, and TCP sends none: nothing was sent");
            continue;
        }
        let reply = connection.exchange(&message, &message)?;
        say(format_args!("Server reply :\n{}", shown(&reply)))?;
    }
    Ok(())
}
