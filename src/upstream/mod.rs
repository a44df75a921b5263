//! The only module on the request's path that dials: resolve, check the address, connect, send.
//!
//! [`Upstream::send`] answers with the head of a response and a body that streams; the connection goes
//! back to the pool when both directions have ended cleanly, and is closed otherwise.

mod address;
mod body;
mod connect;
mod dial;
mod error;
mod exchange;
mod framing;
mod late;
mod origin;
mod outgoing;
mod patience;
mod pin;
mod pool;
mod resolve;
mod send;
mod socket;
mod tls;
mod watched;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::client::conn::http1::Builder;
use tokio::net::TcpStream;

use crate::http::TargetUri;
use crate::net::{ConnectionHandle, Interfaces, Reach, Scope, Whence};

use dial::Dialer;
use pool::{Limits, Pool};

pub use address::{DeniedReason, Source};
pub use body::{ReadError, ResponseBody};
pub use error::{ResolveFailure, ResponseFault, SetupError, TlsFailure, UpstreamError};
pub use outgoing::{ContinueGate, IncomingBody, Outgoing};

/// How origins are reached, and how long they may take.
#[derive(Clone, Debug)]
pub struct Config {
    /// The wait for one address to accept a connection.
    pub connect_wait: Duration,
    /// The wait for all addresses of a host together, and again for the TLS handshake.
    pub connect_total_wait: Duration,
    /// The wait for the response head after the last byte of the request, and for the origin to take
    /// more of a request body.
    pub response_wait: Duration,
    /// The wait between two pieces of a response body, not counted while nobody reads.
    pub read_wait: Duration,
    /// How long a connection rests before it is closed.
    pub idle_wait: Duration,
    /// How many connections rest per origin.
    pub idle_per_origin: usize,
    /// How many connections rest in all.
    pub idle_total: usize,
    /// How many connections an origin may have.
    pub connections_per_origin: usize,
    /// How many requests may wait for a connection to one origin.
    pub queue_per_origin: usize,
    /// How long a request may wait for a connection.
    pub queue_wait: Duration,
    /// The size of a response head, in bytes; trailers likewise.
    pub max_head: usize,
    /// The number of fields in a response head.
    pub max_fields: usize,
    /// The wait for name servers.
    pub dns_wait: Duration,
    /// How long "no such host" is remembered at least.
    pub dns_negative: Duration,
    /// Name servers that replace the system's.
    pub dns_servers: Vec<SocketAddr>,
    /// PEM roots trusted besides the machine's.
    pub upstream_ca: Option<PathBuf>,
    /// The hosts file; the system's when none is named.
    pub hosts_file: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            connect_wait: Duration::from_secs(5),
            connect_total_wait: Duration::from_secs(10),
            response_wait: Duration::from_secs(60),
            read_wait: Duration::from_secs(5 * 60),
            idle_wait: Duration::from_secs(30),
            idle_per_origin: 32,
            idle_total: 2048,
            connections_per_origin: 256,
            queue_per_origin: 1024,
            queue_wait: Duration::from_secs(10),
            max_head: 64 * 1024,
            max_fields: 200,
            dns_wait: Duration::from_secs(5),
            dns_negative: Duration::from_secs(10),
            dns_servers: Vec::new(),
            upstream_ca: None,
            hosts_file: None,
        }
    }
}

/// A request to an origin.
#[derive(Debug)]
pub struct Call<'a> {
    /// Where to: scheme, host and port.
    pub target: &'a TargetUri,
    /// The request as it goes out: origin-form, `Host` set, hop-by-hop fields removed. The framing
    /// fields and the version are written here.
    pub request: Request<Outgoing>,
    /// What the client may reach.
    pub reach: &'a Reach,
    /// Whether the request may be sent twice (RFC 9110 §9.2.2).
    pub repeatable: bool,
    /// The client's connection, to which an upstream connection that authenticates is pinned. None
    /// when the response is for several clients.
    pub connection: Option<&'a ConnectionHandle>,
}

