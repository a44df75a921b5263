//! Freshness and age (RFC 9111 §4.2).

use crate::time::Timestamp;

/// When the request was sent and when its response's head arrived: age needs both (§4.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExchangeTimes {
    /// When the request was sent.
    pub request_time: Timestamp,
    /// When the head of the response arrived.
    pub response_time: Timestamp,
}

/// How long a stored response is fresh, and how old it was when it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Freshness {}
