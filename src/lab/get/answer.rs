//! The answer of a web server, shown as it comes.

use std::io::{self, BufRead as _, BufReader, Read, Write};

/// A head of more bytes is none.
const LONGEST_HEAD: u64 = 256 * 1024;

/// Where a body ends (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    /// After so many bytes: `Content-Length`.
    Length(u64),
    /// At an empty chunk: `Transfer-Encoding: chunked`.
    Chunked,
    /// Where the server closes the connection.
    Close,
}

/// Why the answer was not shown to its end.
#[derive(Debug)]
pub(super) enum Broken {
    /// It is no HTTP, or ends too early.
    Answer(String),
    /// The connection broke.
    Input(io::Error),
    /// Nobody takes it.
    Output(io::Error),
}

/// The answer: where it comes from and where it is shown.
pub(super) struct Answer<'a, S, W> {
    source: BufReader<S>,
    output: &'a mut W,
}

impl<'a, S: Read, W: Write> Answer<'a, S, W> {
    /// What comes from `source` is shown on `output`.
    pub(super) fn new(source: S, output: &'a mut W) -> Self {
        Self { source: BufReader::with_capacity(64 * 1024, source), output }
    }

    /// Shows the answer: head, empty line, body. The answer to HEAD (`to_head`) has no body.
    pub(super) fn show(&mut self, to_head: bool) -> Result<(), Broken> {
        let (status, framing) = loop {
            let (status, framing) = self.head()?;
            // What begins with 1 only announces the answer.
            if !(100..200).contains(&status) {
                break (status, framing);
            }
        };
        match framing {
            // These three have no body, whatever their fields say.
            _ if to_head || status == 204 || status == 304 => {}
            Framing::Length(length) => self.copy(length)?,
            Framing::Chunked => self.chunks()?,
            Framing::Close => self.copy_to_close()?,
        }
        self.output.flush().map_err(Broken::Output)
    }

    /// Shows a head with its empty line. Its status, and where the body ends that follows it.
    fn head(&mut self) -> Result<(u16, Framing), Broken> {
        let mut left = LONGEST_HEAD;
        let mut line = self.line(&mut left)?;
        let text = String::from_utf8_lossy(&line).into_owned();
        let code = text.strip_prefix("HTTP/1.").and_then(|rest| rest.split_whitespace().nth(1));
        let status = code.filter(|code| code.len() == 3).and_then(|code| code.parse().ok());
        let Some(status) = status else { return wrong(format!("{text:?} is no status line")) };
        let mut framing = Framing::Close;
        while !line.is_empty() {
            self.write(&line)?;
            line = self.line(&mut left)?;
            let field = String::from_utf8_lossy(&line).to_ascii_lowercase();
            match field.split_once(':').map(|(name, value)| (name, value.trim())) {
                // It overrides Content-Length.
                Some(("transfer-encoding", codings)) if codings.ends_with("chunked") => {
                    framing = Framing::Chunked;
                }
                Some(("content-length", length)) if framing != Framing::Chunked => {
                    let Ok(length) = length.parse() else {
                        return wrong(format!("{length:?} is no Content-Length"));
                    };
                    framing = Framing::Length(length);
                }
                _ => {}
            }
        }
        self.write(b"")?;
        Ok((status, framing))
    }

    /// A chunk is a line with its length in hex, its bytes and a line end; the last one is empty. Fields
    /// may follow it.
    fn chunks(&mut self) -> Result<(), Broken> {
        let mut left = LONGEST_HEAD;
        loop {
            let line = self.line(&mut { LONGEST_HEAD })?;
            let line = String::from_utf8_lossy(&line).into_owned();
            let digits = line.split(';').next().unwrap_or_default().trim();
            let Ok(length) = u64::from_str_radix(digits, 16) else {
                return wrong(format!("{line:?} is no length of a chunk"));
            };
            if length == 0 {
                break;
            }
            self.copy(length)?;
            if !self.line(&mut { LONGEST_HEAD })?.is_empty() {
                return wrong(format!("a chunk has more bytes than the {length} that it says"));
            }
        }
        while !self.line(&mut left)?.is_empty() {}
        Ok(())
    }

    /// Shows exactly so many bytes.
    fn copy(&mut self, mut left: u64) -> Result<(), Broken> {
        while left > 0 {
            match self.copy_some(left)? {
                0 => return wrong(format!("the connection was closed {left} bytes too early")),
                shown => left = left.saturating_sub(shown),
            }
        }
        Ok(())
    }

    /// Shows everything that comes.
    fn copy_to_close(&mut self) -> Result<(), Broken> {
        while self.copy_some(u64::MAX)? > 0 {}
        Ok(())
    }

    /// Shows what has arrived, `most` bytes of it at most; how many those were, 0 at the end.
    fn copy_some(&mut self, most: u64) -> Result<u64, Broken> {
        let arrived = self.source.fill_buf().map_err(Broken::Input)?;
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let shown = arrived.get(..most).unwrap_or(arrived);
        self.output.write_all(shown).and_then(|()| self.output.flush()).map_err(Broken::Output)?;
        let count = shown.len();
        self.source.consume(count);
        Ok(u64::try_from(count).unwrap_or(u64::MAX))
    }

    /// Reads a line without its end. The lines of one head share what is `left` of its longest length.
    fn line(&mut self, left: &mut u64) -> Result<Vec<u8>, Broken> {
        let mut line = Vec::new();
        let read = self.source.by_ref().take(*left).read_until(b'\n', &mut line);
        *left =
            left.saturating_sub(u64::try_from(read.map_err(Broken::Input)?).unwrap_or(u64::MAX));
        if line.pop() != Some(b'\n') {
            return wrong(match *left {
                0 => format!("a head of more than {LONGEST_HEAD} bytes is none"),
                _ => "the connection was closed before the end of the head".to_owned(),
            });
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(line)
    }

    /// Shows a line of the head.
    fn write(&mut self, line: &[u8]) -> Result<(), Broken> {
        let written = self.output.write_all(line).and_then(|()| self.output.write_all(b"\r\n"));
        written.map_err(Broken::Output)
    }
}

fn wrong<T>(sentence: String) -> Result<T, Broken> {
    Err(Broken::Answer(sentence))
}
