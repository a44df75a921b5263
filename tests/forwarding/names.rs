//! From a name to a connection: the hosts file, DNS and its cache, several addresses.

use std::io::Write as _;
use std::net::SocketAddr;

use larder::net::{Interfaces, Scope};

use crate::support::dns::{Answer, Dns, Kind};
use crate::support::gate::{Gate, not_yet};
use crate::support::listener::{Deaf, Refusing};
use crate::support::origin::{Origin, Reply};
use crate::support::proxy::Proxy;

/// A proxy that asks `dns`, and to which 127.0.0.0/8 is a public network except 127.0.0.1: a name
/// server must not point at loopback.
fn asking(dns: &Dns) -> Proxy {
    let server = dns.address();
    let networks = ["127.0.0.2/32", "127.0.0.3/32", "127.0.0.4/32"];
    let machine = networks.iter().fold(Interfaces::system(), |machine, network| {
        machine.counting(network.parse().unwrap(), Scope::Public)
    });
    Proxy::seen_by(machine, |config| {
        config.upstream.dns_servers = vec![server];
        config.upstream.hosts_file = Some("/dev/null".into());
    })
}

fn hosts(lines: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(lines.as_bytes()).unwrap();
    file
}

fn questions(dns: &Dns, name: &str) -> usize {
    dns.queries().iter().filter(|query| query.name == name && query.kind == Kind::A).count()
}

