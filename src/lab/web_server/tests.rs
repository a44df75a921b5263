//! How long the server waits. What it sends is tested from outside, in `tests/lab/web_server.rs`.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::*;

const DEADLINE: Duration = Duration::from_secs(10);
/// Long enough to be no part of a test.
const LONG: Duration = Duration::from_secs(3600);

/// A server of one file that is larger than what sockets hold, and where it listens.
fn start(waits: Waits) -> (Drain, SocketAddr, tempfile::TempDir) {
    let root = tempfile::tempdir().unwrap();
    let big = std::fs::File::create(root.path().join("big")).unwrap();
    big.set_len(64 << 20).unwrap();
    let config = Config {
        host: None,
        port: 0,
        root: root.path().to_owned(),
        one_at_a_time: false,
        no_store: false,
        max_age: None,
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, drain) = (listener.local_addr().unwrap(), Drain::new());
    Server::open(&config, waits).unwrap().serve(vec![listener], &drain).unwrap();
    (drain, address, root)
}

#[tokio::test]
async fn a_request_that_does_not_come_to_its_end_is_not_waited_for() {
    let head = Duration::from_millis(50);
    let (_drain, address, _root) = start(Waits { head, stall: LONG, stop: LONG });
    for begun in ["", "GET / HTTP/1.1\r\nHost: ", "GET /none HTTP/1.1\r\nHost: a\r\n\r\n"] {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(begun.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        timeout(DEADLINE, client.read_to_end(&mut answer)).await.expect("a close").unwrap();
        assert_eq!(
            answer.starts_with(b"HTTP/1.1 404"),
            begun.starts_with("GET /none"),
            "{begun:?}"
        );
    }
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_given_up() {
    let stall = Duration::from_millis(50);
    let (drain, address, _root) = start(Waits { head: LONG, stall, stop: LONG });
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    client.readable().await.unwrap();
    drain.begin();
    let report = timeout(DEADLINE, drain.finished(LONG)).await.expect("the connection is gone");
    assert_eq!(report.connections, 1);
}
