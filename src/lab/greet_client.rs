//! The greeting client: sends one message over TCP, prints the answer, and is done.

use std::process::ExitCode;

use super::ClientConfig;
use super::dial::Connection;
use super::terminal::{run as run_program, say, shown};

/// What the client is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Whom it talks to.
    pub server: ClientConfig,
    /// What it sends; not empty.
    pub message: String,
    /// Whether the message ends with a line end.
    pub newline: bool,
}

/// Runs the client. Exit code 1 when there is no answer.
pub fn run(config: Config) -> ExitCode {
    run_program(move || {
        let connection = Connection::open(&config.server)?;
        let mut message = config.message.into_bytes();
        if config.newline {
            message.push(b'\n');
        }
        // Nobody knows what the answer will be: it is what comes until the server closes. One that
        // leaves the connection open has said all when it has been silent for a while.
        let answer = connection.exchange(&message, b"")?;
        say(shown(&answer))
    })
}
