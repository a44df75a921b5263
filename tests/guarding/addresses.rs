//! The same address in many spellings: what is forbidden is forbidden in each of them.

use larder::net::{Interfaces, Scope};

use super::{is_error, serves_on};
use crate::support::client::Client;
use crate::support::origin::{Origin, Reply};
use crate::support::proxy::Proxy;

/// Loopback, as a client may write it.
const LOOPBACK: &[&str] = &[
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "017700000001",
    "0",
    "0.0.0.0",
    "localhost",
    "LOCALHOST.",
    "a.localhost",
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::FFFF:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
];

/// Where clouds keep their secrets, and other link-local addresses.
const LINK_LOCAL: &[&str] = &[
    "169.254.169.254",
    "169.254.43518",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "[::ffff:169.254.169.254]",
    "[64:ff9b::169.254.169.254]",
    "[2002:a9fe:a9fe::1]",
    "[fe80::1]",
    "[febf::a9fe:a9fe]",
];

/// A proxy whose tunnels go to every port, and for which 127.0.0.9 is another machine in the same house.
fn proxy() -> Proxy {
    let house = Interfaces::fixed([]).counting("127.0.0.9/32".parse().unwrap(), Scope::Private);
    Proxy::seen_by(house, |config| config.proxy.access.tunnel_ports = vec![1..=u16::MAX])
}

#[tokio::test]
async fn no_spelling_of_an_address_gets_a_client_further_than_another() {
    let (origin, proxy) = (Origin::start().await, proxy());
    origin.route("/a", Reply::ok("for this machine alone"));
    let port = origin.address().port();
    let kinds = [(LOOPBACK, "may not reach loopback"), (LINK_LOCAL, "may not reach link-local")];
    for (hosts, words) in kinds {
        for host in hosts {
            let mut neighbour = Client::connect_from("127.0.0.9", proxy.address()).await;
            let response = neighbour.get(&format!("http://{host}:{port}/a")).await;
            is_error(&response, 403, "destination_ip_prohibited", &[words]);
            let tunnel = neighbour.tunnel(&format!("{host}:{port}")).await;
            is_error(&tunnel, 403, "destination_ip_prohibited", &[words]);
        }
    }
    assert_eq!(origin.connections(), 0);
    serves_on(&proxy).await;
}

#[tokio::test]
async fn no_spelling_of_an_address_leads_to_the_proxy_itself() {
    let proxy = proxy();
    let port = proxy.address().port();
    let words = &["this is the proxy itself"];
    // It listens at 127.0.0.1, so `::1` is somebody else.
    let ours =
        LOOPBACK.iter().filter(|host| !["[::]", "[::1]", "[0:0:0:0:0:0:0:1]"].contains(host));
    let mut asked = 0;
    for host in ours {
        let response = proxy.get(&format!("http://{host}:{port}/")).await;
        is_error(&response, 403, "destination_ip_prohibited", words);
        let tunnel = proxy.client().await.tunnel(&format!("{host}:{port}")).await;
        is_error(&tunnel, 403, "destination_ip_prohibited", words);
        asked += 2;
    }
    // Nothing went round: every line is of a request that a client made.
    let lines = proxy.log().wait_for_exchanges(asked).await;
    assert!(lines.iter().all(|line| line["cache"] == "refused"), "{lines:?}");
}
