//! The command line: the only room that knows how a setting is typed.
//!
//! Every other room takes its `Config`; here options, environment and settings file become one
//! [`settings::Settings`], and every message about a bad one is made.

pub mod args;
mod cache;
pub mod error;
mod notify;
mod rooms;
mod run;
pub mod serve;
pub mod settings;
pub mod signals;
mod takeover;
#[cfg(test)]
mod tests;
mod value;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;

use self::args::{Args, Command};
use self::error::CliError;
use crate::lab;

/// Reads the command line of this process and does what it says.
pub fn run() -> ExitCode {
    let args = std::env::args_os();
    match dispatch(args, &|name| std::env::var_os(name)) {
        Ok(code) => code,
        Err(error) => {
            // Nothing is left to tell it to when standard error is closed.
            writeln!(io::stderr(), "{error}").ok();
            error.exit_code()
        }
    }
}

/// Does what `args` say. `variable` looks up an environment variable.
fn dispatch(
    args: impl IntoIterator<Item = OsString>,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<ExitCode, CliError> {
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(message) => {
            // Help and version are answers, not errors; clap knows which stream is whose.
            message.print().ok();
            return Ok(if message.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS });
        }
    };
    let options = match args.command {
        Some(Command::Cache(options)) => return cache::run(&options, variable),
        Some(Command::Client(options)) => return Ok(lab::client::run(&options.into_config())),
        Some(Command::Lab(options)) => return Ok(options.program.run()),
        Some(Command::Serve(options)) => *options,
        None => args.serve,
    };
    run::serve(&options, variable)?;
    Ok(ExitCode::SUCCESS)
}
