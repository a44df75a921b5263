//! What a request asks for: absolute-form, origin-form, the proxy itself.

use larder::cli::serve::Config;
use larder::http::TargetUri;
use larder::http::target::Mode;

use crate::support::client::request;
use crate::support::origin::{Origin, Reply};
use crate::support::proxy::Proxy;

fn reverse(origin: &Origin) -> impl FnOnce(&mut Config) + use<> {
    let base = TargetUri::parse(&origin.url("/")).unwrap();
    |config: &mut Config| config.proxy.mode = Mode::Origin(base)
}

fn gateway(config: &mut Config) {
    config.proxy.mode = Mode::Gateway;
}

#[tokio::test]
async fn in_absolute_form_the_target_says_host_and_path_and_the_clients_host_does_not() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/A%41b?q=%20&c=/../", Reply::ok("exact"));
    origin.route("/?q", Reply::ok("root"));
    origin.route("/", Reply::ok("bare"));
    let (url, at) = (origin.url(""), origin.authority());
    let mut client = proxy.client().await;
    for (target, body) in [
        (format!("{url}/A%41b?q=%20&c=/../"), "exact"),
        (format!("{url}?q"), "root"),
        (url.clone(), "bare"),
        (url.replace("http", "HTTP"), "bare"),
    ] {
        let head = format!("GET {target} HTTP/1.1\r\nHost: elsewhere.example\r\nHost-X: y\r\n\r\n");
        client.send(head).await;
        assert_eq!(client.response().await.text(), body, "{target}");
    }
    let seen = origin.wait_for_requests(4).await;
    let targets: Vec<_> = seen.iter().map(|request| &*request.target).collect();
    assert_eq!(targets, ["/A%41b?q=%20&c=/../", "/?q", "/", "/"]);
    assert!(seen.iter().all(|request| request.field("host") == Some(&*at)));
    assert!(seen.iter().all(|request| request.version == "HTTP/1.1"));
}

#[tokio::test]
async fn the_same_resource_under_another_spelling_of_scheme_and_host_is_the_same_stored_response() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::cacheable(60, "one"));
    let port = origin.address().port();
    let mut client = proxy.client().await;
    for target in [
        format!("http://localhost:{port}/a"),
        format!("HTTP://LocalHost:{port}/a"),
        format!("http://localhost:0{port}/a"),
        format!("http://localhost:{port}/a#part"),
    ] {
        client.send(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        assert_eq!(client.response().await.text(), "one", "{target}");
    }
    assert_eq!(origin.only_request().field("host"), Some(&*format!("localhost:{port}")));
}

