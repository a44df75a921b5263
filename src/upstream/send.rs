//! A request's way: pinned, pooled or new connection; one more try where that is safe.

use std::io;
use std::sync::Arc;

use http::header::UPGRADE;
use http::{Method, Request, StatusCode};

use super::body::{ResponseBody, io_cause};
use super::error::{ResponseFault, UpstreamError};
use super::exchange::{Failure, FailureKind, Head, Home, Lease, exchange};
use super::framing::{check_response, frame_request};
use super::origin::{Acquired, Origin, QueueFailure};
use super::outgoing::Outgoing;
use super::pin::{self, Place};
use super::pool::Connection;
use super::socket::Socket;
use super::{Call, Reply, Upstream};
use crate::http::TargetUri;
use crate::net::{ConnectionHandle, Reach};

/// What stays the same when a request is sent a second time.
struct Errand<'a> {
    upstream: &'a Upstream,
    target: &'a TargetUri,
    origin: Arc<Origin>,
    reach: &'a Reach,
    client: Option<&'a ConnectionHandle>,
}

pub(super) async fn send(upstream: &Upstream, call: Call<'_>) -> Result<Reply, UpstreamError> {
    let Call { target, mut request, reach, repeatable, connection: client } = call;
    frame_request(&mut request);
    let origin = upstream.pool.origin(origin_name(target));
    let errand = Errand { upstream, target, origin, reach, client };
    let (connection, place) = errand.connection().await?;
    let spare = (repeatable && connection.reused()).then(|| again(&request)).flatten();
    let reused = connection.reused();
    match errand.attempt(connection, place, request).await {
        Ok(reply) => Ok(reply),
        Err(lost) if reused => match lost.unsent.or(spare.filter(|_| lost.silent)) {
            Some(request) => {
                let connection = errand.acquire(true).await?;
                errand.attempt(connection, None, request).await.map_err(|lost| lost.error)
            }
            None => Err(lost.error),
        },
        Err(lost) => Err(lost.error),
    }
}

/// A try without a response that may be passed on.
struct Lost {
    /// The request, when not a byte of it was sent.
    unsent: Option<Request<Outgoing>>,
    /// The connection ended and nothing was received: a request that may be repeated can be.
    silent: bool,
    error: UpstreamError,
}

