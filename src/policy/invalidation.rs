//! Invalidation (RFC 9111 §4.4): what an unsafe method makes doubtful.

use http::header::{CONTENT_LOCATION, LOCATION};
use http::{HeaderMap, Method, StatusCode};

use crate::http::{TargetUri, cache_groups};

/// The target URIs whose stored responses an answer invalidates: after a non-error answer to an unsafe
/// or unknown method the target URI, and `Location` and `Content-Location` of the same origin.
pub fn invalidated(
    method: &Method,
    target: &TargetUri,
    status: StatusCode,
    fields: &HeaderMap,
) -> Vec<TargetUri> {
    if is_safe(method) || !(status.is_success() || status.is_redirection()) {
        return Vec::new();
    }
    let mut uris = vec![target.clone()];
    let named = [LOCATION, CONTENT_LOCATION];
    for line in named.iter().flat_map(|name| fields.get_all(name)) {
        let uri = line.to_str().ok().and_then(|reference| target.resolve(reference));
        uris.extend(uri.filter(|uri| uri.same_origin(target)));
    }
    uris.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
    uris.dedup();
    uris
}

/// The groups that an answer invalidates among the responses of the target's origin (RFC 9875 §3):
/// none after a safe method.
pub fn invalidated_groups(method: &Method, fields: &HeaderMap) -> Vec<Box<str>> {
    if is_safe(method) { Vec::new() } else { cache_groups::invalidated_groups(fields) }
}

/// The methods that are registered as safe (RFC 9110 §16.1.1); any other may change something.
fn is_safe(method: &Method) -> bool {
    matches!(
        method.as_str(),
        "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PRI" | "PROPFIND" | "QUERY" | "REPORT" | "SEARCH"
    )
}

#[cfg(test)]
mod tests;
