//! larder: a multithreaded caching web proxy.
//!
//! Read [`proxy`] for the life of a request, `docs/ARCHITECTURE.md` for the map.
//! A module imports only from the rows below it (`tests/architecture.rs` checks this):
//!
//! ```text
//! 9  main   cli
//! 8  server lab
//! 7  proxy
//! 6  collapse
//! 5  body
//! 4  store  upstream
//! 3  telemetry
//! 2  policy net
//! 1  http
//! 0  time
//! ```

pub mod body;
pub mod cli;
pub mod collapse;
pub mod http;
pub mod lab;
pub mod net;
pub mod policy;
pub mod proxy;
pub mod server;
pub mod store;
pub mod telemetry;
pub mod time;
pub mod upstream;
