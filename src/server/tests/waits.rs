//! Whoever makes us wait too long is told, or closed.

use std::time::Duration;

use ::http::Response;
use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use super::{Running, SOON, TestBody, ok, page};

const SHORT: Duration = Duration::from_millis(50);

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
    client.send("GET /slow").await;
    assert_eq!(client.rest().await, page(408));
    assert_eq!(running.refusals().pop().unwrap().first_line, "GET /slow");
}

#[tokio::test]
async fn a_head_that_drips_gets_no_more_time() {
    let running = Running::start(|config| config.head_wait = 4 * SHORT);
    let mut client = running.connect().await;
    client.send("GET / HTTP/1.1\r\n").await;
    let (mut read, mut write) = client.0.split();
    let drip = async {
        while tokio::io::AsyncWriteExt::write_all(&mut write, b"A: b\r\n").await.is_ok() {
            tokio::time::sleep(SHORT / 5).await;
        }
    };
    let answer = async {
        let mut all = vec![0; page(408).len()];
        read.read_exact(&mut all).await.unwrap();
        all
    };
    tokio::select! {
        answer = timeout(SOON, answer) => assert_eq!(answer.unwrap(), page(408).as_bytes()),
        () = drip => panic!("closed without an answer"),
    }
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
    // Another connection sees all of its waits pass meanwhile.
    let mut other = running.connect().await;
    for _ in 0..3 {
        other.send("GET /auto HTTP/1.1\r\n\r\n").await;
        other.until(&ok("/auto")).await;
        assert_eq!(other.rest().await, "");
        other = running.connect().await;
    }
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
        config.body_rate_grace = 2 * SHORT;
    });
    let mut client = running.connect().await;
    client.send("POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\nabc").await;
    let mut call = running.call().await;
    let drip = async {
        loop {
            client.send("x").await;
            tokio::time::sleep(SHORT / 5).await;
        }
    };
    tokio::select! {
        body = timeout(SOON, call.request.body_mut().collect()) => {
            assert!(body.unwrap().is_err());
        }
        () = drip => {}
    }
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
        let mut other = running.connect().await;
        // The clock of a body that is wanted runs out twice meanwhile.
        for _ in 0..2 {
            other.send("POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\n").await;
            let mut stalled = running.call().await;
            assert!(stalled.request.body_mut().collect().await.is_err());
            stalled.ok("");
            other = running.connect().await;
        }
        call.request.body_mut().collect().await.unwrap().to_bytes().len()
    };
    let (sent, read) = timeout(SOON, async { tokio::join!(sending, reading) }).await.unwrap();
    sent.unwrap();
    assert_eq!(read, 1 << 20);
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
