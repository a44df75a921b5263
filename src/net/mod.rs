//! Sockets: accept, connection, drain, relay, address scopes. Knows no HTTP.

pub mod connection;
pub mod interfaces;
pub mod scope;

pub use connection::ConnectionHandle;
pub use interfaces::Interfaces;
pub use scope::{Reach, Scope};
