//! Bodies in both directions.

use std::sync::atomic::Ordering;
use std::time::Duration;

use http::{Method, StatusCode};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::support::*;
use crate::upstream::{Config, ContinueGate, IncomingBody, ReadError, UpstreamError};

#[tokio::test]
async fn the_framing_of_a_request_follows_its_body() {
    let origin = Origin::start(|mut peer| async move {
        let head = peer.head().await.unwrap();
        let framing: Vec<_> = head
            .lines()
            .filter(|line| line.starts_with("content-length") || line.starts_with("transfer-enc"))
            .collect();
        let text = framing.join("|");
        let length = text.len();
        let close = "Connection: close\r\n\r\n";
        peer.send(&format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n{close}{text}")).await;
        // Until we hang up, so that an upload meets no reset.
        while peer.head().await.is_some() {}
    })
    .await;
    let upstream = upstream(&config());
    let sized = || async { incoming("Content-Length: 5\r\n").await };
    let chunked = || async { incoming("Transfer-Encoding: chunked\r\n").await };
    let empty = || async { incoming("").await };
    let rows = [
        (get(&origin.target()), ""),
        (get(&origin.target()).field("content-length", "7"), "content-length: 0"),
        (get(&origin.target()).field("transfer-encoding", "chunked"), ""),
        (get(&origin.target()).method(Method::POST), "content-length: 0"),
        (post(&origin.target(), "hello").await.field("content-length", "7"), "content-length: 5"),
        (
            post(&origin.target(), "hello").await.field("transfer-encoding", "chunked"),
            "content-length: 5",
        ),
    ];
    for (ask, expected) in rows {
        assert_eq!(ask.text(&upstream).await.0, expected);
    }
    for method in [Method::GET, Method::POST, Method::DELETE] {
        for ((client, body), expected) in [
            (sized().await, "content-length: 5"),
            (chunked().await, "transfer-encoding: chunked"),
            (empty().await, if method == Method::POST { "content-length: 0" } else { "" }),
        ] {
            let ask = streamed(IncomingBody::new(body), method.clone(), &origin.target());
            assert_eq!(ask.text(&upstream).await.0, expected, "{method}");
            drop(client);
        }
    }
}

#[tokio::test]
async fn an_upload_streams_is_counted_and_gives_its_connection_back() {
    let origin = Origin::start(|mut peer| async move {
        while peer.head().await.is_some() {
            peer.upto("hello").await;
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        }
    })
    .await;
    let upstream = upstream(&config());
    for turn in 0..2 {
        let (mut client, body) = incoming("Content-Length: 5\r\n").await;
        let body = IncomingBody::new(body);
        let received = body.received();
        let ask = streamed(body, Method::POST, &origin.target());
        let (text, ()) = tokio::join!(ask.text(&upstream), async {
            client.write_all(b"hello").await.unwrap();
        });
        assert_eq!(text, ("ok".to_owned(), turn > 0));
        assert_eq!(received.load(Ordering::Relaxed), 5);
    }
}

#[tokio::test]
async fn trailers_of_an_upload_travel_cleaned() {
    let origin = Origin::start(|mut peer| async move {
        peer.head().await;
        let body = peer.upto("0\r\n").await + &peer.upto("\r\n\r\n").await;
        let text = body.replace("\r\n", "|");
        let length = text.len();
        peer.send(&format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{text}")).await;
    })
    .await;
    let (mut client, body) = incoming("Transfer-Encoding: chunked\r\n").await;
    let ask = streamed(IncomingBody::new(body), Method::POST, &origin.target())
        .field("trailer", "x-sum, content-length");
    client.write_all(b"2\r\nhi\r\n0\r\nX-Sum: 7\r\nContent-Length: 9\r\n\r\n").await.unwrap();
    let (text, _) = ask.text(&upstream(&config())).await;
    assert_eq!(text, "2|hi|0|x-sum: 7||");
}

#[tokio::test]
async fn an_upload_that_breaks_off_is_the_clients_fault() {
    let origin = Origin::start(|mut peer| async move {
        peer.head().await;
        while peer.head().await.is_some() {}
    })
    .await;
    let (mut client, body) = incoming("Content-Length: 50\r\n").await;
    let ask = streamed(IncomingBody::new(body), Method::POST, &origin.target());
    client.write_all(b"begin").await.unwrap();
    drop(client);
    let error = ask.send(&upstream(&config())).await.unwrap_err();
    assert!(matches!(error, UpstreamError::RequestBody { .. }), "{error}");
}

#[tokio::test]
async fn an_early_answer_lets_the_upload_finish_before_the_connection_is_used_again() {
    let origin = Origin::start(|mut peer| async move {
        peer.head().await;
        peer.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno").await;
        peer.upto("hello").await;
        peer.answer_all().await;
    })
    .await;
    let upstream = upstream(&config());
    let (mut client, body) = incoming("Content-Length: 5\r\n").await;
    let body = IncomingBody::new(body);
    let received = body.received();
    let (text, _) = streamed(body, Method::POST, &origin.target()).text(&upstream).await;
    assert_eq!(text, "no");
    // Half of the upload is still to come: its connection is not free.
    let name = origin.target().as_str().trim_end_matches('/').to_owned();
    assert_eq!(upstream.pool.origin(&name).resting(), 0);
    client.write_all(b"hello").await.unwrap();
    until(|| upstream.pool.origin(&name).resting() == 1).await;
    assert_eq!(received.load(Ordering::Relaxed), 5);
    let (text, reused) = get(&origin.target()).text(&upstream).await;
    assert_eq!((text.as_str(), reused), ("connection 0", true));
}

#[tokio::test]
async fn a_body_behind_a_gate_waits_for_the_origins_100() {
    let origin = Origin::start(|mut peer| async move {
        peer.head().await;
        peer.send("HTTP/1.1 100 Continue\r\n\r\n").await;
        peer.upto("hello").await;
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    })
    .await;
    let (mut client, body) = incoming("Content-Length: 5\r\nExpect: 100-continue\r\n").await;
    let gate = ContinueGate::new();
    let body = IncomingBody::new(body).with_gate(gate.clone());
    let mut ask = streamed(body, Method::POST, &origin.target()).field("expect", "100-continue");
    hyper::ext::on_informational(&mut ask.request, move |_| gate.open());
    let upstream = upstream(&config());
    let (text, ()) = tokio::join!(ask.text(&upstream), async {
        // hyper asks the client for the body only when the body is polled.
        let mut asked = [0; 25];
        client.read_exact(&mut asked).await.unwrap();
        assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
        client.write_all(b"hello").await.unwrap();
    });
    assert_eq!(text.0, "ok");
}

#[tokio::test]
async fn a_body_that_a_final_answer_made_superfluous_is_never_asked_for() {
    let closed = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let flag = std::sync::Arc::clone(&closed);
    let origin = Origin::start(move |mut peer| {
        let flag = std::sync::Arc::clone(&flag);
        async move {
            peer.head().await;
            peer.send("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno").await;
            assert!(peer.head().await.is_none());
            flag.store(true, Ordering::SeqCst);
        }
    })
    .await;
    let (_client, body) = incoming("Content-Length: 5\r\nExpect: 100-continue\r\n").await;
    let body = IncomingBody::new(body).with_gate(ContinueGate::new());
    let received = body.received();
    let (text, _) = streamed(body, Method::POST, &origin.target()).text(&upstream(&config())).await;
    assert_eq!(text, "no");
    // The connection, which still expects a body, is closed.
    until(|| closed.load(Ordering::SeqCst)).await;
    assert_eq!(received.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_body_behind_a_gate_flows_after_a_second_without_an_answer() {
    let origin = Origin::start(|mut peer| async move {
        peer.head().await;
        peer.upto("hello").await;
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    })
    .await;
    let (mut client, body) = incoming("Content-Length: 5\r\nExpect: 100-continue\r\n").await;
    client.write_all(b"hello").await.unwrap();
    let body = IncomingBody::new(body).with_gate(ContinueGate::new());
    let (text, _) = streamed(body, Method::POST, &origin.target()).text(&upstream(&config())).await;
    assert_eq!(text, "ok");
}

#[tokio::test]
async fn an_origin_that_takes_no_more_of_an_upload_is_given_up() {
    let origin = Origin::start(|mut peer| async move {
        peer.head().await;
        std::future::pending::<()>().await;
    })
    .await;
    let upstream = upstream(&Config { response_wait: Duration::from_millis(100), ..config() });
    let (mut client, body) = incoming("Content-Length: 67108864\r\n").await;
    // Takes what it is let, and is cut off with the connection.
    tokio::spawn(async move { client.write_all(&vec![0; 64 << 20]).await });
    let ask = streamed(IncomingBody::new(body), Method::POST, &origin.target());
    let error = ask.send(&upstream).await.unwrap_err();
    assert!(matches!(error, UpstreamError::ResponseTimeout { .. }), "{error}");
}

type Expected = fn(&ReadError) -> bool;

#[tokio::test]
async fn a_body_that_ends_early_or_badly_is_an_error() {
    let rows: [(&str, Expected); 4] = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", |e| matches!(e, ReadError::Truncated)),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", |e| {
            matches!(e, ReadError::Truncated)
        }),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok", |e| {
            matches!(e, ReadError::Truncated)
        }),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n", |e| {
            matches!(e, ReadError::Malformed(_))
        }),
    ];
    for (answer, expected) in rows {
        let origin = Origin::saying(answer).await;
        let reply = get(&origin.target()).send(&upstream(&config())).await.unwrap();
        let error = soon(reply.response.into_body().collect()).await.unwrap_err();
        assert!(expected(&error), "{answer}: {error:?}");
    }
}

