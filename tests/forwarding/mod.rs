//! Requests that go to an origin, and answers that come back: the proxy as a hop of HTTP/1.

mod bodies;
mod connection;
mod expect;
mod interim;
