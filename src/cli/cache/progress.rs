//! A progress bar in a few lines: one line on a terminal, nothing elsewhere.

use std::io::{self, Write};

use bytesize::ByteSize;

/// Characters between the brackets.
const WIDTH: usize = 30;

/// How far something of known length has come.
pub(super) struct Progress<W> {
    out: W,
    total: u64,
    done: u64,
    /// What is shown, in thousandths; `None` when nothing is.
    shown: Option<u64>,
    is_wanted: bool,
}

impl<W: Write> Progress<W> {
    /// A bar for `total` bytes, where it is wanted.
    pub(super) fn new(out: W, total: u64, is_wanted: bool) -> Self {
        Self { out, total, done: 0, shown: None, is_wanted }
    }

    /// Goes on by so many bytes; drawn anew when that can be seen.
    pub(super) fn advance(&mut self, bytes: u64) -> io::Result<()> {
        self.done = self.done.saturating_add(bytes).min(self.total);
        let part = self.done.saturating_mul(1000).checked_div(self.total).unwrap_or(1000);
        if !self.is_wanted || self.shown == Some(part) {
            return Ok(());
        }
        self.shown = Some(part);
        let filled = usize::try_from(part).unwrap_or_default() * WIDTH / 1000;
        let (done, total) =
            (ByteSize(self.done).display().iec(), ByteSize(self.total).display().iec());
        // The rest of a longer line that stood here is erased.
        write!(
            self.out,
            "\r[{:WIDTH$}] {:3} % of {total}, {done}\x1b[K",
            "#".repeat(filled),
            part / 10,
        )?;
        self.out.flush()
    }

    /// Takes the bar away, so that a line can be written.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        if self.shown.take().is_some() {
            write!(self.out, "\r\x1b[K")?;
            self.out.flush()?;
        }
        Ok(())
    }

    /// What it was drawn on.
    #[cfg(test)]
    pub(super) fn into_inner(self) -> W {
        self.out
    }
}
