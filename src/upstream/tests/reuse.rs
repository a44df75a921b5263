//! When a connection is used again, and when a request is sent again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{Method, StatusCode};
use http_body_util::BodyExt;

use super::support::*;
use crate::upstream::{Config, UpstreamError};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_follow_at_once_share_one_connection() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    let sized = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let origin = Origin::start(move |mut peer| async move {
        let mut turn = 0;
        while peer.head().await.is_some() {
            peer.send(if turn % 2 == 0 { chunked } else { sized }).await;
            turn += 1;
        }
    })
    .await;
    let upstream = upstream(&config());
    for turn in 0..500 {
        let (text, reused) = get(&origin.target()).text(&upstream).await;
        assert_eq!((text.as_str(), reused), ("ok", turn > 0), "turn {turn}");
    }
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn responses_without_a_body_give_the_connection_back_at_once() {
    let origin = Origin::start(|mut peer| async move {
        while let Some(head) = peer.head().await {
            let answer = match head.split(' ').next().unwrap() {
                "HEAD" => "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
                "PUT" => "HTTP/1.1 204 No Content\r\n\r\n",
                "DELETE" => "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                _ => "HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n",
            };
            peer.send(answer).await;
        }
    })
    .await;
    let upstream = upstream(&config());
    let mut held = Vec::new();
    for method in [Method::HEAD, Method::PUT, Method::GET, Method::DELETE, Method::GET] {
        let reply = get(&origin.target()).method(method).send(&upstream).await.unwrap();
        // Not even the response needs to be dropped.
        held.push(reply);
    }
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn a_connection_is_not_used_again_after_an_unclean_end() {
    // The name, whether the origin would take another request, and its answer.
    let close = "Connection: x, Close\r\n";
    let keep = "Connection: keep-alive\r\n";
    let rows = [
        ("close-delimited", false, "HTTP/1.1 200 OK\r\n\r\nok".to_owned()),
        ("truncated", false, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok".to_owned()),
        ("close", true, format!("HTTP/1.1 200 OK\r\n{close}Content-Length: 2\r\n\r\nok")),
        ("HTTP/1.0", true, "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok".to_owned()),
        // hyper would speak HTTP/1.0 on it from now on, and drop a body of unknown length.
        ("1.0 kept", true, format!("HTTP/1.0 200 OK\r\n{keep}Content-Length: 2\r\n\r\nok")),
        ("204 with a length", true, "HTTP/1.1 204 No\r\nContent-Length: 2\r\n\r\n".to_owned()),
    ];
    for (name, stays, answer) in rows {
        let origin = Origin::start(move |mut peer| {
            let answer = answer.clone();
            async move {
                while peer.head().await.is_some() {
                    peer.send(&answer).await;
                    if !stays {
                        break;
                    }
                }
            }
        })
        .await;
        let upstream = upstream(&config());
        for turn in 1..=2 {
            let reply = get(&origin.target()).send(&upstream).await.unwrap();
            assert!(!reply.reused, "{name}");
            let end = soon(reply.response.into_body().collect()).await;
            assert_eq!(end.is_err(), name == "truncated", "{name}");
            assert_eq!(origin.connections(), turn, "{name}");
        }
    }
}

#[tokio::test]
async fn dropping_a_body_before_its_end_closes_the_connection() {
    let closed = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&closed);
    let origin = Origin::start(move |mut peer| {
        let count = Arc::clone(&count);
        async move {
            peer.head().await;
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin").await;
            assert!(peer.head().await.is_none());
            count.fetch_add(1, Ordering::SeqCst);
        }
    })
    .await;
    let upstream = upstream(&config());
    let mut reply = get(&origin.target()).send(&upstream).await.unwrap();
    soon(reply.response.body_mut().frame()).await.unwrap().unwrap();
    drop(reply);
    until(|| closed.load(Ordering::SeqCst) == 1).await;
}

/// An origin that takes a second request on its first connection and closes without a word.
async fn loses_reused() -> Origin {
    Origin::start(|mut peer| async move {
        peer.head().await;
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        if peer.number == 0 {
            peer.head().await;
        } else {
            peer.answer_all().await;
        }
    })
    .await
}

#[tokio::test]
async fn a_request_that_a_reused_connection_lost_is_sent_once_more() {
    let origin = loses_reused().await;
    let upstream = upstream(&config());
    get(&origin.target()).text(&upstream).await;
    let (text, reused) = get(&origin.target()).text(&upstream).await;
    assert_eq!((text.as_str(), reused), ("ok", false));
    assert_eq!(origin.connections(), 2);
}

#[tokio::test]
async fn a_request_that_must_not_be_repeated_is_not() {
    let origin = loses_reused().await;
    let upstream = upstream(&config());
    get(&origin.target()).text(&upstream).await;
    let error = post(&origin.target(), "once").await.send(&upstream).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Incomplete { .. }), "{error}");
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn a_request_lost_on_a_fresh_connection_is_not_repeated() {
    let origin = Origin::start(|mut peer| async move {
        peer.head().await;
    })
    .await;
    let error = get(&origin.target()).send(&upstream(&config())).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Incomplete { .. }), "{error}");
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn a_request_whose_answer_began_is_not_repeated() {
    let origin = Origin::start(|mut peer| async move {
        peer.head().await;
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        peer.head().await;
        peer.send("HTTP/1.1 20").await;
    })
    .await;
    let upstream = upstream(&config());
    get(&origin.target()).text(&upstream).await;
    let error = get(&origin.target()).send(&upstream).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Incomplete { .. }), "{error}");
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn a_connection_that_the_origin_closed_while_it_rested_is_not_used() {
    let origin = Origin::start(|mut peer| async move {
        peer.head().await;
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    })
    .await;
    let upstream = upstream(&config());
    get(&origin.target()).text(&upstream).await;
    let name = origin.target().as_str().trim_end_matches('/').to_owned();
    until(|| upstream.pool.origin(&name).open() == 0).await;
    // Even what must not be repeated arrives.
    let reply = post(&origin.target(), "once").await.send(&upstream).await.unwrap();
    assert_eq!(reply.response.status(), StatusCode::OK);
    assert_eq!(origin.connections(), 2);
}

#[tokio::test]
async fn a_connection_that_speaks_unasked_is_not_used() {
    let origin = Origin::start(|mut peer| async move {
        peer.head().await;
        let twice = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        peer.send(&format!("{twice}{twice}")).await;
        peer.head().await;
    })
    .await;
    let upstream = upstream(&config());
    for _ in 0..2 {
        let (_, reused) = get(&origin.target()).text(&upstream).await;
        assert!(!reused);
    }
}

#[tokio::test]
async fn a_connection_that_rests_too_long_is_closed() {
    let closed = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&closed);
    let origin = Origin::start(move |peer| {
        let count = Arc::clone(&count);
        async move {
            peer.answer_all().await;
            count.fetch_add(1, Ordering::SeqCst);
        }
    })
    .await;
    let upstream = upstream(&Config { idle_wait: Duration::from_millis(50), ..config() });
    get(&origin.target()).text(&upstream).await;
    until(|| closed.load(Ordering::SeqCst) == 1).await;
}

#[tokio::test]
async fn a_connection_to_a_scope_that_the_client_may_not_reach_is_not_shared() {
    let origin = Origin::start(Peer::answer_all).await;
    let upstream = upstream(&config());
    get(&origin.target()).text(&upstream).await;
    let mut far = get(&origin.target());
    far.reach = FAR;
    let error = far.send(&upstream).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Denied { .. }), "{error}");
}
