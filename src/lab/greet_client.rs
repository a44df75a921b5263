//! The greeting client of the lab.

use std::io::{self, Write as _};
use std::process::ExitCode;

use super::ClientConfig;

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

/// Says that it cannot run yet: exit code 1.
pub fn run(_config: Config) -> ExitCode {
    writeln!(io::stderr(), "cannot run: this version has no greeting client yet").ok();
    ExitCode::from(1)
}
