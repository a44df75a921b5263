//! The program: reads the command line, runs the command, maps the result to an exit code.

use std::process::ExitCode;

/// What is freed goes back to the system, also after days of storing and evicting: see ADR 0011.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    larder::cli::run()
}
