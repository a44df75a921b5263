//! What RFC 9111 decides: pure, no I/O, no clock, no async; `now` is an argument.
//!
//! The way of a request through here: [`decide`] what to do with what is stored; if the origin is
//! asked, [`set_conditions`] and [`assess`] validate, and [`storable`](storable()) says whether the
//! answer may be kept. [`CacheOutcome`] is what came of it, as `Cache-Status` words it.

pub mod cache_control;
pub mod freshness;
pub mod invalidation;
pub mod key;
pub mod outcome;
pub mod reuse;
pub mod storable;
pub mod stored_head;
pub mod validation;
pub mod vary;

#[cfg(test)]
mod scene;

pub use cache_control::{Extent, MaxStale, RequestDirectives, ResponseDirectives};
pub use freshness::{ExchangeTimes, Freshness};
pub use invalidation::invalidated;
pub use key::CacheKey;
pub use outcome::{CacheOutcome, Detail, ForwardReason};
pub use reuse::{Candidate, Config, Decision, StaleGrant, answers, decide, may_collapse};
pub use storable::{RequestView, ResponseView, Storable, storable};
pub use stored_head::StoredHead;
pub use validation::{Validated, assess, set_conditions};
pub use vary::NominatedFields;
