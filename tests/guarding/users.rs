//! `proxy_users`: who has to say a password, what comes of a wrong one, and what nobody ever sees of it.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use larder::cli::serve::Config;
use larder::http::target::{Mode, TargetUri};
use larder::proxy::Users;

use super::{is_error, serves_on};
use crate::support::client::{Client, request, text};
use crate::support::message::Response;
use crate::support::origin::{Origin, Reply};
use crate::support::proxy::Proxy;

/// `ada` and `bob` say `secret`, `slow` does too and is not known at once.
const USERS: &str = "\
    ada:$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW\n\
    bob:$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW\n\
    slow:$2y$10$larderlarderlarderlareJD7ZSPt/jtXxmNDW/jedtf5CrIcfzDy\n";

fn guarded(config: &mut Config) {
    config.proxy.access.users = Some(Arc::new(Users::parse(USERS).unwrap()));
    config.proxy.access.tunnel_ports = vec![1..=u16::MAX];
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
}

/// `GET url` as this user.
async fn get_as(client: &mut Client, url: &str, user: &str, password: &str) -> Response {
    client.get_with(url, &[("Proxy-Authorization", &basic(user, password))]).await
}

#[track_caller]
fn is_challenge(response: &Response, words: &str) {
    is_error(response, 407, "http_request_denied", &[words]);
    let challenge = response.field("proxy-authenticate");
    assert_eq!(challenge, Some("Basic realm=\"larder\", charset=\"UTF-8\""));
}

#[tokio::test]
async fn who_says_no_password_or_a_wrong_one_is_asked_for_one() {
    let (origin, proxy) = (Origin::start().await, Proxy::with(guarded).await);
    origin.route("/a", Reply::cacheable(60, "for users"));
    let url = origin.url("/a");
    let mut client = proxy.client().await;
    let rows: [(&[(&str, &str)], &str); 5] = [
        (&[], "asks for a user name and a password"),
        (&[("Authorization", &basic("ada", "secret"))], "asks for a user name and a password"),
        (&[("Proxy-Authorization", "Bearer abc")], "asks for a user name and a password"),
        (&[("Proxy-Authorization", &basic("ada", "Secret"))], "password is wrong"),
        (&[("Proxy-Authorization", &basic("eve", "secret"))], "password is wrong"),
    ];
    for (fields, words) in rows {
        is_challenge(&client.get_with(&url, fields).await, words);
    }
    is_challenge(&client.tunnel(&origin.authority()).await, "asks for a user name");
    is_challenge(&text(proxy.address(), &format!("{url}\n")).await, "asks for a user name");
    client.send(request("OPTIONS", &url, &[("Max-Forwards", "0")])).await;
    is_challenge(&client.response_to("OPTIONS").await, "asks for a user name");
    assert_eq!(origin.connections(), 0);
    // What this is, and how to use it, may be read by everybody whom it serves.
    assert_eq!(client.get("/").await.status, 200);

    assert_eq!(get_as(&mut client, &url, "ada", "secret").await.text(), "for users");
    let hit = get_as(&mut client, &url, "bob", "secret").await;
    assert_eq!(hit.cache_status(), "larder; hit; ttl=60");
    is_challenge(&client.get(&url).await, "asks for a user name");
    let lines = proxy.log().wait_for_exchanges(12).await;
    let users: Vec<_> = lines.iter().filter_map(|line| line["user"].as_str()).collect();
    assert_eq!(users, ["ada", "bob"], "only who was right has a name: {lines:?}");
    assert!(lines[..8].iter().all(|line| line["cache"] == "refused"), "{lines:?}");
    assert!(!format!("{lines:?}").contains(&basic("ada", "secret")[6..]));
}

#[tokio::test]
async fn the_password_goes_no_further_than_the_proxy() {
    let (origin, proxy) = (Origin::start().await, Proxy::with(guarded).await);
    origin.route("/a", Reply::ok("well"));
    let credentials = basic("ada", "secret");
    let mut client = proxy.client().await;
    let fields = [("Proxy-Authorization", &*credentials), ("Connection", "host")];
    assert_eq!(client.get_with(&origin.url("/a"), &fields).await.text(), "well");
    assert!(!origin.only_request().has("proxy-authorization"));

    client.send(request("TRACE", &origin.url("/a"), &[fields[0], ("Max-Forwards", "0")])).await;
    let seen = client.response_to("TRACE").await;
    assert_eq!((seen.status, seen.text().contains(&credentials)), (200, false));

    let to = origin.authority();
    client.send(request("CONNECT", &to, &fields[..1])).await;
    assert_eq!(client.response_to("CONNECT").await.status, 200);
    client.send(request("GET", "/a", &[])).await;
    assert_eq!(client.response().await.text(), "well");
    assert!(origin.requests().iter().all(|request| !request.has("proxy-authorization")));
    drop(client);
    let lines = proxy.log().wait_for_exchanges(3).await;
    assert!(lines.iter().all(|line| line["user"] == "ada"), "{lines:?}");
}

