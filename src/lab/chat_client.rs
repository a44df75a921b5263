//! The chat client of the lab.

use std::io::{self, Write as _};
use std::process::ExitCode;

use super::ClientConfig;

/// Says that it cannot run yet: exit code 1.
pub fn run(_config: ClientConfig) -> ExitCode {
    writeln!(io::stderr(), "cannot run: this version has no chat client yet").ok();
    ExitCode::from(1)
}
