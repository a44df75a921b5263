//! What is stored, reused and validated (RFC 9111).

mod conditions;
mod directives;
mod failures;
mod freshness;
mod heads;
mod invalidation;
mod ranges;
mod stale;
mod storing;
mod validation;
mod vary;

use std::time::{Duration, SystemTime};

use super::Proxy;
use crate::support::client::Client;
use crate::support::message::Response;
use crate::support::origin::{Origin, Reply};
use crate::support::proxy::START;

/// So many seconds before (or after) the moment at which every proxy's clock starts, as a field value.
fn date(offset: i64) -> String {
    let at = SystemTime::from(START);
    let span = Duration::from_secs(offset.unsigned_abs());
    httpdate::fmt_http_date(if offset < 0 { at - span } else { at + span })
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// `GET url` with fields, on a connection of its own.
async fn get_with(proxy: &Proxy, url: &str, fields: &[(&str, &str)]) -> Response {
    proxy.client().await.get_with(url, fields).await
}

/// A request without body, on a connection of its own.
async fn ask(proxy: &Proxy, method: &str, url: &str, fields: &[(&str, &str)]) -> Response {
    let mut client: Client = proxy.client().await;
    client.send(crate::support::client::request(method, url, fields)).await;
    client.response_to(method).await
}

#[tokio::test]
async fn the_second_request_is_read_from_the_cache_and_the_origin_sees_one() {
    let origin = Origin::start().await;
    origin.route("/a", Reply::cacheable(60, "hello"));
    let proxy = Proxy::start().await;

    let first = proxy.get(&origin.url("/a")).await;
    proxy.wait_for_stored(1).await;
    proxy.advance(seconds(7));
    let second = proxy.get(&origin.url("/a")).await;

    assert_eq!((first.status, first.text()), (200, "hello"));
    assert_eq!(first.cache_status(), "larder; fwd=uri-miss; stored");
    assert_eq!(first.field("age"), None);
    assert_eq!((second.status, second.text()), (200, "hello"));
    assert_eq!(second.cache_status(), "larder; hit; ttl=53");
    assert_eq!(second.field("age"), Some("7"));
    origin.only_request();
    let lines = proxy.log().wait_for_exchanges(2).await;
    assert_eq!(lines[0]["message"], "Fetched from origin");
    assert_eq!(lines[1]["message"], "Read from cache");
    assert_eq!(lines[1]["cache"], "hit");
    assert!(Proxy::reads_from(&lines[1]["tier"]), "{}", lines[1]);
}
