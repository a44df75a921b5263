//! Fields on their way through: what stays on a hop, what is added, what is kept as it came.

use crate::support::client::request;
use crate::support::message::Fields;
use crate::support::origin::{Origin, Reply};
use crate::support::proxy::Proxy;

#[tokio::test]
async fn hop_by_hop_fields_and_what_connection_names_do_not_reach_the_origin() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::ok("hello"));
    let fields = [
        ("Connection", "keep-alive, X-Hop"),
        ("Connection", "x-other"),
        ("X-Hop", "1"),
        ("X-Other", "2"),
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Connection", "keep-alive"),
        ("Proxy-Authorization", "Basic bWU6c2VjcmV0"),
        ("TE", "gzip;q=0.5"),
        ("Upgrade", "h2c"),
        ("HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA"),
        ("X-End", "to end"),
        ("Authorization", "Basic bWU6c2VjcmV0"),
        ("Cookie", "a=1"),
        ("Cookie", "b=2"),
    ];
    proxy.client().await.get_with(&origin.url("/a"), &fields).await;
    let seen = origin.only_request();
    for name in ["Connection", "X-Hop", "X-Other", "Keep-Alive", "Proxy-Connection"] {
        assert!(!seen.has(name), "{name}: {:?}", seen.fields);
    }
    for name in ["Proxy-Authorization", "TE", "Upgrade", "HTTP2-Settings"] {
        assert!(!seen.has(name), "{name}: {:?}", seen.fields);
    }
    assert_eq!(seen.field("x-end"), Some("to end"));
    assert_eq!(seen.field("authorization"), Some("Basic bWU6c2VjcmV0"));
    assert_eq!(seen.fields.all("cookie"), ["a=1", "b=2"]);
}

#[tokio::test]
async fn hop_by_hop_fields_and_what_connection_names_do_not_reach_the_client_or_the_cache() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let reply = |reply: Reply| {
        reply
            .field("Connection", "keep-alive, X-Hop")
            .field("X-Hop", "1")
            .field("Keep-Alive", "timeout=5")
            .field("Proxy-Connection", "keep-alive")
            .field("Proxy-Authenticate", "Basic")
            .field("Proxy-Authentication-Info", "x")
            .field("Upgrade", "h2c")
            .field("X-End", "to end")
    };
    origin.route("/through", reply(Reply::ok("hello")));
    origin.route("/stored", reply(Reply::cacheable(60, "hello")));
    let mut client = proxy.client().await;
    for path in ["/through", "/stored", "/stored"] {
        let response = client.get(&origin.url(path)).await;
        for name in ["Connection", "X-Hop", "Keep-Alive", "Proxy-Connection", "Upgrade"] {
            assert!(!response.fields.has(name), "{path} {name}: {:?}", response.fields);
        }
        assert!(!response.fields.has("Proxy-Authenticate"), "{path}");
        assert!(!response.fields.has("Proxy-Authentication-Info"), "{path}");
        assert_eq!(response.field("x-end"), Some("to end"), "{path}");
    }
}

/// The members of `Via`, ours as `larder-x`.
fn via(fields: &Fields) -> Vec<String> {
    let lines = fields.all("via").join(", ");
    lines
        .split(", ")
        .map(|member| match member.split_once(" larder-") {
            Some((version, digits)) => {
                let hex = digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
                assert!(hex, "{member}");
                format!("{version} larder-x")
            }
            None => member.to_owned(),
        })
        .collect()
}

