//! The lines of `larder cache stats`.

use std::io::{self, Write};
use std::path::Path;

use bytesize::ByteSize;

use super::moment;
use crate::store::inspect::{Count, Stats};

/// Writes them, one for each figure.
pub(super) fn write(dir: &Path, stats: &Stats, out: &mut impl Write) -> io::Result<()> {
    let all = stats.all();
    let at = |at: Option<_>| at.map_or_else(|| "-".to_owned(), moment);
    // Of nothing, nothing is stale.
    let share = (stats.stale * 100).checked_div(all.responses).unwrap_or_default();
    let lines = [
        ("directory", dir.display().to_string()),
        ("responses", count(all)),
        ("  small", count(stats.small)),
        ("  large", count(stats.large)),
        ("  partial", count(stats.partial)),
        ("stale", format!("{} ({share} %)", stats.stale)),
        ("oldest", at(stats.oldest)),
        ("newest", at(stats.newest)),
        ("segments", stats.segments.to_string()),
        ("large files", stats.files.to_string()),
        ("on disk", size(stats.on_disk)),
    ];
    lines.iter().try_for_each(|(name, value)| writeln!(out, "{name:13}{value}"))
}

fn count(count: Count) -> String {
    format!("{}, {} of body", count.responses, size(count.bytes))
}

/// For people and for programs: `1.5 GiB (1610612736)`.
fn size(bytes: u64) -> String {
    format!("{} ({bytes})", ByteSize(bytes).display().iec())
}
