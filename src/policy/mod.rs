//! What RFC 9111 decides: pure, no I/O, no clock, no async; `now` is an argument.
//!
//! The way of a request through here: [`select`](select()) one of the stored responses, [`decide`] what
//! to do with it; if the origin is asked, [`set_conditions`] and [`assess`] validate, [`combine`]
//! completes parts, and [`storable`](storable()) says whether the answer may be kept. [`CacheOutcome`] is what came of it, as `Cache-Status` words it.

pub mod cache_control;
pub mod freshness;
pub mod invalidation;
pub mod key;
pub mod outcome;
pub mod partial;
pub mod reuse;
pub mod select;
pub mod storable;
pub mod stored_head;
pub mod targeted;
pub mod validation;
pub mod vary;

#[cfg(test)]
mod scene;

pub use cache_control::{Extent, MaxStale, RequestDirectives, ResponseDirectives};
pub use freshness::{ExchangeTimes, Freshness};
pub use invalidation::{invalidated, invalidated_groups};
pub use key::CacheKey;
pub use outcome::{CacheOutcome, Detail, ForwardReason};
pub use partial::{Coverage, Interval, Intervals, Missing, Part, Partial, combine};
pub use reuse::{Candidate, Config, Decision, StaleGrant, answers, decide, may_collapse};
pub use select::{Selection, Variant, select};
pub use storable::{Kept, RequestView, ResponseView, Storable, storable};
pub use stored_head::StoredHead;
pub use targeted::TargetList;
pub use validation::{HeadSays, Update, Validated, assess, assess_head, set_conditions};
pub use vary::NominatedFields;
