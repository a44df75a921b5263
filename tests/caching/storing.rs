//! What is stored and what is not (RFC 9111 §3).

use super::{Proxy, ask, date, get_with, seconds};
use crate::support::message::{Framing, Response};
use crate::support::origin::{Origin, Reply};

#[tokio::test]
async fn what_a_response_forbids_is_fetched_each_time() {
    let rows: &[(&[(&str, &str)], &str)] = &[
        (&[("Cache-Control", "no-store, max-age=60")], "no-store"),
        (&[("Cache-Control", "max-age=60"), ("Cache-Control", "No-Store")], "no-store"),
        (&[("Cache-Control", "private, max-age=60")], "private"),
        (&[("Cache-Control", "no-cache, max-age=60")], "no-cache"),
        (&[("Cache-Control", "max-age=60"), ("Vary", "*")], "vary-star"),
        (&[("Vary", "Accept, *"), ("Cache-Control", "max-age=60")], "vary-star"),
        (&[("Set-Cookie", "a=1"), ("ETag", "\"v1\"")], "set-cookie"),
        (&[], "no-freshness"),
    ];
    for (fields, detail) in rows {
        let (origin, proxy) = (Origin::start().await, Proxy::start().await);
        let reply = fields.iter().fold(Reply::ok("mine"), |r, (name, value)| r.field(name, value));
        origin.route("/a", reply);
        for _ in 0..2 {
            let response = proxy.get(&origin.url("/a")).await;
            assert_eq!((response.status, response.text()), (200, "mine"));
            let expected = format!("larder; fwd=uri-miss; detail={detail}");
            assert_eq!(response.cache_status(), expected, "{fields:?}");
            assert_eq!(response.field("age"), None);
        }
        origin.wait_for_requests(2).await;
        let lines = proxy.log().wait_for_exchanges(2).await;
        assert_eq!(lines[1]["message"], "Fetched from origin");
        assert_eq!(lines[1]["reason"], *detail);
    }
}

#[tokio::test]
async fn a_field_that_private_names_is_for_who_asked_and_one_that_no_cache_names_for_who_validates()
{
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let control = "max-age=60, private=\"x-mine\", no-cache=\"x-now\"";
    let reply = Reply::ok("ours").field("Cache-Control", control).field("ETag", "\"v1\"");
    let reply = reply.field("X-Mine", "1").field("X-Now", "2").field("X-All", "3");
    origin.script("/a", [reply, Reply::new(304).field("ETag", "\"v1\"")]);
    let url = origin.url("/a");
    let shown = |response: &Response| {
        ["x-mine", "x-now", "x-all"].map(|name| response.field(name).is_some())
    };
    let first = proxy.get(&url).await;
    assert_eq!((first.text(), shown(&first)), ("ours", [true, true, true]));
    let second = proxy.get(&url).await;
    assert_eq!(second.cache_status(), "larder; hit; ttl=60");
    assert_eq!(shown(&second), [false, false, true]);
    proxy.advance(seconds(60));
    let third = proxy.get(&url).await;
    assert_eq!(third.cache_status(), "larder; fwd=stale; fwd-status=304; ttl=60");
    assert_eq!(shown(&third), [false, true, true]);
}

#[tokio::test]
async fn statuses_with_a_lifetime_are_stored_and_error_statuses_only_with_one() {
    for status in [203, 301, 302, 307, 308, 404, 410, 500, 503] {
        let (origin, proxy) = (Origin::start().await, Proxy::start().await);
        origin.route("/a", Reply::new(status).body("said").field("Cache-Control", "max-age=60"));
        origin.route("/b", Reply::new(status).body("said"));
        for _ in 0..2 {
            let response = proxy.get(&origin.url("/a")).await;
            assert_eq!((response.status, response.text()), (status, "said"));
            proxy.get(&origin.url("/b")).await;
        }
        let targets: Vec<_> = origin.requests().into_iter().map(|seen| seen.target).collect();
        assert_eq!(targets, ["/a", "/b", "/b"], "{status}");
    }
}

#[tokio::test]
async fn a_response_to_credentials_is_stored_only_when_it_says_that_it_may() {
    let rows = [
        ("max-age=60", false),
        ("max-age=60, public", true),
        ("max-age=60, must-revalidate", true),
        ("s-maxage=60", true),
    ];
    for (directives, stored) in rows {
        let (origin, proxy) = (Origin::start().await, Proxy::start().await);
        origin.route("/a", Reply::ok("for you").field("Cache-Control", directives));
        let url = origin.url("/a");
        let first = get_with(&proxy, &url, &[("Authorization", "Basic bWU6bWU=")]).await;
        let second = proxy.get(&url).await;

        let expected = if stored { "stored" } else { "detail=authorization" };
        assert_eq!(first.cache_status(), format!("larder; fwd=uri-miss; {expected}"));
        assert_eq!(second.cache_status().starts_with("larder; hit"), stored, "{directives}");
        let requests = origin.requests();
        assert_eq!(requests.len(), if stored { 1 } else { 2 }, "{directives}");
        assert_eq!(requests[0].field("authorization"), Some("Basic bWU6bWU="));
    }
}

