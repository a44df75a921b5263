//! What few stored responses have, kept out of the way of the others.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::groups;
use crate::http::QueryRule;
use crate::policy::{CacheKey, StoredHead};

/// What few stored responses have.
#[derive(Debug)]
pub(super) struct Extras {
    trailers: Option<HeaderMap>,
    groups: Box<[u128]>,
    rule: Option<QueryRule>,
    address: Option<IpAddr>,
}

impl Extras {
    /// `None` when there is nothing of it, as with most responses.
    pub(super) fn of(
        key: &CacheKey,
        head: &StoredHead,
        trailers: Option<&HeaderMap>,
        address: Option<IpAddr>,
    ) -> Option<Self> {
        let trailers = trailers.filter(|fields| !fields.is_empty()).map(own_copy);
        let origin = groups::origin(key.uri());
        let groups: Box<[u128]> =
            head.groups().iter().map(|group| groups::digest(origin, group)).collect();
        let rule = head.query_rule();
        let any = trailers.is_some() || !groups.is_empty() || rule.is_some() || address.is_some();
        any.then_some(Self { trailers, groups, rule, address })
    }

    /// The trailer fields.
    pub(super) fn trailers(&self) -> Option<&HeaderMap> {
        self.trailers.as_ref()
    }

    /// The digests of its groups.
    pub(super) fn groups(&self) -> &[u128] {
        &self.groups
    }

    /// Which queries ask for the same.
    pub(super) fn rule(&self) -> Option<&QueryRule> {
        self.rule.as_ref()
    }

    /// The address that it came from, where rules ask for it.
    pub(super) fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// About what this takes.
    pub(super) fn weight(&self) -> usize {
        let trailers = self.trailers.as_ref().map_or(0, weight_of);
        let rule = self.rule.as_ref().map_or(0, |rule| format!("{rule:?}").len());
        size_of::<Self>() + trailers + size_of_val(&*self.groups) + rule
    }
}

/// Copies fields into allocations of their own: values from the wire pin whole read buffers.
fn own_copy(fields: &HeaderMap) -> HeaderMap {
    let mut copy = HeaderMap::with_capacity(fields.len());
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_str().as_bytes());
        let value = HeaderValue::from_bytes(value.as_bytes());
        if let (Ok(name), Ok(value)) = (name, value) {
            copy.append(name, value);
        }
    }
    copy
}

/// About what a map of fields takes.
fn weight_of(fields: &HeaderMap) -> usize {
    let text: usize = fields.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    fields.capacity() * 128 + text
}
