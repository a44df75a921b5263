//! The upper case client of the lab.

use std::io::{self, Write as _};
use std::process::ExitCode;

use std::time::Duration;

use super::Transport;

/// What the client is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// What carries the sentences.
    pub transport: Transport,
    /// The server; asked for where there is none.
    pub host: Option<String>,
    /// Its port; asked for where there is none.
    pub port: Option<u16>,
    /// Whether every sentence ends with a line end.
    pub newline: bool,
    /// How often a datagram is sent before it is given up; at least once.
    pub tries: u32,
    /// After how much silence the client says something about it.
    pub wait: Duration,
}

/// Says that it cannot run yet: exit code 1.
pub fn run(_config: Config) -> ExitCode {
    writeln!(io::stderr(), "cannot run: this version has no upper case client yet").ok();
    ExitCode::from(1)
}
