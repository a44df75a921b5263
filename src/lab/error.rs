//! What the programs of the lab say when something goes wrong: one sentence, with the remedy.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use nix::errno::Errno;

/// Why a program of the lab cannot go on, or why one conversation of it cannot.
#[derive(Debug, thiserror::Error)]
pub(super) enum LabError {
    /// Listening failed: the port is taken, or it is somebody else's address.
    #[error("cannot listen on {place}: {}; choose another with --port or --host", reason(.source))]
    Listen {
        /// The address and the port.
        place: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// No address could be found for a name.
    #[error("cannot find the host {host:?}: {}; write a name or an address", reason(.source))]
    NoSuchHost {
        /// The name.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// Nobody answers a connection there.
    #[error("cannot reach {server}: {}; start the server first, or choose another port",
        reason(.source))]
    Unreachable {
        /// `host:port`.
        server: String,
        /// Why.
        source: io::Error,
    },
    /// The peer closed the connection, or it broke.
    #[error("{peer} is gone: {reason}")]
    Gone {
        /// Who it was.
        peer: String,
        /// What was seen of it.
        reason: String,
    },
    /// A message is no datagram any more.
    #[error("{length} bytes do not fit into one datagram: 65507 bytes are the most over IPv4")]
    TooLong {
        /// Bytes of the message.
        length: usize,
    },
    /// Nobody has answered a datagram.
    #[error("nobody answered in {tries} tries; is a server running there?")]
    NoAnswer {
        /// How often it was sent.
        tries: u32,
    },
    /// The line that was typed is longer than what is read.
    #[error("a line of more than {most} bytes is no message")]
    LineTooLong {
        /// The most bytes that a line may have.
        most: usize,
    },
    /// What was given as a port is none.
    #[error("{typed:?} is no port; write a number from 1 to 65535")]
    NoPort {
        /// What was given.
        typed: String,
    },
    /// At the end: some of what was sent got no answer.
    #[error("{unanswered} of {asked} sentences got no answer")]
    Unanswered {
        /// How many got none.
        unanswered: u32,
        /// How many there were.
        asked: u32,
    },
    /// A socket, a thread or the terminal did not do what it was to do.
    #[error("cannot {what}: {}", reason(.source))]
    System {
        /// What was tried.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A server has no files to serve.
    #[error("cannot serve the files of {root:?}: {}; name a directory with --root", missing(.source))]
    NoSuchRoot {
        /// The directory.
        root: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A server or proxy is not `host:port`.
    #[error("{given:?} is no host:port; write localhost:3128")]
    NoPlace {
        /// What was given.
        given: String,
    },
    /// A line of a request would hold a line end, or another control character.
    #[error("{given:?} cannot be sent: it holds a control character")]
    NotSent {
        /// The line.
        given: String,
    },
    /// What came is no answer, or not the whole of one.
    #[error("the answer of {peer} is not whole: {reason}")]
    NotWhole {
        /// Who answered.
        peer: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Standard output is closed: whoever reads it has had enough.
    #[error("nobody reads the output any more")]
    Unread,
}

impl LabError {
    /// Makes a [`LabError::System`] of what the system said.
    pub(super) fn system(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { what, source }
    }

    /// Makes a [`LabError::Gone`] of what the system said. A write has a time limit.
    pub(super) fn gone(peer: &(impl ToString + ?Sized), error: &io::Error) -> Self {
        let reason = match error.kind() {
            io::ErrorKind::WouldBlock => "it does not read what it is sent".to_owned(),
            _ => reason(error),
        };
        Self::Gone { peer: peer.to_string(), reason }
    }

    /// Why the system did not send `message` as a datagram.
    pub(super) fn not_sent(message: &[u8], to: SocketAddr, error: &io::Error) -> Self {
        match error.raw_os_error() {
            Some(code) if code == Errno::EMSGSIZE as i32 => Self::TooLong { length: message.len() },
            _ => Self::gone(&to, error),
        }
    }

    /// Whether the program ends with it; otherwise one conversation or one message does.
    pub(super) fn is_final(&self) -> bool {
        !matches!(self, Self::Gone { .. } | Self::TooLong { .. } | Self::NoAnswer { .. })
    }
}

/// Whether a read has come to its time limit.
pub(super) fn is_silence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// The reason without the system's error number.
pub(super) fn reason(error: &io::Error) -> String {
    let whole = error.to_string();
    let text = whole.split(" (os error").next().unwrap_or_default();
    match error.kind().to_string() {
        // A kind that has no name in Rust, and everything that is not from the system.
        kind if error.raw_os_error().is_none() || kind.contains("uncategorized") => text.to_owned(),
        kind => kind,
    }
}

/// [`reason`], where a directory is meant.
fn missing(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such directory".to_owned(),
        _ => reason(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_words_without_a_number() {
        let cases = [
            (io::Error::from(Errno::ECONNREFUSED), "connection refused"),
            (io::Error::from(Errno::EADDRINUSE), "address in use"),
            (io::Error::from(Errno::EMFILE), "Too many open files"),
            (io::Error::other("no such name"), "no such name"),
            (io::ErrorKind::NotFound.into(), "entity not found"),
        ];
        for (error, expected) in cases {
            assert_eq!(reason(&error), expected);
        }
    }

    #[test]
    fn what_ends_one_conversation_does_not_end_the_program() {
        let gone = LabError::gone("a client", &Errno::EAGAIN.into());
        assert_eq!(gone.to_string(), "a client is gone: it does not read what it is sent");
        assert!(!gone.is_final());
        assert!(!LabError::TooLong { length: 70_000 }.is_final());
        assert!(LabError::Unread.is_final());
        assert!(LabError::system("accept a connection")(Errno::EMFILE.into()).is_final());
    }
}
