//! The vocabulary of messages: pure, knows fields and targets, knows no sockets and no clock.

pub mod accept;
pub mod cache_groups;
pub mod date;
pub mod fields;
pub mod framing;
pub mod hop_by_hop;
pub mod list;
pub mod no_vary_search;
pub mod precondition;
pub mod range;
pub mod structured;
pub mod target;
pub mod validators;
pub mod via;

#[cfg(test)]
mod tests;

pub use framing::TransferCoding;
pub use no_vary_search::QueryRule;
pub use precondition::Precondition;
pub use range::{ContentRange, RangeAnswer};
pub use target::{Authority, Mode, Scheme, ServerTarget, Target, TargetError, TargetUri};
pub use validators::{EntityTag, Validators};
pub use via::Pseudonym;
