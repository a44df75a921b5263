//! A scriptable origin, and a client of `Upstream` with short waits.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::http::{Scheme, TargetUri};
use crate::net::{ConnectionHandle, Interfaces, Reach, Scope};
use crate::upstream::{
    Call, Config, IncomingBody, Outgoing, Reply, ResponseBody, Upstream, UpstreamError,
};

/// The longest that a test waits for an event.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);

/// How long something that must not happen is given to happen.
pub(super) const GLANCE: Duration = Duration::from_millis(100);

/// Waits for an event, not for ever.
pub(super) async fn soon<T>(event: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, event).await.expect("the event did not come in time")
}

/// Waits until a condition holds.
pub(super) async fn until(mut holds: impl FnMut() -> bool) {
    soon(async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// One connection as the origin sees it.
pub(super) struct Peer<S> {
    pub(super) stream: S,
    /// 0 for the first connection.
    pub(super) number: usize,
    read: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    pub(super) fn new(stream: S, number: usize) -> Self {
        Self { stream, number, read: Vec::new() }
    }

    /// The next request head, with its blank line; none when the connection ends.
    pub(super) async fn head(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                let rest = self.read.split_off(end + 4);
                let head = std::mem::replace(&mut self.read, rest);
                return Some(String::from_utf8(head).unwrap());
            }
            if self.stream.read_buf(&mut self.read).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    /// Reads until this text came; what came up to its end.
    pub(super) async fn upto(&mut self, end: &str) -> String {
        loop {
            let text = String::from_utf8_lossy(&self.read).into_owned();
            if let Some(at) = text.find(end) {
                self.read.drain(..at + end.len());
                return text[..at + end.len()].to_owned();
            }
            assert_ne!(self.stream.read_buf(&mut self.read).await.unwrap(), 0, "got {text:?}");
        }
    }

    pub(super) async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// Answers every request with 200 and the connection's number.
    pub(super) async fn answer_all(mut self) {
        while self.head().await.is_some() {
            let text = format!("connection {}", self.number);
            let length = text.len();
            self.send(&format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{text}")).await;
        }
    }
}

/// An origin: runs a script per connection.
pub(super) struct Origin {
    pub(super) address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Origin {
    pub(super) async fn start<F, R>(script: F) -> Self
    where
        F: Fn(Peer<tokio::net::TcpStream>) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        Self::listening((Ipv4Addr::LOCALHOST, 0).into(), script).await
    }

    /// An origin on this address of the machine that answers all.
    pub(super) async fn start_on(ip: &str) -> Self {
        Self::listening((ip.parse::<IpAddr>().unwrap(), 0).into(), Peer::answer_all).await
    }

    async fn listening<F, R>(address: SocketAddr, script: F) -> Self
    where
        F: Fn(Peer<tokio::net::TcpStream>) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(script(Peer::new(stream, number)));
            }
        });
        Self { address, connections }
    }

    /// An origin that says the same to everybody and then closes.
    pub(super) async fn saying(text: &'static str) -> Self {
        Self::start(move |mut peer| async move {
            peer.head().await;
            peer.send(text).await;
        })
        .await
    }

    /// An origin that speaks first: it waits for bytes, any, and hangs up after its answer.
    pub(super) async fn saying_at_once(text: &'static str) -> Self {
        Self::start(move |mut peer| async move {
            let mut some = [0; 1024];
            assert_ne!(peer.stream.read(&mut some).await.unwrap(), 0);
            peer.send(text).await;
        })
        .await
    }

    /// How many connections it accepted.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(super) fn target(&self) -> TargetUri {
        TargetUri::new(Scheme::Http, &self.address.ip().to_string(), self.address.port(), "/")
    }
}

/// Waits short enough for a test, long enough not to strike by chance.
pub(super) fn config() -> Config {
    Config { hosts_file: Some("/dev/null".into()), ..Config::default() }
}

