//! `upstream` against origins on raw sockets that do what a test says.

mod bodies;
mod dialling;
mod faults;
mod names;
mod pinning;
mod queue;
mod reuse;
mod secure;
mod support;
