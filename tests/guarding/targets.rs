//! Targets that are none, that are forbidden, or that are the proxy itself.

use super::{is_error, serves_on};
use crate::support::client::{Client, request};
use crate::support::message::Response;
use crate::support::origin::{Origin, Reply};
use crate::support::proxy::Proxy;

async fn line(proxy: &Proxy, line: &str) -> Response {
    let mut client = proxy.client().await;
    client.send(format!("{line}\r\nHost: www.example.com\r\n\r\n")).await;
    client.response_to(line.split(' ').next().unwrap_or_default()).await
}

#[tokio::test]
async fn a_url_that_is_none_is_400_and_the_sentence_says_what_to_do() {
    let rows = [
        ("GET http:/// HTTP/1.1", "www.example.com"),
        ("GET http:///path HTTP/1.1", "www.example.com"),
        ("GET http://:80/ HTTP/1.1", "www.example.com"),
        ("GET http://me@www.example.com/ HTTP/1.1", "Authorization"),
        ("GET http://www.example.com:99999/ HTTP/1.1", "from 1 to 65535"),
        ("GET http://www.example.com:0/ HTTP/1.1", "from 1 to 65535"),
        ("GET http://www.example.com:/ HTTP/1.1", "from 1 to 65535"),
        ("GET ftp://www.example.com/ HTTP/1.1", "use http or https"),
        ("GET www.example.com:80 HTTP/1.1", "write the whole URL"),
        ("GET * HTTP/1.1", "write the whole URL"),
        ("CONNECT www.example.com HTTP/1.1", "www.example.com:443"),
        ("CONNECT www.example.com:0 HTTP/1.1", "from 1 to 65535"),
        ("CONNECT http://www.example.com/ HTTP/1.1", "www.example.com:443"),
        ("GET /no/such/page HTTP/1.1", "whole URL"),
    ];
    let proxy = Proxy::start().await;
    for (request, remedy) in rows {
        let response = line(&proxy, request).await;
        assert_eq!(response.status, 400, "{request}: {response:?}");
        is_error(&response, 400, "http_request_error", &[remedy]);
    }
    let lines = proxy.log().wait_for_exchanges(rows.len()).await;
    for line in &lines {
        assert_eq!((&line["message"], &line["cache"]), (&"Refused".into(), &"refused".into()));
    }
    serves_on(&proxy).await;
}

#[tokio::test]
async fn what_is_no_request_line_is_400_and_the_connection_is_closed() {
    let rows = [
        "GET http://www.example.com/a b HTTP/1.1",
        "GET http://www.example.com/ HTTP/2.0",
        "GET http://www.example.com/ HTTP/1.1 ",
        "GET  http://www.example.com/ HTTP/1.1",
        "GET",
        "GET http://www.exa\u{7f}mple.com/ HTTP/1.1",
        "GET http://www.example.com/\u{0} HTTP/1.1",
        "GET http://a b/ HTTP/1.1",
        "GET http://[::1/ HTTP/1.1",
    ];
    let proxy = Proxy::start().await;
    for row in rows {
        let mut client = proxy.client().await;
        client.send(format!("{row} \r\nHost: www.example.com\r\n\r\n")).await;
        let response = client.response().await;
        is_error(&response, 400, "http_request_error", &[]);
        client.expect_close().await;
    }
    proxy.log().wait_for_exchanges(rows.len()).await;
    serves_on(&proxy).await;
}

#[tokio::test]
async fn a_port_that_is_not_allowed_is_403_and_names_the_setting() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::ok("reached"));
    for port in [1, 22, 25, 81, 1023] {
        let response = proxy.get(&format!("http://127.0.0.1:{port}/")).await;
        let words = [&*format!("port {port}"), "the setting is ports"];
        is_error(&response, 403, "http_request_denied", &words);
    }
    let tunnel = proxy.client().await.tunnel(&origin.authority()).await;
    is_error(&tunnel, 403, "http_request_denied", &["the setting is tunnel_ports"]);
    assert_eq!(origin.connections(), 0);
    let lines = proxy.log().wait_for_exchanges(6).await;
    assert_eq!((&lines[5]["message"], &lines[5]["method"]), (&"Refused".into(), &"CONNECT".into()));

    let port = origin.address().port();
    let open = Proxy::with(|config| config.proxy.access.tunnel_ports = vec![port..=port]).await;
    let mut client = open.client().await;
    assert_eq!(client.tunnel(&origin.authority()).await.status, 200);
    client.send(request("GET", "/a", &[])).await;
    assert_eq!(client.response().await.text(), "reached");
    serves_on(&proxy).await;
}

#[tokio::test]
async fn nobody_reaches_the_proxy_itself_through_the_proxy() {
    let proxy = Proxy::with(|config| config.proxy.access.tunnel_ports = vec![1..=u16::MAX]).await;
    let port = proxy.address().port();
    for host in ["127.0.0.1", "localhost", "any.localhost", "[::ffff:127.0.0.1]", "0.0.0.0"] {
        let response = proxy.get(&format!("http://{host}:{port}/")).await;
        is_error(&response, 403, "destination_ip_prohibited", &["this is the proxy itself"]);
        let tunnel = proxy.client().await.tunnel(&format!("{host}:{port}")).await;
        is_error(&tunnel, 403, "destination_ip_prohibited", &["this is the proxy itself"]);
    }
    // Nothing went round: every line is of a request that a client made.
    let lines = proxy.log().wait_for_exchanges(10).await;
    assert!(lines.iter().all(|line| line["cache"] == "refused"), "{lines:?}");
    serves_on(&proxy).await;
}

#[tokio::test]
async fn a_wildcard_listener_is_the_proxy_itself_at_every_loopback_address() {
    let proxy = Proxy::with(|config| {
        config.server.listen = vec![([0, 0, 0, 0], 0).into()];
    })
    .await;
    let port = proxy.address().port();
    for host in ["127.0.0.1", "127.0.0.2", "localhost", "0.0.0.0", "[::ffff:127.0.0.7]"] {
        let mut client = Client::connect(([127, 0, 0, 1], port).into()).await;
        let response = client.get(&format!("http://{host}:{port}/")).await;
        is_error(&response, 403, "destination_ip_prohibited", &["this is the proxy itself"]);
    }
}

#[tokio::test]
async fn its_own_page_is_asked_for_directly() {
    let proxy = Proxy::start().await;
    let page = line(&proxy, "GET / HTTP/1.1").await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains(&proxy.address().to_string()), "{}", page.text());
    let post = line(&proxy, "DELETE / HTTP/1.1").await;
    is_error(&post, 405, "http_request_error", &["GET or HEAD"]);
    assert_eq!(post.field("allow"), Some("GET, HEAD"));
}
