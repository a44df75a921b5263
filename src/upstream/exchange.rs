//! One request and its response on one connection: two directions that must both end cleanly.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::body::io_cause;
use super::origin::Origin;
use super::outgoing::Outgoing;
use super::pin::Place;
use super::pool::Connection;

/// What both directions know.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    state: Mutex<State>,
    /// Told when the last byte of the request was taken.
    sent: Notify,
}

#[derive(Debug, Default)]
struct State {
    request: RequestEnd,
    /// The response has ended; the connection waits for the end of the request.
    parked: Option<(Connection, Home)>,
}

#[derive(Clone, Debug, Default)]
enum RequestEnd {
    #[default]
    Sending,
    Sent,
    /// The body broke off; with the reason when the client's side did.
    Failed(Option<BodyFault>),
}

/// Where a connection goes after a clean end.
#[derive(Debug)]
pub(super) enum Home {
    /// To whoever asks next.
    Pool(Arc<Origin>),
    /// To the client that authenticated it, as long as that is there.
    Client(Weak<Place>),
    /// Nowhere: it is closed.
    None,
}

impl Home {
    fn put(self, connection: Connection) {
        match self {
            Self::Pool(origin) => origin.put(connection),
            Self::Client(place) => {
                if let Some(place) = place.upgrade() {
                    place.put(connection);
                }
            }
            Self::None => {}
        }
    }
}

impl Exchange {
    /// Resolves when `wait` has passed since the last byte of the request was taken.
    async fn overdue(&self, wait: Duration) {
        self.sent.notified().await;
        sleep(wait).await;
    }

    fn request_ended(&self, end: RequestEnd) {
        let mut state = self.state.lock();
        let clean = matches!(end, RequestEnd::Sent);
        state.request = end;
        let parked = state.parked.take();
        drop(state);
        self.sent.notify_one();
        if let (true, Some((connection, home))) = (clean, parked) {
            home.put(connection);
        }
    }

    fn request_failure(&self) -> Option<BodyFault> {
        match &self.state.lock().request {
            RequestEnd::Failed(why) => why.clone(),
            RequestEnd::Sending | RequestEnd::Sent => None,
        }
    }
}

/// What went wrong with a client's body.
#[derive(Clone, Debug)]
pub(super) struct BodyFault {
    pub(super) why: Arc<str>,
    /// It came too slowly.
    pub(super) late: bool,
}

impl BodyFault {
    fn of(error: &hyper::Error) -> Self {
        let late = io_cause(error).is_some_and(|io| io.kind() == io::ErrorKind::TimedOut);
        let why = if late { "it came too slowly".into() } else { error.to_string().into() };
        Self { why, late }
    }
}

/// A request body that tells its exchange how it ended.
#[derive(Debug)]
pub(super) struct SentBody {
    body: Outgoing,
    /// None once the end was told.
    exchange: Option<Arc<Exchange>>,
}

impl SentBody {
    fn new(body: Outgoing, exchange: &Arc<Exchange>) -> Self {
        let mut sent = Self { body, exchange: Some(Arc::clone(exchange)) };
        sent.tell_if_ended();
        sent
    }

    /// The body of a request that came back unsent.
    fn into_outgoing(mut self) -> Outgoing {
        self.exchange = None;
        std::mem::replace(&mut self.body, Outgoing::Empty)
    }

    fn tell(&mut self, end: RequestEnd) {
        if let Some(exchange) = self.exchange.take() {
            exchange.request_ended(end);
        }
    }

    fn tell_if_ended(&mut self) {
        if self.body.is_end_stream() {
            self.tell(RequestEnd::Sent);
        }
    }
}

impl Drop for SentBody {
    fn drop(&mut self) {
        self.tell(RequestEnd::Failed(None));
    }
}

impl Body for SentBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            None => self.tell(RequestEnd::Sent),
            Some(Err(error)) => self.tell(RequestEnd::Failed(Some(BodyFault::of(error)))),
            Some(Ok(frame)) if frame.is_trailers() => self.tell(RequestEnd::Sent),
            Some(Ok(_)) => self.tell_if_ended(),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A connection that carries an exchange. Dropping it closes the connection.
#[derive(Debug)]
pub(super) struct Lease {
    connection: Connection,
    home: Home,
    exchange: Arc<Exchange>,
}

impl Lease {
    pub(super) fn new(connection: Connection, home: Home, exchange: Arc<Exchange>) -> Self {
        Self { connection, home, exchange }
    }

    /// The response ended cleanly. A request that is still being sent may finish: the connection goes
    /// home when it has.
    pub(super) fn response_ended(self) {
        let Self { connection, home, exchange } = self;
        if matches!(home, Home::None) {
            return;
        }
        let mut state = exchange.state.lock();
        match state.request {
            RequestEnd::Sent => {
                drop(state);
                home.put(connection);
            }
            RequestEnd::Sending => state.parked = Some((connection, home)),
            RequestEnd::Failed(_) => {
                drop(state);
                drop(connection);
            }
        }
    }
}

/// A request that got no response.
#[derive(Debug)]
pub(super) struct Failure {
    /// The request, when not a byte of it was sent.
    pub(super) unsent: Option<Request<Outgoing>>,
    /// Nothing was received: a request that may be repeated can be.
    pub(super) silent: bool,
    pub(super) kind: FailureKind,
}

#[derive(Debug)]
pub(super) enum FailureKind {
    /// No response in time after the last byte of the request.
    Timeout,
    /// The client's body failed.
    RequestBody(BodyFault),
    /// What hyper said.
    Wire(hyper::Error),
}

/// A response head, and what its body will need.
pub(super) struct Head {
    pub(super) response: Response<Incoming>,
    pub(super) exchange: Arc<Exchange>,
    /// The request body was held back and will never be sent.
    pub(super) refused: bool,
}

/// Sends a request and waits for the head of its final response.
pub(super) async fn exchange(
    connection: &mut Connection,
    request: Request<Outgoing>,
    response_wait: Duration,
) -> Result<Head, Failure> {
    let exchange = Arc::<Exchange>::default();
    let gate = request.body().gate();
    let before = connection.received();
    let request = request.map(|body| SentBody::new(body, &exchange));
    let answer = connection.begin().try_send_request(request);
    let answer = tokio::select! {
        biased;
        answer = answer => answer,
        () = exchange.overdue(response_wait) => {
            return Err(Failure { unsent: None, silent: false, kind: FailureKind::Timeout });
        }
    };
    match answer {
        Ok(response) => {
            let refused = gate.is_some_and(|gate| gate.refuse());
            Ok(Head { response, exchange, refused })
        }
        Err(mut error) => {
            let unsent = error.take_message().map(|request| request.map(SentBody::into_outgoing));
            let silent = connection.received() == before;
            let kind = match exchange.request_failure() {
                Some(why) => FailureKind::RequestBody(why),
                None => FailureKind::Wire(error.into_error()),
            };
            Err(Failure { unsent, silent, kind })
        }
    }
}
