//! A client of raw bytes: what it sends is exactly what the test says.

use std::net::{IpAddr, SocketAddr};

use tokio::net::{TcpSocket, TcpStream};

use super::gate::within;
use super::message::{Framing, Head, Response};
use super::wire::{Body, Broken, Wire};

/// One connection to a server. Every wait has the deadline of [`within`].
pub struct Client(Wire);

/// The text of a request without body: absolute-form target, `Host`, then `fields` line by line.
pub fn request(method: &str, url: &str, fields: &[(&str, &str)]) -> String {
    let authority = url.split("://").nth(1).unwrap_or(url).split(['/', '?']).next().unwrap();
    let mut text = format!("{method} {url} HTTP/1.1\r\nHost: {authority}\r\n");
    for (name, value) in fields {
        text += &format!("{name}: {value}\r\n");
    }
    text + "\r\n"
}

/// `GET url` by way of `proxy` on a connection of its own.
pub async fn get(proxy: SocketAddr, url: &str) -> Response {
    Client::connect(proxy).await.get(url).await
}

/// What the text client does: sends `words` as they are, reads up to the close.
pub async fn text(proxy: SocketAddr, words: &str) -> Response {
    let mut client = Client::connect(proxy).await;
    client.send(words).await;
    let response = client.response().await;
    client.expect_close().await;
    response
}

impl Client {
    /// Connects.
    pub async fn connect(server: SocketAddr) -> Self {
        let stream = within("a connection", TcpStream::connect(server)).await;
        Self::on(Wire::new(stream.unwrap_or_else(|error| panic!("{server}: {error}"))))
    }

    /// Connects from an address of its own (`127.0.0.2` is another client than `127.0.0.1`).
    pub async fn connect_from(local: &str, server: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        let local: IpAddr = local.parse().expect("an address");
        socket.bind((local, 0).into()).expect("a loopback address is free");
        let stream = within("a connection", socket.connect(server)).await;
        Self::on(Wire::new(stream.expect("the server accepts")))
    }

    /// Connects with a receive window as small as the system allows: what is not read soon holds
    /// the sender up.
    pub async fn connect_narrow(server: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(1).expect("a TCP socket has a receive buffer");
        let stream = within("a connection", socket.connect(server)).await;
        Self::on(Wire::new(stream.expect("the server accepts")))
    }

    /// Speaks on a connection that exists.
    pub fn on(wire: Wire) -> Self {
        Self(wire)
    }

    /// The address that the server sees.
    pub fn address(&self) -> SocketAddr {
        self.0.tcp().local_addr().expect("a connected socket has an address")
    }

    /// The address at the far end.
    pub fn peer(&self) -> SocketAddr {
        self.0.tcp().peer_addr().expect("a connected socket has a peer")
    }

