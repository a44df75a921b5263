//! Connections to origins: which are used again, which never, and what is tried a second time.

use crate::support::gate::Gate;
use crate::support::origin::{Origin, Reply};
use crate::support::proxy::Proxy;

#[tokio::test]
async fn one_connection_to_an_origin_serves_one_client_after_the_other() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/length", Reply::ok("length"));
    origin.route("/chunked", Reply::ok("chunked").chunked());
    origin.route("/stored", Reply::cacheable(60, "stored"));
    for path in ["/length", "/chunked", "/stored", "/length"] {
        assert_eq!(proxy.get(&origin.url(path)).await.status, 200);
        assert_eq!(proxy.client().await.post(&origin.url("/length"), "up").await.text(), "length");
    }
    assert_eq!((origin.requests().len(), origin.connections()), (8, 1));
}

#[tokio::test]
async fn requests_at_the_same_time_have_a_connection_each_and_both_are_kept() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let gate = Gate::new();
    origin.route("/1", Reply::ok("one").after(&gate));
    origin.route("/2", Reply::ok("two").after(&gate));
    let fetch = async |path| proxy.get(&origin.url(path)).await;
    let open = async {
        gate.reached(2).await;
        gate.open();
    };
    let (one, two, ()) = tokio::join!(fetch("/1"), fetch("/2"), open);
    assert_eq!((one.text(), two.text()), ("one", "two"));
    tokio::join!(fetch("/1"), fetch("/2"));
    assert_eq!(origin.connections(), 2);
}

#[tokio::test]
async fn a_connection_is_not_used_again_after_an_unclean_end() {
    let length = |value: &str| Reply::raw(format!("HTTP/1.1 200 OK\r\n{value}\r\n\r\nhello"));
    for (what, unclean) in [
        ("close", Reply::ok("x").close()),
        ("HTTP/1.0", Reply::ok("x").http10()),
        ("until close", Reply::ok("x").until_close()),
        ("hung up", Reply::ok("x").hang_up()),
        ("cut", Reply::ok("a body").cut_after(2)),
        ("too long", length("Content-Length: 2")),
        ("two lengths", length("Content-Length: 5\r\nContent-Length: 6")),
        ("length and chunks", length("Content-Length: 5\r\nTransfer-Encoding: chunked")),
        ("no HTTP", Reply::raw("SMTP ready\r\n\r\n")),
        ("no chunk", length("Transfer-Encoding: chunked")),
    ] {
        let (origin, proxy) = (Origin::start().await, Proxy::start().await);
        origin.route("/unclean", unclean);
        origin.route("/a", Reply::ok("clean"));
        let mut client = proxy.client().await;
        client.send(format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", origin.url("/unclean"))).await;
        client.any_response_to("GET").await;
        origin.wait_for_closed(1).await;
        assert_eq!(proxy.get(&origin.url("/a")).await.text(), "clean", "{what}");
        let seen = origin.wait_for_requests(2).await;
        assert_eq!((seen[0].connection, seen[1].connection), (0, 1), "{what}");
    }
}

#[tokio::test]
async fn a_connection_whose_answer_the_client_did_not_want_is_closed() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let gate = Gate::new();
    let endless = Reply::new(200).pattern(100_000_000).field("Cache-Control", "no-store");
    origin.route("/endless", endless.paced(&gate, 1000));
    let mut client = proxy.client().await;
    client.send(format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", origin.url("/endless"))).await;
    gate.pass(1);
    client.head().await;
    client.reset();
    gate.open();
    origin.wait_for_closed(1).await;
    assert!(origin.body_bytes_sent() < 100_000_000);
    let line = &proxy.log().wait_for_exchanges(1).await[0];
    assert_eq!(line["error"], "the client went away before the end");
}

#[tokio::test]
async fn a_get_that_a_reused_connection_lost_is_sent_once_more() {
    for lost in [Reply::nothing(), Reply::reset()] {
        let (origin, proxy) = (Origin::start().await, Proxy::start().await);
        origin.route("/a", Reply::ok("first"));
        origin.script("/b", [lost, Reply::ok("second try")]);
        let mut client = proxy.client().await;
        client.get(&origin.url("/a")).await;
        let response = client.get(&origin.url("/b")).await;
        assert_eq!((response.status, response.text()), (200, "second try"));
        let seen = origin.wait_for_requests(3).await;
        let places: Vec<_> = seen.iter().map(|request| request.connection).collect();
        assert_eq!(places, [0, 0, 1]);
        assert_eq!(proxy.log().wait_for_exchanges(2).await[1]["status"], 200);
    }
}

#[tokio::test]
async fn a_get_is_not_sent_a_third_time() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::ok("first"));
    origin.script("/b", [Reply::nothing(), Reply::nothing()]);
    let mut client = proxy.client().await;
    client.get(&origin.url("/a")).await;
    let response = client.get(&origin.url("/b")).await;
    assert_eq!(response.status, 502);
    let status = response.field("proxy-status").unwrap();
    assert!(status.starts_with("larder; error=http_response_incomplete"), "{status}");
    origin.wait_for_requests(3).await;
}

