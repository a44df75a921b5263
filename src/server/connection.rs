//! One client connection, from its first bytes to its end.

use std::convert::Infallible;
use std::future::{Future, pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use ::http::header::CONNECTION;
use ::http::{HeaderValue, Method, Request, Response, StatusCode, Version};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep_until};

use super::clocks::Overdue;
use super::closing::{Reset, answer_and_close, linger};
use super::exchange::Exchanges;
use super::head_timer::HeadTimer;
use super::opening::{Opening, open};
use super::refusal::Refusal;
use super::wire::Wire;
use super::{Config, Handler};
use crate::net::accept::{Accepted, Seat};
use crate::net::connection::{ConnectionHandle, Dialect, EmptyPath};
use crate::net::drain::Drain;

/// What every connection of a server shares.
#[derive(Debug)]
pub(super) struct Serving<H> {
    pub(super) handler: Arc<H>,
    pub(super) config: Arc<Config>,
    pub(super) drain: Drain,
}

impl<H> Clone for Serving<H> {
    fn clone(&self) -> Self {
        Self {
            handler: Arc::clone(&self.handler),
            config: Arc::clone(&self.config),
            drain: self.drain.clone(),
        }
    }
}

/// How hyper's part of a connection ended.
enum End {
    /// hyper is done.
    Done(hyper::Result<()>),
    /// The service wants the connection closed with this.
    Refused(Refusal),
    /// The next request, or the rest of its head, did not come.
    Late,
    /// The rest of a request body, which nobody takes although the answer was given.
    Unread,
    /// The client does not take the answer.
    Stalled,
}

impl<H: Handler> Serving<H> {
    /// Serves an accepted connection to its end.
    pub(super) async fn run(self, accepted: Accepted) {
        let Accepted { mut stream, client, local, seat } = accepted;
        let opening = open(&mut stream, &self.config, self.drain.begun()).await;
        let (dialect, prefix, first_byte) = match opening {
            Ok(Opening::Http { prefix, first_byte }) => (Dialect::Http, prefix, first_byte),
            Ok(Opening::Text { prefix, first_byte }) => (Dialect::Text, prefix, first_byte),
            Ok(Opening::Refused { why }) => {
                let client = client.ip();
                tracing::info!(%client, reason = why.as_str(), "Closed a connection unserved");
                return;
            }
            Ok(Opening::Silent) | Err(_) => return,
        };
        let handle = Arc::new(ConnectionHandle::new(client, local, dialect));
        Box::pin(self.serve(stream, prefix, first_byte, handle, Some(seat))).await;
    }

