//! The upper case server of the lab.

use std::io::{self, Write as _};
use std::process::ExitCode;

use super::{ServerConfig, Transport};

/// Where it listens when nothing else is said.
pub fn default_port(transport: Transport) -> u16 {
    match transport {
        Transport::Tcp => 13000,
        Transport::Udp => 12000,
    }
}

/// Says that it cannot run yet: exit code 1.
pub fn run(_transport: Transport, _config: ServerConfig) -> ExitCode {
    writeln!(io::stderr(), "cannot run: this version has no upper case server yet").ok();
    ExitCode::from(1)
}