#[tokio::test]
async fn ten_wrong_passwords_a_minute_close_the_door_to_that_client_alone() {
    let (origin, proxy) = (Origin::start().await, Proxy::with(guarded).await);
    origin.route("/a", Reply::cacheable(600, "for users"));
    let url = origin.url("/a");
    let mut client = proxy.client().await;
    assert_eq!(get_as(&mut client, &url, "ada", "secret").await.status, 200);
    proxy.advance(Duration::from_secs(30));
    for guess in 0..10 {
        let response = get_as(&mut client, &url, "bob", &guess.to_string()).await;
        is_challenge(&response, "password is wrong");
    }
    let closed = get_as(&mut client, &url, "bob", "secret").await;
    is_error(&closed, 429, "http_request_denied", &["too many wrong passwords; try again in 60 s"]);
    assert_eq!(closed.field("retry-after"), Some("60"));
    assert!(!closed.fields.has("proxy-authenticate"));
    // Another client is not to blame, and what was right less than a minute ago need not be checked.
    let mut other = Client::connect_from("127.0.0.9", proxy.address()).await;
    assert_eq!(get_as(&mut other, &url, "bob", "secret").await.status, 200);
    proxy.advance(Duration::from_millis(29_999));
    assert_eq!(get_as(&mut client, &url, "ada", "secret").await.status, 200);
    proxy.advance(Duration::from_millis(1));
    let forgotten = get_as(&mut client, &url, "ada", "secret").await;
    assert_eq!((forgotten.status, forgotten.field("retry-after")), (429, Some("30")));
    proxy.advance(Duration::from_secs(30));
    assert_eq!(get_as(&mut client, &url, "ada", "secret").await.status, 200);
    assert_eq!(get_as(&mut client, &url, "ada", "other").await.status, 407);
}

#[tokio::test]
async fn many_requests_with_one_password_are_one_attempt() {
    let (origin, proxy) = (Origin::start().await, Proxy::with(guarded).await);
    origin.route("/a", Reply::cacheable(60, "for users"));
    let (url, right) = (origin.url("/a"), basic("slow", "secret"));
    let crowd: Vec<_> =
        (0..40).map(|_| proxy.ask_with(&url, &[("Proxy-Authorization", &right)])).collect();
    for one in crowd {
        assert_eq!(one.response().await.text(), "for users");
    }
    // The same wrong one again is no new one either: not even for a program that never gives up.
    let wrong = basic("slow", "other");
    let crowd: Vec<_> =
        (0..40).map(|_| proxy.ask_with(&url, &[("Proxy-Authorization", &wrong)])).collect();
    for one in crowd {
        is_challenge(&one.response().await, "password is wrong");
    }
    let mut client = proxy.client().await;
    assert_eq!(get_as(&mut client, &url, "ada", "secret").await.status, 200);
}

#[tokio::test]
async fn who_goes_on_guessing_is_not_told_what_is_remembered() {
    let (origin, proxy) = (Origin::start().await, Proxy::with(guarded).await);
    origin.route("/a", Reply::cacheable(60, "for users"));
    let (url, mut client) = (origin.url("/a"), proxy.client().await);
    assert_eq!(get_as(&mut client, &url, "ada", "secret").await.status, 200);
    for guess in 0..100 {
        let expected = if guess < 10 { 407 } else { 429 };
        let response = get_as(&mut client, &url, "ada", &guess.to_string()).await;
        assert_eq!(response.status, expected, "{guess}");
    }
    assert_eq!(get_as(&mut client, &url, "ada", "secret").await.status, 429);
    let mut other = Client::connect_from("127.0.0.9", proxy.address()).await;
    assert_eq!(get_as(&mut other, &url, "ada", "secret").await.status, 200);
    proxy.advance(Duration::from_secs(60));
    assert_eq!(get_as(&mut client, &url, "ada", "secret").await.status, 200);
}

