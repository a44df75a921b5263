//! A client of a narrower scope gets nothing of what a loopback client fetched from `localhost`:
//! not the stored response, not the fetch under way, not the connection.

use larder::net::{Interfaces, Scope};

use super::{is_error, serves_on};
use crate::support::client::{Client, request};
use crate::support::gate::Gate;
use crate::support::message::Response;
use crate::support::origin::{Origin, Reply};
use crate::support::proxy::Proxy;

const SECRET: &str = "for this machine alone";

/// A machine for which 127.0.0.9 is another one in the same house.
fn proxy() -> Proxy {
    let house = Interfaces::fixed([]).counting("127.0.0.9/32".parse().unwrap(), Scope::Private);
    Proxy::seen_by(house, |_| {})
}

async fn neighbour(proxy: &Proxy) -> Client {
    Client::connect_from("127.0.0.9", proxy.address()).await
}

fn localhost(origin: &Origin, path: &str) -> String {
    format!("http://localhost:{}{path}", origin.address().port())
}

#[track_caller]
fn is_refused(response: &Response) {
    is_error(response, 403, "destination_ip_prohibited", &["localhost"]);
    assert!(!String::from_utf8_lossy(&response.raw).contains(SECRET), "{response:?}");
    for name in ["etag", "age", "x-secret"] {
        assert!(!response.fields.has(name), "{response:?}");
    }
}

#[tokio::test]
async fn what_is_stored_is_refused_whatever_is_asked() {
    let (origin, proxy) = (Origin::start().await, proxy());
    let reply = Reply::cacheable(60, SECRET).field("ETag", "\"v1\"").field("X-Secret", SECRET);
    origin.route("/a", reply);
    let url = localhost(&origin, "/a");
    assert_eq!(proxy.get(&url).await.text(), SECRET);
    assert_eq!(proxy.get(&url).await.cache_status(), "larder; hit; ttl=60");

    let rows: &[&[(&str, &str)]] = &[
        &[],
        &[("Cache-Control", "only-if-cached")],
        &[("Cache-Control", "no-cache")],
        &[("If-None-Match", "\"v1\"")],
        &[("Range", "bytes=0-3")],
        &[("Cookie", "a=1")],
    ];
    for fields in rows {
        is_refused(&neighbour(&proxy).await.get_with(&url, fields).await);
    }
    let mut head = neighbour(&proxy).await;
    head.send(request("HEAD", &url, &[])).await;
    assert_eq!(head.response_to("HEAD").await.status, 403);
    origin.only_request();
    assert_eq!(origin.connections(), 1);
    assert_eq!(proxy.get(&url).await.cache_status(), "larder; hit; ttl=60");
    serves_on(&proxy).await;
}

#[tokio::test]
async fn a_fetch_that_waits_for_its_head_is_refused_when_the_head_comes() {
    let (origin, proxy, gate) = (Origin::start().await, proxy(), Gate::new());
    origin.route("/a", Reply::cacheable(60, SECRET).field("X-Secret", SECRET).after(&gate));
    let url = localhost(&origin, "/a");
    let mut leader = proxy.client().await;
    leader.send(request("GET", &url, &[])).await;
    gate.reached(1).await;
    let mut follower = neighbour(&proxy).await;
    follower.send(request("GET", &url, &[])).await;
    crate::support::gate::not_yet("an answer without a head", follower.some()).await;
    gate.open();
    is_refused(&follower.response().await);
    assert_eq!(leader.response().await.text(), SECRET);
    origin.only_request();
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn a_body_under_way_is_refused() {
    let (origin, proxy, gate) = (Origin::start().await, proxy(), Gate::new());
    origin.route("/a", Reply::cacheable(60, SECRET).paced(&gate, 4));
    let url = localhost(&origin, "/a");
    let mut leader = proxy.client().await;
    leader.send(request("GET", &url, &[])).await;
    gate.pass(1);
    let head = leader.head().await;
    let mut body = leader.body_of(&head);
    leader.at_least(&mut body, 4).await;
    is_refused(&neighbour(&proxy).await.get(&url).await);
    gate.open();
    while leader.piece(&mut body).await.unwrap().is_some() {}
    origin.only_request();
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn a_pooled_connection_is_not_used() {
    let (origin, proxy) = (Origin::start().await, proxy());
    for path in ["/a", "/b"] {
        origin.route(path, Reply::ok(SECRET).field("Cache-Control", "no-store"));
    }
    assert_eq!(proxy.get(&localhost(&origin, "/a")).await.text(), SECRET);
    is_refused(&neighbour(&proxy).await.get(&localhost(&origin, "/b")).await);
    let mut post = neighbour(&proxy).await;
    is_refused(&post.post(&localhost(&origin, "/b"), "x").await);
    origin.only_request();
    // It rests all the same: the next client on loopback takes it.
    assert_eq!(proxy.get(&localhost(&origin, "/b")).await.text(), SECRET);
    assert_eq!((origin.requests().len(), origin.connections()), (2, 1));
}

#[tokio::test]
async fn a_neighbour_who_asks_first_spoils_nothing() {
    let (origin, proxy) = (Origin::start().await, proxy());
    origin.route("/a", Reply::cacheable(60, SECRET));
    let url = localhost(&origin, "/a");
    is_refused(&neighbour(&proxy).await.get(&url).await);
    assert_eq!(origin.connections(), 0);
    let first = proxy.get(&url).await;
    assert_eq!((first.text(), first.cache_status()), (SECRET, "larder; fwd=uri-miss; stored"));
    let lines = proxy.log().wait_for_exchanges(2).await;
    assert_eq!(
        (&lines[0]["message"], &lines[0]["client"]),
        (&"Refused".into(), &"127.0.0.9".into())
    );
}
