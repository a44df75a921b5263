//! What happened: events, the access log and the one way out for both; makes no decisions.
//!
//! [`log::init`] opens the output and hands back an [`AccessLog`]. Events are `tracing` events; one
//! finished exchange is one [`AccessRecord`]. Both become lines in a [`format::Format`] and leave
//! through an [`output::Output`], a bounded queue with a thread of its own, so that no exchange ever
//! waits for a disk or a terminal.

pub mod access_log;
#[cfg(test)]
mod capture;
pub mod format;
pub mod log;
pub mod output;
mod record;

pub use access_log::AccessLog;
pub use format::Format;
pub use record::{AccessRecord, CacheWord};
