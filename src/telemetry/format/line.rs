//! The two formats that are read by people and by programs of our time: `pretty` and `json`.

use tracing::Level;

use super::{civil, escape, number, put};
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
                for part in ["\",\"level\":\"", json_level(level), "\",\"message\":"] {
                    line.out.extend_from_slice(part.as_bytes());
                }
                escape::json(message, line.out);
            }
            Style::Pretty { .. } => {
                line.painted(DIM, |out| civil::rfc3339(time, out));
                line.out.push(b' ');
                line.painted(level_hue(level), |out| {
                    out.extend_from_slice(pretty_level(level).as_bytes());
                });
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

    /// Appends a field of access lines that is text from outside.
    fn foreign(&mut self, name: &'static str, value: &str) {
        self.own_name(name);
        match self.style {
            Style::Json => escape::json(value, self.out),
            Style::Pretty { .. } => escape::pretty(value, self.out),
        }
    }

    /// Appends a field of access lines that is a word of ours.
    fn word(&mut self, name: &'static str, value: &'static str) {
        self.own_name(name);
        self.quoted(|out| out.extend_from_slice(value.as_bytes()));
    }

    /// Appends a field of access lines that is a whole number.
    fn number(&mut self, name: &'static str, value: u64) {
        self.own_name(name);
        number::plain(self.out, value);
    }

    /// Appends a value that needs no escapes: in quotes in JSON, bare for people.
    fn quoted(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let quote: &[u8] = if self.style == Style::Json { b"\"" } else { b"" };
        self.out.extend_from_slice(quote);
        write(self.out);
        self.out.extend_from_slice(quote);
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

    /// A name of ours: there is nothing in it to escape.
    fn own_name(&mut self, name: &'static str) {
        let (before, after) = match self.style {
            Style::Json => (&b",\""[..], &b"\":"[..]),
            Style::Pretty { colour: false } => (&b" "[..], &b"="[..]),
            Style::Pretty { colour: true } => return self.name(name),
        };
        for part in [before, name.as_bytes(), after] {
            self.out.extend_from_slice(part);
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
    line.own_name("client");
    line.quoted(|out| number::address(out, record.client));
    if let Some(user) = &record.user {
        line.foreign("user", user);
    }
    if let Some(method) = &record.method {
        line.foreign("method", method.as_str());
    }
    line.foreign("url", &record.url);
    if record.status != 0 {
        line.number("status", record.status.into());
    }
    line.number("bytes", record.bytes);
    // A person reads lines, not columns: of the many zeros only programs get to see any.
    if style == Style::Json || record.bytes_up != 0 {
        line.number("bytes_up", record.bytes_up);
    }
    let micros = u64::try_from(record.duration.as_micros()).unwrap_or(u64::MAX);
    line.number("ms", micros / 1000);
    line.out.push(b'.');
    number::padded(line.out, micros % 1000, 3);
    line.word("cache", cache.as_str());
    if let Some(tier) = record.tier {
        line.word("tier", tier);
    }
    if let Some(reason) = &record.reason {
        line.foreign("reason", reason);
    }
    if let Some(error) = &record.error {
        line.foreign("error", error);
    }
    line.end();
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

/// In five columns.
const fn pretty_level(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARN ",
        Level::INFO => "INFO ",
        Level::DEBUG => "DEBUG",
        Level::TRACE => "TRACE",
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
