//! Interim responses are written before the final head of their exchange and nowhere else.

use std::time::Duration;

use ::http::Response;
use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::time::timeout;

use super::{Call, Running, SOON, TestBody, ok, ok_and_close};

const HINTS: &str = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n";

fn push(call: &Call, interim: &'static str) -> bool {
    call.connection
        .push_interim(call.connection.current_exchange(), Bytes::from_static(interim.as_bytes()))
}

#[tokio::test]
async fn a_103_arrives_while_the_answer_is_still_being_made() {
    let mut running = Running::plain();
    let mut client = running.connect().await;
    client.send("GET /1 HTTP/1.1\r\n\r\n").await;
    let call = running.call().await;
    for _ in 0..2 {
        assert!(push(&call, HINTS));
        assert_eq!(client.until("\r\n\r\n").await, HINTS);
    }
    call.ok("done");
    assert_eq!(client.until("done").await, ok("done"));
}

#[tokio::test]
async fn a_103_that_comes_with_the_answer_goes_before_it() {
    let mut running = Running::plain();
    let mut client = running.connect().await;
    client.send("GET /1 HTTP/1.1\r\n\r\n").await;
    let call = running.call().await;
    let connection = std::sync::Arc::clone(&call.connection);
    assert!(push(&call, HINTS) && push(&call, HINTS));
    call.ok("done");
    assert_eq!(client.until("done").await, format!("{HINTS}{HINTS}{}", ok("done")));
    let late = connection.push_interim(connection.current_exchange(), Bytes::from_static(b"late"));
    assert!(!late, "the exchange is over");
}

#[tokio::test]
async fn pipelined_answers_each_get_their_own_103_and_never_inside_another() {
    let mut running = Running::plain();
    let mut client = running.connect().await;
    client.send("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n\r\n").await;
    let mut expected = String::new();
    for body in ["one", "two", "three"] {
        let call = running.call().await;
        let (stream, feed) = TestBody::fed(Some(body.len() as u64));
        let connection = std::sync::Arc::clone(&call.connection);
        let exchange = connection.current_exchange();
        assert!(push(&call, HINTS));
        call.answer(Response::new(stream));
        feed.send(Ok(Bytes::from_static(&body.as_bytes()[..1]))).unwrap();
        let so_far = client.until(&format!("\r\n\r\n{}", &body[..1])).await;
        // In the middle of the body: refused, and not written later either.
        assert!(!connection.push_interim(exchange, Bytes::from_static(b"INSIDE")));
        feed.send(Ok(Bytes::from_static(&body.as_bytes()[1..]))).unwrap();
        let rest = client.until(&body[1..]).await;
        expected = format!("{HINTS}{}", ok(body));
        assert_eq!(format!("{so_far}{rest}"), expected);
    }
    assert!(!expected.is_empty());
}

#[tokio::test]
async fn an_early_answer_while_the_request_body_is_coming_keeps_the_order() {
    let mut running = Running::plain();
    let mut client = running.connect().await;
    client.send("POST /1 HTTP/1.1\r\nContent-Length: 10\r\n\r\n12345").await;
    let mut call = running.call().await;
    let first = call.request.body_mut().frame().await.unwrap().unwrap();
    assert_eq!(first.into_data().unwrap(), "12345");
    assert!(push(&call, HINTS));
    assert_eq!(client.until("\r\n\r\n").await, HINTS);
    let (stream, feed) = TestBody::fed(Some(6));
    let Call { request, connection, answer } = call;
    let exchange = connection.current_exchange();
    answer.send(Response::new(stream)).unwrap();
    feed.send(Ok("abc".into())).unwrap();
    client.until("\r\n\r\nabc").await;
    assert!(!connection.push_interim(exchange, Bytes::from_static(b"INSIDE")));
    // The rest of the body comes in the middle of the answer, with the next request behind it.
    client.send("67890GET /2 HTTP/1.1\r\n\r\n").await;
    assert_eq!(request.into_body().collect().await.unwrap().to_bytes(), "67890");
    feed.send(Ok("def".into())).unwrap();
    client.until("def").await;
    let second = running.call().await;
    assert!(push(&second, HINTS));
    second.ok("two");
    assert_eq!(client.until("two").await, format!("{HINTS}{}", ok("two")));
}

#[tokio::test]
async fn a_100_that_hyper_writes_goes_well_with_a_103() {
    let mut running = Running::plain();
    let mut client = running.connect().await;
    client.send("PUT /1 HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n").await;
    let call = running.call().await;
    assert!(push(&call, HINTS));
    assert_eq!(client.until("\r\n\r\n").await, HINTS);
    let Call { request, connection, answer } = call;
    let body = tokio::spawn(request.into_body().collect());
    assert_eq!(client.until("\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
    let pushed = connection
        .push_interim(connection.current_exchange(), Bytes::from_static(HINTS.as_bytes()));
    assert!(pushed, "the final head is still to come");
    assert_eq!(client.until("\r\n\r\n").await, HINTS);
    client.send("body").await;
    assert_eq!(timeout(SOON, body).await.unwrap().unwrap().unwrap().to_bytes(), "body");
    answer.send(Response::new(TestBody::whole("done"))).unwrap();
    assert_eq!(client.until("done").await, ok("done"));
}

#[tokio::test]
async fn an_http_10_client_and_a_text_client_get_none() {
    let mut running = Running::start(|config| config.quiet_wait = Duration::from_millis(10));
    for request in ["GET /1 HTTP/1.0\r\n\r\n", "www.example.com\n"] {
        let mut client = running.connect().await;
        client.send(request).await;
        let call = running.call().await;
        assert!(!push(&call, HINTS));
        call.ok("done");
        assert_eq!(client.rest().await, ok_and_close("done").replacen("1.1", "1.0", 1));
    }
}