#[tokio::test]
async fn the_name_server_of_the_settings_is_asked_and_its_answer_is_remembered() {
    let (origin, dns) = (Origin::start_on("127.0.0.2:0").await, Dns::start().await);
    origin.route("/a", Reply::ok("hello").close());
    dns.answer("www.example.test", &["127.0.0.2"]);
    let proxy = asking(&dns);
    let url = format!("http://www.example.test:{}/a", origin.address().port());
    for _ in 0..3 {
        assert_eq!(proxy.get(&url).await.text(), "hello");
    }
    assert_eq!(origin.wait_for_requests(3).await[2].connection, 2);
    assert_eq!(questions(&dns, "www.example.test"), 1);
    let host = format!("www.example.test:{}", origin.address().port());
    assert_eq!(origin.requests()[0].field("host"), Some(&*host));
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_a_502_with_the_name_and_the_reason_and_is_remembered() {
    let dns = Dns::start().await;
    let proxy = asking(&dns);
    for _ in 0..3 {
        let response = proxy.get("http://no.such.test/").await;
        assert_eq!(response.status, 502);
        let sentence = "cannot resolve no.such.test: there is no host of this name\n";
        assert_eq!(response.text(), sentence);
        let status = response.field("proxy-status").unwrap();
        assert!(status.starts_with("larder; error=dns_error"), "{status}");
    }
    assert_eq!(questions(&dns, "no.such.test"), 1);
    let lines = proxy.log().wait_for_exchanges(3).await;
    assert_eq!((&lines[0]["message"], &lines[0]["cache"]), (&"Failed".into(), &"error".into()));
}

#[tokio::test]
async fn name_servers_that_fail_or_say_nothing_are_told_apart() {
    let dns = Dns::start().await;
    dns.set("broken.test", Answer::Failure);
    dns.set("silent.test", Answer::Silence);
    let server = dns.address();
    let proxy = Proxy::with(|config| {
        config.upstream.dns_servers = vec![server];
        config.upstream.dns_wait = std::time::Duration::from_millis(60);
    })
    .await;
    let broken = asking(&dns).get("http://broken.test/").await;
    assert_eq!((broken.status, broken.text().contains("broken.test")), (502, true));
    let silent = proxy.get("http://silent.test/").await;
    assert_eq!((silent.status, silent.text().contains("in time")), (504, true));
    let status = silent.field("proxy-status").unwrap();
    assert!(status.starts_with("larder; error=dns_timeout"), "{status}");
}

#[tokio::test]
async fn a_name_server_that_takes_its_time_holds_nobody_else_up() {
    let (origin, dns) = (Origin::start_on("127.0.0.2:0").await, Dns::start().await);
    origin.route("/a", Reply::ok("hello"));
    let gate = Gate::new();
    dns.set("slow.test", Answer::After(gate.clone(), vec!["127.0.0.2".parse().unwrap()]));
    let proxy = asking(&dns);
    let port = origin.address().port();
    let mut slow = proxy.client().await;
    slow.send(format!("GET http://slow.test:{port}/a HTTP/1.1\r\nHost: x\r\n\r\n")).await;
    dns.wait_for_query("slow.test").await;
    assert_eq!(proxy.get(&origin.url("/a")).await.text(), "hello");
    not_yet("an answer", slow.some()).await;
    gate.open();
    assert_eq!(slow.response().await.text(), "hello");
}

#[tokio::test]
async fn a_name_server_must_not_point_a_name_at_this_machine() {
    let (origin, dns) = (Origin::start().await, Dns::start().await);
    origin.route("/a", Reply::ok("secret"));
    dns.answer("evil.test", &["127.0.0.1", "::1"]);
    dns.set("alias.test", Answer::Alias("evil.test".into()));
    let proxy = asking(&dns);
    for name in ["evil.test", "alias.test"] {
        let url = format!("http://{name}:{}/a", origin.address().port());
        assert_eq!(proxy.get(&url).await.status, 403, "{name}");
    }
    assert_eq!(origin.connections(), 0);
}

#[tokio::test]
async fn the_hosts_file_of_the_settings_goes_before_dns_and_may_name_this_machine() {
    let (origin, dns) = (Origin::start().await, Dns::start().await);
    origin.route("/a", Reply::ok("hello"));
    dns.answer("dev.test", &["127.0.0.2"]);
    let (server, file) = (dns.address(), hosts("# ours\n127.0.0.1 dev.test other.test\n"));
    let proxy = Proxy::with(|config| {
        config.upstream.dns_servers = vec![server];
        config.upstream.hosts_file = Some(file.path().into());
    })
    .await;
    let port = origin.address().port();
    for name in ["dev.test", "DEV.test", "other.test"] {
        assert_eq!(proxy.get(&format!("http://{name}:{port}/a")).await.text(), "hello", "{name}");
    }
    assert_eq!(proxy.get("http://third.test/").await.status, 502);
    assert!(dns.queries().iter().all(|query| query.name == "third.test"));
}

#[tokio::test]
async fn localhost_is_this_machine_and_nobody_is_asked() {
    let (origin, dns) = (Origin::start().await, Dns::start().await);
    origin.route("/a", Reply::ok("hello"));
    let proxy = asking(&dns);
    let port = origin.address().port();
    for name in ["localhost", "app.localhost", "LOCALHOST"] {
        assert_eq!(proxy.get(&format!("http://{name}:{port}/a")).await.text(), "hello", "{name}");
    }
    assert_eq!(dns.queries(), []);
}

/// A name with these addresses; the origin listens on the last.
async fn several(addresses: &[SocketAddr], origin: &Origin) -> u16 {
    origin.route("/a", Reply::ok("hello").close());
    let dns = Dns::start().await;
    let names: Vec<_> = addresses.iter().map(|address| address.ip().to_string()).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    dns.answer("many.test", &names);
    let proxy = asking(&dns);
    let url = format!("http://many.test:{}/a", origin.address().port());
    for _ in 0..2 {
        let response = proxy.get(&url).await;
        assert_eq!(response.status, 200, "{}", response.text());
    }
    u16::try_from(origin.connections()).unwrap()
}

#[tokio::test]
async fn an_address_that_refuses_does_not_matter_when_another_answers() {
    let origin = Origin::start_on("127.0.0.3:0").await;
    let dead = SocketAddr::from(([127, 0, 0, 2], origin.address().port()));
    assert_eq!(several(&[dead, origin.address()], &origin).await, 2);
}

#[tokio::test]
async fn an_address_that_stays_silent_is_overtaken_by_one_that_answers() {
    let deaf = Deaf::start_on("127.0.0.2:0").await;
    let port = deaf.address().port();
    let origin = Origin::start_on(&format!("127.0.0.3:{port}")).await;
    // The second time the address that answered is asked first.
    assert_eq!(several(&[deaf.address(), origin.address()], &origin).await, 2);
}

#[tokio::test]
async fn a_refused_connection_is_a_502_that_names_the_address() {
    let (proxy, refusing) = (Proxy::start().await, Refusing::start());
    let response = proxy.get(&format!("http://{}/", refusing.address())).await;
    assert_eq!(response.status, 502);
    assert!(response.text().contains("connection refused"), "{}", response.text());
    assert!(response.text().contains(&refusing.address().to_string()));
    let status = response.field("proxy-status").unwrap();
    assert!(status.starts_with("larder; error=connection_refused"), "{status}");
}
