//! Who closes when, and that nothing is lost by it.

use ::http::header::CONNECTION;
use ::http::{HeaderValue, Response};
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::{Running, SOON, TestBody, ok, ok_and_close};

#[tokio::test]
async fn a_half_closed_client_gets_its_whole_answer() {
    let mut running = Running::plain();
    let mut client = running.connect().await;
    client.send("GET / HTTP/1.1\r\n\r\n").await;
    client.0.shutdown().await.unwrap();
    let call = running.call().await;
    let (body, feed) = TestBody::fed(Some(1 << 20));
    call.answer(Response::new(body));
    client.until("\r\n\r\n").await;
    for _ in 0..16 {
        feed.send(Ok(Bytes::from(vec![b'x'; 1 << 16]))).unwrap();
    }
    assert_eq!(client.rest().await.len(), 1 << 20);
}

#[tokio::test]
async fn http_10_is_always_closed_after_the_answer() {
    let mut running = Running::plain();
    for field in ["", "Connection: keep-alive\r\n"] {
        let mut client = running.connect().await;
        client.send(format!("GET / HTTP/1.0\r\n{field}\r\n")).await;
        let mut response = Response::new(TestBody::whole("done"));
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("keep-alive"));
        running.call().await.answer(response);
        assert_eq!(client.rest().await, ok_and_close("done").replacen("1.1", "1.0", 1));
    }
}

#[tokio::test]
async fn http_11_is_kept_until_the_client_wants_it_closed() {
    let running = Running::plain();
    let mut client = running.connect().await;
    for _ in 0..3 {
        client.send("GET /auto HTTP/1.1\r\n\r\n").await;
        assert_eq!(client.until("/auto").await, ok("/auto"));
    }
    client.send("GET /auto HTTP/1.1\r\nConnection: close\r\n\r\n").await;
    assert_eq!(client.rest().await, ok_and_close("/auto"));
}

#[tokio::test]
async fn a_request_body_that_nobody_reads_closes_the_connection_after_the_answer() {
    let running = Running::plain();
    let mut client = running.connect().await;
    let request = "POST /auto HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n";
    client.send([request.as_bytes(), &[b'x'; 300_000]].concat()).await;
    // The answer arrives whole, although most of what was sent was never read.
    let answer = client.until("/auto").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert_eq!(client.rest().await, "");
    // The end has come, but no reset: what is still being sent fails nobody.
    for _ in 0..32 {
        client.send(vec![b'x'; 16 * 1024]).await;
    }
}

#[tokio::test]
async fn a_request_body_that_is_held_after_the_answer_is_no_new_request() {
    let mut running = Running::start(|config| {
        config.head_wait = std::time::Duration::from_millis(50);
        config.idle_wait = std::time::Duration::from_millis(50);
    });
    let mut client = running.connect().await;
    client.send("POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\nabc").await;
    let super::Call { request, answer, .. } = running.call().await;
    answer.send(Response::new(TestBody::whole("early"))).unwrap();
    client.until("early").await;
    client.send("GET /auto HTTP/1.1\r\n\r\n").await;
    assert_eq!(client.rest().await, "");
    drop(request);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_an_error_of_the_connection() {
    let mut running = Running::plain();
    let mut client = running.connect().await;
    client.send("GET / HTTP/1.1\r\n\r\n").await;
    let (body, feed) = TestBody::fed(None);
    running.call().await.answer(Response::new(body));
    feed.send(Ok("half".into())).unwrap();
    client.until("4\r\nhalf\r\n").await;
    feed.send(Err("the origin broke off".into())).unwrap();
    // No last chunk: the client knows.
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn where_only_the_end_tells_the_length_a_body_that_breaks_off_is_a_reset() {
    let mut running = Running::plain();
    for request in ["GET / HTTP/1.0\r\n\r\n", "www.example.com\n"] {
        let mut client = running.connect().await;
        client.send(request).await;
        let (body, feed) = TestBody::fed(None);
        running.call().await.answer(Response::new(body));
        feed.send(Ok("half".into())).unwrap();
        client.until("half").await;
        feed.send(Err("the origin broke off".into())).unwrap();
        let end = timeout(SOON, client.0.read(&mut [0])).await.unwrap();
        assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    }
}

#[tokio::test]
async fn a_place_is_given_back_with_the_connection() {
    let running = Running::start(|config| config.max_connections = Some(1));
    for _ in 0..3 {
        let mut client = running.connect().await;
        client.send("GET /auto HTTP/1.1\r\n\r\n").await;
        client.until(&ok("/auto")).await;
    }
}
