//! Sockets: accept, connection, drain, relay, address scopes. Knows no HTTP.

pub mod accept;
pub mod connection;
pub mod drain;
pub mod interfaces;
pub mod reach;
pub mod relay;
pub mod scope;

pub use connection::ConnectionHandle;
pub use interfaces::Interfaces;
pub use reach::{Reach, Whence};
pub use scope::Scope;
