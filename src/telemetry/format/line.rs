//! The two formats that are read by people and by programs of our time: `pretty` and `json`.

use tracing::Level;

use super::{civil, escape, put};
use crate::telemetry::record::{AccessRecord, CacheWord};
use crate::time::Timestamp;

/// How a line with a message and named fields looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::telemetry) enum Style {
    /// `time LEVEL message name=value …`.
    Pretty {
        /// With terminal colours.
        colour: bool,
    },
    /// A flat JSON object.
    Json,
}

/// A line being written: begun with time, level and message, ended by [`Line::end`].
pub(in crate::telemetry) struct Line<'a> {
    out: &'a mut Vec<u8>,
    style: Style,
}

const RESET: &[u8] = b"\x1b[0m";
const DIM: &str = "2";

impl<'a> Line<'a> {
    /// Begins a line.
    pub(in crate::telemetry) fn begin(
        style: Style,
        time: Timestamp,
        level: Level,
        message: &str,
        out: &'a mut Vec<u8>,
    ) -> Self {
        let hue = match level {
            Level::ERROR => "1;31",
            Level::WARN => "1;33",
            _ => "1",
        };
        Self::begin_in(style, time, level, message, hue, out)
    }

    fn begin_in(
        style: Style,
        time: Timestamp,
        level: Level,
        message: &str,
        hue: &str,
        out: &'a mut Vec<u8>,
    ) -> Self {
        let mut line = Self { out, style };
        match style {
            Style::Json => {
                line.out.extend_from_slice(b"{\"time\":\"");
                civil::rfc3339(time, line.out);
                put(line.out, format_args!("\",\"level\":\"{}\",\"message\":", json_level(level)));
                escape::json(message, line.out);
            }
            Style::Pretty { .. } => {
                line.painted(DIM, |out| civil::rfc3339(time, out));
                line.out.push(b' ');
                line.painted(level_hue(level), |out| put(out, format_args!("{level:<5}")));
                line.out.push(b' ');
                line.painted(hue, |out| escape::message(message, out));
            }
        }
        line
    }

    /// Appends a field that is text, whatever is in it.
    pub(in crate::telemetry) fn text(&mut self, name: &str, value: &str) -> &mut Self {
        self.name(name);
        match self.style {
            Style::Json => escape::json(value, self.out),
            Style::Pretty { .. } => escape::pretty(value, self.out),
        }
        self
    }

    /// Appends a field whose value is a number or a truth value, written as it stands.
    pub(in crate::telemetry) fn plain(
        &mut self,
        name: &str,
        value: std::fmt::Arguments<'_>,
    ) -> &mut Self {
        self.name(name);
        put(self.out, value);
        self
    }

    /// Ends the line.
    pub(in crate::telemetry) fn end(&mut self) {
        self.out.extend_from_slice(match self.style {
            Style::Json => b"}\n",
            Style::Pretty { .. } => b"\n",
        });
    }

    fn name(&mut self, name: &str) {
        match self.style {
            Style::Json => {
                self.out.push(b',');
                escape::json(name, self.out);
                self.out.push(b':');
            }
            Style::Pretty { .. } => {
                self.out.push(b' ');
                self.painted(DIM, |out| {
                    escape::message(name, out);
                    out.push(b'=');
                });
            }
        }
    }

    fn painted(&mut self, hue: &str, write: impl FnOnce(&mut Vec<u8>)) {
        let colour = self.style == Style::Pretty { colour: true } && !hue.is_empty();
        if colour {
            put(self.out, format_args!("\x1b[{hue}m"));
        }
        write(self.out);
        if colour {
            self.out.extend_from_slice(RESET);
        }
    }
}

/// Appends the line of a finished exchange.
pub(super) fn write_record(style: Style, record: &AccessRecord, out: &mut Vec<u8>) {
    let cache = record.cache;
    let mut line =
        Line::begin_in(style, record.time, Level::INFO, cache.message(), word_hue(cache), out);
    line.plain_or_text("client", record.client);
    if let Some(user) = &record.user {
        line.text("user", user);
    }
    if let Some(method) = &record.method {
        line.text("method", method.as_str());
    }
    line.text("url", &record.url);
    if record.status != 0 {
        line.plain("status", format_args!("{}", record.status));
    }
    line.plain("bytes", format_args!("{}", record.bytes));
    // A person reads lines, not columns: of the many zeros only programs get to see any.
    if style == Style::Json || record.bytes_up != 0 {
        line.plain("bytes_up", format_args!("{}", record.bytes_up));
    }
    let micros = record.duration.as_micros();
    line.plain("ms", format_args!("{}.{:03}", micros / 1000, micros % 1000));
    line.text("cache", cache.as_str());
    if let Some(tier) = record.tier {
        line.text("tier", tier);
    }
    if let Some(reason) = &record.reason {
        line.text("reason", reason);
    }
    if let Some(error) = &record.error {
        line.text("error", error);
    }
    line.end();
}

impl Line<'_> {
    /// Appends a value whose text is harmless by its type: quoted in JSON, bare for people.
    fn plain_or_text(&mut self, name: &str, value: impl std::fmt::Display) {
        match self.style {
            Style::Json => self.plain(name, format_args!("\"{value}\"")),
            Style::Pretty { .. } => self.plain(name, format_args!("{value}")),
        };
    }
}

const fn json_level(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

const fn level_hue(level: Level) -> &'static str {
    match level {
        Level::ERROR => "31",
        Level::WARN => "33",
        Level::INFO => "32",
        Level::DEBUG => "34",
        Level::TRACE => "35",
    }
}

/// Green came from the cache, yellow was stale, red went wrong: seen at a glance.
const fn word_hue(word: CacheWord) -> &'static str {
    match word {
        CacheWord::Hit | CacheWord::Revalidated => "1;32",
        CacheWord::Stale => "1;33",
        CacheWord::Collapsed => "32",
        CacheWord::Miss => "36",
        CacheWord::Bypass | CacheWord::Tunnel | CacheWord::Own => "",
        CacheWord::Refused => "33",
        CacheWord::Error => "1;31",
    }
}
