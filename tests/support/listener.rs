//! Bare TCP: the test itself speaks on every connection that it accepts.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

use super::client::Client;
use super::gate::{QUIET, within};
use super::wire::Wire;

/// Listens, and hands accepted connections to the test. What is not accepted is never answered.
pub struct Listener(TcpListener);

impl Listener {
    /// Listens on 127.0.0.1.
    pub async fn start() -> Self {
        Self::start_on("127.0.0.1:0").await
    }

    /// Listens on another address.
    pub async fn start_on(address: &str) -> Self {
        Self(TcpListener::bind(address).await.expect("a loopback address is free"))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("a bound socket has an address")
    }

    /// The next connection, seen from its far end.
    pub async fn accept(&self) -> Client {
        let accepted = within("a connection to be accepted", self.0.accept()).await;
        Client::on(Wire::new(accepted.expect("accepting works").0))
    }
}

/// An address that refuses connections for as long as this is kept: bound, and not listening.
pub struct Refusing(TcpSocket);

impl Refusing {
    /// Takes a port of 127.0.0.1.
    pub fn start() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(([127, 0, 0, 1], 0).into()).expect("a loopback address is free");
        Self(socket)
    }

    /// The address that refuses.
    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("a bound socket has an address")
    }
}

/// An address on which no connection comes about, and none is refused: its queue is full.
pub struct Deaf {
    listener: TcpListener,
    queue: Vec<TcpStream>,
}

impl Deaf {
    /// Takes a port of 127.0.0.1 and fills its queue.
    pub async fn start() -> Self {
        Self::start_on("127.0.0.1:0").await
    }

    /// The same on another address.
    pub async fn start_on(address: &str) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(address.parse().expect("an address")).expect("a loopback address is free");
        let listener = socket.listen(0).expect("a bound socket can listen");
        let mut deaf = Self { listener, queue: Vec::new() };
        while let Ok(connected) = timeout(QUIET, TcpStream::connect(deaf.address())).await {
            deaf.queue.push(connected.expect("a listening socket accepts"));
        }
        deaf
    }

    /// The address that does not answer.
    pub fn address(&self) -> SocketAddr {
        self.listener.local_addr().expect("a bound socket has an address")
    }
}
