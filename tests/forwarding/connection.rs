//! Client connections: how long they last, and in which order answers come.

use crate::support::gate::{Gate, not_yet};
use crate::support::message::Framing;
use crate::support::origin::{Origin, Reply};
use crate::support::pattern;
use crate::support::proxy::Proxy;

#[tokio::test]
async fn an_http_1_0_client_is_always_closed_after_the_answer() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/fresh", Reply::cacheable(60, "hello"));
    origin.route("/posted", Reply::ok("thanks"));
    let kept =
        "Connection: keep-alive\r\nProxy-Connection: keep-alive\r\nKeep-Alive: timeout=9\r\n";
    let get = format!("GET {} HTTP/1.0\r\n{kept}\r\n", origin.url("/fresh"));
    let post =
        format!("POST {} HTTP/1.0\r\n{kept}Content-Length: 2\r\n\r\nhi", origin.url("/posted"));
    let own = format!("GET / HTTP/1.0\r\n{kept}\r\n");
    let error = format!("GET ftp://x/ HTTP/1.0\r\n{kept}\r\n");

    for (request, status) in [(&get, 200), (&get, 200), (&post, 200), (&own, 200), (&error, 400)] {
        let mut client = proxy.client().await;
        client.send(request).await;
        let response = client.response().await;
        assert_eq!(response.status, status, "{request}");
        assert_eq!(response.field("connection"), Some("close"), "{request}");
        assert!(!response.fields.has("keep-alive"), "{request}");
        client.expect_close().await;
    }
    origin.wait_for_requests(2).await;
}

#[tokio::test]
async fn an_http_1_0_client_gets_a_chunked_body_without_chunks_up_to_the_close() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::ok("in pieces").chunked());
    let mut client = proxy.client().await;
    client.send(format!("GET {} HTTP/1.0\r\n\r\n", origin.url("/a"))).await;
    let response = client.response().await;
    assert_eq!((response.text(), response.framing), ("in pieces", Framing::Close));
    client.expect_close().await;
    assert_eq!(origin.only_request().version, "HTTP/1.1");
    assert_eq!(origin.only_request().field("host"), Some(&*origin.authority()));
}

#[tokio::test]
async fn an_http_1_1_connection_is_kept_for_as_many_requests_as_the_client_likes() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/length", Reply::ok("length"));
    origin.route("/chunked", Reply::ok("chunked").chunked());
    origin.route("/close", Reply::ok("until close").until_close());
    origin.route("/empty", Reply::new(204));
    origin.route("/cached", Reply::cacheable(60, "cached"));
    let mut client = proxy.client().await;
    for (path, status, body) in [
        ("/length", 200, "length"),
        ("/chunked", 200, "chunked"),
        ("/close", 200, "until close"),
        ("/empty", 204, ""),
        ("/none", 404, "no route for /none"),
        ("/cached", 200, "cached"),
        ("/cached", 200, "cached"),
    ] {
        let response = client.get(&origin.url(path)).await;
        assert_eq!((response.status, response.text()), (status, body), "{path}");
        assert!(!response.fields.has("connection"), "{path}: {:?}", response.fields);
    }
    assert_eq!(client.post(&origin.url("/length"), "x").await.text(), "length");
    // An error of our own does not cost the connection either.
    assert_eq!(client.get("http://127.0.0.1:25/").await.status, 403);
    assert_eq!(client.get(&origin.url("/length")).await.text(), "length");
}