#[tokio::test]
async fn a_body_that_stands_still_is_given_up() {
    let origin = Origin::start(|mut peer| async move {
        peer.head().await;
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok").await;
        peer.head().await;
    })
    .await;
    let wait = Duration::from_millis(50);
    let upstream = upstream(&Config { read_wait: wait, ..config() });
    let reply = get(&origin.target()).send(&upstream).await.unwrap();
    let error = soon(reply.response.into_body().collect()).await.unwrap_err();
    assert!(matches!(error, ReadError::Stalled(_)), "{error:?}");
}

#[tokio::test]
async fn trailers_of_a_response_arrive_cleaned_and_the_connection_is_kept() {
    let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n\
                  2\r\nok\r\n0\r\nX-Sum: 7\r\nContent-Length: 1\r\n\r\n";
    let origin = Origin::start(move |mut peer| async move {
        while peer.head().await.is_some() {
            peer.send(answer).await;
        }
    })
    .await;
    let upstream = upstream(&config());
    for turn in 0..2 {
        let reply = get(&origin.target()).send(&upstream).await.unwrap();
        assert_eq!(reply.reused, turn > 0);
        let all = soon(reply.response.into_body().collect()).await.unwrap();
        let trailers = all.trailers().unwrap();
        assert_eq!(trailers.len(), 1);
        assert_eq!(trailers["x-sum"], "7");
    }
}

