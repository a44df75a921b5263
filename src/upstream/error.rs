//! What can go wrong between a request and the head of its response.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::address::DeniedReason;

/// Why no response came. Every message is one sentence that names the host and the reason.
#[derive(Clone, Debug, Error)]
pub enum UpstreamError {
    /// The name has no address, or nobody could say.
    #[error("cannot resolve {host}: {why}")]
    Resolve {
        /// The name that was looked up.
        host: Arc<str>,
        /// What the resolver said.
        why: ResolveFailure,
    },
    /// The address must not be dialled for this client.
    #[error("refused to connect to {host} ({address}): {why}")]
    Denied {
        /// The host of the target.
        host: Arc<str>,
        /// The address that the host stands for.
        address: SocketAddr,
        /// The rule that forbids it.
        why: DeniedReason,
    },
    /// No address accepted a connection.
    #[error("cannot connect to {host} ({address}): {}", words(*.kind))]
    Connect {
        /// The host of the target.
        host: Arc<str>,
        /// The address that failed first.
        address: SocketAddr,
        /// How it failed.
        kind: io::ErrorKind,
    },
    /// No address answered in time.
    #[error("cannot connect to {host}: no answer within {}", seconds(*.limit))]
    ConnectTimeout {
        /// The host of the target.
        host: Arc<str>,
        /// How long was waited.
        limit: Duration,
    },
    /// The TLS handshake failed.
    #[error("cannot make a secure connection to {host}: {why}")]
    Tls {
        /// The host of the target.
        host: Arc<str>,
        /// Which part of the handshake failed.
        kind: TlsFailure,
        /// What rustls said.
        why: Arc<str>,
    },
    /// Too many requests already wait for a connection to this origin.
    #[error("too many requests are waiting for {host}; try again later")]
    QueueFull {
        /// The host of the target.
        host: Arc<str>,
    },
    /// No connection to this origin became free in time.
    #[error("no connection to {host} became free within {}; try again later", seconds(*.limit))]
    QueueTimeout {
        /// The host of the target.
        host: Arc<str>,
        /// How long was waited.
        limit: Duration,
    },
    /// The origin took the request and did not answer in time.
    #[error("{host} did not answer within {}", seconds(*.limit))]
    ResponseTimeout {
        /// The host of the target.
        host: Arc<str>,
        /// How long was waited.
        limit: Duration,
    },
    /// The connection ended before a whole response head had arrived.
    #[error("{host} closed the connection before it sent a response")]
    Incomplete {
        /// The host of the target.
        host: Arc<str>,
    },
    /// What arrived is not a response that may be passed on.
    #[error("{host} sent an invalid response: {why}")]
    BadResponse {
        /// The host of the target.
        host: Arc<str>,
        /// What is wrong with it.
        why: ResponseFault,
    },
    /// The client's request body failed, so the request could not be finished.
    #[error("the request body ended early: {why}")]
    RequestBody {
        /// What the client's connection said.
        why: Arc<str>,
        /// Whether it came too slowly (RFC 9110 §15.5.9).
        late: bool,
    },
}

/// Why a name has no address.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ResolveFailure {
    /// The name does not exist.
    #[error("there is no host of this name")]
    NoSuchHost,
    /// The name exists and has neither an IPv4 nor an IPv6 address.
    #[error("the name has no address")]
    NoAddress,
    /// No name server answered in time.
    #[error("the name servers did not answer in time")]
    Timeout,
    /// A name server could not be asked, or refused to answer.
    #[error("the name servers failed: {0}")]
    Failed(Arc<str>),
    /// The text cannot be a host name.
    #[error("it is not a valid host name")]
    Invalid,
}

/// Which part of a TLS handshake failed (RFC 9209 §2.3.12 to §2.3.14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsFailure {
    /// The origin's certificate is not acceptable.
    Certificate,
    /// The origin sent an alert.
    Alert,
    /// Anything else, an early end of the connection included.
    Protocol,
}

/// What is wrong with a response.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ResponseFault {
    /// It is not HTTP/1.
    #[error("{0}")]
    Malformed(Arc<str>),
    /// Its head has more bytes or fields than allowed.
    #[error("its head is too large")]
    TooLarge,
    /// Its framing fields contradict each other (RFC 9112 §6).
    #[error("{0}")]
    Framing(&'static str),
    /// It answers 101 to a request that asked for no other protocol (RFC 9110 §15.2.2).
    #[error("it switches protocols unasked")]
    Unasked,
}

/// A setting with which `upstream` cannot start.
#[derive(Debug, Error)]
pub enum SetupError {
    /// The file of additional roots cannot be read.
    #[error("cannot read the certificates in {path}: {why}; give a PEM file with --upstream-ca")]
    Roots {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// The TLS library does not start.
    #[error("cannot set up TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The hosts file that was named cannot be read.
    #[error("cannot read the hosts file {path}: {why}")]
    Hosts {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: io::Error,
    },
    /// The resolver does not start.
    #[error("cannot set up the resolver: {0}")]
    Resolver(String),
}

/// The kinds that a connect fails with, in words.
fn words(kind: io::ErrorKind) -> impl fmt::Display {
    match kind {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::TimedOut => "no answer in time".to_owned(),
        io::ErrorKind::HostUnreachable => "host unreachable".to_owned(),
        io::ErrorKind::NetworkUnreachable => "network unreachable".to_owned(),
        io::ErrorKind::ConnectionReset => "connection reset".to_owned(),
        other => other.to_string(),
    }
}

/// A wait as a person says it: `60 s`, `250 ms`.
fn seconds(span: Duration) -> String {
    if span.subsec_millis() == 0 {
        format!("{} s", span.as_secs())
    } else {
        format!("{} ms", span.as_millis())
    }
}
