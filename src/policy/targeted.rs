//! Targeted cache control (RFC 9213): fields that speak to a class of caches alone.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName};

use super::cache_control::Directive;
use crate::http::structured::{self, Value};

/// The targeted fields that this cache listens to, the most wanted first. Empty where the cache does
/// not act for the origin: obeying them there would hand one user's page to another (RFC 9213 §3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetList(Vec<HeaderName>);

impl TargetList {
    /// A list in this order.
    pub fn new(names: impl IntoIterator<Item = HeaderName>) -> Self {
        Self(names.into_iter().collect())
    }

    /// What a cache that acts for one origin listens to: `CDN-Cache-Control`.
    pub fn for_origin() -> Self {
        Self::new([HeaderName::from_static("cdn-cache-control")])
    }

    /// The names in order.
    pub fn names(&self) -> &[HeaderName] {
        &self.0
    }
}

/// The directives of the first listed field that is a dictionary with members; `None` when there is no
/// such field, and `Cache-Control` decides (RFC 9213 §2.2).
pub(super) fn directives(
    fields: &HeaderMap,
    targets: &TargetList,
) -> Option<Vec<Directive<'static>>> {
    let mut listed = targets.names().iter().filter(|name| fields.contains_key(*name));
    let members = listed.find_map(|name| {
        structured::dictionary(fields, name).filter(|members| !members.is_empty())
    })?;
    Some(members.iter().filter_map(|(name, value)| directive(name, value)).collect())
}

/// One member as a directive of `Cache-Control`. A value of the wrong type becomes an argument that
/// nobody takes for valid: it restricts, and it gives no life.
fn directive(name: &str, value: &Value) -> Option<Directive<'static>> {
    let argument: Option<Cow<'static, str>> = match (is_span(name), value) {
        (true, Value::Integer(seconds)) => Some(seconds.to_string().into()),
        (false, Value::Boolean(true)) => None,
        // Said not to be there.
        (false, Value::Boolean(false)) => return None,
        (false, Value::String(text)) => Some(format!("\"{text}\"").into()),
        _ => Some("?".into()),
    };
    Some(Directive { name: name.to_owned(), argument })
}

/// Whether the directive's value is a number of seconds.
fn is_span(name: &str) -> bool {
    matches!(name, "max-age" | "s-maxage" | "stale-while-revalidate" | "stale-if-error")
}

#[cfg(test)]
mod tests;
