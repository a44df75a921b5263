//! The whole of the last experiment of docs/LAB.md: a web server, the proxy, two kinds of clients.

use serde_json::Value;

use super::peers::lab;
use super::web_server::WebServer;
use crate::support::binary::Binary;

/// Every byte value, so that nothing is taken for text; and a line end, which a terminal gets anyway.
fn page() -> Vec<u8> {
    let line = b"<h1>Hello</h1> and some more of it, \xff\xfe\x00 included\n";
    line.repeat(5000)
}

/// The proxy's log line of the next exchange that is finished.
async fn exchange(proxy: &mut Binary) -> Value {
    let line = proxy.line("an exchange", |line| line.contains("\"cache\":")).await;
    serde_json::from_str(&line).unwrap()
}

/// What a client shows of an answer: the status, the `Cache-Status`, the lines of the body.
async fn shown(client: Binary) -> (String, String, Vec<String>) {
    let exit = client.exit().await;
    assert_eq!((exit.status.code(), &*exit.stderr), (Some(0), &[][..]), "{exit:?}");
    let end = exit.stdout.iter().position(|line| line == "\r").expect("an empty line");
    let (head, body) = exit.stdout.split_at(end);
    let field = |line: &&String| line.to_ascii_lowercase().starts_with("cache-status: ");
    let cache =
        head.iter().find(field).map(|line| line["cache-status: ".len()..].trim().to_owned());
    (head[0].trim().to_owned(), cache.unwrap_or_default(), body[1..].to_vec())
}

#[tokio::test]
async fn the_first_answer_comes_from_the_origin_and_the_second_from_the_cache() {
    let server = WebServer::start(&["--max-age", "60"]).await;
    server.write("hello.html", page());
    let (mut proxy, at) = Binary::serve(&[]).await;
    let (at, port) = (at.to_string(), server.address.port().to_string());

    let url = format!("127.0.0.1:{port}/hello.html");
    let text_client = || Binary::start(&["client", "--proxy", &at, &url]);
    let get = || lab(&["get", "127.0.0.1", &port, "hello.html", "--proxy", &at]);
    let first = shown(text_client()).await;
    assert_eq!((&*first.0, &*first.1), ("HTTP/1.0 200 OK", "larder; fwd=uri-miss; stored"));
    let line = exchange(&mut proxy).await;
    assert_eq!(
        (&line["message"], &line["tier"]),
        (&"Fetched from origin".into(), &"origin".into())
    );

    for (client, status) in [(text_client(), "HTTP/1.0 200 OK"), (get(), "HTTP/1.1 200 OK")] {
        let again = shown(client).await;
        assert_eq!(again.0, status);
        assert!(again.1.starts_with("larder; hit; ttl="), "{}", again.1);
        assert!(again.2 == first.2, "not the same bytes");
        let line = exchange(&mut proxy).await;
        assert_eq!(
            (&line["message"], &line["tier"]),
            (&"Read from cache".into(), &"memory".into())
        );
        assert_eq!(line["bytes"], page().len());
    }
    assert_eq!(first.2.join("\n"), String::from_utf8_lossy(&page()).trim_end_matches('\n'));

    // The origin's log has one line.
    server.binary.signal("INT");
    let exit = server.binary.exit().await;
    let [only] = exit.stdout.as_slice() else { panic!("{exit:?}") };
    let expected = format!("\"GET /hello.html HTTP/1.1\" 200 {}", page().len());
    assert!(only.ends_with(&expected), "{only}");

    // And now that there is no origin any more, the answer is still there.
    let last = shown(get()).await;
    assert!(last.1.starts_with("larder; hit") && last.2 == first.2, "{}", last.1);
}

#[tokio::test]
async fn a_stale_answer_is_validated_and_its_body_is_not_sent_again() {
    let mut server = WebServer::start(&["--max-age", "0"]).await;
    server.write("hello.html", page());
    let (mut proxy, at) = Binary::serve(&[]).await;
    let (at, port) = (at.to_string(), server.address.port().to_string());
    let get = || lab(&["get", "127.0.0.1", &port, "hello.html", "--proxy", &at]);

    let first = shown(get()).await;
    assert!(server.log_line().await.ends_with(&format!(" 200 {}", page().len())));
    assert_eq!(exchange(&mut proxy).await["message"], "Fetched from origin");
    let second = shown(get()).await;
    assert!(server.log_line().await.ends_with(" 304 0"));
    assert_eq!(exchange(&mut proxy).await["message"], "Revalidated with origin");
    assert!(second.2 == first.2, "not the same bytes");

    server.write("hello.html", "changed\n");
    assert_eq!(shown(get()).await.2, ["changed"]);
    assert!(server.log_line().await.ends_with(" 200 8"));
    assert_eq!(exchange(&mut proxy).await["message"], "Fetched from origin");
}

#[tokio::test]
async fn what_may_not_be_stored_comes_from_the_origin_each_time() {
    let mut server = WebServer::start(&["--no-store"]).await;
    server.write("hello.html", "hello\n");
    let (mut proxy, at) = Binary::serve(&[]).await;
    let (at, port) = (at.to_string(), server.address.port().to_string());
    for _ in 0..2 {
        let answer = shown(lab(&["get", "127.0.0.1", &port, "hello.html", "--proxy", &at])).await;
        assert_eq!(answer.2, ["hello"]);
        assert!(server.log_line().await.ends_with(" 200 6"));
        let line = exchange(&mut proxy).await;
        assert_eq!(
            (&line["message"], &line["reason"]),
            (&"Fetched from origin".into(), &"no-store".into())
        );
    }
}
