//! Requests that go to an origin, and answers that come back: the proxy as a hop of HTTP/1.

mod bodies;
mod connection;
mod expect;
mod fields;
mod interim;
mod pinning;
mod reach;
mod reuse;
mod targets;
mod text;
mod upgrade;
