//! The real program, as whoever runs it sees it: its log, its exit codes, its signals.

mod disk;
mod formats;
mod logging;
mod reloading;
mod service;
mod settings;
mod stopping;
mod taking_over;
mod usage;

use std::net::SocketAddr;

use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpSocket;

use crate::support::binary::Binary;
use crate::support::gate::eventually;

/// A settings file, for as long as it is kept.
struct File {
    path: String,
    _directory: TempDir,
}

impl File {
    fn new(text: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("larder.toml");
        std::fs::write(&path, text).unwrap();
        Self { path: path.to_str().unwrap().to_owned(), _directory: directory }
    }
}

/// An address that nobody else takes, on which the program can listen all the same.
fn reserve() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// Waits until somebody listens there.
async fn listening(address: SocketAddr) {
    eventually("the program to listen", || std::net::TcpStream::connect(address).ok()).await;
}

/// The next line of its standard output, as json.
async fn json(larder: &mut Binary) -> Value {
    let line = larder.line("a line of the log", |_| true).await;
    serde_json::from_str(&line).unwrap_or_else(|why| panic!("{why}: {line}"))
}

/// The address in `listen=` of a `pretty` line.
fn listen_in(line: &str) -> SocketAddr {
    let listen = line.split(" listen=").nth(1).and_then(|rest| rest.split([' ', ',']).next());
    listen.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no address in {line}"))
}
