//! The server on raw sockets: a scripted handler on one side, bytes on the other.

mod closing;
mod draining;
mod interim;
mod opening;
mod refusing;
mod upgrading;
mod waits;
mod writing;

use std::error::Error;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ::http::{Request, Response};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};

use super::{Config, Handler, Refusal, Server};
use crate::net::ConnectionHandle;
use crate::net::drain::Drain;

/// The deadline of every wait for an event.
pub(super) const SOON: Duration = Duration::from_secs(10);

pub(super) type BoxError = Box<dyn Error + Send + Sync>;

/// A response body that the test feeds.
#[derive(Debug)]
pub(super) struct TestBody {
    length: Option<u64>,
    chunks: mpsc::UnboundedReceiver<Result<Bytes, BoxError>>,
}

pub(super) type Feed = mpsc::UnboundedSender<Result<Bytes, BoxError>>;

impl TestBody {
    /// A body of this length, or of one that nobody knows, and its other end.
    pub(super) fn fed(length: Option<u64>) -> (Self, Feed) {
        let (feed, chunks) = mpsc::unbounded_channel();
        (Self { length, chunks }, feed)
    }

    pub(super) fn whole(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let (body, feed) = Self::fed(Some(bytes.len() as u64));
        feed.send(Ok(bytes)).unwrap();
        body
    }
}

impl Body for TestBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let next = ready!(self.chunks.poll_recv(cx));
        if let (Some(length), Some(Ok(chunk))) = (&mut self.length, &next) {
            *length -= chunk.len() as u64;
        }
        Poll::Ready(next.map(|chunk| chunk.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.length == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// A request that waits for the test's answer.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) request: Request<Incoming>,
    pub(super) connection: Arc<ConnectionHandle>,
    answer: oneshot::Sender<Response<TestBody>>,
}

impl Call {
    pub(super) fn answer(self, response: Response<TestBody>) {
        // The connection may be gone: then the test looks at that.
        drop(self.answer.send(response));
    }

    /// Answers 200 with this body.
    pub(super) fn ok(self, body: &'static str) {
        self.answer(Response::new(TestBody::whole(body)));
    }
}

/// Hands every request to the test; `/auto…` is answered at once with the path.
#[derive(Debug)]
pub(super) struct Script {
    calls: mpsc::UnboundedSender<Call>,
    refusals: Mutex<Vec<Refusal>>,
    /// When what was refused last began to arrive.
    refused_since: Mutex<Option<Instant>>,
}

impl Script {
    fn new(calls: mpsc::UnboundedSender<Call>) -> Self {
        Self { calls, refusals: Mutex::default(), refused_since: Mutex::default() }
    }
}

impl Handler for Script {
    type Body = TestBody;
    type Answer = Pin<Box<dyn Future<Output = Response<TestBody>> + Send>>;

    fn handle(
        &self,
        request: Request<Incoming>,
        connection: Arc<ConnectionHandle>,
    ) -> Self::Answer {
        if request.uri().path().starts_with("/auto") {
            let body = TestBody::whole(request.uri().path().to_owned());
            return Box::pin(async { Response::new(body) });
        }
        let (answer, answered) = oneshot::channel();
        self.calls.send(Call { request, connection, answer }).unwrap();
        Box::pin(async { answered.await.unwrap() })
    }

    fn refuse(&self, connection: &ConnectionHandle, refusal: &Refusal) -> Bytes {
        *self.refused_since.lock() = Some(connection.first_byte());
        self.refusals.lock().push(refusal.clone());
        page(refusal.status.as_u16()).into()
    }
}

/// The page for a refusal.
pub(super) fn page(status: u16) -> String {
    format!("HTTP/1.1 {status} Page\r\nConnection: close\r\nContent-Length: 8\r\n\r\nour page")
}

/// A running server.
pub(super) struct Running {
    pub(super) address: SocketAddr,
    pub(super) drain: Drain,
    pub(super) handler: Arc<Script>,
    calls: mpsc::UnboundedReceiver<Call>,
}

impl Running {
    /// With default waits, but for what a test makes short.
    pub(super) fn start(change: impl FnOnce(&mut Config)) -> Self {
        let mut config =
            Config { listen: vec!["127.0.0.1:0".parse().unwrap()], ..Config::default() };
        change(&mut config);
        let server = Server::bind(&config).unwrap();
        let address = server.addresses()[0];
        let (calls, called) = mpsc::unbounded_channel();
        let handler = Arc::new(Script::new(calls));
        let drain = Drain::new();
        server.serve(&handler, &drain);
        Self { address, drain, handler, calls: called }
    }

    pub(super) fn plain() -> Self {
        Self::start(|_| ())
    }

    pub(super) async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }

    /// The next request.
    pub(super) async fn call(&mut self) -> Call {
        timeout(SOON, self.calls.recv()).await.unwrap().unwrap()
    }

    pub(super) fn refusals(&self) -> Vec<Refusal> {
        self.handler.refusals.lock().clone()
    }
}

/// A raw client.
#[derive(Debug)]
pub(super) struct Client(pub(super) TcpStream);

impl Client {
    pub(super) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        timeout(SOON, self.0.write_all(bytes.as_ref())).await.unwrap().unwrap();
    }

    /// Everything up to the end of the connection.
    pub(super) async fn rest(&mut self) -> String {
        let mut all = Vec::new();
        timeout(SOON, self.0.read_to_end(&mut all)).await.unwrap().unwrap();
        String::from_utf8(all).unwrap()
    }

    /// Everything up to and including `end`.
    pub(super) async fn until(&mut self, end: &str) -> String {
        let mut all = String::new();
        while !all.ends_with(end) {
            let mut byte = [0];
            let read = timeout(SOON, self.0.read(&mut byte)).await;
            let n = read.unwrap_or_else(|_| panic!("waited for {end:?}, got {all:?}")).unwrap();
            assert_eq!(n, 1, "closed after {all:?} instead of {end:?}");
            all.push(char::from(byte[0]));
        }
        all
    }
}

/// Lets the waits of a server with waits of 30 ms pass, thrice, and knows it by what they do.
pub(super) async fn outlast_short_waits() {
    let running = Running::start(|config| config.idle_wait = Duration::from_millis(30));
    for _ in 0..3 {
        let mut client = running.connect().await;
        client.send("GET /auto HTTP/1.1\r\n\r\n").await;
        assert_eq!(client.rest().await, ok("/auto"));
    }
}

/// What hyper makes of a 200 with this body on a connection that stays open.
pub(super) fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// … and on one that is closed after it.
pub(super) fn ok_and_close(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}
