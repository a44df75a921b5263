//! Origins that are not there, do not answer, or answer nonsense.

use std::time::Duration;

use super::{is_error, serves_on};
use crate::support::dns::{Answer, Dns};
use crate::support::listener::{Deaf, Refusing};
use crate::support::origin::{Origin, Reply};
use crate::support::proxy::Proxy;

const SOON: Duration = Duration::from_millis(50);

async fn impatient() -> Proxy {
    Proxy::with(|config| {
        config.upstream.response_wait = SOON;
        config.upstream.connect_wait = SOON;
        config.upstream.connect_total_wait = SOON;
    })
    .await
}

#[tokio::test]
async fn an_unknown_host_is_502_with_the_name_and_the_reason() {
    let dns = Dns::start().await;
    let proxy = Proxy::with(|config| config.upstream.dns_servers = vec![dns.address()]).await;
    let response = proxy.get("http://nobody.test/page").await;
    let sentence = "cannot resolve nobody.test: there is no host of this name";
    is_error(&response, 502, "dns_error", &[sentence]);
    let lines = proxy.log().wait_for_exchanges(1).await;
    assert_eq!((&lines[0]["message"], &lines[0]["cache"]), (&"Failed".into(), &"error".into()));
    assert_eq!((&lines[0]["error"], &lines[0]["status"]), (&sentence.into(), &502.into()));
    assert_eq!(lines[0]["url"], "http://nobody.test/page");

    let tunnel = proxy.client().await.tunnel("nobody.test:443").await;
    is_error(&tunnel, 502, "dns_error", &[sentence]);
    serves_on(&proxy).await;
}

#[tokio::test]
async fn name_servers_that_fail_or_keep_silent_are_told_apart() {
    let dns = Dns::start().await;
    dns.set("broken.test", Answer::Failure);
    dns.set("silent.test", Answer::Silence);
    let proxy = Proxy::with(|config| {
        config.upstream.dns_servers = vec![dns.address()];
        config.upstream.dns_wait = SOON;
    })
    .await;
    let silent = proxy.get("http://silent.test/").await;
    is_error(&silent, 504, "dns_timeout", &["silent.test", "did not answer in time"]);
    let broken = proxy.get("http://broken.test/").await;
    is_error(&broken, 502, "dns_error", &["cannot resolve broken.test"]);
    serves_on(&proxy).await;
}

#[tokio::test]
async fn a_refused_connection_is_502_and_names_the_address() {
    let (refusing, proxy) = (Refusing::start(), Proxy::start().await);
    let address = refusing.address().to_string();
    let response = proxy.get(&format!("http://{address}/")).await;
    let words = ["cannot connect to", &*address, "connection refused"];
    is_error(&response, 502, "connection_refused", &words);
    serves_on(&proxy).await;
}

#[tokio::test]
async fn an_address_that_accepts_nothing_is_504() {
    let (deaf, proxy) = (Deaf::start().await, impatient().await);
    let response = proxy.get(&format!("http://{}/", deaf.address())).await;
    is_error(
        &response,
        504,
        "connection_timeout",
        &["cannot connect to", "no answer within 50 ms"],
    );
    serves_on(&proxy).await;
}

#[tokio::test]
async fn an_origin_that_never_answers_is_504() {
    let (origin, proxy) = (Origin::start().await, impatient().await);
    origin.route("/a", Reply::never());
    let response = proxy.get(&origin.url("/a")).await;
    let words = [&*origin.authority(), "did not answer within 50 ms"];
    is_error(&response, 504, "http_response_timeout", &words);
    origin.only_request();
    origin.wait_for_closed(1).await;
    serves_on(&proxy).await;
}

#[tokio::test]
async fn an_origin_that_hangs_up_without_an_answer_is_502() {
    for trouble in [Reply::nothing(), Reply::reset()] {
        let (origin, proxy) = (Origin::start().await, Proxy::start().await);
        origin.route("/a", trouble);
        let response = proxy.get(&origin.url("/a")).await;
        is_error(&response, 502, "http_response_incomplete", &[&origin.authority()]);
        // On a fresh connection it is not tried again.
        origin.only_request();
        serves_on(&proxy).await;
    }
}

