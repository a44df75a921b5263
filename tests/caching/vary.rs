//! Variants of one URL (RFC 9111 §4.1).

use super::{Proxy, get_with};
use crate::support::message::Response;
use crate::support::origin::{Origin, Received, Reply};

/// An origin that answers with what it was asked for, and says that this matters.
async fn talking(vary: &'static [&'static str]) -> Origin {
    let origin = Origin::start().await;
    origin.route_with("/a", move |request: &Received| {
        let language = request.field("accept-language").unwrap_or("none");
        let encoding = request.field("accept-encoding").unwrap_or("none");
        let reply = Reply::cacheable(60, format!("{language} {encoding}"));
        vary.iter().fold(reply, |reply, names| reply.field("Vary", names))
    });
    origin
}

async fn asked(proxy: &Proxy, origin: &Origin, fields: &[(&str, &str)]) -> Response {
    get_with(proxy, &origin.url("/a"), fields).await
}

#[tokio::test]
async fn each_variant_is_stored_and_found_again() {
    let (origin, proxy) = (talking(&["Accept-Language"]).await, Proxy::start().await);
    let (german, english) = ([("Accept-Language", "de")], [("Accept-Language", "en")]);

    let first = asked(&proxy, &origin, &german).await;
    let other = asked(&proxy, &origin, &english).await;
    let neither = asked(&proxy, &origin, &[]).await;

    assert_eq!(first.cache_status(), "larder; fwd=uri-miss; stored");
    assert_eq!(other.cache_status(), "larder; fwd=vary-miss; stored");
    assert_eq!(
        (neither.text(), neither.cache_status()),
        ("none none", "larder; fwd=vary-miss; stored")
    );
    for (fields, text) in [(&german[..], "de none"), (&english, "en none"), (&[], "none none")] {
        let hit = asked(&proxy, &origin, fields).await;
        assert_eq!((hit.text(), hit.cache_status()), (text, "larder; hit; ttl=60"));
    }
    origin.wait_for_requests(3).await;
}

#[tokio::test]
async fn all_lines_of_vary_count() {
    let vary = &["Accept-Language", "X-Nothing, Accept-Encoding"];
    let (origin, proxy) = (talking(vary).await, Proxy::start().await);
    let rows = [("de", "gzip"), ("de", "br"), ("en", "br")];
    for (language, encoding) in rows {
        let fields = [("Accept-Language", language), ("Accept-Encoding", encoding)];
        let response = asked(&proxy, &origin, &fields).await;
        assert_eq!(response.text(), format!("{language} {encoding}"));
    }
    origin.wait_for_requests(rows.len()).await;
    for (language, encoding) in rows {
        let fields = [("Accept-Language", language), ("Accept-Encoding", encoding)];
        let hit = asked(&proxy, &origin, &fields).await;
        assert_eq!(hit.text(), format!("{language} {encoding}"));
        assert_eq!(hit.cache_status(), "larder; hit; ttl=60");
    }
    origin.wait_for_requests(rows.len()).await;
}

#[tokio::test]
async fn fields_that_vary_does_not_name_make_no_variant() {
    let (origin, proxy) = (talking(&["Accept-Language"]).await, Proxy::start().await);
    asked(&proxy, &origin, &[("Accept-Encoding", "gzip"), ("User-Agent", "one")]).await;
    let hit = asked(&proxy, &origin, &[("Accept-Encoding", "br"), ("User-Agent", "two")]).await;
    assert_eq!((hit.text(), hit.cache_status()), ("none gzip", "larder; hit; ttl=60"));
    origin.only_request();
}

#[tokio::test]
async fn values_that_mean_the_same_select_the_same_variant() {
    let (origin, proxy) = (talking(&["Accept-Encoding"]).await, Proxy::start().await);
    asked(&proxy, &origin, &[("Accept-Encoding", "gzip, br;q=0.5")]).await;
    for value in ["gzip,br;q=0.5", "GZIP , br; q=0.50", "br;q=0.5, gzip;q=1.0"] {
        let hit = asked(&proxy, &origin, &[("Accept-Encoding", value)]).await;
        assert_eq!(hit.cache_status(), "larder; hit; ttl=60", "{value}");
    }
    let other = asked(&proxy, &origin, &[("Accept-Encoding", "gzip, br;q=0.6")]).await;
    assert_eq!(other.cache_status(), "larder; fwd=vary-miss; stored");
    origin.wait_for_requests(2).await;
}

#[tokio::test]
async fn only_if_cached_finds_no_variant_of_another() {
    let (origin, proxy) = (talking(&["Accept-Language"]).await, Proxy::start().await);
    asked(&proxy, &origin, &[("Accept-Language", "de")]).await;
    let fields = [("Accept-Language", "en"), ("Cache-Control", "only-if-cached")];
    assert_eq!(asked(&proxy, &origin, &fields).await.status, 504);
    origin.only_request();
}
