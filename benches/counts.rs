//! What a request costs, counted: instructions under callgrind, system calls under strace. Counts do not
//! depend on what else the machine does, so a change can be held to them; `.ci/run` does.
//!
//! ```sh
//! cargo bench --profile dev --bench counts -- --larder target/release/larder           # measure, and compare
//! cargo bench --profile dev --bench counts -- --larder target/release/larder hit miss  # these rows only
//! cargo bench --profile dev --bench counts -- --larder target/release/larder --check   # and fail on growth
//! cargo bench --profile dev --bench counts -- --larder target/release/larder --write   # keep what was measured
//! ```
//!
//! Without `--larder PATH` the program of `LARDER_TEST_BINARY` is measured, without that the one that cargo
//! builds for this bench, which is as users have it only under `cargo bench` without `--profile dev`.
//!
//! What is kept stands in `benches/counts/counts.toml`, with the rustc that built what was measured.
//! Instructions are held to it only when that is the same, system calls always. valgrind and strace are needed.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "this is a bench: it prints, it may fail, and it waits for other processes"
)]

#[path = "counts/kept.rs"]
mod kept;
#[path = "counts/measure.rs"]
mod measure;
#[path = "support/origin.rs"]
#[expect(dead_code, reason = "other benches use the rest")]
mod origin;
#[path = "support/process.rs"]
#[expect(dead_code, reason = "other benches use the rest")]
mod process;
#[path = "counts/row.rs"]
mod row;
#[path = "support/wire.rs"]
#[expect(dead_code, reason = "other benches use the rest")]
mod wire;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use kept::{Counts, Kept, Measured};
use row::Row;

/// What the command line says.
#[derive(Default)]
struct Options {
    larder: Option<PathBuf>,
    rows: Vec<Row>,
    check: bool,
    write: bool,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("counts: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let options = options()?;
    for tool in ["valgrind", "strace"] {
        if !process::exists(tool) {
            return Err(format!("{tool} is not installed, and nothing can be counted without it"));
        }
    }
    let larder = larder(options.larder);
    let mut measured =
        Measured { rustc: rustc(&larder)?, valgrind: version("valgrind"), rows: Vec::new() };
    let kept = Kept::read()?;
    println!("{}, by {}; {}", larder.display(), measured.rustc, measured.valgrind);
    kept.introduce(&measured);
    let all = options.rows.is_empty() || options.write;
    for row in Row::ALL.into_iter().filter(|row| all || options.rows.contains(row)) {
        let counts = Counts {
            instructions: measure::instructions(&larder, row)?,
            calls: measure::calls(&larder, row)?,
        };
        kept.compare(row, &counts);
        measured.rows.push((row, counts));
    }
    if options.write {
        return kept::write(&measured);
    }
    let grown = kept.grown(&measured);
    if options.check && !grown.is_empty() {
        return Err(grown.join("; "));
    }
    Ok(())
}

fn options() -> Result<Options, String> {
    let mut options = Options::default();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--larder" => {
                options.larder = Some(words.next().ok_or("--larder needs a path")?.into());
            }
            "--check" => options.check = true,
            "--write" => options.write = true,
            // What cargo says.
            "--bench" => {}
            name => options
                .rows
                .push(Row::named(name).ok_or(format!("{name} is no row of this bench"))?),
        }
    }
    Ok(options)
}

/// The program to measure. cargo runs benches in the package's directory, which is where paths begin.
fn larder(given: Option<PathBuf>) -> PathBuf {
    given
        .or_else(|| std::env::var_os("LARDER_TEST_BINARY").map(PathBuf::from))
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_larder")))
}

/// Which rustc built a program: the linker copies what it says of itself.
fn rustc(program: &Path) -> Result<String, String> {
    const BEGIN: &[u8] = b"rustc version ";
    let bytes =
        std::fs::read(program).map_err(|error| format!("{}: {error}", program.display()))?;
    let found = bytes.windows(BEGIN.len() + 40).find_map(|window| {
        // Like "1.95.0 (59807616e 2026-04-14)"; the words alone stand in a message too.
        let text = std::str::from_utf8(window.strip_prefix(BEGIN)?).ok()?;
        let end = text.find(')')?;
        text.starts_with(|first: char| first.is_ascii_digit()).then(|| text.get(..=end))?
    });
    Ok(format!("rustc {}", found.unwrap_or("of an unknown version")))
}

fn version(tool: &str) -> String {
    let output = Command::new(tool).arg("--version").output();
    let text = output.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&text).trim().to_owned()
}
