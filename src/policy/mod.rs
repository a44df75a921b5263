//! What RFC 9111 decides: pure, no I/O, no clock, no async; `now` is an argument.

pub mod freshness;
pub mod key;
pub mod stored_head;
pub mod vary;

pub use freshness::{ExchangeTimes, Freshness};
pub use key::CacheKey;
pub use stored_head::StoredHead;
pub use vary::NominatedFields;
