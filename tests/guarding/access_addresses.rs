//! A rule about an address (`dst`) holds for what is stored, pooled or under way too: that came from an address.

use std::time::Duration;

use larder::cli::serve::Config;
use larder::net::{Interfaces, Scope};

use super::access_rules::rules;
use super::is_error;
use crate::support::client::{Client, request};
use crate::support::dns::Dns;
use crate::support::gate::{Gate, not_yet};
use crate::support::message::Response;
use crate::support::origin::{Origin, Reply};
use crate::support::proxy::{Proxy, ProxyOnDisk, Tested, Tiers};

const SECRET: &str = "not for everybody";

/// 127.0.0.9 may not go to 127.0.0.5.
const BARRED: &str = "action = \"deny\"; src = \"127.0.0.9\"; dst = \"127.0.0.5\"";

/// 127.0.0.8 may not go to 127.0.0.6, and may go everywhere else.
const PICKY: &str = "action = \"deny\"; src = \"127.0.0.8\"; dst = \"127.0.0.6\"";

async fn barred() -> Proxy {
    Proxy::with(|config| config.proxy.access.rules = rules(&[BARRED])).await
}

async fn neighbour<T: Tiers>(proxy: &Tested<T>) -> Client {
    Client::connect_from("127.0.0.9", proxy.address()).await
}

#[track_caller]
fn is_refused(response: &Response) {
    is_error(response, 403, "destination_ip_prohibited", &["127.0.0.5"]);
    assert!(!String::from_utf8_lossy(&response.raw).contains(SECRET), "{response:?}");
}

#[tokio::test]
async fn what_is_stored_is_refused_whatever_is_asked() {
    let (origin, proxy) = (Origin::start_on("127.0.0.5:0").await, barred().await);
    origin.route("/a", Reply::cacheable(60, SECRET).field("ETag", "\"v1\""));
    let url = origin.url("/a");
    assert_eq!(proxy.get(&url).await.text(), SECRET);
    let rows: &[&[(&str, &str)]] = &[
        &[],
        &[("Cache-Control", "only-if-cached")],
        &[("Cache-Control", "no-cache")],
        &[("If-None-Match", "\"v1\"")],
        &[("Range", "bytes=0-3")],
    ];
    for fields in rows {
        is_refused(&neighbour(&proxy).await.get_with(&url, fields).await);
    }
    let lines = proxy.log().wait_for_exchanges(1 + rows.len()).await;
    assert!(lines[1..].iter().all(|line| line["reason"] == "rule-1"), "{lines:?}");
    origin.only_request();
    assert_eq!(proxy.get(&url).await.cache_status(), "larder; hit; ttl=60");
}

#[tokio::test]
async fn a_fetch_under_way_is_refused_before_and_after_its_head() {
    let (origin, proxy) = (Origin::start_on("127.0.0.5:0").await, barred().await);
    let (head, body) = (Gate::new(), Gate::new());
    origin.route("/a", Reply::cacheable(60, SECRET).after(&head).body_after(&body));
    let url = origin.url("/a");
    let leader = proxy.ask(&url);
    head.reached(1).await;
    let mut follower = neighbour(&proxy).await;
    follower.send(request("GET", &url, &[])).await;
    not_yet("an answer without a head", follower.some()).await;
    head.open();
    is_refused(&follower.response().await);
    is_refused(&neighbour(&proxy).await.get(&url).await);
    body.open();
    assert_eq!(leader.response().await.text(), SECRET);
    origin.only_request();
}

#[tokio::test]
async fn a_pooled_connection_is_not_used() {
    let (origin, proxy) = (Origin::start_on("127.0.0.5:0").await, barred().await);
    origin.route("/a", Reply::ok(SECRET).field("Cache-Control", "no-store"));
    assert_eq!(proxy.get(&origin.url("/a")).await.text(), SECRET);
    is_refused(&neighbour(&proxy).await.get(&origin.url("/a")).await);
    is_refused(&neighbour(&proxy).await.post(&origin.url("/a"), "x").await);
    origin.only_request();
    // It rests all the same.
    assert_eq!(proxy.get(&origin.url("/a")).await.text(), SECRET);
    assert_eq!((origin.requests().len(), origin.connections()), (2, 1));
}

