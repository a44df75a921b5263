//! Bodies and their framing, both ways: lengths, chunks, trailers, none at all.

use crate::support::client::request;
use crate::support::gate::Gate;
use crate::support::message::Framing;
use crate::support::origin::{Origin, Reply};
use crate::support::pattern;
use crate::support::proxy::Proxy;

const CHUNKED: (&str, &str) = ("Transfer-Encoding", "chunked");

#[tokio::test]
async fn a_chunked_answer_is_passed_on_chunked_and_one_with_a_length_with_its_length() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/chunked", Reply::ok("hello").chunked());
    origin.route("/length", Reply::ok("hello"));
    origin.route("/close", Reply::ok("hello").until_close());
    let mut client = proxy.client().await;
    for (path, framing) in [
        ("/chunked", Framing::Chunked),
        ("/length", Framing::Length(5)),
        ("/close", Framing::Chunked),
    ] {
        let response = client.get(&origin.url(path)).await;
        assert_eq!((response.text(), response.framing), ("hello", framing), "{path}");
    }
}

#[tokio::test]
async fn a_chunked_upload_is_passed_on_chunked_and_one_with_a_length_with_its_length() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::ok("thanks"));
    let mut client = proxy.client().await;
    client.send(request("POST", &origin.url("/a"), &[CHUNKED])).await;
    client.send("3;note=x\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n").await;
    assert_eq!(client.response().await.text(), "thanks");
    client.post(&origin.url("/a"), "abcdefg").await;
    client.post(&origin.url("/a"), "").await;

    let seen = origin.wait_for_requests(3).await;
    assert_eq!((&*seen[0].body, &*seen[1].body), (&b"abcdefg"[..], &b"abcdefg"[..]));
    let framing =
        |at: usize| (seen[at].field("transfer-encoding"), seen[at].field("content-length"));
    assert_eq!(framing(0), (Some("chunked"), None));
    assert_eq!(framing(1), (None, Some("7")));
    assert_eq!(framing(2), (None, Some("0")));
    let lines = proxy.log().wait_for_exchanges(3).await;
    assert_eq!((&lines[0]["bytes_up"], &lines[0]["cache"]), (&7.into(), &"bypass".into()));
}

#[tokio::test]
async fn trailers_of_an_answer_reach_the_client_that_asks_for_them() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let reply = Reply::ok("hello").field("Trailer", "X-Sum").trailer("X-Sum", "42");
    origin.route("/through", reply.clone());
    origin.route("/stored", reply.field("Cache-Control", "max-age=60"));
    let mut client = proxy.client().await;
    for path in ["/through", "/stored", "/stored"] {
        let response = client.get_with(&origin.url(path), &[("TE", "trailers")]).await;
        assert_eq!((response.text(), response.framing), ("hello", Framing::Chunked), "{path}");
        assert_eq!(response.trailers.get("x-sum"), Some("42"), "{path}");
        assert!(!response.fields.has("x-sum"), "a trailer is no field of the head");
    }
    let response = client.get(&origin.url("/stored")).await;
    assert_eq!((response.text(), response.trailers.has("x-sum")), ("hello", false));
    let seen = origin.wait_for_requests(2).await;
    assert_eq!(seen[0].field("te"), Some("trailers"));
    assert_eq!(seen[0].field("connection"), Some("te"));
}

