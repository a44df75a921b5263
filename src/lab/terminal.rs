//! A program of the lab at its terminal: starts, stops on Ctrl-C, prompts, prints.

use std::fmt::Display;
use std::io::{self, BufRead, IsTerminal as _, Read as _, Write as _};
use std::process::ExitCode;
use std::thread;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::error::LabError;

/// The most bytes of a line that is typed; more than fits into any datagram.
const LONGEST_LINE: usize = 1024 * 1024;

/// Runs `program` until it ends, or until SIGINT (Ctrl-C) or SIGTERM: exit code 0. When it fails, its
/// sentence goes to standard error: exit code 1.
///
/// The program has a thread of its own and may wait as long as it likes: when this returns, the
/// process ends and the system closes its sockets.
pub(super) fn run(program: impl FnOnce() -> Result<(), LabError> + Send + 'static) -> ExitCode {
    let outcome = stopped_or(program)
        .unwrap_or_else(|error| Err(LabError::System { what: "start", source: error }));
    match outcome {
        Ok(()) | Err(LabError::Unread) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::from(1)
        }
    }
}

fn stopped_or(
    program: impl FnOnce() -> Result<(), LabError> + Send + 'static,
) -> io::Result<Result<(), LabError>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let (end, ended) = oneshot::channel();
        thread::Builder::new().name("program".to_owned()).spawn(move || end.send(program()))?;
        tokio::select! {
            outcome = ended => outcome.map_err(io::Error::other),
            _ = interrupt.recv() => Ok(end_line()),
            _ = terminate.recv() => Ok(end_line()),
        }
    })
}

/// The shell's next prompt begins a line of its own.
fn end_line() -> Result<(), LabError> {
    if io::stdout().is_terminal() { say("") } else { Ok(()) }
}

/// Prints a line, at once.
///
/// # Errors
/// When standard output does not take it.
pub(super) fn say(line: impl Display) -> Result<(), LabError> {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}").and_then(|()| output.flush()).map_err(not_written)
}

/// Says what went wrong, on standard error.
pub(super) fn complain(error: impl Display) {
    // Nothing is left to tell it to when standard error is closed.
    writeln!(io::stderr(), "{error}").ok();
}

/// Prints `prompt` and reads a line, without its end; none at the end of input.
///
/// # Errors
/// When the terminal fails, or the line is longer than 1 MiB.
pub(super) fn ask(prompt: &str) -> Result<Option<Vec<u8>>, LabError> {
    let mut output = io::stdout().lock();
    write!(output, "{prompt}").and_then(|()| output.flush()).map_err(not_written)?;
    drop(output);
    let mut line = Vec::new();
    // One more than the longest line, and its end.
    let limit = LONGEST_LINE as u64 + 3;
    let read = io::stdin().lock().take(limit).read_until(b'\n', &mut line);
    if read.map_err(LabError::system("read the input"))? == 0 {
        // The end of input leaves the cursor behind the prompt.
        say("")?;
        return Ok(None);
    }
    let text = without_end(&line);
    if text.len() > LONGEST_LINE {
        return Err(LabError::LineTooLong { most: LONGEST_LINE });
    }
    Ok(Some(text.to_vec()))
}

/// A message as a line on a terminal: without its line end; what is no UTF-8 and what would move the
/// cursor is escaped.
pub(super) fn shown(message: &[u8]) -> String {
    let mut text = String::new();
    for chunk in without_end(message).utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\n' | '\t' => text.push(character),
                c if c.is_control() => text.extend(c.escape_default()),
                c => text.push(c),
            }
        }
        text.push_str(&chunk.invalid().escape_ascii().to_string());
    }
    text
}

/// Without one line end, of either kind.
fn without_end(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r\n").or_else(|| line.strip_suffix(b"\n")).unwrap_or(line)
}

/// Why standard output took nothing: [`LabError::Unread`] when it is closed.
pub(super) fn not_written(source: io::Error) -> LabError {
    match source.kind() {
        io::ErrorKind::BrokenPipe => LabError::Unread,
        _ => LabError::System { what: "write the output", source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_shown_as_a_line_and_cannot_move_the_cursor() {
        let cases: [(&[u8], &str); 7] = [
            (b"hello", "hello"),
            (b"hello\r\n", "hello"),
            (b"hello\n\n", "hello\n"),
            (b"", ""),
            ("größer".as_bytes(), "größer"),
            (b"a\xffb\xc3", "a\\xffb\\xc3"),
            (b"\x1b[2J\x07\ttab", "\\u{1b}[2J\\u{7}\ttab"),
        ];
        for (message, expected) in cases {
            assert_eq!(shown(message), expected, "{message:?}");
        }
    }
}