#[tokio::test]
async fn via_names_the_version_received_and_us_both_ways() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/new", Reply::cacheable(60, "hello").field("Via", "1.0 inner"));
    origin.route("/old", Reply::ok("hello").http10());
    let mut client = proxy.client().await;
    let first = client.get_with(&origin.url("/new"), &[("Via", "1.1 outer (x)")]).await;
    let again = client.get(&origin.url("/new")).await;
    let old = client.get(&origin.url("/old")).await;
    assert_eq!(via(&first.fields), ["1.0 inner", "1.1 larder-x"]);
    assert_eq!(via(&again.fields), ["1.0 inner", "1.1 larder-x"]);
    assert_eq!(via(&old.fields), ["1.0 larder-x"]);
    client.send(format!("GET {} HTTP/1.0\r\n\r\n", origin.url("/old"))).await;
    client.response().await;
    let seen = origin.wait_for_requests(3).await;
    assert_eq!(via(&seen[0].fields), ["1.1 outer (x)", "1.1 larder-x"]);
    assert_eq!(via(&seen[1].fields), ["1.1 larder-x"]);
    assert_eq!(via(&seen[2].fields), ["1.0 larder-x"]);
}

#[tokio::test]
async fn our_own_pseudonym_in_via_is_a_loop() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::cacheable(60, "hello"));
    let mut client = proxy.client().await;
    client.get(&origin.url("/a")).await;
    let ours = origin.only_request().field("via").unwrap().to_owned();
    // Also for what is stored: the origin is not the point, the circle is.
    for via in [ours.clone(), format!("1.1 other, {ours} (again), 1.0 third")] {
        let response = client.get_with(&origin.url("/a"), &[("Via", &via)]).await;
        assert_eq!(response.status, 502);
        let status = response.field("proxy-status").unwrap();
        assert!(status.starts_with("larder; error=proxy_loop_detected"), "{status}");
        assert!(response.text().contains("loop"), "{}", response.text());
    }
    origin.only_request();
}

#[tokio::test]
async fn ten_larders_are_a_loop_and_nine_are_not() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::ok("hello"));
    let mut client = proxy.client().await;
    let via = |count: u32| {
        let members: Vec<_> = (0..count).map(|at| format!("1.1 larder-{at:08x}")).collect();
        members.join(", ")
    };
    assert_eq!(client.get_with(&origin.url("/a"), &[("Via", &via(9))]).await.status, 200);
    let looped = client.get_with(&origin.url("/a"), &[("Via", &via(10))]).await;
    assert_eq!(looped.status, 502);
    assert!(looped.field("proxy-status").unwrap().contains("error=proxy_loop_detected"));
    origin.only_request();
}

#[tokio::test]
async fn two_larders_in_a_row_are_no_loop() {
    let origin = Origin::start().await;
    origin.route("/a", Reply::cacheable(60, "hello"));
    let inner = Proxy::start().await;
    // The outer one is a reverse proxy in front of the inner one's gateway: two hops, one origin.
    let gateway = Proxy::with(|config| {
        config.proxy.mode = larder::http::target::Mode::Gateway;
    })
    .await;
    let path = format!("/{}/a", origin.authority());
    let response = inner.get(&format!("http://{}{path}", gateway.address())).await;
    assert_eq!((response.status, response.text()), (200, "hello"));
    assert_eq!(via(&response.fields), ["1.1 larder-x", "1.1 larder-x"]);
    assert_eq!(via(&origin.only_request().fields), ["1.1 larder-x", "1.1 larder-x"]);
    let members = response.fields.all("cache-status").join(", ");
    assert_eq!(members, "larder; fwd=uri-miss; stored, larder; fwd=uri-miss; stored");
}

