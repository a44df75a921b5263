//! Names that point where they should not (DNS rebinding), and those that may.

use std::io::Write;

use larder::net::{Interfaces, Scope};

use super::{is_error, serves_on};
use crate::support::client::Client;
use crate::support::dns::Dns;
use crate::support::origin::{Origin, Reply};
use crate::support::proxy::Proxy;

#[tokio::test]
async fn a_dns_name_that_is_a_loopback_address_is_refused_for_everybody() {
    let (origin, dns) = (Origin::start().await, Dns::start().await);
    origin.route("/a", Reply::cacheable(60, "secret"));
    let port = origin.address().port();
    let rows = [
        "127.0.0.1",
        "127.8.9.10",
        "::1",
        "169.254.169.254",
        "0.0.0.0",
        "::",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "64:ff9b::a9fe:a9fe",
        "fe80::1",
    ];
    for (nth, address) in rows.iter().enumerate() {
        dns.answer(&format!("n{nth}.test"), &[address]);
    }
    let proxy = Proxy::with(|config| {
        config.upstream.dns_servers = vec![dns.address()];
        config.proxy.access.tunnel_ports = vec![1..=u16::MAX];
    })
    .await;
    // Stored under its own name: that must not help the other one.
    assert_eq!(proxy.get(&origin.url("/a")).await.text(), "secret");
    for nth in 0..rows.len() {
        let name = format!("n{nth}.test");
        let words = [&*name, "a name server must not point a name at"];
        let response = proxy.get(&format!("http://{name}:{port}/a")).await;
        is_error(&response, 403, "destination_ip_prohibited", &words);
        let tunnel = proxy.client().await.tunnel(&format!("{name}:{port}")).await;
        is_error(&tunnel, 403, "destination_ip_prohibited", &words);
    }
    origin.only_request();
    assert_eq!(origin.connections(), 1);
    serves_on(&proxy).await;
}

#[tokio::test]
async fn localhost_and_names_of_the_hosts_file_are_for_clients_on_loopback() {
    let origin = Origin::start().await;
    origin.route("/a", Reply::ok("at home").field("Cache-Control", "no-store"));
    let port = origin.address().port();
    let mut hosts = tempfile::NamedTempFile::new().unwrap();
    writeln!(hosts, "127.0.0.1 build.test cache # ours").unwrap();
    let dns = Dns::start().await;
    let visitors = Interfaces::fixed([]).counting("127.0.0.9/32".parse().unwrap(), Scope::Private);
    let proxy = Proxy::seen_by(visitors, |config| {
        config.upstream.hosts_file = Some(hosts.path().into());
        config.upstream.dns_servers = vec![dns.address()];
    });
    let names = ["localhost", "web.localhost", "build.test", "CACHE", "127.0.0.1"];
    for name in names {
        let url = format!("http://{name}:{port}/a");
        assert_eq!(proxy.get(&url).await.text(), "at home", "{name}");
        let visitor = Client::connect_from("127.0.0.9", proxy.address()).await.get(&url).await;
        is_error(&visitor, 403, "destination_ip_prohibited", &["may not reach loopback addresses"]);
    }
    assert_eq!(origin.requests().len(), names.len());
    assert!(dns.queries().is_empty(), "{:?}", dns.queries());
}
