//! Responses that are none, and waits that end.

use std::time::Duration;

use http::Method;

use super::support::*;
use crate::upstream::{Config, ResponseFault, UpstreamError};

/// What is said about a response, in the words of the error.
async fn verdict(answer: &'static str, method: Method) -> Result<String, String> {
    let origin = Origin::saying(answer).await;
    let reply = get(&origin.target()).method(method).send(&upstream(&config())).await;
    match reply {
        Ok(reply) => {
            Ok(reply.response.headers().iter().fold(String::new(), |all, (name, value)| {
                format!("{all}{name}: {};", value.to_str().unwrap())
            }))
        }
        Err(UpstreamError::BadResponse { why, .. }) => Err(match why {
            ResponseFault::Malformed(_) => "malformed".to_owned(),
            other => other.to_string(),
        }),
        Err(other) => Err(other.to_string()),
    }
}

#[tokio::test]
async fn a_response_with_unclear_framing_is_refused() {
    let both = "it has both Content-Length and Transfer-Encoding";
    let coding = "its Transfer-Encoding is not chunked";
    let rows: &[(&str, Result<&str, &str>)] = &[
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", Err(both)),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", Err(coding)),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", Err(coding)),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n", Err(coding)),
        ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Err("malformed")),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc", Err("malformed")),
        ("HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nab", Err("malformed")),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nab", Ok("content-length: 2;")),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab",
            Ok("content-length: 2;"),
        ),
        ("HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", Ok("x: a   b;")),
        ("HTTP/1.1 200 OK\r\nX : a\r\n\r\n", Err("malformed")),
        ("SSH-2.0-OpenSSH\r\n", Err("malformed")),
        ("<html>no head at all</html>", Err("malformed")),
        ("HTTP/2 200 OK\r\n\r\n", Err("malformed")),
        (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
            Err("it switches protocols unasked"),
        ),
    ];
    for (answer, expected) in rows {
        let got = verdict(answer, Method::GET).await;
        let got = got.as_deref().map(str::trim).map_err(String::as_str);
        match (got, expected) {
            (Ok(got), Ok(expected)) if expected.starts_with("x:") => {
                // How many spaces replace a fold is hyper's choice.
                assert_eq!(got.split_whitespace().collect::<Vec<_>>(), ["x:", "a", "b;"]);
            }
            (got, expected) => assert_eq!(got, *expected, "{answer}"),
        }
    }
}

#[tokio::test]
async fn a_length_beside_a_coding_is_dropped_where_there_is_no_body() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(verdict(answer, Method::HEAD).await.unwrap(), "transfer-encoding: chunked;");
    let differing = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n";
    assert!(verdict(differing, Method::HEAD).await.is_err());
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let many = || {
        Origin::start(|mut peer| async move {
            peer.head().await;
            let fields = "X: y\r\n".repeat(201);
            peer.send(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n")).await;
        })
    };
    let long = || {
        Origin::start(|mut peer| async move {
            peer.head().await;
            let value = "y".repeat(65 * 1024);
            peer.send(&format!("HTTP/1.1 200 OK\r\nX: {value}\r\n\r\n")).await;
        })
    };
    for origin in [many().await, long().await] {
        let error = get(&origin.target()).send(&upstream(&config())).await.unwrap_err();
        let UpstreamError::BadResponse { why: ResponseFault::TooLarge, .. } = error else {
            panic!("{error}");
        };
    }
    let origin = Origin::start(|mut peer| async move {
        peer.head().await;
        let fields = "X: y\r\n".repeat(150);
        peer.send(&format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 0\r\n\r\n")).await;
    })
    .await;
    get(&origin.target()).send(&upstream(&config())).await.unwrap();
}

#[tokio::test]
async fn an_origin_that_does_not_answer_is_given_up() {
    let origin = Origin::start(|mut peer| async move {
        peer.head().await;
        // Until we hang up.
        peer.head().await;
    })
    .await;
    let limit = Duration::from_millis(50);
    let upstream = upstream(&Config { response_wait: limit, ..config() });
    let error = get(&origin.target()).send(&upstream).await.unwrap_err();
    assert!(matches!(error, UpstreamError::ResponseTimeout { .. }), "{error}");
    assert_eq!(error.to_string(), format!("{} did not answer within 50 ms", origin.address));
    // The connection went with the request.
    let name = origin.target().as_str().trim_end_matches('/').to_owned();
    until(|| upstream.pool.origin(&name).open() == 0).await;
}

#[tokio::test]
async fn interim_responses_reach_the_callback_and_are_not_the_response() {
    let origin = Origin::saying(
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n\
         HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    )
    .await;
    let (seen, mut hints) = tokio::sync::mpsc::unbounded_channel();
    let mut ask = get(&origin.target());
    hyper::ext::on_informational(&mut ask.request, move |response| {
        seen.send(response.status().as_u16()).unwrap();
    });
    let reply = ask.send(&upstream(&config())).await.unwrap();
    assert_eq!(reply.response.status(), 200);
    assert_eq!((hints.recv().await, hints.recv().await), (Some(103), Some(102)));
}