#[tokio::test]
async fn while_a_password_is_checked_others_are_served() {
    let (origin, proxy) = (Origin::start().await, Proxy::with(guarded).await);
    origin.route("/a", Reply::cacheable(60, "for users"));
    let url = origin.url("/a");
    let mut client = proxy.client().await;
    assert_eq!(get_as(&mut client, &url, "ada", "secret").await.status, 200);
    let slow = basic("slow", "secret");
    let waiting: Vec<_> =
        (0..2).map(|_| proxy.ask_with(&url, &[("Proxy-Authorization", &slow)])).collect();
    // One thread serves them all: were it to hash, these would have to wait.
    proxy.wait_for_in_flight(2).await;
    for _ in 0..3 {
        assert_eq!(get_as(&mut client, &url, "ada", "secret").await.text(), "for users");
    }
    let lines = proxy.log().exchanges();
    assert!(lines.iter().all(|line| line["user"] == "ada"), "{lines:?}");
    for one in waiting {
        assert_eq!(one.response().await.status, 200);
    }
}

#[tokio::test]
async fn a_client_that_leaves_takes_nobodys_answer_along() {
    let (origin, proxy) = (Origin::start().await, Proxy::with(guarded).await);
    origin.route("/a", Reply::cacheable(60, "for users"));
    let (url, right) = (origin.url("/a"), basic("slow", "secret"));
    let first = proxy.ask_with(&url, &[("Proxy-Authorization", &right)]);
    proxy.wait_for_in_flight(1).await;
    let second = proxy.ask_with(&url, &[("Proxy-Authorization", &right)]);
    drop(first);
    assert_eq!(second.response().await.text(), "for users");
}

#[tokio::test]
async fn visitors_of_an_origin_do_not_know_of_a_proxy() {
    let (origin, elsewhere) = (Origin::start().await, Origin::start().await);
    origin.route("/a", Reply::ok("for everybody"));
    let proxy = Proxy::with(|config| {
        guarded(config);
        config.proxy.mode = Mode::Origin(TargetUri::parse(&origin.url("/")).unwrap());
    })
    .await;
    assert_eq!(proxy.get("/a").await.text(), "for everybody");
    is_challenge(&proxy.get(&elsewhere.url("/a")).await, "asks for a user name");
    is_challenge(&proxy.client().await.tunnel(&origin.authority()).await, "asks for a user name");
    assert_eq!((origin.requests().len(), elsewhere.connections()), (1, 0));
}

#[tokio::test]
async fn a_gateway_is_no_way_around() {
    let origin = Origin::start().await;
    let proxy = Proxy::with(|config| {
        guarded(config);
        config.proxy.mode = Mode::Gateway;
    })
    .await;
    let path = format!("/{}/a", origin.authority());
    is_challenge(&proxy.get(&path).await, "asks for a user name");
    assert_eq!(origin.connections(), 0);
}

#[tokio::test]
async fn a_rule_that_forbids_comes_before_the_question() {
    let origin = Origin::start().await;
    let proxy = Proxy::with(|config| {
        guarded(config);
        config.proxy.access.rules = super::access_rules::rules(&[
            "action = \"deny\"; method = \"PUT\"",
            "action = \"allow\"",
        ]);
    })
    .await;
    let mut client = proxy.client().await;
    client.send(request("PUT", &origin.url("/a"), &[])).await;
    is_error(&client.response_to("PUT").await, 403, "http_request_denied", &["rule 1"]);
    // An allow lifts the defaults about clients and ports, not the password.
    is_challenge(&client.get(&origin.url("/a")).await, "asks for a user name");
    assert_eq!(origin.connections(), 0);
}

#[tokio::test]
async fn a_body_that_is_not_wanted_is_not_taken_for_a_request() {
    let (origin, proxy) = (Origin::start().await, Proxy::with(guarded).await);
    let mut client = proxy.client().await;
    let smuggled = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    let length = smuggled.len().to_string();
    client.send(request("POST", &origin.url("/a"), &[("Content-Length", &length)])).await;
    client.try_send(smuggled).await.ok();
    is_challenge(&client.response_to("POST").await, "asks for a user name");
    client.expect_close().await;
    let open = Proxy::start().await;
    serves_on(&open).await;
}
