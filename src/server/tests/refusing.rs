//! hyper's own empty 4xx never reach a client, and our own never suffer.

use ::http::{Response, StatusCode};

use super::{Running, SOON, TestBody, ok, page};

/// What a client gets for these bytes, all of it.
async fn exchange(running: &Running, bytes: impl AsRef<[u8]>) -> String {
    let mut client = running.connect().await;
    client.send(bytes).await;
    client.rest().await
}

#[tokio::test]
async fn a_malformed_request_gets_our_page_instead_of_an_empty_answer() {
    let running = Running::plain();
    for (bytes, line) in [
        ("GET / HTTP/3.0\r\n\r\n", "GET / HTTP/3.0"),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", "GET / HTTP/2.0"),
        ("GET /a b HTTP/1.1\r\n\r\n", "GET /a b HTTP/1.1"),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", "GET / HTTP/1.1"),
        ("GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", "GET / HTTP/1.1"),
        ("GET / HTTP/1.1\r\nA: b\0\r\n\r\n", "GET / HTTP/1.1"),
        ("GET /", "GET /"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "PRI * HTTP/2.0"),
        // Here hyper has consumed the head before it gives up.
        ("GET http://a:b:c/ HTTP/1.1\r\n\r\n", "GET http://a:b:c/ HTTP/1.1"),
        ("POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\n", "POST / HTTP/1.1"),
        ("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "POST / HTTP/1.1"),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", "POST / HTTP/1.1"),
        ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "POST / HTTP/1.0"),
    ] {
        let mut client = running.connect().await;
        client.send(bytes).await;
        if bytes == "GET /" {
            tokio::io::AsyncWriteExt::shutdown(&mut client.0).await.unwrap();
        }
        assert_eq!(client.rest().await, page(400), "{bytes:?}");
        let refusal = running.refusals().pop().unwrap();
        assert_eq!(refusal.first_line, line, "{bytes:?}");
    }
}

#[tokio::test]
async fn too_large_a_head_is_a_431_that_arrives_whole() {
    let running = Running::plain();
    let large = format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(300_000));
    assert_eq!(exchange(&running, large).await, page(431));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(101));
    assert_eq!(exchange(&running, many).await, page(431));
    let field = format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(33_000));
    assert_eq!(exchange(&running, field).await, page(431));
    assert!(running.refusals().iter().all(|refusal| refusal.first_line == "GET / HTTP/1.1"));
}

#[tokio::test]
async fn a_request_line_without_an_end_or_with_too_long_a_target_is_a_414() {
    let running = Running::plain();
    let endless = format!("GET http://a/{}", "x".repeat(80_000));
    assert_eq!(exchange(&running, &endless).await, page(414));
    let first_line = running.refusals().pop().unwrap().first_line;
    assert_eq!(first_line, endless.as_bytes()[..16 * 1024]);
    for length in [17_000, 66_000] {
        let long = format!("GET http://a/{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(length));
        assert_eq!(exchange(&running, long).await, page(414), "{length}");
    }
}

#[tokio::test]
async fn a_client_that_is_still_sending_can_read_the_page_first() {
    let running = Running::plain();
    let mut client = running.connect().await;
    client.send(format!("GET http://a/{}", "x".repeat(80_000))).await;
    client.until(&page(414)).await;
    // A connection closed with unread input would be reset, and these would fail.
    for _ in 0..32 {
        client.send(vec![b'x'; 16 * 1024]).await;
    }
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn a_target_of_exactly_the_limit_is_served() {
    let running = Running::start(|config| config.max_target = 20);
    let mut client = running.connect().await;
    client.send("GET /auto567890123456789 HTTP/1.1\r\n\r\n").await;
    client.until(&ok("/auto567890123456789")).await;
    client.send("GET /auto5678901234567890 HTTP/1.1\r\n\r\n").await;
    assert_eq!(client.rest().await, page(414));
}

#[tokio::test]
async fn a_transfer_coding_that_we_do_not_decode_is_a_501() {
    let running = Running::plain();
    let request = "POST /auto HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n";
    assert_eq!(exchange(&running, request).await, page(501));
}

#[tokio::test]
async fn the_page_follows_the_answers_to_what_was_pipelined_before() {
    let running = Running::plain();
    let good = "GET /auto HTTP/1.1\r\n\r\n";
    let bad = "GET / HTTP/9.9\r\n\r\n";
    let expected = format!("{0}{0}{1}", ok("/auto"), page(400));
    assert_eq!(exchange(&running, format!("{good}{good}{bad}{good}")).await, expected);
    assert_eq!(running.refusals().pop().unwrap().first_line, "GET / HTTP/9.9");

    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(20_000));
    let expected = format!("{}{}", ok("/auto"), page(414));
    assert_eq!(exchange(&running, format!("{good}{long}")).await, expected);
}

#[tokio::test]
async fn the_page_waits_for_an_answer_that_takes_its_time() {
    let mut running = Running::plain();
    let mut client = running.connect().await;
    client.send("GET /slow HTTP/1.1\r\n\r\nnonsense\x01\r\n\r\n").await;
    let call = running.call().await;
    let (body, feed) = TestBody::fed(Some(6));
    call.answer(Response::new(body));
    feed.send(Ok("abc".into())).unwrap();
    client.until("abc").await;
    assert!(running.refusals().is_empty());
    feed.send(Ok("def".into())).unwrap();
    assert_eq!(client.rest().await, format!("def{}", page(400)));
}

#[tokio::test]
async fn our_own_4xx_pass_untouched_even_when_pipelined() {
    let mut running = Running::plain();
    let mut client = running.connect().await;
    client.send("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n\r\n").await;
    for (status, body) in [(400, ""), (431, "own"), (404, "")] {
        let mut response = Response::new(TestBody::whole(body));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        running.call().await.answer(response);
        let head = client.until("\r\n\r\n").await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
        client.until(body).await;
    }
    client.send("GET /auto HTTP/1.1\r\n\r\n").await;
    client.until(&ok("/auto")).await;
    assert!(running.refusals().is_empty());
}

#[tokio::test]
async fn an_early_answer_to_a_body_that_turns_into_nonsense_is_not_replaced() {
    let mut running = Running::plain();
    let mut client = running.connect().await;
    client.send("POST /early HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n").await;
    let call = running.call().await;
    let (body, feed) = TestBody::fed(Some(6));
    call.answer(Response::new(body));
    feed.send(Ok("abc".into())).unwrap();
    client.until("abc").await;
    client.send("this is no chunk\r\nGET / HTTP/7.7\r\n\r\n").await;
    feed.send(Ok("def".into())).unwrap();
    assert_eq!(tokio::time::timeout(SOON, client.rest()).await.unwrap(), "def");
    assert!(running.refusals().is_empty());
}