    /// Speaks HTTP/1 on a stream of which `prefix` has been read already.
    pub(super) async fn serve<S>(
        self,
        stream: S,
        prefix: Bytes,
        first_byte: Instant,
        handle: Arc<ConnectionHandle>,
        seat: Option<Seat>,
    ) where
        S: AsyncRead + AsyncWrite + Reset + Unpin + Send + 'static,
    {
        let Self { handler, config, drain } = self;
        let exchanges =
            Arc::new(Exchanges::new(Arc::clone(&handle), drain.clone(), &config, first_byte));
        let wire = Wire::new(stream, prefix, Arc::clone(&exchanges), seat);
        let service =
            service_fn(|request| respond(&*handler, Arc::clone(&exchanges), &config, request));
        let mut connection = builder(&config, &exchanges)
            .serve_connection(TokioIo::new(wire), service)
            .with_upgrades();

        let mut begun = pin!(drain.begun());
        let mut timer = pin!(sleep_until(Instant::now()));
        let (mut started, mut draining, mut left_idle) = (false, false, None);
        let end = poll_fn(|cx| {
            loop {
                // Before hyper runs, so that an answer that is ready now says `Connection: close`; but
                // not before it has run once, or it would take the connection for an unused one.
                if started && !draining && drain.draining() {
                    draining = true;
                    left_idle = (!handle.exchange_open()).then(|| handle.current_exchange());
                    // hyper spares a head that has begun: it gets a last wait.
                    exchanges.leave(Instant::now());
                    timer.as_mut().reset(Instant::now());
                    Pin::new(&mut connection).graceful_shutdown();
                }
                if let Poll::Ready(result) = Pin::new(&mut connection).poll(cx) {
                    return Poll::Ready(End::Done(result));
                }
                if let Some(refusal) = exchanges.take_refusal() {
                    return Poll::Ready(End::Refused(refusal));
                }
                if !started {
                    started = true;
                    // Polled once, to leave the waker; from then on the flag says as much.
                    if begun.as_mut().poll(cx).is_ready() {
                        continue;
                    }
                }
                loop {
                    if timer.as_mut().poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                    match exchanges.check(Instant::now()) {
                        Ok(next) => timer.as_mut().reset(next),
                        // hyper finds out when it reads, if it still wants the body.
                        Err(Overdue::Body) => break,
                        Err(Overdue::Head) => return Poll::Ready(End::Late),
                        Err(Overdue::Reader) => return Poll::Ready(End::Unread),
                        Err(Overdue::Write) => return Poll::Ready(End::Stalled),
                    }
                }
            }
        })
        .await;

        // An upgraded connection has nothing left here: its bytes are somebody else's.
        let Some(parts) = connection.into_parts() else { return };
        let rest = parts.read_buf;
        let wire = parts.io.into_inner();
        let whole = wire.is_at_boundary();
        let (mut stream, _seat) = wire.into_parts();
        match last_word(end, &exchanges, &rest, &config) {
            LastWord::Refuse(refusal) if whole => {
                exchanges.will_refuse();
                let answer = handler.refuse(&handle, &refusal);
                answer_and_close(stream, &answer, config.write_stall_wait).await;
            }
            LastWord::Refuse(_) => {}
            // Nothing was in flight, so nothing can be lost.
            LastWord::Closed if left_idle == Some(handle.current_exchange()) => {}
            LastWord::Closed => linger(&mut stream).await,
            LastWord::Close => {
                if stream.shutdown().await.is_ok() {
                    linger(&mut stream).await;
                }
            }
            LastWord::Drop => {}
            LastWord::Reset => {
                if let Err(error) = stream.reset() {
                    tracing::debug!(%error, "Cannot reset a connection");
                }
            }
        }
    }
}

/// What is left to do on a connection that hyper is done with.
#[derive(Debug)]
enum LastWord {
    /// Our own answer, then close.
    Refuse(Refusal),
    /// hyper has closed it in good order.
    Closed,
    /// Close it in good order.
    Close,
    /// Close it: it is broken already.
    Drop,
    /// Close it so that the client sees an error.
    Reset,
}

fn last_word(end: End, exchanges: &Exchanges, rest: &[u8], config: &Config) -> LastWord {
    let open = exchanges.handle.exchange_open();
    let nothing_left = rest.iter().all(|byte| matches!(byte, b'\r' | b'\n'));
    match end {
        End::Refused(refusal) => LastWord::Refuse(refusal),
        End::Stalled => LastWord::Reset,
        End::Unread => LastWord::Close,
        // A client that was idle is owed no word, one that was slow is (RFC 9110 §15.5.9).
        End::Late if nothing_left => LastWord::Close,
        End::Late => LastWord::Refuse(Refusal::late(rest)),
        End::Done(Ok(())) => LastWord::Closed,
        End::Done(Err(error)) => {
            tracing::debug!(client = %exchanges.handle.client().ip(), %error, "Connection broke");
            if let Some(status) = exchanges.own_answer() {
                LastWord::Refuse(Refusal::of_head(status, rest, exchanges.line_seen(), config))
            } else if !open && error.is_parse() {
                let status = StatusCode::BAD_REQUEST;
                LastWord::Refuse(Refusal::of_head(status, rest, exchanges.line_seen(), config))
            } else if !open && error.is_incomplete_message() && !nothing_left {
                LastWord::Refuse(Refusal::cut_short(rest))
            } else if exchanges.only_reset_tells() {
                LastWord::Reset
            } else {
                LastWord::Drop
            }
        }
    }
}