impl Errand<'_> {
    /// The client's own connection to this origin, or one that anybody may use.
    async fn connection(&self) -> Result<(Connection, Option<Arc<Place>>), UpstreamError> {
        let pinned =
            self.client.and_then(|client| pin::take(client, origin_name(self.target), self.reach));
        if let Some((mut connection, place)) = pinned
            && connection.settled().await
        {
            return Ok((connection, Some(place)));
        }
        Ok((self.acquire(false).await?, None))
    }

    /// A connection from the pool, or a new one.
    async fn acquire(&self, fresh: bool) -> Result<Connection, UpstreamError> {
        let permit = match self.origin.acquire(self.reach, fresh).await {
            Ok(Acquired::Reused(connection)) => return Ok(connection),
            Ok(Acquired::Dial(permit)) => permit,
            Err(QueueFailure::Full) => return Err(UpstreamError::QueueFull { host: self.host() }),
            Err(QueueFailure::Timeout) => {
                let limit = self.origin.queue_wait();
                return Err(UpstreamError::QueueTimeout { host: self.host(), limit });
            }
        };
        self.upstream.pool.start_sweeper();
        let (stream, scope, peer) = self.upstream.dialer.origin(self.target, self.reach).await?;
        let socket = Socket::new(stream, self.upstream.response_wait, permit);
        Connection::start(socket, &self.upstream.http, peer, scope)
            .await
            .map_err(|error| self.wire_error(&error))
    }

    /// Sends the request over this connection; `place` is where it rests when it is pinned.
    async fn attempt(
        &self,
        mut connection: Connection,
        place: Option<Arc<Place>>,
        request: Request<Outgoing>,
    ) -> Result<Reply, Lost> {
        let asked = Asked {
            method: request.method().clone(),
            upgrade: request.headers().contains_key(UPGRADE),
            pins: pin::request_pins(request.headers()),
            reused: connection.reused(),
        };
        let head = exchange(&mut connection, request, self.upstream.response_wait).await;
        match head {
            Ok(head) => self.reply(connection, place, &asked, head).map_err(|error| Lost {
                unsent: None,
                silent: false,
                error,
            }),
            Err(Failure { unsent, silent, kind }) => {
                let error = self.failure_error(&kind);
                let silent = silent && matches!(error, UpstreamError::Incomplete { .. });
                Err(Lost { unsent, silent, error })
            }
        }
    }

    /// Checks the head and decides where the connection goes afterwards.
    fn reply(
        &self,
        connection: Connection,
        place: Option<Arc<Place>>,
        asked: &Asked,
        head: Head,
    ) -> Result<Reply, UpstreamError> {
        let Head { mut response, exchange, refused } = head;
        let bad = |why| UpstreamError::BadResponse { host: self.host(), why };
        let (peer, reused) = (connection.peer(), asked.reused);
        let whence = self.reach.note(connection.whence().scope, peer.ip());
        let pinned = place.is_some() || asked.pins || pin::response_pins(response.headers());
        let lease = if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            if !asked.upgrade {
                return Err(bad(ResponseFault::Unasked));
            }
            connection.leave_http();
            None
        } else {
            let (status, version) = (response.status(), response.version());
            let again = check_response(&asked.method, status, version, response.headers_mut())
                .map_err(bad)?;
            let home = if again && !refused { self.home(place, pinned) } else { Home::None };
            Some(Lease::new(connection, home, exchange))
        };
        let wait = self.upstream.read_wait;
        let response = response.map(|incoming| ResponseBody::new(incoming, lease, wait));
        Ok(Reply { response, whence, reused, peer, pinned })
    }

    fn home(&self, place: Option<Arc<Place>>, pinned: bool) -> Home {
        if let Some(place) = place {
            return Home::Client(Arc::downgrade(&place));
        }
        if !pinned {
            return Home::Pool(Arc::clone(&self.origin));
        }
        match self.client {
            Some(client) => {
                let place = pin::make_place(client, origin_name(self.target));
                Home::Client(Arc::downgrade(&place))
            }
            None => Home::None,
        }
    }

    fn failure_error(&self, kind: &FailureKind) -> UpstreamError {
        let host = self.host();
        match kind {
            FailureKind::Timeout => {
                UpstreamError::ResponseTimeout { host, limit: self.upstream.response_wait }
            }
            FailureKind::RequestBody(fault) => {
                UpstreamError::RequestBody { why: Arc::clone(&fault.why), late: fault.late }
            }
            FailureKind::Wire(error) => self.wire_error(error),
        }
    }

    fn wire_error(&self, error: &hyper::Error) -> UpstreamError {
        let host = self.host();
        let stalled = io_cause(error).is_some_and(|io| io.kind() == io::ErrorKind::TimedOut);
        if stalled {
            UpstreamError::ResponseTimeout { host, limit: self.upstream.response_wait }
        } else if error.is_parse_too_large() {
            UpstreamError::BadResponse { host, why: ResponseFault::TooLarge }
        } else if error.is_parse() {
            let why = ResponseFault::Malformed(error.to_string().into());
            UpstreamError::BadResponse { host, why }
        } else {
            UpstreamError::Incomplete { host }
        }
    }

    fn host(&self) -> Arc<str> {
        self.target.authority().into()
    }
}

/// What the response needs to know of its request.
struct Asked {
    method: Method,
    upgrade: bool,
    pins: bool,
    reused: bool,
}

/// Scheme and authority: what connections are shared by.
fn origin_name(target: &TargetUri) -> &str {
    let text = target.as_str();
    text.strip_suffix(target.path_and_query()).unwrap_or(text)
}

/// A copy of the request, when its body can be sent again.
fn again(request: &Request<Outgoing>) -> Option<Request<Outgoing>> {
    let body = request.body().again()?;
    let mut copy = Request::new(body);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.version_mut() = request.version();
    *copy.headers_mut() = request.headers().clone();
    *copy.extensions_mut() = request.extensions().clone();
    Some(copy)
}