/// The head of a response, and the body that follows.
#[derive(Debug)]
pub struct Reply {
    /// The response as received, its version included. After a 101 `hyper::upgrade::on` gives the
    /// connection.
    pub response: Response<ResponseBody>,
    /// What is to be remembered of where it came from.
    pub whence: Whence,
    /// Whether the connection had carried an exchange before.
    pub reused: bool,
    /// The address it came from.
    pub peer: SocketAddr,
    /// Whether the connection speaks for one client (NTLM, Negotiate): nobody else may be given this.
    pub pinned: bool,
}

/// The way to all origins.
#[derive(Debug)]
pub struct Upstream {
    dialer: Dialer,
    pool: Arc<Pool>,
    http: Builder,
    response_wait: Duration,
    read_wait: Duration,
}

impl Upstream {
    /// Reads the roots, the hosts file and the list of name servers. Dials nobody.
    ///
    /// # Errors
    /// A file that was named cannot be used.
    pub fn new(config: &Config, interfaces: Arc<Interfaces>) -> Result<Self, SetupError> {
        let limits = Limits {
            idle_wait: config.idle_wait,
            idle_per_origin: config.idle_per_origin,
            idle_total: config.idle_total,
            connections_per_origin: config.connections_per_origin.max(1),
            queue_per_origin: config.queue_per_origin,
            queue_wait: config.queue_wait,
        };
        Ok(Self {
            dialer: Dialer::new(config, interfaces)?,
            pool: Pool::new(limits),
            http: http_options(config),
            response_wait: config.response_wait,
            read_wait: config.read_wait,
        })
    }

    /// The way to all origins after a later loading of the settings: names, certificates and waits are
    /// those of `config`; the connections, and their limits, stay.
    ///
    /// # Errors
    /// A file that was named cannot be used.
    pub fn reloaded(&self, config: &Config) -> Result<Self, SetupError> {
        Ok(Self {
            dialer: self.dialer.reloaded(config)?,
            pool: Arc::clone(&self.pool),
            http: http_options(config),
            response_wait: config.response_wait,
            read_wait: config.read_wait,
        })
    }

    /// Tells where we listen ourselves: nobody reaches the proxy through the proxy.
    pub fn own_listeners(&self, listeners: Vec<SocketAddr>) {
        self.dialer.set_listeners(listeners);
    }

    /// Sends a request over a pooled connection or a new one and waits for the response head. A request
    /// that a reused connection lost is sent once more over a new one when it may be.
    ///
    /// # Errors
    /// No response came, or one that must not be passed on.
    pub async fn send(&self, call: Call<'_>) -> Result<Reply, UpstreamError> {
        Box::pin(send::send(self, call)).await
    }

    /// Connects to `host` (IPv6 with or without brackets) for a tunnel; such a connection is the
    /// caller's and never pooled.
    ///
    /// # Errors
    /// The host has no address, none that this client may reach, or none that answers.
    pub async fn dial(
        &self,
        host: &str,
        port: u16,
        reach: &Reach,
    ) -> Result<(TcpStream, Scope, SocketAddr), UpstreamError> {
        let name = format!("{host}:{port}").into();
        self.dialer.tcp(&name, host, port, reach).await
    }
}

/// hyper's options, each said although some are the defaults: those may change.
fn http_options(config: &Config) -> Builder {
    let mut builder = Builder::new();
    builder
        .max_headers(config.max_fields)
        .max_header_size(config.max_head)
        // A folded field becomes one line (RFC 9112 §5.2).
        .allow_obsolete_multiline_headers_in_responses(true)
        .allow_spaces_after_header_name_in_responses(false)
        .ignore_invalid_headers_in_responses(false)
        .http09_responses(false)
        .preserve_header_case(false)
        .title_case_headers(false)
        .writev(true)
        .max_buf_size(8 * 1024 + 400 * 1024);
    builder
}
