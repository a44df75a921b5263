//! `[[http_access]]`: the first rule that matches decides, and no rule opens what the address forbids.

use std::io::Write as _;

use larder::cli::args::ServeArgs;
use larder::cli::settings::Settings;
use larder::net::{Interfaces, Scope};
use larder::proxy::Rules;

use super::{is_error, serves_on};
use crate::support::client::{Client, request, text};
use crate::support::dns::Dns;
use crate::support::message::Response;
use crate::support::origin::{Origin, Reply};
use crate::support::proxy::Proxy;

/// The rules of a settings file: one a line, in TOML's inline form.
pub(super) fn rules(lines: &[&str]) -> Rules {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    for line in lines {
        writeln!(file, "[[http_access]]\n{}", line.replace("; ", "\n")).unwrap();
    }
    let options = ServeArgs { config: Some(file.path().into()), ..ServeArgs::default() };
    Settings::load(&options, &|_| None).unwrap().http_access.into()
}

/// A machine for which 127.0.0.9 is a client on the internet, and 127.0.0.5 and 127.0.0.6 servers there.
fn internet() -> Interfaces {
    Interfaces::fixed([])
        .counting("127.0.0.9/32".parse().unwrap(), Scope::Public)
        .counting("127.0.0.4/30".parse().unwrap(), Scope::Public)
}

#[track_caller]
fn is_refused(response: &Response, rule: u16) {
    let words = format!("rule {rule} of http_access");
    is_error(response, 403, "http_request_denied", &[&words]);
}

#[tokio::test]
async fn the_first_rule_that_matches_decides_and_the_line_says_which() {
    let origin = Origin::start_on("127.0.0.5:0").await;
    origin.route("/a", Reply::ok("reached"));
    let port = origin.address().port();
    let proxy = Proxy::with(|config| {
        config.proxy.access.tunnel_ports = vec![1..=u16::MAX];
        config.proxy.access.rules = rules(&[
            "action = \"allow\"; src = \"127.0.0.7\"",
            "action = \"deny\"; src = [\"127.0.0.7\", \"127.0.0.8/31\"]",
            "action = \"deny\"; dstdomain = \".localhost\"; method = [\"GET\", \"CONNECT\"]",
            "action = \"deny\"; method = \"PUT\"; port = \"1-65535\"",
        ]);
    })
    .await;
    let here = format!("http://127.0.0.5:{port}/a");
    let named = format!("http://a.localhost:{port}/a");
    let rows = [
        ("127.0.0.7", "GET", &*here, None),
        ("127.0.0.8", "GET", &*here, Some(2)),
        ("127.0.0.9", "GET", "/", Some(2)),
        ("127.0.0.1", "GET", &*named, Some(3)),
        ("127.0.0.1", "PUT", &*here, Some(4)),
        ("127.0.0.1", "GET", &*here, None),
        ("127.0.0.1", "GET", "/", None),
    ];
    for (client, method, url, _) in rows {
        let mut client = Client::connect_from(client, proxy.address()).await;
        client.send(request(method, url, &[])).await;
        client.response_to(method).await;
    }
    let lines = proxy.log().wait_for_exchanges(rows.len()).await;
    for ((client, method, url, rule), line) in rows.iter().zip(&lines) {
        let expected = rule.map(|rule: u16| format!("rule-{rule}"));
        let reason = line["reason"].as_str().filter(|reason| reason.starts_with("rule"));
        assert_eq!(reason, expected.as_deref(), "{client} {method} {url}: {line}");
        assert_eq!(line["cache"] == "refused", rule.is_some(), "{client} {method} {url}: {line}");
    }
    let mut barred = Client::connect_from("127.0.0.8", proxy.address()).await;
    is_refused(&barred.get(&here).await, 2);
    is_refused(&barred.tunnel(&origin.authority()).await, 2);
    is_refused(&proxy.client().await.tunnel(&format!("b.localhost:{port}")).await, 3);
    is_refused(&text(proxy.address(), &format!("localhost:{port}/a\n")).await, 3);
    assert_eq!(origin.requests().len(), 2);
    serves_on(&proxy).await;
}

#[tokio::test]
async fn an_allow_lifts_the_defaults_about_clients_and_ports() {
    let origin = Origin::start_on("127.0.0.5:0").await;
    origin.route("/a", Reply::ok("reached").field("Cache-Control", "no-store"));
    let port = origin.address().port();
    let proxy = Proxy::seen_by(internet(), |config| {
        config.proxy.access.ports = vec![80..=80];
        config.proxy.access.rules = rules(&[&format!(
            "action = \"allow\"; src = \"127.0.0.9\"; port = {port}; method = [\"GET\", \"CONNECT\"]"
        )]);
    });
    let mut guest = Client::connect_from("127.0.0.9", proxy.address()).await;
    assert_eq!(guest.get(&origin.url("/a")).await.text(), "reached");
    let other = guest.get("http://127.0.0.5:80/").await;
    is_error(&other, 403, "http_request_denied", &["127.0.0.9 may not use the proxy"]);
    // Who is no guest has the defaults.
    let local = proxy.get(&origin.url("/a")).await;
    is_error(&local, 403, "http_request_denied", &["the setting is ports"]);
    assert_eq!(guest.tunnel(&origin.authority()).await.status, 200);
    guest.send(request("GET", "/a", &[])).await;
    assert_eq!(guest.response().await.text(), "reached");
    assert_eq!(origin.requests().len(), 2);
}

