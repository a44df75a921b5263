//! What a server may be told.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

/// The settings of the listeners and of client connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where clients connect; port 0 picks a free one.
    pub listen: Vec<SocketAddr>,
    /// Bytes of a request head in all; more is a 431 (8 KiB to 400 KiB make sense).
    pub max_head: usize,
    /// Bytes of one field, name and value; more is a 431.
    pub max_field: usize,
    /// Fields of a request; more is a 431. 100 is what costs nothing.
    pub max_fields: usize,
    /// Bytes of the request-target; more is a 414.
    pub max_target: usize,
    /// From accept to the first byte.
    pub first_byte_wait: Duration,
    /// From the first byte of a head to its end; then 408.
    pub head_wait: Duration,
    /// Between two requests on one connection.
    pub idle_wait: Duration,
    /// The silence after which a line without an end counts as a text client's request.
    pub quiet_wait: Duration,
    /// Without a byte of a request body, while it is wanted.
    pub body_stall_wait: Duration,
    /// Bytes per second that a request body must bring while it is wanted, and that an answer must be taken
    /// at while it waits for its client; 0: any.
    pub body_min_rate: u64,
    /// How long either may be slower than that.
    pub body_rate_grace: Duration,
    /// Without a byte of an answer being taken.
    pub write_stall_wait: Duration,
    /// Client connections in all; `None`: what [`max_connections`](super::max_connections) says.
    pub max_connections: Option<usize>,
    /// Connections from one address that is not loopback.
    pub max_connections_per_client: usize,
    /// How long a stop waits for what is in flight.
    pub drain_wait: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 3128))],
            max_head: 64 * 1024,
            max_field: 32 * 1024,
            max_fields: 100,
            max_target: 16 * 1024,
            first_byte_wait: Duration::from_secs(30),
            head_wait: Duration::from_secs(10),
            idle_wait: Duration::from_secs(60),
            quiet_wait: Duration::from_millis(250),
            body_stall_wait: Duration::from_secs(30),
            body_min_rate: 1024,
            body_rate_grace: Duration::from_secs(10),
            write_stall_wait: Duration::from_secs(60),
            max_connections: None,
            max_connections_per_client: 1024,
            drain_wait: Duration::from_secs(30),
        }
    }
}

/// The settings that the next connection is served with. Clones are the same.
#[derive(Clone, Debug)]
pub struct Current(Arc<ArcSwap<Config>>);

impl Current {
    pub(super) fn new(config: Config) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(config)))
    }

    /// What counts now.
    pub fn load(&self) -> Arc<Config> {
        self.0.load_full()
    }

    /// From now on, connections that are accepted are served with `config`. Where it names listeners and
    /// numbers of connections, nothing changes.
    pub fn replace(&self, config: Config) {
        self.0.store(Arc::new(config));
    }
}
