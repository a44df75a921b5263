//! The language of the tests: a scriptable origin, a scriptable DNS server, a raw client, gates.
//!
//! ```text
//! origin     an HTTP origin on raw sockets that does what a test says, misbehaving included
//! listener   bare TCP: the test itself speaks on the accepted connection
//! proxy      the proxy in this process, with a clock that a test moves and a log that it reads
//! dns        a DNS server that answers from a table, or not at all
//! client     sends bytes, reads responses; the text client
//! log        the access log as parsed lines
//! binary     the real program as a child process; its peers in Python
//! tls        a certificate authority, TLS as a client
//! damage     a flipped byte in a file of the cache directory
//! pattern    bodies of any size whose every byte can be checked
//! gate       order and deadlines: the only place that may look at time
//! ```
#![allow(dead_code, reason = "a word of the language may be waiting for its first test")]

pub mod binary;
pub mod client;
pub mod damage;
pub mod dns;
pub mod gate;
pub mod listener;
pub mod log;
pub mod message;
pub mod origin;
pub mod pattern;
pub mod proxy;
pub mod tasks;
pub mod tls;
pub mod wire;

mod tests;
