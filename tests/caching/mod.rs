//! What is stored, reused and validated.

use std::time::Duration;

use crate::support::origin::{Origin, Reply};
use crate::support::proxy::Proxy;

#[tokio::test]
async fn the_second_request_is_read_from_the_cache_and_the_origin_sees_one() {
    let origin = Origin::start().await;
    origin.route("/a", Reply::cacheable(60, "hello"));
    let proxy = Proxy::start().await;

    let first = proxy.get(&origin.url("/a")).await;
    proxy.advance(Duration::from_secs(7));
    let second = proxy.get(&origin.url("/a")).await;

    assert_eq!((first.status, first.text()), (200, "hello"));
    assert_eq!(first.cache_status(), "larder; fwd=uri-miss; stored");
    assert_eq!((second.status, second.text()), (200, "hello"));
    assert_eq!(second.cache_status(), "larder; hit; ttl=53");
    assert_eq!(second.field("age"), Some("7"));
    origin.only_request();
    let lines = proxy.log().wait_for_exchanges(2).await;
    assert_eq!(lines[0]["message"], "Fetched from origin");
    assert_eq!(lines[1]["message"], "Read from cache");
    assert_eq!((&lines[1]["cache"], &lines[1]["tier"]), (&"hit".into(), &"memory".into()));
}
