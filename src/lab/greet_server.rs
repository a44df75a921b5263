//! The greeting server of the lab.

use std::io::{self, Write as _};
use std::process::ExitCode;

use super::ServerConfig;

/// Says that it cannot run yet: exit code 1.
pub fn run(_config: ServerConfig) -> ExitCode {
    writeln!(io::stderr(), "cannot run: this version has no greeting server yet").ok();
    ExitCode::from(1)
}