#[tokio::test]
async fn trailers_of_an_upload_reach_the_origin_without_those_that_steer() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::ok("thanks"));
    let mut client = proxy.client().await;
    let fields = [CHUNKED, ("Trailer", "X-Sum, Content-Length")];
    client.send(request("POST", &origin.url("/a"), &fields)).await;
    client.send("5\r\nhello\r\n0\r\nX-Sum: 42\r\nContent-Length: 9\r\n\r\n").await;
    assert_eq!(client.response().await.text(), "thanks");
    let seen = origin.only_request();
    assert_eq!((&*seen.body, seen.trailers.get("x-sum")), (&b"hello"[..], Some("42")));
    assert!(!seen.trailers.has("content-length"));
    assert_eq!(client.post(&origin.url("/a"), "again").await.text(), "thanks");
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn the_first_byte_of_an_upload_reaches_the_origin_before_the_client_has_sent_the_last() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::ok("thanks"));
    for fields in [[("Content-Length", "10")], [CHUNKED]] {
        let chunked = fields == [CHUNKED];
        let mut client = proxy.client().await;
        client.send(request("PUT", &origin.url("/a"), &fields)).await;
        let before = origin.requests().len();
        client.send(if chunked { "5\r\nfirst\r\n" } else { "first" }).await;
        let seen = origin
            .wait_for("the first half", move |seen| {
                seen.get(before).is_some_and(|request| request.body_length == 5)
            })
            .await;
        assert!(!seen[before].complete);
        client.send(if chunked { "5\r\nlater\r\n0\r\n\r\n" } else { "later" }).await;
        assert_eq!(client.response().await.text(), "thanks");
        assert_eq!(origin.requests()[before].body, b"firstlater");
    }
}

#[tokio::test]
async fn a_large_upload_goes_through_whole_whatever_the_origin_answers_meanwhile() {
    const LENGTH: usize = 4 * 1024 * 1024;
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/late", Reply::ok("late"));
    origin.route("/early", Reply::ok("early").early());
    let mut client = proxy.client().await;
    let body = pattern::bytes(0, LENGTH);
    for (path, text) in [("/late", "late"), ("/early", "early"), ("/late", "late")] {
        assert_eq!(client.post(&origin.url(path), &body).await.text(), text, "{path}");
    }
    let seen = origin.wait_for_requests(3).await;
    assert!(seen.iter().all(|request| request.body_length == LENGTH as u64));
    pattern::check(0, &seen[2].body);
}

#[tokio::test]
async fn an_upload_that_breaks_off_is_broken_off_at_the_origin() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::ok("thanks"));
    let mut client = proxy.client().await;
    client.send(request("POST", &origin.url("/a"), &[("Content-Length", "10")])).await;
    client.send("half").await;
    origin.wait_for("the half", |seen| seen.first().is_some_and(|one| one.body_length == 4)).await;
    client.reset();
    origin.wait_for_closed(1).await;
    assert!(!origin.only_request().complete);
    let lines = proxy.log().wait_for_exchanges(1).await;
    assert!(lines[0]["error"].is_string(), "{lines:?}");
}

#[tokio::test]
async fn a_get_with_a_body_is_passed_on_with_it_and_answered_by_the_origin_each_time() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::cacheable(60, "found"));
    let mut client = proxy.client().await;
    for fields in [[("Content-Length", "5")], [CHUNKED], [("Content-Length", "5")]] {
        client.send(request("GET", &origin.url("/a"), &fields)).await;
        let chunked = fields == [CHUNKED];
        client.send(if chunked { "5\r\nquery\r\n0\r\n\r\n" } else { "query" }).await;
        let response = client.response().await;
        assert_eq!(response.text(), "found");
        assert_eq!(response.cache_status(), "larder; fwd=bypass");
    }
    let seen = origin.wait_for_requests(3).await;
    assert!(seen.iter().all(|request| request.complete && request.body == b"query"), "{seen:?}");
}

