//! The origin and the raw client, tried on each other.

use super::{Origin, Reply};
use crate::support::client::{Client, get, request};
use crate::support::gate::{Gate, not_yet};
use crate::support::message::Framing;
use crate::support::tls::secure_by_file;
use crate::support::wire::Broken;

#[tokio::test]
async fn a_route_is_answered_every_time_and_each_request_is_remembered() {
    let origin = Origin::start().await;
    origin.route("/a?b", Reply::cacheable(60, "hello").field("ETag", "\"1\""));
    let mut client = Client::connect(origin.address()).await;
    for _ in 0..2 {
        client.send("GET /a?b HTTP/1.1\r\nHost: x\r\nA: 1\r\na:2\r\n\r\n").await;
        let response = client.response().await;
        assert_eq!((response.status, response.text()), (200, "hello"));
        assert_eq!(response.field("cache-control"), Some("max-age=60"));
        assert_eq!(response.framing, Framing::Length(5));
    }
    let requests = origin.wait_for_requests(2).await;
    assert_eq!(requests[1].target, "/a?b");
    assert_eq!(requests[1].fields.all("a"), ["1", "2"]);
    assert_eq!((requests[1].connection, origin.connections()), (0, 1));
    assert!(requests[1].raw_head.ends_with(b"a:2\r\n\r\n"));
}

#[tokio::test]
async fn requests_in_a_row_on_the_wire_are_answered_in_their_order() {
    let origin = Origin::start().await;
    origin.script("/", [Reply::ok("one"), Reply::ok("two").chunked(), Reply::ok("three").close()]);
    let mut client = Client::connect(origin.address()).await;
    client.send(request("GET", "/", &[]).repeat(3)).await;
    for words in ["one", "two", "three"] {
        assert_eq!(client.response().await.text(), words);
    }
    client.expect_close().await;
    origin.wait_for_closed(1).await;
}

#[tokio::test]
#[should_panic(expected = "a request too many for /")]
async fn a_request_beyond_the_script_fails_the_test() {
    let origin = Origin::start().await;
    origin.script("/", [Reply::ok("one")]);
    let mut client = Client::connect(origin.address()).await;
    assert_eq!(client.get("/").await.status, 200);
    assert_eq!(client.get("/").await.status, 500);
    origin.finish();
}

#[tokio::test]
#[should_panic(expected = "a task panicked")]
async fn a_panic_while_answering_fails_the_test() {
    let origin = Origin::start().await;
    origin.route_with("/", |_| panic!("this one is meant"));
    let mut client = Client::connect(origin.address()).await;
    client.send(request("GET", "/", &[])).await;
    client.expect_close().await;
    drop(origin);
}

#[tokio::test]
#[should_panic(expected = "was sent a malformed request")]
async fn a_request_that_is_no_http_fails_the_test() {
    let origin = Origin::start().await;
    let mut client = Client::connect(origin.address()).await;
    client.send("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n").await;
    client.expect_close().await;
}

#[tokio::test]
async fn a_chunked_body_and_its_trailer_arrive_both_ways() {
    let origin = Origin::start().await;
    origin.route("/", Reply::ok("answer").trailer("Sum", "42"));
    let mut client = Client::connect(origin.address()).await;
    client.send(request("PUT", "/", &[("Transfer-Encoding", "chunked")])).await;
    client.send("3;x=y\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nEnd: yes\r\n\r\n").await;
    let response = client.response_to("PUT").await;
    assert_eq!((response.framing, response.text()), (Framing::Chunked, "answer"));
    assert_eq!(response.trailers.get("sum"), Some("42"));
    let request = origin.only_request();
    assert_eq!(request.body, b"abc0123456789abcdef");
    assert_eq!(request.trailers.get("End"), Some("yes"));
    assert!(request.complete);
}

#[tokio::test]
async fn interim_responses_come_before_the_final_one_and_100_before_the_body() {
    let origin = Origin::start().await;
    let gate = Gate::new();
    let hints = [("Link", "</a>")];
    origin.route("/", Reply::ok("done").interim(103, &hints).after(&gate).interim(100, &[]));
    let mut client = Client::connect(origin.address()).await;
    client.send(request("POST", "/", &[("Content-Length", "4")])).await;
    assert_eq!(client.head().await.status(), Ok(100));
    assert!(!origin.only_request().complete);
    client.send("body").await;
    let early = client.head().await;
    assert_eq!((early.status(), early.fields.get("link")), (Ok(103), Some("</a>")));
    not_yet("the final head came before its gate opened", client.head()).await;
    gate.open();
    assert_eq!(client.response().await.text(), "done");
}

#[tokio::test]
async fn a_head_can_come_before_its_body_and_a_body_piece_by_piece() {
    let origin = Origin::start().await;
    let (head, pieces) = (Gate::new(), Gate::new());
    origin.route("/", Reply::ok("abcdef").body_after(&head).paced(&pieces, 2));
    let mut client = Client::connect(origin.address()).await;
    client.send(request("GET", "/", &[])).await;
    let response = client.head().await;
    let mut body = client.body_of(&response);
    not_yet("the body came before its gate opened", client.piece(&mut body)).await;
    head.open();
    pieces.pass(2);
    assert_eq!(client.at_least(&mut body, 4).await, b"abcd");
    not_yet("a piece came before its pass", client.piece(&mut body)).await;
    assert_eq!(origin.body_bytes_sent(), 4);
    pieces.open();
    assert_eq!(client.at_least(&mut body, 2).await, b"ef");
    assert_eq!(client.piece(&mut body).await, Ok(None));
}

