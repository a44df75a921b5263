//! Requests that go to an origin, and answers that come back: the proxy as a hop of HTTP/1.

mod bodies;
mod connection;
mod deadlines;
mod expect;
mod fields;
mod interim;
mod names;
mod pinning;
mod reuse;
mod targets;
mod text;
mod upgrade;