#[tokio::test]
async fn the_address_is_remembered_on_disk() {
    let origin = Origin::start_on("127.0.0.5:0").await;
    origin.route("/a", Reply::cacheable(60, SECRET));
    let change = |config: &mut Config| config.proxy.access.rules = rules(&[BARRED, PICKY]);
    let proxy = ProxyOnDisk::with(change).await;
    assert_eq!(proxy.get(&origin.url("/a")).await.text(), SECRET);
    proxy.wait_for_stored(1).await;
    let proxy = proxy.restarted_with(change).await;
    is_refused(&neighbour(&proxy).await.get(&origin.url("/a")).await);
    // A rule asks for the address, which is not the one that it forbids.
    let mut other = Client::connect_from("127.0.0.8", proxy.address()).await;
    assert_eq!(other.get(&origin.url("/a")).await.cache_status(), "larder; hit; ttl=60");
    origin.only_request();
}

#[tokio::test]
async fn what_was_stored_before_there_were_rules_is_fetched_anew_for_whom_they_concern() {
    let origin = Origin::start_on("127.0.0.5:0").await;
    origin.route("/a", Reply::cacheable(60, SECRET));
    let proxy = ProxyOnDisk::start().await;
    assert_eq!(proxy.get(&origin.url("/a")).await.text(), SECRET);
    proxy.wait_for_stored(1).await;
    let proxy =
        proxy.restarted_with(|config| config.proxy.access.rules = rules(&[BARRED, PICKY])).await;
    let url = origin.url("/a");
    is_refused(&neighbour(&proxy).await.get(&url).await);
    // No rule is about this one.
    assert_eq!(proxy.get(&url).await.cache_status(), "larder; hit; ttl=60");
    origin.only_request();
    // A rule asks for the address, which is not the one that it forbids.
    for expected in ["larder; fwd=uri-miss; stored", "larder; hit; ttl=60"] {
        let mut other = Client::connect_from("127.0.0.8", proxy.address()).await;
        assert_eq!(other.get(&url).await.cache_status(), expected);
        proxy.wait_for_stored(1).await;
    }
    is_refused(&neighbour(&proxy).await.get(&url).await);
    assert_eq!(origin.requests().len(), 2);
}

#[tokio::test]
async fn an_answer_from_another_address_says_nothing_about_what_is_stored() {
    let (one, dns) = (Origin::start_on("127.0.0.5:0").await, Dns::start().await);
    let port = one.address().port();
    let other = Origin::start_on(&format!("127.0.0.6:{port}")).await;
    dns.answer("two.test", &["127.0.0.5", "127.0.0.6"]);
    let stored = |body: &str| Reply::cacheable(1, body).field("ETag", "\"v1\"").hang_up();
    one.route("/a", stored("from one"));
    other.script("/a", [Reply::new(304).field("ETag", "\"v1\""), stored("from the other")]);
    let public = Interfaces::fixed([]).counting("127.0.0.4/30".parse().unwrap(), Scope::Public);
    let proxy = Proxy::seen_by(public, |config| {
        config.upstream.dns_servers = vec![dns.address()];
        config.proxy.access.rules = rules(&[BARRED]);
    });
    let url = format!("http://two.test:{port}/a");
    assert_eq!(proxy.get(&url).await.text(), "from one");
    one.finish();
    proxy.advance(Duration::from_secs(2));
    assert_eq!(proxy.get(&url).await.text(), "from the other");
    let asked = other.requests();
    assert_eq!(
        (asked.len(), asked[0].has("if-none-match"), asked[1].has("if-none-match")),
        (2, true, false)
    );
    // It came from where the neighbour may go.
    assert_eq!(neighbour(&proxy).await.get(&url).await.text(), "from the other");
}
