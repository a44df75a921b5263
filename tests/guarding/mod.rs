//! Bad input gets a clear error and harms nobody: whatever happened, the same proxy serves on.

mod access_addresses;
mod access_rules;
mod addresses;
mod clients;
mod heads;
mod names;
mod noise;
mod origins;
mod requests;
mod rows;
mod scopes;
mod targets;
mod users;

use crate::support::message::Response;
use crate::support::origin::{Origin, Reply};
use crate::support::proxy::Proxy;

/// The proxy goes on as if nothing had happened: it fetches, stores and finds again.
async fn serves_on(proxy: &Proxy) {
    let origin = Origin::start().await;
    origin.route("/well", Reply::cacheable(60, "and alive"));
    for expected in ["larder; fwd=uri-miss; stored", "larder; hit; ttl=60"] {
        let response = proxy.get(&origin.url("/well")).await;
        assert_eq!((response.status, response.text()), (200, "and alive"));
        assert_eq!(response.cache_status(), expected);
    }
    origin.only_request();
}

/// An error that the proxy made: a sentence that holds `words`, the error type of RFC 9209, and
/// nothing that anybody may keep.
#[track_caller]
fn is_error(response: &Response, status: u16, kind: &str, words: &[&str]) {
    assert_eq!(response.status, status, "{response:?}");
    for word in words {
        assert!(response.text().contains(word), "no {word:?} in {:?}", response.text());
    }
    assert!(response.text().ends_with('\n') && response.text().trim().len() > 20, "{response:?}");
    let proxy_status = response.field("proxy-status").unwrap_or_default();
    let expected = format!("larder; error={kind}; details=\"");
    assert!(proxy_status.starts_with(&expected), "{expected} is not {proxy_status}");
    assert_eq!(response.field("cache-control"), Some("no-store"));
    assert!(!response.fields.has("cache-status"), "{response:?}");
}
