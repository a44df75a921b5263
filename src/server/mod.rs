//! Listeners: serves whatever handler it is given.
//!
//! A connection's first bytes tell an HTTP/1 client from a text client ([`sniff`]); hyper parses behind
//! an IO wrapper (`wire`) that repairs what hyper leaves undone: waits, interim responses, and a page
//! for the requests that hyper answers by itself.

mod clocks;
mod closing;
mod config;
mod connection;
mod exchange;
mod head_timer;
mod listen;
mod opening;
mod refusal;
pub mod sniff;
mod spliced;
mod wire;

#[cfg(test)]
mod tests;

use std::error::Error;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use ::http::{Request, Response};
use bytes::Bytes;
use http_body::Body;
use hyper::body::Incoming;

use crate::net::ConnectionHandle;
use crate::net::accept::{Gate, accept_loop};
use crate::net::drain::{Class, Drain};

pub use config::Config;
pub use listen::{BindError, max_connections};
pub use refusal::Refusal;

/// What answers the requests of all connections.
pub trait Handler: Send + Sync + 'static {
    /// The body of a response. Dropping it is the end of the response.
    type Body: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>> + Send>
        + Send
        + Unpin
        + 'static;

    /// The answer to one request. Small, or in a box: hyper moves it.
    type Answer: Future<Output = Response<Self::Body>> + Send + 'static;

    /// Answers one request. It cannot fail: every failure is a response. A response whose body ends in
    /// an error breaks the connection, so that the client sees the truncation.
    fn handle(&self, request: Request<Incoming>, connection: Arc<ConnectionHandle>)
    -> Self::Answer;

    /// The whole serialised answer, `Connection: close` included, to what never became a request. When
    /// that began, `connection` says.
    fn refuse(&self, connection: &ConnectionHandle, refusal: &Refusal) -> Bytes;
}

/// Open listeners that nobody is served on yet.
#[derive(Debug)]
pub struct Server {
    listeners: Vec<std::net::TcpListener>,
    addresses: Vec<SocketAddr>,
    config: Arc<Config>,
}

impl Server {
    /// Opens every listener of the settings. Clients may connect from now on; they wait until
    /// [`serve`](Self::serve).
    ///
    /// # Errors
    ///
    /// The first address that cannot be listened on; then none is.
    pub fn bind(config: &Config) -> Result<Self, BindError> {
        let listeners = listen::open(&config.listen)?;
        let addresses = listeners
            .iter()
            .zip(&config.listen)
            .map(|(listener, &asked)| listener.local_addr().unwrap_or(asked))
            .collect();
        Ok(Self { listeners, addresses, config: Arc::new(config.clone()) })
    }

    /// The addresses that are listened on, with the ports that were picked for port 0.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.addresses.clone()
    }

    /// Accepts and serves until `drain` begins; the listeners close then. Returns at once: every task
    /// belongs to `drain`. Must be called inside a runtime.
    pub fn serve<H: Handler>(self, handler: Arc<H>, drain: Drain) {
        let connections = self.config.max_connections.unwrap_or_else(max_connections);
        let gate = Arc::new(Gate::new(connections, self.config.max_connections_per_client));
        let serving = connection::Serving { handler, config: self.config, drain };
        for listener in self.listeners {
            let (serving, gate) = (serving.clone(), Arc::clone(&gate));
            let (drain, stop) = (serving.drain.clone(), serving.drain.begun());
            drain.spawn("accept", Class::Background, async move {
                let listener = match tokio::net::TcpListener::from_std(listener) {
                    Ok(listener) => listener,
                    Err(error) => {
                        tracing::error!(%error, "Cannot listen");
                        return;
                    }
                };
                accept_loop(listener, gate, stop, |accepted| {
                    let run = serving.clone().run(accepted);
                    serving.drain.spawn("connection", Class::Connection, run);
                })
                .await;
            });
        }
    }
}