#[tokio::test]
async fn a_head_answer_keeps_its_length_has_no_body_and_leaves_both_connections_usable() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::ok("hello").field("X-Kind", "a"));
    origin.route("/chunked", Reply::ok("hello").chunked());
    let mut client = proxy.client().await;
    for _ in 0..2 {
        client.send(request("HEAD", &origin.url("/a"), &[])).await;
        let head = client.response_to("HEAD").await;
        assert_eq!((head.status, head.field("content-length")), (200, Some("5")));
        assert_eq!((head.field("x-kind"), head.body.len()), (Some("a"), 0));
        client.send(request("HEAD", &origin.url("/chunked"), &[])).await;
        let head = client.response_to("HEAD").await;
        assert_eq!((head.status, head.field("content-length")), (200, None));
        assert_eq!(client.get(&origin.url("/a")).await.text(), "hello");
    }
    let seen = origin.wait_for_requests(6).await;
    let methods: Vec<_> = seen.iter().map(|request| &*request.method).collect();
    assert_eq!(methods, ["HEAD", "HEAD", "GET", "HEAD", "HEAD", "GET"]);
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn a_head_for_what_is_stored_is_answered_with_the_stored_length() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::cacheable(60, "hello"));
    let mut client = proxy.client().await;
    client.get(&origin.url("/a")).await;
    client.send(request("HEAD", &origin.url("/a"), &[])).await;
    let head = client.response_to("HEAD").await;
    assert_eq!((head.status, head.field("content-length")), (200, Some("5")));
    assert_eq!(head.cache_status(), "larder; hit; ttl=60");
    assert_eq!(client.get(&origin.url("/a")).await.text(), "hello");
    origin.only_request();
}

#[tokio::test]
async fn an_answer_that_never_has_a_body_leaves_both_connections_usable() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/none", Reply::new(204));
    origin.route("/same", Reply::new(304).field("ETag", "\"a\""));
    let mut client = proxy.client().await;
    for _ in 0..2 {
        assert_eq!(client.get(&origin.url("/none")).await.status, 204);
        let same = client.get_with(&origin.url("/same"), &[("If-None-Match", "\"a\"")]).await;
        assert_eq!((same.status, same.field("etag")), (304, Some("\"a\"")));
    }
    origin.wait_for_requests(4).await;
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn a_method_that_nobody_knows_is_passed_on_with_its_body_and_its_answer() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route_with("/a", |seen| Reply::cacheable(60, format!("did {}", seen.method)));
    let mut client = proxy.client().await;
    for method in ["BREW", "PROPFIND", "get", "X-1!"] {
        for _ in 0..2 {
            client.send(request(method, &origin.url("/a"), &[("Content-Length", "3")])).await;
            client.send("tea").await;
            let response = client.response().await;
            assert_eq!(response.text(), format!("did {method}"));
            assert_eq!(response.cache_status(), "larder; fwd=method");
        }
    }
    let seen = origin.wait_for_requests(8).await;
    assert!(seen.iter().all(|request| request.body == b"tea"));
}

#[tokio::test]
async fn the_client_that_reads_slowly_holds_nobody_else_up() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let gate = Gate::new();
    origin.route("/slow", Reply::new(200).pattern(1_000_000).body_after(&gate));
    origin.route("/quick", Reply::ok("quick"));
    let mut slow = proxy.client().await;
    slow.send(request("GET", &origin.url("/slow"), &[])).await;
    let head = slow.head().await;
    assert_eq!(proxy.get(&origin.url("/quick")).await.text(), "quick");
    gate.open();
    let mut body = slow.body_of(&head);
    assert_eq!(slow.pattern(&mut body).await, Ok(1_000_000));
}

#[tokio::test]
async fn what_came_before_a_body_broke_off_reaches_the_client_even_when_it_came_at_once() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n";
    let rest = "\r\n5\r\nhello\r\nno chunk\r\n";
    origin.route("/through", Reply::raw(format!("{head}Cache-Control: no-store\r\n{rest}")));
    origin.route("/stored", Reply::raw(format!("{head}Cache-Control: max-age=60\r\n{rest}")));
    for path in ["/through", "/stored"] {
        let mut client = proxy.client().await;
        client.send(request("GET", &origin.url(path), &[])).await;
        let response = client.broken_response().await;
        assert_eq!((response.status, response.text()), (200, "hello"), "{path}");
    }
    // Nothing of it was stored.
    origin.route("/stored", "whole");
    assert_eq!(proxy.get(&origin.url("/stored")).await.text(), "whole");
}
