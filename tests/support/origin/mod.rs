//! A scriptable HTTP origin on raw sockets: it does what the test says, and remembers what it saw.

mod received;
mod reply;
mod serve;
mod tests;

pub use received::Received;
pub use reply::Reply;

use std::collections::{HashMap, VecDeque};
use std::fmt::Display;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::gate::within;
use super::tasks::Tasks;
use super::tls::Ca;

/// An origin on a port of its own. Dropping it closes everything, and fails the test when something
/// went wrong inside.
pub struct Origin {
    address: SocketAddr,
    ca: Option<Ca>,
    shared: Arc<Shared>,
}

struct Shared {
    tasks: Tasks,
    routes: Mutex<HashMap<String, Route>>,
    received: watch::Sender<Vec<Received>>,
    connections: watch::Sender<Connections>,
    body_bytes: AtomicU64,
}

/// How many connections there were, and how many of them have ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Connections {
    accepted: usize,
    ended: usize,
}

type Answer = Arc<dyn Fn(&Received) -> Reply + Send + Sync>;

enum Route {
    Always(Answer),
    Script(VecDeque<Reply>),
}

impl Origin {
    /// An `http` origin on 127.0.0.1.
    pub async fn start() -> Self {
        Self::start_on("127.0.0.1:0").await
    }

    /// An `http` origin on another address.
    pub async fn start_on(address: &str) -> Self {
        Self::serve(address, None).await
    }

    /// An `https` origin on 127.0.0.1 whose certificate is for `localhost` and 127.0.0.1.
    pub async fn start_tls() -> Self {
        Self::start_tls_for(&["localhost", "127.0.0.1"]).await
    }

    /// An `https` origin whose certificate is for `names`.
    pub async fn start_tls_for(names: &[&str]) -> Self {
        Self::serve("127.0.0.1:0", Some(Ca::new(names))).await
    }

    async fn serve(address: &str, ca: Option<Ca>) -> Self {
        let listener = TcpListener::bind(address).await.expect("a loopback address is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            tasks: Tasks::new("origin"),
            routes: Mutex::default(),
            received: watch::Sender::default(),
            connections: watch::Sender::default(),
            body_bytes: AtomicU64::new(0),
        });
        let tls = ca.as_ref().map(|ca| TlsAcceptor::from(ca.server_config()));
        shared.tasks.spawn(serve::accept(listener, tls, Arc::downgrade(&shared)));
        Self { address, ca, shared }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `host:port`, as a request's `Host` should have it.
    pub fn authority(&self) -> String {
        match self.ca {
            Some(_) => format!("localhost:{}", self.address.port()),
            None => self.address.to_string(),
        }
    }

    /// The URL of a path here.
    pub fn url(&self, path: &str) -> String {
        let scheme = if self.ca.is_some() { "https" } else { "http" };
        format!("{scheme}://{}{path}", self.authority())
    }

    /// The PEM file with the root that signed this origin's certificate.
    pub fn ca_file(&self) -> PathBuf {
        self.ca.as_ref().expect("an https origin").file()
    }

    /// Answers every request for `target` (path and query as received) with `reply`.
    pub fn route(&self, target: &str, reply: impl Into<Reply>) {
        let reply = reply.into();
        self.route_with(target, move |_| reply.clone());
    }

    /// Answers every request for `target` by looking at it.
    pub fn route_with(
        &self,
        target: &str,
        answer: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) {
        self.set(target, Route::Always(Arc::new(answer)));
    }

    /// Answers requests for `target` one after another; a request too many fails the test.
    pub fn script(&self, target: &str, replies: impl IntoIterator<Item = Reply>) {
        self.set(target, Route::Script(replies.into_iter().collect()));
    }

    fn set(&self, target: &str, route: Route) {
        self.shared.routes.lock().unwrap().insert(target.into(), route);
    }

    /// All requests whose heads have come, in the order in which they came.
    pub fn requests(&self) -> Vec<Received> {
        self.shared.received.borrow().clone()
    }

    /// The one request that has come.
    pub fn only_request(&self) -> Received {
        let requests = self.requests();
        assert_eq!(requests.len(), 1, "{requests:?}");
        requests[0].clone()
    }

    /// Waits until `count` requests have come; more are a failure.
    #[track_caller]
    pub fn wait_for_requests(&self, count: usize) -> impl Future<Output = Vec<Received>> {
        let what = format!("request {count} at the origin");
        let received = self.wait_for(what, move |requests| requests.len() >= count);
        async move {
            let received = received.await;
            assert_eq!(received.len(), count, "{received:?}");
            received
        }
    }

    /// Waits until what was received is as `wanted`.
    #[track_caller]
    pub fn wait_for<W: Fn(&[Received]) -> bool, D: Display>(
        &self,
        what: D,
        wanted: W,
    ) -> impl Future<Output = Vec<Received>> + use<W, D> {
        let mut received = self.shared.received.subscribe();
        let met = async move {
            let met = received.wait_for(|requests| wanted(requests)).await;
            met.expect("the origin is there").clone()
        };
        within(what, met)
    }

    /// How many connections were made to it.
    pub fn connections(&self) -> usize {
        self.shared.connections.borrow().accepted
    }

    /// How many of its connections are open.
    pub fn open_connections(&self) -> usize {
        let Connections { accepted, ended } = *self.shared.connections.borrow();
        accepted - ended
    }

    /// Waits until `count` connections have ended, by either side.
    #[track_caller]
    pub fn wait_for_closed(&self, count: usize) -> impl Future<Output = ()> {
        let mut connections = self.shared.connections.subscribe();
        let ended = async move {
            let ended = connections.wait_for(|connections| connections.ended >= count).await;
            ended.expect("the origin is there");
        };
        within(format!("{count} of the origin's connections to end"), ended)
    }

    /// Bytes of bodies that were handed to the system for sending, all replies together.
    pub fn body_bytes_sent(&self) -> u64 {
        self.shared.body_bytes.load(Ordering::Acquire)
    }

    /// Closes everything; fails the test when something went wrong inside.
    pub fn finish(self) {
        self.shared.tasks.finish();
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.shared.tasks.finish();
    }
}

impl Shared {
    fn reply(&self, request: &Received) -> Reply {
        let mut routes = self.routes.lock().unwrap();
        let answer = match routes.get_mut(&request.target) {
            None => return Reply::new(404).body(format!("no route for {}", request.target)),
            Some(Route::Script(replies)) => {
                return replies.pop_front().unwrap_or_else(|| {
                    self.tasks.complain(format!("a request too many for {}", request.target));
                    Reply::new(500).body("the script is over")
                });
            }
            Some(Route::Always(answer)) => answer.clone(),
        };
        drop(routes);
        answer(request)
    }
}
