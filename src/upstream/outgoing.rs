//! The body of a request on its way to the origin.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use parking_lot::Mutex;
use std::task::Waker;
use tokio::time::{Sleep, sleep};

use crate::http::hop_by_hop::clean_trailers;

/// How long the client's body is held back for the origin's `100 (Continue)` (RFC 9110 §10.1.1).
const CONTINUE_WAIT: Duration = Duration::from_secs(1);

/// The body of a request to an origin.
#[derive(Debug)]
pub enum Outgoing {
    /// No body.
    Empty,
    /// The client's body, streamed.
    Incoming(IncomingBody),
}

impl Outgoing {
    /// A copy, when the body can be sent more than once.
    pub(super) fn again(&self) -> Option<Self> {
        match self {
            Self::Empty => Some(Self::Empty),
            Self::Incoming(_) => None,
        }
    }

    /// Whether the body is held back and was not asked for.
    pub(super) fn gate(&self) -> Option<ContinueGate> {
        match self {
            Self::Incoming(body) => body.gate.as_ref().map(|held| held.gate.clone()),
            Self::Empty => None,
        }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            Self::Empty => Poll::Ready(None),
            Self::Incoming(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Incoming(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Incoming(body) => body.size_hint(),
        }
    }
}

/// A client's body: counts its bytes, waits for its gate, and passes on only trailers that may travel.
#[derive(Debug)]
pub struct IncomingBody {
    incoming: Incoming,
    received: Arc<AtomicU64>,
    gate: Option<Held>,
}

#[derive(Debug)]
struct Held {
    gate: ContinueGate,
    /// Starts when the origin's connection first asks for the body, which is after it wrote the head.
    timer: Option<Pin<Box<Sleep>>>,
}

impl IncomingBody {
    /// Wraps a client's body.
    pub fn new(incoming: Incoming) -> Self {
        Self { incoming, received: Arc::default(), gate: None }
    }

    /// Holds the body back until the gate is opened, or for 1 s after the head was sent: polling it
    /// makes hyper send `100 (Continue)` to the client.
    #[must_use]
    pub fn with_gate(mut self, gate: ContinueGate) -> Self {
        self.gate = Some(Held { gate, timer: None });
        self
    }

    /// The number of bytes that came from the client so far; stays valid when the body is gone.
    pub fn received(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.received)
    }

    fn poll_gate(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(held) = &mut self.gate {
            if !held.gate.poll_open(cx) {
                let timer = held.timer.get_or_insert_with(|| Box::pin(sleep(CONTINUE_WAIT)));
                ready!(timer.as_mut().poll(cx));
                // A final response may have closed the gate while we slept.
                if !held.gate.pass() {
                    return Poll::Pending;
                }
            }
            self.gate = None;
        }
        Poll::Ready(())
    }
}

impl Body for IncomingBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        ready!(self.poll_gate(cx));
        let mut frame = ready!(Pin::new(&mut self.incoming).poll_frame(cx));
        if let Some(Ok(frame)) = &mut frame {
            if let Some(bytes) = frame.data_ref() {
                let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                self.received.fetch_add(length, Ordering::Relaxed);
            } else if let Some(trailers) = frame.trailers_mut() {
                clean_trailers(trailers);
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

/// Holds a client's body back until the origin said `100 (Continue)`: the callback for interim
/// responses opens it. Clones are one gate.
#[derive(Clone, Debug, Default)]
pub struct ContinueGate(Arc<Mutex<Gate>>);

#[derive(Debug, Default)]
struct Gate {
    state: GateState,
    waker: Option<Waker>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum GateState {
    /// Nothing was heard yet.
    #[default]
    Shut,
    /// The body may flow.
    Open,
    /// The final response came first: the body is not wanted any more.
    Refused,
}

impl ContinueGate {
    /// A closed gate.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets the body through.
    pub fn open(&self) {
        let mut gate = self.0.lock();
        if gate.state == GateState::Shut {
            gate.state = GateState::Open;
            if let Some(waker) = gate.waker.take() {
                waker.wake();
            }
        }
    }

    /// Whether the final response came first, so that the body will never be asked for.
    pub fn is_refused(&self) -> bool {
        self.0.lock().state == GateState::Refused
    }

    /// The final response came: whether the body had not been let through, and now never is.
    pub(super) fn refuse(&self) -> bool {
        let mut gate = self.0.lock();
        if gate.state == GateState::Shut {
            gate.state = GateState::Refused;
        }
        gate.state == GateState::Refused
    }

    /// Whether the gate is open; else the task is woken when it opens.
    fn poll_open(&self, cx: &Context<'_>) -> bool {
        let mut gate = self.0.lock();
        if gate.state != GateState::Open {
            gate.waker = Some(cx.waker().clone());
        }
        gate.state == GateState::Open
    }

    /// Opens the gate because the wait is over; false when the body is not wanted any more.
    fn pass(&self) -> bool {
        self.open();
        self.0.lock().state == GateState::Open
    }
}