#[tokio::test]
async fn an_allow_lifts_nothing_about_the_address_that_is_dialled() {
    let (home, dns) = (Origin::start().await, Dns::start().await);
    let port = home.address().port();
    dns.answer("rebound.test", &["127.0.0.1"]);
    let proxy = Proxy::seen_by(internet(), |config| {
        config.upstream.dns_servers = vec![dns.address()];
        config.proxy.access.rules =
            rules(&["action = \"allow\"; dst = \"0.0.0.0/0\"", "action = \"allow\""]);
    });
    let mut guest = Client::connect_from("127.0.0.9", proxy.address()).await;
    let inside = guest.get(&home.url("/a")).await;
    is_error(&inside, 403, "destination_ip_prohibited", &["may not reach loopback addresses"]);
    let inside = guest.tunnel(&home.authority()).await;
    is_error(&inside, 403, "destination_ip_prohibited", &["may not reach loopback addresses"]);
    let rebound = proxy.get(&format!("http://rebound.test:{port}/a")).await;
    is_error(&rebound, 403, "destination_ip_prohibited", &["must not point a name at"]);
    let itself = proxy.get(&format!("http://{}/", proxy.address())).await;
    is_error(&itself, 403, "destination_ip_prohibited", &["this is the proxy itself"]);
    assert_eq!(home.connections(), 0);
}

#[tokio::test]
async fn a_rule_about_an_address_holds_for_the_one_that_is_dialled() {
    let (denied, dns) = (Origin::start_on("127.0.0.5:0").await, Dns::start().await);
    let port = denied.address().port();
    let allowed = Origin::start_on(&format!("127.0.0.6:{port}")).await;
    allowed.route("/a", Reply::ok("the other"));
    dns.answer("bad.test", &["127.0.0.5"]);
    dns.answer("both.test", &["127.0.0.5", "127.0.0.6"]);
    let proxy = Proxy::seen_by(internet(), |config| {
        config.upstream.dns_servers = vec![dns.address()];
        config.proxy.access.tunnel_ports = vec![1..=u16::MAX];
        config.proxy.access.rules = rules(&["action = \"deny\"; dst = [\"127.0.0.5\", \"::5\"]"]);
    });
    for host in
        ["bad.test", "127.0.0.5", "2130706437", "[::ffff:127.0.0.5]", "[64:ff9b::127.0.0.5]"]
    {
        let response = proxy.get(&format!("http://{host}:{port}/a")).await;
        is_error(
            &response,
            403,
            "destination_ip_prohibited",
            &["rule 1 of http_access forbids it"],
        );
        let tunnel = proxy.client().await.tunnel(&format!("{host}:{port}")).await;
        is_error(&tunnel, 403, "destination_ip_prohibited", &["rule 1 of http_access forbids it"]);
    }
    let lines = proxy.log().wait_for_exchanges(10).await;
    assert!(lines.iter().all(|line| line["reason"] == "rule-1"), "{lines:?}");
    assert_eq!(proxy.get(&format!("http://both.test:{port}/a")).await.text(), "the other");
    assert_eq!(denied.connections(), 0);
    allowed.only_request();
}

#[tokio::test]
async fn an_allowed_address_is_the_only_way_for_a_client_that_is_not_served_otherwise() {
    let origin = Origin::start_on("127.0.0.5:0").await;
    origin.route("/a", Reply::cacheable(60, "reached"));
    let port = origin.address().port();
    let elsewhere = Origin::start_on(&format!("127.0.0.6:{port}")).await;
    let proxy = Proxy::seen_by(internet(), |config| {
        config.proxy.access.rules = rules(&[
            "action = \"deny\"; method = \"PUT\"",
            "action = \"allow\"; dst = \"127.0.0.5\"",
        ]);
    });
    let mut guest = Client::connect_from("127.0.0.9", proxy.address()).await;
    assert_eq!(guest.get(&origin.url("/a")).await.text(), "reached");
    assert_eq!(guest.get(&origin.url("/a")).await.cache_status(), "larder; hit; ttl=60");
    let refused = guest.get(&elsewhere.url("/a")).await;
    is_error(&refused, 403, "destination_ip_prohibited", &["no rule of http_access allows it"]);
    let own = guest.get("/").await;
    is_error(&own, 403, "http_request_denied", &["127.0.0.9 may not use the proxy"]);
    origin.only_request();
    assert_eq!(elsewhere.connections(), 0);
}
