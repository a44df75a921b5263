//! What the programs of the lab say when something goes wrong: one sentence, with the remedy.

use std::io;
use std::net::SocketAddr;

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
    /// Standard output is closed: whoever reads it has had enough.
    #[error("nobody reads the output any more")]
    Unread,
}

impl LabError {
    /// Makes a [`LabError::System`] of what the system said.
    pub(super) fn system(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { what, source }
    }

    /// Makes a [`LabError::Gone`] of what the system said.
    pub(super) fn gone(peer: &impl ToString, error: &io::Error) -> Self {
        Self::Gone { peer: peer.to_string(), reason: reason(error) }
    }

    /// Whether the program ends with it; otherwise one conversation or one message does.
    pub(super) fn is_final(&self) -> bool {
        !matches!(self, Self::Gone { .. } | Self::TooLong { .. } | Self::NoAnswer { .. })
    }
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
