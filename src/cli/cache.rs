//! `larder cache`: looks into the cache directory of a stopped proxy.

mod listing;
mod progress;
mod statistics;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use bytesize::ByteSize;

use self::progress::Progress;
use super::args::cache::{CacheArgs, CacheCommand};
use super::error::CliError;
use super::settings::Settings;
use crate::store::OpenError;
use crate::store::inspect::{Damage, Inspection, Seen};
use crate::time::{Clock as _, SystemClock, Timestamp};

/// Does what `options` say. `variable` looks up an environment variable.
///
/// # Errors
/// When there is no cache in the directory, or it is in use, or it cannot be read.
pub(super) fn run(
    options: &CacheArgs,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<ExitCode, CliError> {
    let dir = directory(options, variable);
    let inspection = Inspection::open(&dir).map_err(refused)?;
    let stdout = io::stdout();
    let to_terminal = stdout.is_terminal();
    let mut out = BufWriter::new(stdout.lock());
    let done = match &options.command {
        CacheCommand::Ls { prefix } => {
            let listed = list(&inspection, prefix.as_deref().unwrap_or_default());
            listing::write(&listed, to_terminal, &mut out).map(|()| ExitCode::SUCCESS)
        }
        CacheCommand::Verify => {
            let bar = Progress::new(io::stderr(), inspection.bytes(), io::stderr().is_terminal());
            verify(&inspection, bar, &mut out)
        }
        CacheCommand::Stats => {
            let now = SystemClock.now();
            statistics::write(&dir, &inspection.stats(now), &mut out).map(|()| ExitCode::SUCCESS)
        }
    };
    finished(done.and_then(|code| out.flush().map(|()| code)))
}

/// Whoever reads our output may have read enough (`| head`).
fn finished(outcome: io::Result<ExitCode>) -> Result<ExitCode, CliError> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(error) => Err(CliError::Failed(format!("cannot write the answer: {error}"))),
        Ok(code) => Ok(code),
    }
}

fn directory(options: &CacheArgs, variable: &dyn Fn(&str) -> Option<OsString>) -> PathBuf {
    let named = || variable("LARDER_CACHE_DIR").filter(|name| !name.is_empty());
    let named = options.cache_dir.clone().or_else(named);
    named.map_or_else(|| Settings::default().cache_dir, PathBuf::from)
}

/// What keeps us from looking, as one sentence.
fn refused(error: OpenError) -> CliError {
    match error {
        OpenError::InUse { dir, pid } => {
            let process = pid.map_or("another process".into(), |pid| format!("process {pid}"));
            CliError::Unusable(format!(
                "{} is in use by {process}; stop the proxy first",
                dir.display()
            ))
        }
        OpenError::Io { .. } => CliError::failed(error),
        OpenError::UnknownVersion { .. } | OpenError::NotOurs { .. } | OpenError::Empty { .. } => {
            CliError::Unusable(error.to_string())
        }
    }
}

/// What is stored under URLs that begin with `prefix`, by URL.
fn list(inspection: &Inspection, prefix: &str) -> Vec<listing::Row> {
    let mut rows: Vec<_> = inspection
        .responses()
        .filter(|response| response.key.uri().as_str().starts_with(prefix))
        .map(|response| listing::Row::of(&response))
        .collect();
    rows.sort();
    rows
}

/// Reads everything, and says at once what is damaged. 1 when anything is.
fn verify(
    inspection: &Inspection,
    mut bar: Progress<impl Write>,
    out: &mut impl Write,
) -> io::Result<ExitCode> {
    let mut damages = 0_u64;
    let read = inspection.verify(&mut |seen| match seen {
        Seen::Read(bytes) => bar.advance(bytes),
        Seen::Damaged(damage) => {
            damages += 1;
            bar.clear()?;
            writeln!(out, "{}", sentence(&damage))?;
            out.flush()
        }
    });
    bar.clear()?;
    let read = read?;
    let verdict = match damages {
        0 => "no damage".to_owned(),
        1 => "1 damage".to_owned(),
        more => format!("{more} damages"),
    };
    let bytes = ByteSize(read.bytes).display().iec();
    writeln!(out, "{} records and {} files read, {bytes}: {verdict}", read.records, read.files)?;
    Ok(if damages == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// `seg/00000001.seg at 4160: the checksum of a body is wrong; GET http://www.example.com/`
fn sentence(damage: &Damage) -> String {
    let mut sentence = format!("{} at {}: {}", damage.file, damage.offset, damage.why);
    if let Some(key) = &damage.key {
        sentence += &format!("; {} {}", listing::method(key), listing::plain(key.uri().as_str()));
    }
    sentence
}

/// A moment in RFC 3339, in UTC, to the second.
fn moment(at: Timestamp) -> String {
    humantime::format_rfc3339_seconds(at.into()).to_string()
}
