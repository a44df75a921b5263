//! The access log: one line per finished exchange.

use std::cell::RefCell;
use std::sync::Arc;

use super::format::Format;
use super::output::Output;
use super::record::AccessRecord;

#[cfg(test)]
mod tests;

thread_local! {
    /// Lines are made on the thread that records them, in a buffer that is used again.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A line longer than this does not keep its buffer.
const BUFFER_KEPT: usize = 64 * 1024;

/// The access log. Cheap to clone; clones share the output.
#[derive(Clone)]
pub struct AccessLog(Arc<Inner>);

struct Inner {
    format: Format,
    colour: bool,
    enabled: bool,
    lines: Option<Output>,
    events: Option<Output>,
}

impl AccessLog {
    /// A log that writes lines in `format` to `lines`, without colour.
    pub fn new(format: Format, lines: Output) -> Self {
        Self::assemble(format, false, true, Some(lines), None)
    }

    /// A log that writes nothing.
    pub fn disabled() -> Self {
        Self::assemble(Format::Pretty, false, false, None, None)
    }

    /// As [`AccessLog::new`]; `events` is another output that is opened again and closed with it.
    pub(super) fn assemble(
        format: Format,
        colour: bool,
        enabled: bool,
        lines: Option<Output>,
        events: Option<Output>,
    ) -> Self {
        Self(Arc::new(Inner { format, colour, enabled, lines, events }))
    }

    /// Whether records are written at all: not when the level is `warn` or above. Ask before making
    /// a record that costs something.
    pub fn enabled(&self) -> bool {
        self.0.enabled
    }

    /// Writes the line of `record`. Never waits: when the queue is full the line is counted as lost.
    pub fn record(&self, mut record: AccessRecord) {
        let Some(lines) = self.0.lines.as_ref().filter(|_| self.0.enabled) else { return };
        // A listener on [::] shows IPv4 clients as IPv6 addresses that nobody recognises.
        record.client = record.client.to_canonical();
        BUFFER.with_borrow_mut(|buffer| {
            buffer.clear();
            self.0.format.write(&record, self.0.colour, buffer);
            lines.push(buffer);
            buffer.shrink_to(BUFFER_KEPT);
        });
    }

    /// Opens the log file again under its name, for logrotate.
    pub fn reopen(&self) {
        self.outputs().for_each(Output::reopen);
    }

    /// Writes what is queued, events included, and stops. Blocks for at most a few seconds.
    pub fn close(&self) {
        self.outputs().for_each(Output::close);
    }

    fn outputs(&self) -> impl Iterator<Item = &Output> {
        self.0.lines.iter().chain(&self.0.events)
    }
}