#[tokio::test]
async fn max_forwards_counts_down_for_options_and_trace_and_stops_at_nought() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::ok("the origin's"));
    let mut client = proxy.client().await;
    for method in ["OPTIONS", "TRACE"] {
        client.send(request(method, &origin.url("/a"), &[("Max-Forwards", "3")])).await;
        assert_eq!(client.response().await.text(), "the origin's");
        client.send(request(method, &origin.url("/a"), &[])).await;
        assert_eq!(client.response().await.text(), "the origin's");
    }
    // For other methods it is a field like any other.
    client.get_with(&origin.url("/a"), &[("Max-Forwards", "0")]).await;
    let seen = origin.wait_for_requests(5).await;
    let left: Vec<_> = seen.iter().map(|request| request.field("max-forwards")).collect();
    assert_eq!(left, [Some("2"), None, Some("2"), None, Some("0")]);

    client.send(request("OPTIONS", &origin.url("/a"), &[("Max-Forwards", "0")])).await;
    let options = client.response().await;
    assert_eq!(options.status, 200);
    assert!(options.field("allow").unwrap().contains("CONNECT"));
    let fields = [("Max-Forwards", "0"), ("Cookie", "secret"), ("X-Seen", "yes")];
    client.send(request("TRACE", &origin.url("/a"), &fields)).await;
    let trace = client.response().await;
    assert_eq!((trace.status, trace.field("content-type")), (200, Some("message/http")));
    assert!(trace.text().starts_with(&format!("TRACE {} HTTP/1.1\r\n", origin.url("/a"))));
    assert!(trace.text().to_lowercase().contains("x-seen: yes"), "{}", trace.text());
    assert!(!trace.text().contains("secret"), "{}", trace.text());
    client.send("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(client.response().await.status, 200);
    origin.wait_for_requests(5).await;
}

#[tokio::test]
async fn te_trailers_is_asked_for_again_and_nothing_else_of_te() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::ok("hello"));
    let mut client = proxy.client().await;
    for te in ["trailers", "gzip, Trailers", "gzip"] {
        client.get_with(&origin.url("/a"), &[("TE", te), ("Connection", "TE")]).await;
    }
    let seen = origin.wait_for_requests(3).await;
    let te = |at: usize| (seen[at].field("te"), seen[at].field("connection"));
    assert_eq!(te(0), (Some("trailers"), Some("te")));
    assert_eq!(te(1), (Some("trailers"), Some("te")));
    assert_eq!(te(2), (None, None));
}

#[tokio::test]
async fn repeated_fields_keep_their_lines_and_their_order() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let cookies = ["a=1; Expires=Fri, 15 Jan 2027 09:00:00 GMT", "b=2", "a=3"];
    let with = |reply: Reply| {
        cookies.iter().fold(reply, |reply, cookie| reply.field("Set-Cookie", cookie))
    };
    origin.route("/through", with(Reply::ok("hello")));
    origin.route(
        "/stored",
        with(Reply::cacheable(60, "hello")).field("Link", "<1>").field("Link", "<2>"),
    );
    let mut client = proxy.client().await;
    for path in ["/through", "/stored", "/stored"] {
        let response = client.get(&origin.url(path)).await;
        assert_eq!(response.fields.all("set-cookie"), cookies, "{path}");
    }
    let stored = client.get(&origin.url("/stored")).await;
    assert_eq!(stored.cache_status(), "larder; hit; ttl=60");
    assert_eq!(stored.fields.all("link"), ["<1>", "<2>"]);
}

#[tokio::test]
async fn status_and_reason_are_passed_on_as_they_are() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/odd", Reply::new(299).reason("Odd But Fine").body("odd"));
    origin.route("/none", Reply::new(404).reason("").body("none"));
    origin.route("/stored", Reply::cacheable(60, "x").reason("All Right"));
    let mut client = proxy.client().await;
    let odd = client.get(&origin.url("/odd")).await;
    assert_eq!((odd.status, &*odd.reason, odd.text()), (299, "Odd But Fine", "odd"));
    assert_eq!(client.get(&origin.url("/none")).await.status, 404);
    for _ in 0..2 {
        assert_eq!(client.get(&origin.url("/stored")).await.reason, "All Right");
    }
}

#[tokio::test]
async fn an_answer_without_a_date_is_given_one_and_a_date_is_kept() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let date = "Thu, 14 Jan 2027 08:00:00 GMT";
    origin.route("/none", Reply::ok("hello"));
    origin.route("/own", Reply::ok("hello").field("Date", date));
    let mut client = proxy.client().await;
    let none = client.get(&origin.url("/none")).await;
    assert_eq!(none.field("date"), Some(&*proxy.date()));
    assert_eq!(client.get(&origin.url("/own")).await.field("date"), Some(date));
}