#[tokio::test]
async fn an_origin_that_answers_garbage_is_502_and_nothing_of_it_reaches_the_client() {
    let rows: &[&str] = &[
        "SSH-2.0-OpenSSH_9.9\r\n",
        "<html>marker</html>\r\n\r\n",
        "HTTP/1.1 OK marker\r\n\r\nmarker",
        "HTTP/1.1 99 marker\r\n\r\nmarker",
        "HTTP/2.0 200 OK\r\n\r\nmarker",
        "HTTP/1.1 200 OK\r\nno colon marker\r\n\r\nmarker",
        "HTTP/1.1 200 OK\r\nX-Space : marker\r\n\r\nmarker",
        "HTTP/1.1 200 OK\r\nContent-Length: marker\r\n\r\nmarker",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nmarker",
        "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nContent-Length: 7\r\n\r\nmarker",
        "HTTP/1.1 200 OK\r\nContent-Length: 6, 7\r\n\r\nmarker",
        "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nmarker",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\nmarker",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: marker\r\n\r\nmarker",
        "HTTP/1.1 200 OK\r\nX-Nul: a\0marker\r\n\r\nmarker",
    ];
    let proxy = Proxy::start().await;
    for garbage in rows {
        let origin = Origin::start().await;
        let cacheable = garbage.replace(" OK\r\n", " OK\r\nCache-Control: max-age=60\r\n");
        origin.route("/a", Reply::raw(cacheable));
        for _ in 0..2 {
            let response = proxy.get(&origin.url("/a")).await;
            assert_eq!(response.status, 502, "{garbage:?}");
            is_error(
                &response,
                502,
                "http_protocol_error",
                &[&origin.authority(), "invalid response"],
            );
            assert!(!String::from_utf8_lossy(&response.raw).contains("marker"), "{response:?}");
        }
        // Nothing was stored, and nothing was asked twice.
        origin.wait_for_requests(2).await;
    }
    serves_on(&proxy).await;
}

#[tokio::test]
async fn a_response_head_beyond_the_limits_is_502() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let many = (0..201).fold(Reply::ok("x"), |reply, n| reply.field(&format!("X-{n}"), "1"));
    origin.route("/many", many);
    origin.route("/long", Reply::ok("x").field("X-Long", &"x".repeat(70_000)));
    for path in ["/many", "/long"] {
        let response = proxy.get(&origin.url(path)).await;
        let kind = "http_response_header_section_size";
        is_error(&response, 502, kind, &[&origin.authority(), "too large"]);
    }
    serves_on(&proxy).await;
}

#[tokio::test]
async fn a_response_body_that_breaks_off_breaks_the_clients_too_and_is_not_stored() {
    let broken = [
        Reply::cacheable(60, "x".repeat(1000)).cut_after(100),
        Reply::cacheable(60, "x".repeat(1000)).chunked().cut_after(100),
        Reply::cacheable(60, "x".repeat(1000)).reset_after(100),
    ];
    for reply in broken {
        let (origin, proxy) = (Origin::start().await, Proxy::start().await);
        origin.route("/a", reply);
        let url = origin.url("/a");
        for _ in 0..2 {
            let mut client = proxy.client().await;
            client.send(crate::support::client::request("GET", &url, &[])).await;
            let response = client.broken_response().await;
            assert_eq!(response.status, 200);
            assert!(response.body.len() <= 100, "{}", response.body.len());
        }
        origin.wait_for_requests(2).await;
        let lines = proxy.log().wait_for_exchanges(2).await;
        assert!(lines[0]["error"].as_str().is_some_and(|error| error.len() > 10), "{}", lines[0]);
        serves_on(&proxy).await;
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_502() {
    let (origin, proxy) = (Origin::start_tls().await, Proxy::start().await);
    let response = proxy.get(&origin.url("/a")).await;
    is_error(&response, 502, "tls_certificate_error", &[&origin.authority()]);
    assert!(origin.requests().is_empty());
    serves_on(&proxy).await;
}
