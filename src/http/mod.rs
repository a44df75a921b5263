//! The vocabulary of messages: pure, knows fields and targets, knows no sockets and no clock.

pub mod date;
pub mod fields;
pub mod hop_by_hop;
pub mod list;
pub mod target;
pub mod validators;

pub use target::{Scheme, Target, TargetUri};
pub use validators::{EntityTag, Validators};