#[tokio::test]
async fn a_request_with_no_store_leaves_nothing_behind() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::cacheable(60, "gone"));
    let url = origin.url("/a");
    let first = get_with(&proxy, &url, &[("Cache-Control", "no-store")]).await;
    let second = proxy.get(&url).await;
    assert_eq!(first.cache_status(), "larder; fwd=uri-miss; detail=request-no-store");
    assert_eq!(second.cache_status(), "larder; fwd=uri-miss; stored");
    let requests = origin.wait_for_requests(2).await;
    assert_eq!(requests[0].field("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn a_head_is_answered_from_a_stored_get() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::cacheable(60, "twelve bytes").field("ETag", "\"v1\""));
    let url = origin.url("/a");
    proxy.get(&url).await;
    proxy.advance(seconds(5));
    let head = ask(&proxy, "HEAD", &url, &[]).await;
    let known = ask(&proxy, "HEAD", &url, &[("If-None-Match", "\"v1\"")]).await;

    assert_eq!((head.status, head.framing), (200, Framing::None));
    assert_eq!((head.field("content-length"), head.field("age")), (Some("12"), Some("5")));
    assert_eq!(head.field("etag"), Some("\"v1\""));
    assert_eq!(head.cache_status(), "larder; hit; ttl=55");
    assert_eq!(known.status, 304);
    origin.only_request();
}

#[tokio::test]
async fn the_answer_to_a_head_answers_head_and_never_a_get() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::cacheable(60, "body"));
    let url = origin.url("/a");
    let head = ask(&proxy, "HEAD", &url, &[]).await;
    let again = ask(&proxy, "HEAD", &url, &[]).await;
    let get = proxy.get(&url).await;
    assert_eq!(head.field("content-length"), Some("4"));
    assert_eq!(head.cache_status(), "larder; fwd=uri-miss; stored");
    assert_eq!((again.status, again.cache_status()), (200, "larder; hit; ttl=60"));
    let only = ask(&proxy, "HEAD", &url, &[("Cache-Control", "only-if-cached")]).await;
    assert_eq!((only.status, only.cache_status()), (200, "larder; hit; ttl=60"));
    assert_eq!((get.text(), get.cache_status()), ("body", "larder; fwd=uri-miss; stored"));
    let methods: Vec<_> = origin.requests().into_iter().map(|seen| seen.method).collect();
    assert_eq!(methods, ["HEAD", "GET"]);
}

#[tokio::test]
async fn a_head_that_finds_a_stale_response_goes_to_the_origin_and_freshens_it() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::cacheable(10, "body").field("ETag", "\"v1\""));
    let url = origin.url("/a");
    proxy.get(&url).await;
    proxy.advance(seconds(10));
    let head = ask(&proxy, "HEAD", &url, &[]).await;
    assert_eq!(head.status, 200);
    assert!(head.cache_status().starts_with("larder; fwd=stale"), "{}", head.cache_status());
    assert_eq!(origin.wait_for_requests(2).await[1].method, "HEAD");
    assert_eq!(proxy.get(&url).await.cache_status(), "larder; hit; ttl=10");
    origin.wait_for_requests(2).await;
}

#[tokio::test]
async fn query_and_path_are_part_of_the_key_and_the_fragmentless_rest_is_not_touched() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let paths = ["/a", "/a?", "/a?x=1", "/A", "/a/", "/%61", "/a?x=%31"];
    for path in paths {
        origin.route(path, Reply::cacheable(60, path));
    }
    for path in paths {
        assert_eq!(proxy.get(&origin.url(path)).await.text(), path);
    }
    for path in paths {
        let hit = proxy.get(&origin.url(path)).await;
        assert_eq!((hit.text(), hit.cache_status()), (path, "larder; hit; ttl=60"));
    }
    assert_eq!(origin.requests().len(), paths.len());
}

#[tokio::test]
async fn a_heuristic_lifetime_is_not_for_what_sets_a_cookie() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let reply = Reply::ok("hello you").field("Last-Modified", &date(-1000));
    origin.route("/a", reply.field("Set-Cookie", "id=7"));
    for _ in 0..2 {
        let response = proxy.get(&origin.url("/a")).await;
        assert_eq!(response.cache_status(), "larder; fwd=uri-miss; detail=set-cookie");
    }
    origin.wait_for_requests(2).await;
}
