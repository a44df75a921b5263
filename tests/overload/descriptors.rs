//! Descriptors run out: what is accepted is served, what is not waits, and all is well when there is room.

use tokio::net::TcpStream;

use super::{Held, all_are_closed};
use crate::support::binary::Binary;
use crate::support::client::{self, Client};
use crate::support::gate::{QUIET, moment, within};
use crate::support::origin::{Origin, Reply};

/// As few as a service may be given.
const DESCRIPTORS: &str = "160";

/// Connections that say nothing, of which the proxy has accepted some.
async fn crowd(proxy: std::net::SocketAddr, count: usize) -> Vec<TcpStream> {
    let mut crowd = Vec::new();
    for _ in 0..count {
        let connected = within("a place in the backlog", TcpStream::connect(proxy)).await;
        crowd.push(connected.expect("the backlog takes it"));
    }
    crowd
}

#[tokio::test]
async fn some_descriptors_are_kept_for_origins_however_many_clients_come() {
    let origin = Origin::start().await;
    origin.route("/a", Reply::ok("from afar"));
    let (program, proxy) = Binary::serve_with_descriptors(DESCRIPTORS, &["--disk", "0"]).await;
    // From now on there is a connection to the origin that rests.
    assert_eq!(client::get(proxy, &origin.url("/a")).await.text(), "from afar");
    let before = Held::by(&program);
    let mut first = Client::connect(proxy).await;
    assert_eq!(first.get(&origin.url("/a")).await.text(), "from afar");
    // Twenty are served at once: a third of what is left of 160 after a reserve of 100.
    let waiting = crowd(proxy, 100).await;
    moment(QUIET).await;
    let crowded = Held::by(&program).descriptors;
    assert!(crowded < before.descriptors + 30, "{crowded} descriptors");
    assert_eq!(first.get(&origin.url("/a")).await.text(), "from afar");
    drop((first, waiting));
    all_are_closed(&program, &before).await;
    assert_eq!(client::get(proxy, &origin.url("/a")).await.text(), "from afar");
}

#[tokio::test]
async fn when_none_is_left_accepting_pauses_and_goes_on_by_itself() {
    let origin = Origin::start().await;
    origin.route("/a", Reply::cacheable(60, "stored"));
    let directory = tempfile::tempdir().unwrap();
    let settings = directory.path().join("larder.toml");
    std::fs::write(&settings, "max_connections = 1000\n").unwrap();
    let arguments = ["--config", settings.to_str().unwrap(), "--disk", "0"];
    let (mut program, proxy) = Binary::serve_with_descriptors(DESCRIPTORS, &arguments).await;
    let mut first = Client::connect(proxy).await;
    assert_eq!(first.get(&origin.url("/a")).await.text(), "stored");
    let before = Held::by(&program);
    let crowd = crowd(proxy, 300).await;
    program.line("a warning", |line| line.contains("Cannot accept connections for now")).await;
    // Who is there is served on.
    assert_eq!(first.get(&origin.url("/a")).await.text(), "stored");
    drop(crowd);
    all_are_closed(&program, &before).await;
    assert_eq!(client::get(proxy, &origin.url("/a")).await.text(), "stored");
}