#[tokio::test]
async fn a_reverse_proxy_asks_its_origin_and_the_clients_host_goes_nowhere() {
    let origin = Origin::start().await;
    origin.route("/a?b", Reply::cacheable(60, "hello"));
    let proxy = Proxy::with(reverse(&origin)).await;
    let mut client = proxy.client().await;
    for host in ["www.example.com", "other.example:99", "other.example", ""] {
        client.send(format!("GET /a?b HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        assert_eq!(client.response().await.text(), "hello", "{host}");
    }
    client.send("GET /a?b HTTP/1.0\r\n\r\n").await;
    assert_eq!(client.response().await.text(), "hello");
    // Whatever `Host` says, it is one resource of one origin.
    let seen = origin.only_request();
    assert_eq!((&*seen.target, seen.field("host")), ("/a?b", Some(&*origin.authority())));
    assert!(!String::from_utf8_lossy(&seen.raw_head).contains("example"));
}

#[tokio::test]
async fn a_reverse_proxy_has_no_pages_of_its_own() {
    let origin = Origin::start().await;
    origin.route("/", Reply::ok("the origin's"));
    let proxy = Proxy::with(reverse(&origin)).await;
    let mut client = proxy.client().await;
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(client.response().await.text(), "the origin's");
    client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi").await;
    assert_eq!(client.response().await.text(), "the origin's");
    assert_eq!(origin.wait_for_requests(2).await[1].body, b"hi");
}

#[tokio::test]
async fn a_reverse_proxy_reaches_an_https_origin() {
    let origin = Origin::start_tls().await;
    origin.route("/a", Reply::cacheable(60, "secret"));
    let (base, ca) = (reverse(&origin), origin.ca_file());
    let proxy = Proxy::with(|config| {
        base(config);
        config.upstream.upstream_ca = Some(ca);
    })
    .await;
    let mut client = proxy.client().await;
    for _ in 0..2 {
        client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert_eq!(client.response().await.text(), "secret");
    }
    assert_eq!(origin.only_request().field("host"), Some(&*origin.authority()));
}

#[tokio::test]
async fn a_gateway_fetches_the_host_that_the_path_names() {
    let origin = Origin::start().await;
    origin.route("/a?b=c", Reply::cacheable(60, "hello"));
    origin.route("/", Reply::ok("root"));
    let proxy = Proxy::with(gateway).await;
    let at = origin.authority();
    let mut client = proxy.client().await;
    for (path, body) in
        [(format!("/{at}/a?b=c"), "hello"), (format!("/{at}/"), "root"), (format!("/{at}"), "root")]
    {
        client.send(format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:3128\r\n\r\n")).await;
        assert_eq!(client.response().await.text(), body, "{path}");
    }
    // It is the same resource as in absolute-form.
    assert_eq!(client.get(&origin.url("/a?b=c")).await.cache_status(), "larder; hit; ttl=60");
    let seen = origin.wait_for_requests(3).await;
    let targets: Vec<_> = seen.iter().map(|request| &*request.target).collect();
    assert_eq!(targets, ["/a?b=c", "/", "/"]);
    assert!(seen.iter().all(|request| request.field("host") == Some(&*at)));
}

#[tokio::test]
async fn a_gateway_still_has_the_page_that_says_what_it_is() {
    let proxy = Proxy::with(gateway).await;
    let mut client = proxy.client().await;
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let page = client.response().await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("Gateway"), "{}", page.text());
}

#[tokio::test]
async fn the_page_at_the_root_says_what_this_is_and_how_to_point_a_browser_at_it() {
    let proxy = Proxy::start().await;
    let mut client = proxy.client().await;
    let here = proxy.address().to_string();
    for target in ["/", "/?q"] {
        client.send(format!("GET {target} HTTP/1.1\r\nHost: {here}\r\n\r\n")).await;
        let page = client.response().await;
        assert_eq!((page.status, page.field("cache-control")), (200, Some("no-store")));
        assert!(page.field("content-type").unwrap().starts_with("text/html"));
        for word in ["caching web proxy", "Firefox", "Chromium", "http_proxy", &here] {
            assert!(page.text().contains(word), "{word}: {}", page.text());
        }
    }
    client.send(request("HEAD", "/", &[])).await;
    let head = client.response_to("HEAD").await;
    assert!(head.field("content-length").unwrap().parse::<u64>().unwrap() > 500);
    client.send("POST / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let refused = client.response().await;
    assert_eq!((refused.status, refused.field("allow")), (405, Some("GET, HEAD")));
    let lines = proxy.log().wait_for_exchanges(4).await;
    assert_eq!(
        (&lines[0]["message"], &lines[0]["cache"]),
        (&"Answered here".into(), &"own".into())
    );
    assert_eq!((&lines[3]["message"], &lines[3]["status"]), (&"Refused".into(), &405.into()));
}

#[tokio::test]
async fn a_target_that_is_none_gets_a_400_with_a_sentence_that_says_what_to_do() {
    let proxy = Proxy::start().await;
    let mut client = proxy.client().await;
    for (line, hint) in [
        ("GET /index.html", "as the proxy of your program"),
        ("GET ftp://example.com/", "use http or https"),
        ("GET http://me@example.com/", "Authorization"),
        ("GET example.com:80", "the whole URL"),
        ("GET *", "OPTIONS"),
        ("GET http://example.com:0/", "port"),
        ("GET http://example.com:99999/", "port"),
        ("GET http://exa_mple..com/", "host"),
    ] {
        client.send(format!("{line} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        let response = client.response().await;
        assert_eq!(response.status, 400, "{line}: {}", response.text());
        assert!(response.text().contains(hint), "{line}: {}", response.text());
        let status = response.field("proxy-status").unwrap();
        assert!(status.starts_with("larder; error=http_request_error"), "{status}");
        assert_eq!(response.field("cache-control"), Some("no-store"));
    }
}

#[tokio::test]
async fn a_request_for_the_proxy_itself_goes_no_further() {
    let proxy = Proxy::start().await;
    let response = proxy.get(&format!("http://{}/", proxy.address())).await;
    assert_eq!(response.status, 403);
    assert!(response.text().contains("the proxy itself"), "{}", response.text());
    let port = proxy.address().port();
    assert_eq!(proxy.get(&format!("http://localhost:{port}/")).await.status, 403);
}

#[tokio::test]
async fn https_in_absolute_form_is_fetched_over_tls_and_cached() {
    let origin = Origin::start_tls().await;
    origin.route("/a", Reply::cacheable(60, "secret"));
    let ca = origin.ca_file();
    let proxy = Proxy::with(|config| config.upstream.upstream_ca = Some(ca)).await;
    let mut client = proxy.client().await;
    let first = client.get(&origin.url("/a")).await;
    let second = client.get(&origin.url("/a")).await;
    assert_eq!((first.status, first.text()), (200, "secret"));
    assert_eq!(second.text(), "secret");
    assert_eq!(second.cache_status(), "larder; hit; ttl=60");
    assert_eq!(origin.only_request().field("host"), Some(&*origin.authority()));
    assert_eq!(client.post(&origin.url("/a"), "up").await.text(), "secret");
    assert_eq!(origin.connections(), 1);
    // Another scheme is another resource.
    let plain = origin.url("/a").replace("https", "http");
    assert_eq!(client.get(&plain).await.status, 502);
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_a_502_and_the_request_is_not_sent() {
    let (origin, proxy) = (Origin::start_tls().await, Proxy::start().await);
    origin.route("/a", Reply::ok("secret"));
    let response = proxy.get(&origin.url("/a")).await;
    assert_eq!(response.status, 502);
    let status = response.field("proxy-status").unwrap();
    assert!(status.starts_with("larder; error=tls_certificate_error"), "{status}");
    assert!(origin.requests().is_empty());

    let other = Origin::start_tls_for(&["elsewhere.example"]).await;
    let ca = other.ca_file();
    let proxy = Proxy::with(|config| config.upstream.upstream_ca = Some(ca)).await;
    assert_eq!(proxy.get(&other.url("/a")).await.status, 502);
    assert!(other.requests().is_empty());
}
