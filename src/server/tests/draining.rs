//! A drain closes what is idle and lets finish what is in flight.

use std::time::Duration;

use ::http::Response;
use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Running, SOON, TestBody, ok, ok_and_close, outlast_short_waits, page};

#[tokio::test]
async fn idle_connections_and_listeners_close_at_once() {
    let running = Running::plain();
    let mut silent = running.connect().await;
    let mut idle = running.connect().await;
    idle.send("GET /auto HTTP/1.1\r\n\r\n").await;
    idle.until(&ok("/auto")).await;
    running.drain.begin();
    assert_eq!(idle.rest().await, "");
    assert_eq!(silent.rest().await, "");
    // The clients have not closed; still nothing is waited for.
    let report = running.drain.finished(Duration::from_secs(1)).await;
    assert_eq!((report.served, report.connections, report.cut), (1, 2, 0));
    assert!(TcpStream::connect(running.address).await.is_err());
}

#[tokio::test]
async fn a_request_in_flight_is_answered_with_connection_close() {
    let mut running = Running::plain();
    let mut client = running.connect().await;
    client.send("GET /1 HTTP/1.1\r\n\r\n").await;
    let call = running.call().await;
    assert_eq!(running.drain.exchanges(), 1);
    running.drain.begin();
    call.ok("done");
    assert_eq!(client.rest().await, ok_and_close("done"));
    drop(client);
    let report = timeout(SOON, running.drain.finished(SOON)).await.unwrap();
    assert_eq!((report.served, report.cut), (1, 0));
}

#[tokio::test]
async fn a_body_in_flight_goes_out_whole_and_what_was_pipelined_behind_it_is_not_begun() {
    let mut running = Running::plain();
    let mut client = running.connect().await;
    client.send("GET /1 HTTP/1.1\r\n\r\nGET /auto HTTP/1.1\r\n\r\n").await;
    let (body, feed) = TestBody::fed(Some(6));
    running.call().await.answer(Response::new(body));
    feed.send(Ok(Bytes::from_static(b"abc"))).unwrap();
    client.until("abc").await;
    running.drain.begin();
    feed.send(Ok(Bytes::from_static(b"def"))).unwrap();
    assert_eq!(client.rest().await, "def");
}

#[tokio::test]
async fn a_request_of_which_only_a_part_has_come_is_waited_for_a_second() {
    let running = Running::start(|config| config.head_wait = Duration::from_secs(600));
    let mut parts = Vec::new();
    for part in ["intranet", "GET", "GET /auto HTTP/1.1\r\nHost"] {
        let mut client = running.connect().await;
        client.send(part).await;
        parts.push(client);
    }
    let mut late = running.connect().await;
    late.send("GET /auto HTTP/1.1\r\nHo").await;
    // What was sent has been read by then: these were accepted, and sent, later.
    outlast_short_waits().await;
    running.drain.begin();
    late.send("st: a\r\n\r\n").await;
    assert_eq!(late.rest().await, ok_and_close("/auto"));
    let rests = [parts[0].rest().await, parts[1].rest().await, parts[2].rest().await];
    assert_eq!(rests, [String::new(), String::new(), page(408)]);
    drop((late, parts));
    let report = timeout(SOON, running.drain.finished(SOON)).await.unwrap();
    assert_eq!((report.served, report.cut), (1, 0));
}

#[tokio::test]
async fn what_is_not_done_at_the_limit_is_cut() {
    let mut running = Running::plain();
    let mut client = running.connect().await;
    client.send("GET /1 HTTP/1.1\r\n\r\n").await;
    let _call = running.call().await;
    running.drain.begin();
    let report = running.drain.finished(Duration::from_millis(20)).await;
    assert_eq!((report.served, report.cut), (0, 1));
    assert_eq!(client.rest().await, "");
}