fn builder(config: &Config, exchanges: &Arc<Exchanges>) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .half_close(true)
        .max_header_size(config.max_head)
        .timer(HeadTimer::new(exchanges))
        .header_read_timeout(config.head_wait)
        .auto_date_header(false);
    // The default of 100 lives on hyper's stack; asking for it would put it on the heap.
    if config.max_fields != Config::default().max_fields {
        builder.max_headers(config.max_fields);
    }
    builder
}

/// One exchange, as hyper's service: opens it, asks the handler, and marks where its body ends.
fn respond<H: Handler>(
    handler: &H,
    exchanges: Arc<Exchanges>,
    config: &Config,
    mut request: Request<Incoming>,
) -> impl Future<
    Output = Result<Response<impl Body<Data = Bytes, Error = ErrorOf<H>> + use<H>>, Infallible>,
> + use<H> {
    let is_http_10 = request.version() < Version::HTTP_11;
    let is_connect = request.method() == Method::CONNECT;
    let has_body = !request.body().is_end_stream();
    if *request.method() == Method::OPTIONS
        && request.uri().path_and_query().is_some_and(|path| path == "/")
        && let Some(authority) = request.uri().authority()
        && exchanges.path_is_empty(authority.as_str())
    {
        request.extensions_mut().insert(EmptyPath);
    }
    exchanges.begin(is_http_10, has_body);
    let refusal = Refusal::of_request(&request, config);
    let refused = refusal.is_some();
    if let Some(refusal) = refusal {
        exchanges.refuse(refusal);
    }
    // Outside of the future, which then carries no request.
    let answer = (!refused).then(|| handler.handle(request, Arc::clone(&exchanges.handle)));
    async move {
        let Some(answer) = answer else {
            // The connection's task takes over after this poll.
            return pending().await;
        };
        let mut response = answer.await;
        let status = response.status();
        let upgrades =
            status == StatusCode::SWITCHING_PROTOCOLS || (is_connect && status.is_success());
        if upgrades {
            exchanges.upgrade();
        } else if is_http_10 {
            // RFC 9112 §9.3: no persistence, whatever an HTTP/1.0 client asks for. hyper closes
            // after a response of version 1.0 that does not ask to be kept alive.
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            if response.body().size_hint().exact().is_none() {
                exchanges.close_delimits();
            }
        } else if has_body && exchanges.body_is_overdue() {
            // hyper will close, but does not say so.
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        *response.version_mut() = if is_http_10 { Version::HTTP_10 } else { Version::HTTP_11 };
        Ok(response.map(|body| Answer { body, failure: None, exchanges }))
    }
}

type ErrorOf<H> = <<H as Handler>::Body as Body>::Error;

/// A response body as hyper gets it.
struct Answer<B: Body> {
    body: B,
    /// When a body fails, hyper throws away what it has not written yet, even the head. So the failure
    /// is said in the poll after: in between comes a flush.
    failure: Option<B::Error>,
    exchanges: Arc<Exchanges>,
}

/// A failure is a value that is passed on, never a place.
impl<B: Body + Unpin> Unpin for Answer<B> {}

impl<B: Body + Unpin> Body for Answer<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        if let Some(failure) = self.failure.take() {
            return Poll::Ready(Some(Err(failure)));
        }
        match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            Some(Err(failure)) => {
                self.failure = Some(failure);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            frame => Poll::Ready(frame),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.failure.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B: Body> Drop for Answer<B> {
    fn drop(&mut self) {
        self.exchanges.body_dropped();
    }
}
