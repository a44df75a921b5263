//! Whoever makes us wait too long is told, or closed.

use std::time::Duration;

use ::http::Response;
use bytes::Bytes;
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::io::AsyncReadExt;
use tokio::time::{Instant, timeout};

use super::{Running, SOON, TestBody, ok, outlast_short_waits, page};

const SHORT: Duration = Duration::from_millis(30);

#[tokio::test]
async fn a_head_that_does_not_come_in_time_is_a_408() {
    let running = Running::start(|config| config.head_wait = SHORT);
    let mut client = running.connect().await;
    client.send("GET /slow HTTP/1.1\r\nHost: a").await;
    assert_eq!(client.rest().await, page(408));
    assert_eq!(running.refusals().pop().unwrap().first_line, "GET /slow HTTP/1.1");
}

#[tokio::test]
async fn so_is_the_second_head_on_a_connection() {
    let running = Running::start(|config| config.head_wait = SHORT);
    let mut client = running.connect().await;
    client.send("GET /auto HTTP/1.1\r\n\r\n").await;
    client.until(&ok("/auto")).await;
    let sending = Instant::now();
    client.send("GET /slow").await;
    assert_eq!(client.rest().await, page(408));
    let since = *running.handler.refused_since.lock();
    assert!(since.is_some_and(|since| since >= sending), "it began with its first byte");
    assert_eq!(running.refusals().pop().unwrap().first_line, "GET /slow");
}

#[tokio::test]
async fn a_request_has_been_coming_since_its_first_byte() {
    let mut running = Running::plain();
    let mut client = running.connect().await;
    for _ in 0..2 {
        client.send("GET /slow HT").await;
        outlast_short_waits().await;
        client.send("TP/1.1\r\n\r\n").await;
        let call = running.call().await;
        let coming = call.connection.first_byte().elapsed();
        assert!(coming >= 3 * SHORT, "{coming:?}");
        call.ok("done");
        client.until(&ok("done")).await;
    }
    let sending = Instant::now();
    client.send("GET /quick HTTP/1.1\r\n\r\n").await;
    let call = running.call().await;
    assert!(call.connection.first_byte() >= sending, "not since the one before");
}

#[tokio::test]
async fn an_idle_connection_is_closed_without_a_word() {
    let running = Running::start(|config| config.idle_wait = SHORT);
    let mut client = running.connect().await;
    client.send("GET /auto HTTP/1.1\r\n\r\n").await;
    client.until(&ok("/auto")).await;
    // An empty line is no request.
    client.send("\r\n").await;
    assert_eq!(client.rest().await, "");
    assert!(running.refusals().is_empty());
}

#[tokio::test]
async fn no_wait_runs_while_the_answer_is_being_made() {
    let mut running = Running::start(|config| {
        config.idle_wait = SHORT;
        config.head_wait = SHORT;
        config.body_stall_wait = SHORT;
        config.write_stall_wait = SHORT;
        config.body_rate_grace = SHORT;
    });
    let mut client = running.connect().await;
    client.send("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc").await;
    let mut call = running.call().await;
    assert_eq!(call.request.body_mut().collect().await.unwrap().to_bytes(), "abc");
    outlast_short_waits().await;
    call.ok("done");
    client.until(&ok("done")).await;
}

#[tokio::test]
async fn a_body_that_stalls_is_an_error_to_its_reader_and_the_answer_still_goes_out() {
    let mut running = Running::start(|config| config.body_stall_wait = SHORT);
    let mut client = running.connect().await;
    client.send("POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc").await;
    let mut call = running.call().await;
    let error = timeout(SOON, call.request.body_mut().collect()).await.unwrap().unwrap_err();
    let source = std::error::Error::source(&error).unwrap();
    let kind = source.downcast_ref::<std::io::Error>().unwrap().kind();
    assert_eq!(kind, std::io::ErrorKind::TimedOut);
    call.ok("too slow");
    let answer = client.rest().await;
    assert!(answer.contains("connection: close\r\n") && answer.ends_with("too slow"), "{answer}");
}

#[tokio::test]
async fn a_body_below_the_minimum_rate_is_an_error_too() {
    let mut running = Running::start(|config| {
        config.body_min_rate = 1 << 20;
        config.body_rate_grace = SHORT;
    });
    let mut client = running.connect().await;
    client.send("POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\nabc").await;
    let mut call = running.call().await;
    // A stall would take longer than this waits.
    assert!(timeout(SOON, call.request.body_mut().collect()).await.unwrap().is_err());
}