#[tokio::test]
async fn a_switch_of_protocols_hands_the_connection_over() {
    let origin = Origin::start(|mut peer| async move {
        peer.head().await;
        peer.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n").await;
        peer.send("Connection: Upgrade\r\n\r\nfirst ").await;
        let said = peer.upto("ping").await;
        peer.send(&format!("{said} pong")).await;
    })
    .await;
    let upstream = upstream(&config());
    let ask = get(&origin.target()).field("connection", "upgrade").field("upgrade", "websocket");
    let mut reply = ask.send(&upstream).await.unwrap();
    assert_eq!(reply.response.status(), StatusCode::SWITCHING_PROTOCOLS);
    let upgraded = soon(hyper::upgrade::on(&mut reply.response)).await.unwrap();
    drop(reply);
    let mut io = TokioIo::new(upgraded);
    io.write_all(b"ping").await.unwrap();
    let mut said = String::new();
    soon(io.read_to_string(&mut said)).await.unwrap();
    assert_eq!(said, "first ping pong");
    // It counts as one of the origin's connections until it is dropped, and never rests in the pool.
    let name = origin.target().as_str().trim_end_matches('/').to_owned();
    let pooled = upstream.pool.origin(&name);
    assert_eq!((pooled.open(), pooled.resting()), (1, 0));
    drop(io);
    assert_eq!((pooled.open(), pooled.resting()), (0, 0));
}