#[tokio::test]
async fn a_body_breaks_off_in_the_way_that_was_asked_for() {
    let origin = Origin::start().await;
    origin.route("/cut", Reply::ok("abcdef").cut_after(4));
    origin.route("/chunked", Reply::ok("abcdef").chunked().cut_after(4));
    origin.route("/reset", Reply::ok("abcdef").reset_after(0));
    for path in ["/cut", "/chunked"] {
        let mut client = Client::connect(origin.address()).await;
        client.send(request("GET", path, &[])).await;
        let response = client.broken_response().await;
        assert_eq!((response.text(), response.broken.clone()), ("abcd", Some(Broken::Closed)));
    }
    let mut client = Client::connect(origin.address()).await;
    client.send(request("GET", "/reset", &[])).await;
    let reset = Some(Broken::Failed(std::io::ErrorKind::ConnectionReset));
    assert_eq!(client.broken_response().await.broken, reset);
}

#[tokio::test]
async fn an_origin_can_answer_garbage_nothing_or_never() {
    let origin = Origin::start().await;
    origin.route("/garbage", Reply::raw("what?\r\n"));
    origin.route("/nothing", Reply::nothing());
    origin.route("/never", Reply::never());
    for (path, bytes) in [("/garbage", "what?\r\n"), ("/nothing", "")] {
        let mut client = Client::connect(origin.address()).await;
        client.send(request("GET", path, &[])).await;
        assert_eq!(client.read_to_close().await, bytes.as_bytes());
    }
    let mut client = Client::connect(origin.address()).await;
    client.send(request("GET", "/never", &[])).await;
    not_yet("there was an answer", client.some()).await;
    assert_eq!(origin.open_connections(), 1);
    drop(client);
    origin.wait_for_closed(3).await;
}

#[tokio::test]
async fn the_origin_notices_that_its_peer_goes_while_a_gate_holds_the_reply() {
    let origin = Origin::start().await;
    origin.route("/", Reply::ok("late").after(&Gate::new()));
    let mut client = Client::connect(origin.address()).await;
    client.send(request("GET", "/", &[])).await;
    origin.wait_for_requests(1).await;
    client.reset();
    origin.wait_for_closed(1).await;
}

#[tokio::test]
async fn bodiless_responses_have_no_body_and_head_keeps_the_length() {
    let origin = Origin::start().await;
    origin.route("/", Reply::ok("hello"));
    origin.route("/304", Reply::new(304).field("ETag", "\"1\""));
    origin.route("/old", Reply::ok("hello").http10().until_close());
    let mut client = Client::connect(origin.address()).await;
    client.send(request("HEAD", "/", &[])).await;
    let head = client.response_to("HEAD").await;
    assert_eq!((head.field("content-length"), head.text()), (Some("5"), ""));
    assert_eq!(client.get("/304").await.framing, Framing::None);
    let old = client.get("/old").await;
    assert_eq!((old.version.as_str(), old.framing), ("HTTP/1.0", Framing::Close));
    assert_eq!(old.text(), "hello");
    client.expect_close().await;
}

#[tokio::test]
async fn an_early_answer_does_not_wait_for_the_body() {
    let origin = Origin::start().await;
    origin.route("/", Reply::new(413).early().close());
    let mut client = Client::connect(origin.address()).await;
    client.send(request("POST", "/", &[("Content-Length", "1000")])).await;
    assert_eq!(client.response_to("POST").await.status, 413);
    assert!(!origin.only_request().complete);
}

#[tokio::test]
async fn an_upgraded_connection_echoes() {
    let origin = Origin::start().await;
    origin.route("/", Reply::echo("websocket"));
    let mut client = Client::connect(origin.address()).await;
    client.send(request("GET", "/", &[("Upgrade", "websocket")])).await;
    assert_eq!(client.response().await.status, 101);
    client.send("ping").await;
    assert_eq!(client.exactly(4).await, b"ping");
    client.half_close().await;
    client.expect_close().await;
}

#[tokio::test]
async fn a_large_body_is_checked_byte_by_byte_without_being_kept() {
    const LENGTH: u64 = 3_000_000;
    let origin = Origin::start().await;
    origin.route("/", Reply::ok("").pattern(LENGTH).chunked());
    let mut client = Client::connect(origin.address()).await;
    client.send(request("GET", "/", &[])).await;
    let head = client.head().await;
    let mut body = client.body_of(&head);
    assert_eq!(client.pattern(&mut body).await, Ok(LENGTH));
}

#[tokio::test]
async fn an_https_origin_speaks_tls_under_a_root_of_its_own() {
    let origin = Origin::start_tls().await;
    origin.route("/", Reply::ok("secret"));
    assert!(origin.url("/").starts_with("https://localhost:"));
    let plain = Client::connect(origin.address()).await;
    let mut client = secure_by_file(plain, "localhost", &origin.ca_file()).await;
    assert_eq!(client.get("/").await.text(), "secret");
    client.half_close().await;
    client.expect_close().await;
}

#[tokio::test]
async fn what_has_no_route_is_not_found() {
    let origin = Origin::start().await;
    assert_eq!(get(origin.address(), "/nowhere").await.status, 404);
}
