//! The formats of the log: how a record or an event becomes one line of bytes.

mod civil;
mod combined;
mod escape;
mod line;
mod number;
mod squid;
#[cfg(test)]
mod tests;

use std::str::FromStr;

use super::record::AccessRecord;
pub(super) use line::{Line, Style};

/// The formats of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For a person at a terminal: time, level, message, then `name=value`.
    #[default]
    Pretty,
    /// One flat JSON object a line.
    Json,
    /// Squid's native access log.
    Squid,
    /// The web servers' combined format.
    Combined,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Pretty, Self::Json, Self::Squid, Self::Combined];

    /// The word that settings use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pretty => "pretty",
            Self::Json => "json",
            Self::Squid => "squid",
            Self::Combined => "combined",
        }
    }

    /// How events look. Formats with a fixed set of columns have no place for them: none.
    pub(super) fn style(self, colour: bool) -> Option<Style> {
        match self {
            Self::Pretty => Some(Style::Pretty { colour }),
            Self::Json => Some(Style::Json),
            Self::Squid | Self::Combined => None,
        }
    }

    /// Appends the line of `record`, line end included. `colour` counts in `pretty` only.
    pub(super) fn write(self, record: &AccessRecord, colour: bool, out: &mut Vec<u8>) {
        match self {
            Self::Pretty => line::write_record(Style::Pretty { colour }, record, out),
            Self::Json => line::write_record(Style::Json, record, out),
            Self::Squid => squid::write(record, out),
            Self::Combined => combined::write(record, out),
        }
    }
}

/// A word that names no format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not one of pretty, json, squid, combined")]
pub struct UnknownFormat;

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(word: &str) -> Result<Self, UnknownFormat> {
        Self::ALL.into_iter().find(|format| format.as_str() == word).ok_or(UnknownFormat)
    }
}

/// Appends formatted text; writing to memory cannot fail.
fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    use std::io::Write as _;
    out.write_fmt(text).ok();
}
