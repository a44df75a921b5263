//! The web server of the lab.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

/// What the server is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// A name or an address of this machine; 127.0.0.1 and ::1 where there is none.
    pub host: Option<String>,
    /// The port; 0 picks a free one.
    pub port: u16,
    /// The directory whose files are served.
    pub root: PathBuf,
    /// One connection after another, as the first exercise asks.
    pub one_at_a_time: bool,
    /// Forbids caches to store.
    pub no_store: bool,
    /// Seconds for which caches may use an answer.
    pub max_age: Option<u64>,
}

/// Says that it cannot serve yet: exit code 1.
pub fn run(config: &Config) -> ExitCode {
    let root = config.root.display();
    writeln!(io::stderr(), "cannot serve {root}: this version has no web server yet").ok();
    ExitCode::from(1)
}
