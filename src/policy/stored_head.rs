//! The head of a stored response: one exact block of bytes, and what was computed when storing.

mod block;
mod encoding;

use std::time::Duration;

use bytes::{Buf, Bytes};
use http::header::{CONTENT_LENGTH, CONTENT_RANGE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use self::block::Line;
use super::storable::Kept;
use super::{ExchangeTimes, Freshness, NominatedFields};
use crate::http::fields::rule;
use crate::http::no_vary_search::NO_VARY_SEARCH;
use crate::http::validators::Validators;
use crate::http::{QueryRule, cache_groups};
use crate::time::Timestamp;

/// The head of a stored response (RFC 9111 §3): status, fields, times, nominated fields, freshness.
/// Holds none of the buffers that its fields were read from.
#[derive(Clone, Debug)]
pub struct StoredHead {
    status: StatusCode,
    count: u16,
    reason_len: u16,
    block: Bytes,
    /// When it was asked for and when it came.
    pub times: ExchangeTimes,
    /// The request fields that its `Vary` names.
    pub nominated: NominatedFields,
    /// How long it is fresh.
    pub freshness: Freshness,
}

impl StoredHead {
    /// Copies a head into one exact block. `fields` are those of the response without what
    /// `Connection` names; what the field table says is not stored (`Age`, which each reuse makes
    /// anew) is left out. `reason` is the reason phrase where it is not the usual one.
    pub fn new(
        status: StatusCode,
        reason: Option<&[u8]>,
        fields: &HeaderMap,
        times: ExchangeTimes,
        nominated: NominatedFields,
        freshness: Freshness,
    ) -> Self {
        let kept = Kept { freshness, nominated, ..Kept::default() };
        Self::keep(status, reason, fields, times, &kept)
    }

    /// Copies a head as `kept` says, which is what [`storable`](super::storable()) said of it: fields
    /// that `private` names are left out, and those that `no-cache` names are marked.
    pub fn keep(
        status: StatusCode,
        reason: Option<&[u8]>,
        fields: &HeaderMap,
        times: ExchangeTimes,
        how: &Kept,
    ) -> Self {
        let reason = reason.filter(|text| text.len() <= 256).unwrap_or_default();
        // Which part of a whole it is, the store knows: parts are joined.
        let kept = || {
            fields.iter().filter(|(name, _)| {
                rule(name).stored && *name != CONTENT_RANGE && !how.withheld.contains(name)
            })
        };
        let size = kept().map(|(n, v)| 8 + n.as_str().len() + v.len()).sum::<usize>();
        let mut block = Vec::with_capacity(size + reason.len());
        block.extend_from_slice(reason);
        let mut count = 0;
        for (name, value) in kept() {
            let guarded = how.guarded.contains(name);
            count += u16::from(block::push(&mut block, name, value.as_bytes(), guarded));
        }
        let reason_len = u16::try_from(reason.len()).unwrap_or_default();
        block.shrink_to_fit();
        let block = Bytes::from(block);
        let nominated = how.nominated.clone();
        Self { status, count, reason_len, block, times, nominated, freshness: how.freshness }
    }

    /// The head of a 206 whose parts have become the whole: a 200 (RFC 9110 §15.3.7.3).
    #[must_use]
    pub fn completed(mut self) -> Self {
        if self.status == StatusCode::PARTIAL_CONTENT {
            self.status = StatusCode::OK;
            self.block.advance(usize::from(std::mem::take(&mut self.reason_len)));
        }
        self
    }

    /// The status code.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The reason phrase as it came, where it was not the usual one.
    pub fn reason(&self) -> Option<&[u8]> {
        self.block.get(..usize::from(self.reason_len)).filter(|text| !text.is_empty())
    }

    /// The stored field lines in order, names in lower case.
    pub fn lines(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.pieces().filter_map(|Line { name, value, .. }| {
            Some((name.as_bytes(&self.block)?, self.block.get(value)?))
        })
    }

    /// The first line of one field.
    pub fn field(&self, name: &HeaderName) -> Option<&[u8]> {
        let line = self.pieces().find(|line| line.name.is(name, &self.block))?;
        self.block.get(line.value)
    }

    /// All fields: values are slices of this head's own block. To be sent after a validation.
    pub fn fields(&self) -> HeaderMap {
        self.collect(|_guarded| true)
    }

    /// The fields that may be sent without a validation: not those that `no-cache` names (§5.2.2.4).
    pub fn fields_without_validation(&self) -> HeaderMap {
        self.collect(|guarded| !guarded)
    }

    /// Appends the lines that may be sent without a validation, as they are sent (RFC 9112 §5), but for
    /// `Content-Length`, which whoever frames the message writes.
    pub fn write_lines(&self, out: &mut Vec<u8>) {
        out.reserve(self.block.len() + 24 * usize::from(self.count));
        for Line { name, value, guarded } in self.pieces() {
            let (Some(name), Some(value)) = (name.as_bytes(&self.block), self.block.get(value))
            else {
                continue;
            };
            // A block may come from disk: nothing in it ends a line.
            if guarded || name == CONTENT_LENGTH.as_str().as_bytes() || !block::is_sendable(value) {
                continue;
            }
            for part in [name, b": ", value, b"\r\n"] {
                out.extend_from_slice(part);
            }
        }
    }

    /// The groups that it belongs to, each once, sorted (RFC 9875 §2).
    pub fn groups(&self) -> Vec<Box<str>> {
        if self.field(&cache_groups::CACHE_GROUPS).is_none() {
            return Vec::new();
        }
        cache_groups::groups(&self.fields())
    }

    /// Which queries ask for the same, where it says so (`No-Vary-Search`).
    pub fn query_rule(&self) -> Option<QueryRule> {
        self.field(&NO_VARY_SEARCH)?;
        QueryRule::parse(&self.fields())
    }

    fn collect(&self, sent: impl Fn(bool) -> bool) -> HeaderMap {
        let mut map = HeaderMap::with_capacity(usize::from(self.count) + 4);
        for Line { name, value, .. } in self.pieces().filter(|line| sent(line.guarded)) {
            let name = name.to_header_name(&self.block);
            let value = HeaderValue::from_maybe_shared(self.block.slice(value)).ok();
            if let (Some(name), Some(value)) = (name, value) {
                map.append(name, value);
            }
        }
        map
    }

    /// The current age (§4.2.3).
    pub fn current_age(&self, now: Timestamp) -> Duration {
        self.freshness.current_age(self.times, now)
    }

    /// Whole seconds of freshness left; fresh exactly when this is positive.
    pub fn ttl(&self, now: Timestamp) -> i64 {
        self.freshness.ttl(self.times, now)
    }

    /// The response's `Date`, or else when it was received: the newest of several is chosen by it.
    pub fn date(&self) -> Timestamp {
        self.freshness.date()
    }

    /// The entity tag and the modification date.
    pub fn validators(&self) -> Validators {
        Validators::read(&self.fields(), self.times.response_time)
    }

    /// Bytes of memory that this holds besides itself.
    pub fn weight(&self) -> usize {
        self.block.len() + self.nominated.weight()
    }

    /// The same head, with bytes behind its lines in the same block: a small body takes no allocation of
    /// its own.
    #[must_use]
    pub fn with_tail(&self, tail: &[u8]) -> Self {
        let lines = self.block.get(..self.end()).unwrap_or_default();
        Self { block: Bytes::from([lines, tail].concat()), ..self.clone() }
    }

    /// The last bytes of its block, so many as were put behind its lines.
    pub fn tail(&self, length: usize) -> Bytes {
        self.block.slice(self.block.len().saturating_sub(length)..)
    }

    /// Where the last line ends.
    fn end(&self) -> usize {
        let last = self.pieces().last();
        last.map_or(usize::from(self.reason_len), |line| line.value.end)
    }

    /// Where name and value of each line are.
    fn pieces(&self) -> impl Iterator<Item = Line> {
        let mut at = usize::from(self.reason_len);
        (0..self.count).map_while(move |_| {
            let (line, next) = block::read(&self.block, at)?;
            at = next;
            Some(line)
        })
    }
}

#[cfg(test)]
mod tests;
