//! After a 101, or a 2xx to CONNECT, the bytes belong to whoever asked.

use std::time::Duration;

use ::http::header::{CONNECTION, UPGRADE};
use ::http::{HeaderValue, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::{Call, Client, Running, SOON, TestBody, ok, outlast_short_waits};

const SHORT: Duration = Duration::from_millis(30);

fn impatient() -> Running {
    Running::start(|config| {
        config.head_wait = SHORT;
        config.idle_wait = SHORT;
        config.body_stall_wait = SHORT;
        config.body_rate_grace = SHORT;
        config.max_connections = Some(1);
    })
}

/// Answers with `response`, and speaks through the upgraded connection.
async fn speaks_freely(
    running: &Running,
    call: Call,
    response: Response<TestBody>,
    client: &mut Client,
) {
    let Call { mut request, connection, answer } = call;
    let upgraded = hyper::upgrade::on(&mut request);
    answer.send(response).unwrap();
    let mut io = TokioIo::new(timeout(SOON, upgraded).await.unwrap().unwrap());
    client.until("\r\n\r\n").await;
    let mut early = [0; 5];
    io.read_exact(&mut early).await.unwrap();
    assert_eq!(&early, b"early", "what came with the request is not lost");
    outlast_short_waits().await;
    let exchange = connection.current_exchange();
    assert!(!connection.push_interim(exchange, bytes::Bytes::from_static(b"no interim here")));
    for _ in 0..2 {
        // Looks like one of hyper's own answers.
        io.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        io.flush().await.unwrap();
        assert_eq!(client.until("\r\n\r\n").await, "HTTP/1.1 400 Bad Request\r\n\r\n");
        client.send("question").await;
        let mut question = [0; 8];
        timeout(SOON, io.read_exact(&mut question)).await.unwrap().unwrap();
    }
    assert_eq!(running.drain.exchanges(), 0);
    client.0.shutdown().await.unwrap();
    assert_eq!(io.read(&mut [0]).await.unwrap(), 0);
    io.write_all(b"last words").await.unwrap();
    io.shutdown().await.unwrap();
    assert_eq!(client.rest().await, "last words");
}

#[tokio::test]
async fn a_tunnel_has_no_waits_and_nothing_is_put_into_it() {
    let mut running = impatient();
    let mut client = running.connect().await;
    client.send("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\nearly").await;
    let call = running.call().await;
    speaks_freely(&running, call, Response::new(TestBody::whole("")), &mut client).await;
    assert!(running.refusals().is_empty());
    // Its place is free again.
    let mut next = running.connect().await;
    next.send("GET /auto HTTP/1.1\r\n\r\n").await;
    next.until(&ok("/auto")).await;
}

#[tokio::test]
async fn so_has_a_websocket() {
    let mut running = impatient();
    let mut client = running.connect().await;
    client.send("GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nearly").await;
    let mut response = Response::new(TestBody::whole(""));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
    response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
    let call = running.call().await;
    speaks_freely(&running, call, response, &mut client).await;
}

#[tokio::test]
async fn a_refused_tunnel_leaves_an_ordinary_connection() {
    let mut running = Running::plain();
    let mut client = running.connect().await;
    client.send("CONNECT a:22 HTTP/1.1\r\nHost: a:22\r\n\r\n").await;
    let mut response = Response::new(TestBody::whole("no"));
    *response.status_mut() = StatusCode::FORBIDDEN;
    running.call().await.answer(response);
    client.until("\r\n\r\nno").await;
    client.send("GET /auto HTTP/1.1\r\n\r\n").await;
    client.until(&ok("/auto")).await;
}
