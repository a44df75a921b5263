//! Who is served at all: never an open proxy by accident.

use larder::net::{Interfaces, Scope};

use super::is_error;
use crate::support::client::{Client, text};
use crate::support::origin::{Origin, Reply};
use crate::support::proxy::Proxy;

/// A machine for which 127.0.0.9 is a client on the internet, and 127.0.0.5 a server there.
fn internet() -> Interfaces {
    Interfaces::fixed([])
        .counting("127.0.0.9/32".parse().unwrap(), Scope::Public)
        .counting("127.0.0.5/32".parse().unwrap(), Scope::Public)
}

#[tokio::test]
async fn a_public_client_is_refused_until_the_settings_allow_it() {
    let origin = Origin::start_on("127.0.0.5:0").await;
    origin.route("/a", Reply::cacheable(60, "public"));
    let url = origin.url("/a");

    let closed = Proxy::seen_by(internet(), |config| {
        config.proxy.access.tunnel_ports = vec![1..=u16::MAX];
    });
    assert_eq!(closed.get(&url).await.text(), "public");
    let words = ["127.0.0.9 may not use the proxy at", &*closed.address().to_string()];
    let mut stranger = Client::connect_from("127.0.0.9", closed.address()).await;
    let refused = stranger.get(&url).await;
    is_error(&refused, 403, "http_request_denied", &words);
    let own = stranger.get("/").await;
    is_error(&own, 403, "http_request_denied", &words);
    let tunnel = stranger.tunnel(&origin.authority()).await;
    is_error(&tunnel, 403, "http_request_denied", &words);
    origin.only_request();
    assert_eq!(origin.connections(), 1);
    let lines = closed.log().wait_for_exchanges(4).await;
    assert_eq!((&lines[1]["client"], &lines[1]["cache"]), (&"127.0.0.9".into(), &"refused".into()));

    let open = Proxy::seen_by(internet(), |config| {
        config.proxy.access.clients = vec!["127.0.0.8/29".parse().unwrap()];
    });
    let mut guest = Client::connect_from("127.0.0.9", open.address()).await;
    assert_eq!(guest.get(&url).await.text(), "public");
    // What is allowed in does not get further in than the internet does.
    let home = Origin::start().await;
    let inside = guest.get(&home.url("/a")).await;
    is_error(&inside, 403, "destination_ip_prohibited", &["may not reach loopback addresses"]);
    assert_eq!(home.connections(), 0);
}

#[tokio::test]
async fn a_text_client_from_the_internet_is_refused_too() {
    let proxy = Proxy::seen_by(internet(), |_| {});
    let mut stranger = Client::connect_from("127.0.0.9", proxy.address()).await;
    stranger.send("www.example.com\n").await;
    let refused = stranger.response().await;
    is_error(&refused, 403, "http_request_denied", &["127.0.0.9 may not use the proxy"]);
    stranger.expect_close().await;
    let at_home = text(proxy.address(), "localhost:1/\n").await;
    assert_eq!(at_home.status, 403, "port 1 is not allowed: {at_home:?}");
}

#[tokio::test]
async fn private_addresses_are_out_of_reach_when_the_settings_say_so() {
    let near = || {
        Interfaces::fixed([])
            .counting("127.0.0.9/32".parse().unwrap(), Scope::Private)
            .counting("127.0.0.5/32".parse().unwrap(), Scope::Private)
    };
    let origin = Origin::start_on("127.0.0.5:0").await;
    origin.route("/a", Reply::ok("private"));
    let (open, closed) = (
        Proxy::seen_by(near(), |_| {}),
        Proxy::seen_by(near(), |config| {
            config.proxy.access.deny_private = true;
        }),
    );
    let mut guest = Client::connect_from("127.0.0.9", open.address()).await;
    assert_eq!(guest.get(&origin.url("/a")).await.text(), "private");
    let mut guest = Client::connect_from("127.0.0.9", closed.address()).await;
    let refused = guest.get(&origin.url("/a")).await;
    is_error(&refused, 403, "destination_ip_prohibited", &["may not reach private addresses"]);
    origin.only_request();
}