#[tokio::test]
async fn a_body_that_nobody_reads_may_wait() {
    let mut running = Running::start(|config| {
        config.body_stall_wait = SHORT;
        config.body_rate_grace = SHORT;
    });
    let mut client = running.connect().await;
    let body = vec![b'x'; 1 << 20];
    let head = format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n", body.len());
    client.send(head).await;
    let (_read, mut write) = client.0.split();
    let sending = tokio::io::AsyncWriteExt::write_all(&mut write, &body);
    let reading = async {
        let mut call = running.call().await;
        outlast_short_waits().await;
        call.request.body_mut().collect().await.unwrap().to_bytes().len()
    };
    let (sent, read) = timeout(SOON, async { tokio::join!(sending, reading) }).await.unwrap();
    sent.unwrap();
    assert_eq!(read, 1 << 20);
}

/// All of a body. hyper says only with the next request that it has ended, when its answer was earlier;
/// but its length is known.
async fn to_the_end(mut body: Incoming) -> String {
    let mut all = Vec::new();
    while !body.is_end_stream() {
        match body.frame().await {
            Some(frame) => all.extend(frame.unwrap().into_data().unwrap()),
            None => break,
        }
    }
    String::from_utf8(all).unwrap()
}

#[tokio::test]
async fn an_upload_that_outlives_its_answer_is_no_slow_request_head() {
    let mut running = Running::start(|config| {
        config.head_wait = SHORT;
        config.idle_wait = SHORT;
    });
    for (framing, parts, end) in [
        ("Content-Length: 14", ["", "four", "more"], ""),
        (
            "Transfer-Encoding: chunked",
            ["6\r\n", "\r\n4\r\nfour", "\r\n4\r\nmore"],
            "\r\n0\r\n\r\n",
        ),
    ] {
        let mut client = running.connect().await;
        let [first, second, third] = parts;
        client.send(format!("POST / HTTP/1.1\r\n{framing}\r\n\r\n{first}twelve")).await;
        let super::Call { request, answer, .. } = running.call().await;
        answer.send(Response::new(TestBody::whole("early"))).unwrap();
        let reading = tokio::spawn(to_the_end(request.into_body()));
        client.until(&ok("early")).await;
        for part in [second, third] {
            outlast_short_waits().await;
            client.send(part).await;
        }
        client.send(end).await;
        let body = timeout(SOON, reading).await.unwrap().unwrap();
        assert_eq!(body, "twelvefourmore", "{framing}");
        // Only now does the wait for the next request begin.
        client.send("GET /auto HTTP/1.1\r\n\r\n").await;
        client.until(&ok("/auto")).await;
        assert_eq!(client.rest().await, "");
    }
    assert!(running.refusals().is_empty());
}

#[tokio::test]
async fn an_upload_that_stalls_after_its_answer_is_still_an_error_to_its_reader() {
    let mut running = Running::start(|config| config.body_stall_wait = SHORT);
    let mut client = running.connect().await;
    client.send("POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc").await;
    let super::Call { request, answer, .. } = running.call().await;
    answer.send(Response::new(TestBody::whole("early"))).unwrap();
    client.until(&ok("early")).await;
    let read = timeout(SOON, request.into_body().collect()).await.unwrap();
    assert!(read.is_err());
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut_off() {
    let mut running = Running::start(|config| config.write_stall_wait = 2 * SHORT);
    let mut client = running.connect().await;
    client.send("GET / HTTP/1.1\r\n\r\n").await;
    let call = running.call().await;
    let (body, feed) = TestBody::fed(None);
    for _ in 0..256 {
        feed.send(Ok(Bytes::from(vec![0; 1 << 16]))).unwrap();
    }
    call.answer(Response::new(body));
    timeout(SOON, feed.closed()).await.unwrap();
    let mut all = Vec::new();
    let end = timeout(SOON, client.0.read_to_end(&mut all)).await.unwrap();
    assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_client_that_takes_its_answer_too_slowly_is_cut_off() {
    let mut running = Running::start(|config| {
        config.body_min_rate = 1 << 30;
        config.body_rate_grace = 2 * SHORT;
    });
    let mut client = running.connect().await;
    client.send("GET / HTTP/1.1\r\n\r\n").await;
    let call = running.call().await;
    let (body, feed) = TestBody::fed(None);
    for _ in 0..256 {
        feed.send(Ok(Bytes::from(vec![0; 1 << 16]))).unwrap();
    }
    call.answer(Response::new(body));
    timeout(SOON, feed.closed()).await.unwrap();
    let mut all = Vec::new();
    let end = timeout(SOON, client.0.read_to_end(&mut all)).await.unwrap();
    assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn an_answer_may_come_as_slowly_as_it_likes() {
    let mut running = Running::start(|config| {
        config.body_min_rate = 1 << 30;
        config.body_rate_grace = SHORT;
    });
    let mut client = running.connect().await;
    client.send("GET / HTTP/1.1\r\n\r\n").await;
    let call = running.call().await;
    let (body, feed) = TestBody::fed(Some(3));
    call.answer(Response::new(body));
    for event in ["a", "b", "c"] {
        outlast_short_waits().await;
        feed.send(Ok(Bytes::from(event))).unwrap();
        client.until(event).await;
    }
}
