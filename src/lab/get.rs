//! The HTTP client of the lab.

use std::io::{self, Write as _};
use std::process::ExitCode;

/// What the client is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The name or the address of the server.
    pub server: String,
    /// Its port.
    pub port: u16,
    /// What to ask for: a path.
    pub file: String,
    /// A proxy to go through: `host:port`.
    pub proxy: Option<String>,
    /// Asks for the head alone.
    pub head: bool,
    /// The value of `If-Modified-Since`.
    pub if_modified_since: Option<String>,
    /// The value of `If-None-Match`.
    pub if_none_match: Option<String>,
}

/// Says that it cannot get anything yet: exit code 1.
pub fn run(config: &Config) -> ExitCode {
    let (server, port) = (&config.server, config.port);
    writeln!(io::stderr(), "cannot ask {server}:{port}: this version has no HTTP client yet").ok();
    ExitCode::from(1)
}
