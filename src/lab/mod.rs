//! The lab: small network programs, one file each, and the text client.
//!
//! Each program reads from top to bottom and stands for an exercise of a course in network
//! programming: it works against whatever a student wrote in Python, C or Java. They wait in plain
//! blocking calls, with a thread for each client, and say beside each call of the system which one it is
//! and what travels. What is not the exercise is beside them: `terminal` starts, stops, prompts and
//! prints, `sockets` finds the addresses of both families, `serve` has the threads and the limit of
//! clients, `error` the sentences. Only [`web_server`] is built on hyper.

pub mod chat_client;
pub mod chat_server;
pub mod client;
pub mod echo_client;
pub mod echo_server;
mod error;
pub mod get;
pub mod greet_client;
pub mod greet_server;
mod serve;
mod sockets;
mod terminal;
pub mod upper_client;
pub mod upper_server;
pub mod web_server;

use std::fmt;
use std::time::Duration;

/// What carries the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A stream of bytes, after a handshake.
    Tcp,
    /// Single datagrams, without any promise.
    Udp,
}

/// Where a server of the lab listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// A name or an address of this machine; 127.0.0.1 and ::1 where there is none.
    pub host: Option<String>,
    /// The port; 0 picks a free one, and the line that says so names it.
    pub port: u16,
}

/// Which server a client of the lab talks to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientConfig {
    /// Its name or its address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// After how much silence the client says something about it.
    pub wait: Duration,
}

impl fmt::Display for ClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}
