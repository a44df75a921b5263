//! Events: what `tracing` reports, in the log's own formats.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use super::access_log::AccessLog;
use super::format::{Format, Line, Style};
use super::output::{Announce, Notice, Output, Sink};
use crate::time::{Clock, SystemClock};

#[cfg(test)]
mod tests;

/// The name under which filters know access lines.
const ACCESS_TARGET: &str = "larder::access";

/// The largest queue of lines, in bytes, when nothing else is said: 4 MiB.
pub const DEFAULT_QUEUE: usize = 4 * 1024 * 1024;

/// How and where to log.
#[derive(Clone, Debug)]
pub struct Config {
    /// The format of access lines, and of events where it has room for them.
    pub format: Format,
    /// What is written at all.
    pub filter: Filter,
    /// A file to append to; standard output when none.
    pub file: Option<PathBuf>,
    /// Whether `pretty` may use colours when it writes to a terminal.
    pub colour: bool,
    /// How many bytes of lines may wait to be written; more are dropped and counted.
    pub queue: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            format: Format::default(),
            filter: Filter::default(),
            file: None,
            colour: true,
            queue: DEFAULT_QUEUE,
        }
    }
}

/// Which events are written.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter(Targets);

impl Filter {
    /// Larder's own events from `level` on; other crates speak up only when something is wrong.
    pub fn at(level: LevelFilter) -> Self {
        let others = level.min(LevelFilter::WARN);
        Self(Targets::new().with_default(others).with_target("larder", level))
    }

    /// One of `off`, `error`, `warn`, `info`, `debug`, `trace`, in any case.
    pub fn from_level(word: &str) -> Option<Self> {
        let named = ["off", "error", "warn", "info", "debug", "trace"];
        named.iter().find(|name| name.eq_ignore_ascii_case(word))?;
        word.parse().ok().map(Self::at)
    }

    /// The directives of `RUST_LOG`: `level` or `target=level`, with commas between them.
    ///
    /// # Errors
    /// When they are not of that form.
    pub fn from_directives(text: &str) -> Result<Self, FilterError> {
        if let Some(filter) = Self::from_level(text) {
            return Ok(filter);
        }
        text.parse().map(Self).map_err(|source| FilterError { source })
    }

    fn writes_access_lines(&self) -> bool {
        self.0.would_enable(ACCESS_TARGET, &Level::INFO)
    }
}

impl Default for Filter {
    fn default() -> Self {
        Self::at(LevelFilter::INFO)
    }
}

/// Directives that are none.
#[derive(Debug, thiserror::Error)]
#[error("expected a level or target=level, with commas between them")]
pub struct FilterError {
    source: tracing_subscriber::filter::ParseError,
}

/// The log could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The log file.
    #[error("cannot open the log file {path}: {source}; choose another with --log-file", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The thread that writes.
    #[error("cannot start the log's thread: {0}")]
    Thread(#[from] io::Error),
}

/// Opens the log and makes it the place where this process's events go. A second call in one process
/// opens its own access log, but events stay with the first.
///
/// # Errors
/// When the file cannot be opened or a thread cannot be started.
pub fn init(config: &Config) -> Result<AccessLog, LogError> {
    let colour = config.colour && config.file.is_none() && io::stdout().is_terminal();
    let own_style = config.format.style(colour);
    let sink = config.file.clone().map_or(Sink::Stdout, Sink::File);
    let lines = Output::open(sink, config.queue, announce(own_style)).map_err(|source| {
        match &config.file {
            Some(path) => LogError::File { path: path.clone(), source },
            None => LogError::Thread(source),
        }
    })?;
    let (events, style) = match own_style {
        Some(style) => (None, style),
        None => {
            let colour = config.colour && io::stderr().is_terminal();
            let style = Style::Pretty { colour };
            let output = Output::open(Sink::Stderr, config.queue, announce(Some(style)))?;
            (Some(output), style)
        }
    };
    let layer = EventLayer { style, output: events.clone().unwrap_or_else(|| lines.clone()) };
    let subscriber =
        tracing_subscriber::registry().with(layer.with_filter(config.filter.0.clone()));
    tracing::subscriber::set_global_default(subscriber).ok();
    let enabled = config.filter.writes_access_lines();
    Ok(AccessLog::assemble(config.format, colour, enabled, Some(lines), events))
}

fn announce(style: Option<Style>) -> Announce {
    Box::new(move |notice: &Notice<'_>, out: &mut Vec<u8>| {
        if let (Some(style), Notice::Lost(lines)) = (style, notice) {
            let now = SystemClock.now();
            Line::begin(style, now, Level::WARN, "Log lines were lost", out)
                .plain("lines", format_args!("{lines}"))
                .end();
        }
    })
}

/// Turns events into lines.
struct EventLayer {
    style: Style,
    output: Output,
}

thread_local! {
    static BUFFERS: RefCell<(Vec<u8>, String)> = const { RefCell::new((Vec::new(), String::new())) };
}

impl<S: Subscriber> Layer<S> for EventLayer {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        BUFFERS.with(|buffers| {
            // An event inside the formatting of an event has no buffer to go to.
            let Ok(mut buffers) = buffers.try_borrow_mut() else { return };
            let (line, text) = &mut *buffers;
            line.clear();
            write_event(self.style, event, text, line);
            self.output.push(line);
        });
    }
}

fn write_event(style: Style, event: &Event<'_>, text: &mut String, out: &mut Vec<u8>) {
    let mut message = Message::default();
    event.record(&mut message);
    let metadata = event.metadata();
    let mut line = Line::begin(style, SystemClock.now(), *metadata.level(), &message.0, out);
    if !metadata.target().starts_with("larder") {
        line.text("target", metadata.target());
    }
    event.record(&mut Fields { line: &mut line, text });
    line.end();
}

/// Finds the message among an event's fields.
#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.0);
        }
    }
}

/// Writes every field but the message.
struct Fields<'a, 'b> {
    line: &'a mut Line<'b>,
    text: &'a mut String,
}

impl Visit for Fields<'_, '_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        use fmt::Write as _;
        if field.name() == "message" {
            return;
        }
        self.text.clear();
        write!(self.text, "{value:?}").ok();
        self.line.text(field.name(), self.text);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() != "message" {
            self.line.text(field.name(), value);
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.line.plain(field.name(), format_args!("{value}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.line.plain(field.name(), format_args!("{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.line.plain(field.name(), format_args!("{value}"));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no word for infinity: as text it stays readable.
        if value.is_finite() {
            self.line.plain(field.name(), format_args!("{value}"));
        } else {
            self.line.text(field.name(), &value.to_string());
        }
    }
}
