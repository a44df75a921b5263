//! The vocabulary of messages: pure, knows fields and targets, knows no sockets and no clock.

pub mod target;

pub use target::{Scheme, Target, TargetUri};