    /// Sends bytes as they are.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let sent = within("room to send", self.0.send(bytes.as_ref())).await;
        sent.expect("the server reads what is sent");
    }

    /// Sends bytes; it is no failure when the server has closed.
    pub async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        within("room to send", self.0.send(bytes.as_ref())).await
    }

    /// `GET url`; the connection stays open.
    pub async fn get(&mut self, url: &str) -> Response {
        self.get_with(url, &[]).await
    }

    /// `GET url` with fields; the connection stays open.
    pub async fn get_with(&mut self, url: &str, fields: &[(&str, &str)]) -> Response {
        self.send(request("GET", url, fields)).await;
        self.response().await
    }

    /// A request with a body of known length.
    pub async fn post(&mut self, url: &str, body: impl AsRef<[u8]>) -> Response {
        let length = body.as_ref().len().to_string();
        self.send(request("POST", url, &[("Content-Length", &length)])).await;
        self.send(body).await;
        self.response().await
    }

    /// Reads the response to a GET; it must be whole.
    pub async fn response(&mut self) -> Response {
        self.response_to("GET").await
    }

    /// Reads the response to a request with `method`; it must be whole.
    pub async fn response_to(&mut self, method: &str) -> Response {
        let response = self.any_response_to(method).await;
        if let Some(why) = &response.broken {
            panic!("the response broke off ({why:?}) after {} bytes", response.body.len());
        }
        response
    }

    /// Reads the response to a GET whose body must break off.
    pub async fn broken_response(&mut self) -> Response {
        let response = self.any_response_to("GET").await;
        assert!(response.broken.is_some(), "a whole response came: {response:?}");
        response
    }

    /// Reads a response with interim responses and body, whole or broken off.
    pub async fn any_response_to(&mut self, method: &str) -> Response {
        self.0.record();
        let mut interim = Vec::new();
        let head = loop {
            let head = self.head().await;
            match head.status().expect("a status line") {
                100 | 102..200 => interim.push(head),
                _ => break head,
            }
        };
        let framing = head.response_framing(method).expect("clear framing");
        let (mut body, mut bytes) = (Body::new(framing), Vec::new());
        let broken = loop {
            match within("the body", self.0.piece(&mut body)).await {
                Ok(Some(piece)) => bytes.extend_from_slice(&piece),
                Ok(None) => break None,
                Err(why) => break Some(why),
            }
        };
        let [version, _, reason] = head.words().map(str::to_owned);
        let status = head.status().expect("a status line");
        let (fields, trailers, raw) = (head.fields, body.trailers, self.0.recorded());
        let body = bytes;
        Response { version, status, reason, fields, body, trailers, framing, interim, broken, raw }
    }

    /// Reads one head, interim or final; the body is read with [`Client::body_of`] or in pieces.
    pub async fn head(&mut self) -> Head {
        match within("a response head", self.0.head()).await {
            Ok(Some(head)) => head,
            Ok(None) => panic!("the connection was closed without a response"),
            Err(why) => panic!("no response head came: {why:?}"),
        }
    }

    /// The body that follows `head`, to be read with [`Client::piece`].
    pub fn body_of(&self, head: &Head) -> Body {
        Body::new(head.response_framing("GET").expect("clear framing"))
    }

    /// The next piece of a body; nothing at its end.
    pub async fn piece(&mut self, body: &mut Body) -> Result<Option<Vec<u8>>, Broken> {
        within("a piece of the body", self.0.piece(body)).await
    }

    /// Reads a body until at least `count` bytes have come.
    pub async fn at_least(&mut self, body: &mut Body, count: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < count {
            let piece = self.piece(body).await.expect("the body goes on");
            bytes.extend_from_slice(&piece.expect("the body goes on"));
        }
        bytes
    }

    /// Reads a body of [`super::pattern`] to its end without keeping it, checks each byte, counts.
    pub async fn pattern(&mut self, body: &mut Body) -> Result<u64, Broken> {
        let mut count = 0;
        while let Some(piece) = self.piece(body).await? {
            super::pattern::check(count, &piece);
            count += piece.len() as u64;
        }
        Ok(count)
    }

    /// Reads exactly `count` bytes.
    pub async fn exactly(&mut self, count: usize) -> Vec<u8> {
        within("bytes", self.0.exactly(count)).await.expect("enough bytes come")
    }

    /// Reads whatever comes next; empty at the end of the stream.
    pub async fn some(&mut self) -> Result<Vec<u8>, Broken> {
        within("a byte", self.0.some()).await
    }

    /// Reads everything up to the end of the stream.
    pub async fn read_to_close(&mut self) -> Vec<u8> {
        within("the close", self.0.rest()).await.expect("an orderly close")
    }

    /// Waits until the server closes; nothing may come before that. A reset is a close too.
    pub async fn expect_close(&mut self) {
        match within("the close", self.0.some()).await {
            Ok(rest) => assert!(rest.is_empty(), "{:?}", String::from_utf8_lossy(&rest)),
            Err(Broken::Failed(_)) => {}
            Err(why) => panic!("no close: {why:?}"),
        }
    }

    /// Says that nothing more will be sent; reading goes on.
    pub async fn half_close(&mut self) {
        self.0.half_close().await.expect("the connection is open");
    }

    /// Goes away with a reset.
    pub fn reset(self) {
        self.0.reset();
    }

    /// The connection, for TLS inside a tunnel.
    pub fn into_wire(self) -> Wire {
        self.0
    }

    /// Asks for a tunnel by `CONNECT`; afterwards the bytes go to the target.
    pub async fn tunnel(&mut self, authority: &str) -> Response {
        self.send(format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n")).await;
        let response = self.response_to("CONNECT").await;
        assert!(response.status != 200 || response.framing == Framing::None);
        response
    }
}