#[tokio::test]
async fn a_client_that_says_close_is_closed_after_the_answer() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::ok("last"));
    let mut client = proxy.client().await;
    let response = client.get_with(&origin.url("/a"), &[("Connection", "close")]).await;
    assert_eq!((response.text(), response.field("connection")), ("last", Some("close")));
    client.expect_close().await;
    // The other hop is none of the client's business.
    assert!(!origin.only_request().has("connection"));
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_their_order() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let gate = Gate::new();
    origin.route("/slow", Reply::ok("slow").after(&gate));
    origin.route("/quick", Reply::cacheable(60, "quick"));
    origin.route("/posted", Reply::ok("posted").chunked());
    proxy.get(&origin.url("/quick")).await;

    let line = |method, path| format!("{method} {} HTTP/1.1\r\nHost: x\r\n", origin.url(path));
    let mut client = proxy.client().await;
    client
        .send(
            [
                line("GET", "/slow") + "\r\n",
                line("GET", "/quick") + "\r\n",
                line("POST", "/posted") + "Content-Length: 4\r\n\r\nbody",
                line("HEAD", "/quick") + "\r\n",
                line("POST", "/posted") + "Transfer-Encoding: chunked\r\n\r\n2\r\nin\r\n0\r\n\r\n",
                line("GET", "/none") + "\r\n",
            ]
            .concat(),
        )
        .await;
    gate.reached(1).await;
    not_yet("an answer before the first", client.some()).await;
    gate.open();

    assert_eq!(client.response().await.text(), "slow");
    assert_eq!(client.response().await.text(), "quick");
    assert_eq!(client.response().await.text(), "posted");
    assert_eq!(client.response_to("HEAD").await.field("content-length"), Some("5"));
    assert_eq!(client.response().await.text(), "posted");
    assert_eq!(client.response().await.status, 404);
    let seen = origin.wait_for_requests(5).await;
    let paths: Vec<_> = seen.iter().map(|request| &*request.target).collect();
    assert_eq!(paths, ["/quick", "/slow", "/posted", "/posted", "/none"]);
    assert_eq!((&*seen[2].body, &*seen[3].body), (&b"body"[..], &b"in"[..]));
}

#[tokio::test]
async fn a_client_that_closes_its_side_gets_the_whole_answer() {
    const LENGTH: u64 = 3 * 1024 * 1024;
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let gate = Gate::new();
    origin.route("/large", Reply::new(200).pattern(LENGTH).after(&gate));
    origin.route("/stored", Reply::cacheable(60, "stored").body_after(&gate));
    origin.route("/posted", Reply::ok("thanks").after(&gate));

    let mut large = proxy.client().await;
    large.send(format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", origin.url("/large"))).await;
    large.half_close().await;
    let mut stored = proxy.client().await;
    stored.send(format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", origin.url("/stored"))).await;
    stored.half_close().await;
    let mut posted = proxy.client().await;
    let post = format!("POST {} HTTP/1.1\r\nHost: x\r\n", origin.url("/posted"));
    posted.send(post + "Content-Length: 4\r\n\r\nbody").await;
    posted.half_close().await;
    gate.reached(3).await;
    gate.open();

    let head = large.head().await;
    let mut body = large.body_of(&head);
    assert_eq!(large.pattern(&mut body).await, Ok(LENGTH));
    large.expect_close().await;
    assert_eq!(stored.response().await.text(), "stored");
    stored.expect_close().await;
    assert_eq!(posted.response().await.text(), "thanks");
    posted.expect_close().await;
    let lines = proxy.log().wait_for_exchanges(3).await;
    assert!(lines.iter().all(|line| line["error"].is_null()), "{lines:#?}");
}

#[tokio::test]
async fn the_first_byte_reaches_the_client_before_the_origin_has_sent_the_last() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let pace = Gate::new();
    origin.route("/a", Reply::new(200).pattern(3000).paced(&pace, 1000));
    origin.route("/stored", Reply::cacheable(60, pattern::bytes(0, 3000)).paced(&pace, 1000));
    for path in ["/a", "/stored"] {
        let mut client = proxy.client().await;
        client.send(format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", origin.url(path))).await;
        let head = client.head().await;
        let mut body = client.body_of(&head);
        let mut bytes = Vec::new();
        for passes in 1..=3 {
            assert_eq!(bytes.len(), (passes - 1) * 1000, "{path}");
            pace.pass(1);
            bytes.extend(client.at_least(&mut body, 1000).await);
        }
        assert!(body.has_ended(), "{path}");
        pattern::check(0, &bytes);
    }
}