pub(super) fn upstream(config: &Config) -> Upstream {
    let loopback = ["127.0.0.1/8".parse().unwrap()];
    Upstream::new(config, Arc::new(Interfaces::fixed(loopback))).unwrap()
}

/// A client on this machine.
pub(super) const NEAR: Reach = Reach::new(Scope::Loopback, false);
/// A client on the local network.
pub(super) const FAR: Reach = Reach::new(Scope::Private, false);

/// A request to be varied.
pub(super) struct Ask<'a> {
    pub(super) target: TargetUri,
    pub(super) request: Request<Outgoing>,
    pub(super) reach: Reach,
    pub(super) repeatable: bool,
    pub(super) client: Option<&'a ConnectionHandle>,
}

pub(super) fn get(target: &TargetUri) -> Ask<'static> {
    let request = Request::builder()
        .uri(target.path_and_query())
        .header("host", target.authority())
        .body(Outgoing::Empty)
        .unwrap();
    Ask { target: target.clone(), request, reach: NEAR, repeatable: true, client: None }
}

/// A POST of a client that stays.
pub(super) async fn post(target: &TargetUri, body: &'static str) -> Ask<'static> {
    let (mut client, incoming) = incoming(&format!("Content-Length: {}\r\n", body.len())).await;
    client.write_all(body.as_bytes()).await.unwrap();
    tokio::spawn(async move {
        let _stays = client;
        std::future::pending::<()>().await;
    });
    streamed(IncomingBody::new(incoming), Method::POST, target)
}

pub(super) fn streamed(body: IncomingBody, method: Method, target: &TargetUri) -> Ask<'static> {
    let mut ask = get(target).method(method);
    *ask.request.body_mut() = Outgoing::Incoming(body);
    ask.repeatable = false;
    ask
}

/// A client's body as the server gets it: what is written to the stream after the head is the body.
pub(super) async fn incoming(fields: &str) -> (DuplexStream, Incoming) {
    let (mut client, stream) = tokio::io::duplex(256 * 1024);
    let (out, mut bodies) = mpsc::channel(1);
    tokio::spawn(async move {
        let service = service_fn(move |request: Request<Incoming>| {
            let out = out.clone();
            async move {
                out.send(request.into_body()).await.unwrap();
                std::future::pending::<Result<Response<Empty<Bytes>>, hyper::Error>>().await
            }
        });
        let server = hyper::server::conn::http1::Builder::new();
        server.serve_connection(TokioIo::new(stream), service).await
    });
    client
        .write_all(format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n").as_bytes())
        .await
        .unwrap();
    let body = soon(bodies.recv()).await.unwrap();
    (client, body)
}

impl<'a> Ask<'a> {
    pub(super) fn field(mut self, name: &'static str, value: &str) -> Self {
        self.request.headers_mut().append(name, value.parse().unwrap());
        self
    }

    pub(super) fn method(mut self, method: Method) -> Self {
        *self.request.method_mut() = method;
        self
    }

    pub(super) fn for_client(mut self, client: &'a ConnectionHandle) -> Self {
        self.client = Some(client);
        self
    }

    pub(super) async fn send(self, upstream: &Upstream) -> Result<Reply, UpstreamError> {
        let Self { target, request, reach, repeatable, client } = self;
        let call = Call { target: &target, request, reach: &reach, repeatable, connection: client };
        soon(upstream.send(call)).await
    }

    /// The whole body, and whether the connection was reused.
    pub(super) async fn text(self, upstream: &Upstream) -> (String, bool) {
        let reply = self.send(upstream).await.unwrap();
        let reused = reply.reused;
        (whole(reply.response.into_body()).await, reused)
    }
}

pub(super) async fn whole(body: ResponseBody) -> String {
    let bytes = soon(body.collect()).await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A client connection, for what is pinned to it.
pub(super) fn client() -> ConnectionHandle {
    let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9);
    ConnectionHandle::new(address, address, crate::net::connection::Dialect::Http)
}