#[tokio::test]
async fn a_get_that_a_new_connection_lost_is_not_repeated() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.script("/a", [Reply::nothing()]);
    assert_eq!(proxy.get(&origin.url("/a")).await.status, 502);
    origin.only_request();
}

#[tokio::test]
async fn a_get_whose_answer_had_begun_is_not_repeated() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::ok("first"));
    origin.script("/b", [Reply::raw("HTTP/1.1 200 OK\r\nContent-Le")]);
    let mut client = proxy.client().await;
    client.get(&origin.url("/a")).await;
    assert_eq!(client.get(&origin.url("/b")).await.status, 502);
    origin.wait_for_requests(2).await;
}

#[tokio::test]
async fn a_post_that_reached_the_origin_is_never_repeated() {
    // A body that was streamed is gone; one that was empty could be sent again, and must not be.
    for (lost, body) in
        [(Reply::nothing(), "once"), (Reply::reset(), "once"), (Reply::nothing(), "")]
    {
        let (origin, proxy) = (Origin::start().await, Proxy::start().await);
        origin.route("/a", Reply::ok("first"));
        origin.script("/b", [lost]);
        let mut client = proxy.client().await;
        client.get(&origin.url("/a")).await;
        assert_eq!(client.post(&origin.url("/b"), body).await.status, 502);
        let seen = origin.wait_for_requests(2).await;
        assert_eq!((&*seen[1].method, &*seen[1].body), ("POST", body.as_bytes()));
    }
}

#[tokio::test]
async fn a_connection_that_the_origin_closed_while_it_rested_costs_nobody_anything() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::ok("first").hang_up());
    origin.route("/b", Reply::ok("posted"));
    assert_eq!(proxy.get(&origin.url("/a")).await.text(), "first");
    origin.wait_for_closed(1).await;
    // A POST may not be repeated, and need not be: the dead connection is not used.
    assert_eq!(proxy.client().await.post(&origin.url("/b"), "once").await.text(), "posted");
    let seen = origin.wait_for_requests(2).await;
    assert_eq!(seen[1].connection, 1);
}

#[tokio::test]
async fn a_connection_that_rested_too_long_is_closed() {
    let origin = Origin::start().await;
    let proxy = Proxy::with(|config| {
        config.upstream.idle_wait = std::time::Duration::from_millis(20);
    })
    .await;
    origin.route("/a", Reply::ok("hello"));
    proxy.get(&origin.url("/a")).await;
    origin.wait_for_closed(1).await;
    assert_eq!(proxy.get(&origin.url("/a")).await.text(), "hello");
    assert_eq!(origin.connections(), 2);
}
