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

pub use config::{Config, Current};
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
    config: Current,
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
        Ok(Self { listeners, addresses, config: Current::new(config.clone()) })
    }

    /// Takes listeners that are open already, in place of those of the settings.
    ///
    /// # Errors
    ///
    /// When one of them is of no use.
    pub fn adopt(listeners: Vec<std::net::TcpListener>, config: &Config) -> std::io::Result<Self> {
        listeners.iter().try_for_each(|listener| listener.set_nonblocking(true))?;
        let addresses = listeners.iter().map(std::net::TcpListener::local_addr);
        let addresses = addresses.collect::<std::io::Result<_>>()?;
        Ok(Self { listeners, addresses, config: Current::new(config.clone()) })
    }

    /// The same listeners once more, to be handed to another process.
    ///
    /// # Errors
    ///
    /// When there are too many open files.
    pub fn listeners(&self) -> std::io::Result<Vec<std::net::TcpListener>> {
        self.listeners.iter().map(std::net::TcpListener::try_clone).collect()
    }

    /// The settings that connections are served with.
    pub fn config(&self) -> Current {
        self.config.clone()
    }

    /// The addresses that are listened on, with the ports that were picked for port 0.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.addresses.clone()
    }

    /// Accepts and serves until `drain` begins; the listeners close then. Returns at once: every task
    /// belongs to `drain`. Must be called inside a runtime.
    pub fn serve<H: Handler>(self, handler: &Arc<H>, drain: &Drain) {
        let config = self.config.load();
        let connections = config.max_connections.unwrap_or_else(max_connections);
        let gate = Arc::new(Gate::new(connections, config.max_connections_per_client));
        for listener in self.listeners {
            let (handler, config, gate) =
                (Arc::clone(handler), self.config.clone(), Arc::clone(&gate));
            let (tasks, stop) = (drain.clone(), drain.begun());
            drain.spawn("accept", Class::Background, async move {
                let listener = match tokio::net::TcpListener::from_std(listener) {
                    Ok(listener) => listener,
                    Err(error) => {
                        tracing::error!(%error, "Cannot listen");
                        return;
                    }
                };
                accept_loop(listener, gate, stop, |accepted| {
                    let serving = connection::Serving {
                        handler: Arc::clone(&handler),
                        config: config.load(),
                        drain: tasks.clone(),
                    };
                    tasks.spawn("connection", Class::Connection, serving.run(accepted));
                })
                .await;
            });
        }
    }
}
