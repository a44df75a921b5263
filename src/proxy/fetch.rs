//! One exchange with the origin: send, validate, decide whether the answer is stored.

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::ext::ReasonPhrase;
use hyper::header::{CONTENT_LENGTH, DATE, TRANSFER_ENCODING};
use hyper::{HeaderMap, Method, Response, StatusCode, Version};

use crate::http::{date, hop_by_hop};
use crate::net::{ConnectionHandle, Reach, Scope};
use crate::policy::outcome::{Detail, ForwardReason};
use crate::policy::reuse::StaleGrant;
use crate::policy::storable::{ResponseView, Storable, storable};
use crate::policy::validation::{self, Validated};
use crate::policy::{CacheKey, ExchangeTimes, StoredHead, invalidation};
use crate::store::{Announced, StoredResponse};
use crate::upstream::{Call, Outgoing, Reply, ResponseBody};

use super::Shared;
use super::ask::Ask;
use super::error::ProxyError;
use super::fill::{Fill, Following};
use super::forward;
use super::interim::Interim;

/// Why a request is forwarded, and what is to be validated by it.
#[derive(Clone)]
pub(super) struct Plan {
    /// The reason (RFC 9211 §2.2).
    pub(super) reason: ForwardReason,
    /// Why what is stored does not do, where there is more to say.
    pub(super) detail: Option<Detail>,
    /// The stored response to validate (RFC 9111 §4.3).
    pub(super) validate: Option<StoredResponse>,
    /// Who allows that stored response to be served stale when the origin cannot be reached.
    pub(super) on_error: Option<StaleGrant>,
}

/// What a fetch came to, for everybody who joined it.
#[derive(Clone)]
pub(super) enum Outcome {
    /// The response is being stored.
    Filling(Following),
    /// The stored response was validated with a 304.
    Freshened(StoredResponse),
    /// The origin failed, and the stored response is served stale.
    Stale(ServedStale),
    /// It failed, for a client that may reach this much.
    Failed(ProxyError, Reach),
}

/// A stored response that is served although it is stale.
#[derive(Clone)]
pub(super) struct ServedStale {
    /// The stored response.
    pub(super) stored: StoredResponse,
    /// Who allows it.
    pub(super) grant: StaleGrant,
    /// What is wrong with the origin: a sentence for the log.
    pub(super) why: String,
}

/// What a fetch came to, for the request that made it.
pub(super) struct Fetched {
    /// Where the answer came from; none when nobody answered.
    pub(super) peer: Option<SocketAddr>,
    /// What to do with it.
    pub(super) kind: Kind,
}

/// What to do with an answer.
pub(super) enum Kind {
    /// Store it while it streams.
    Fill(Box<Fill>),
    /// Answer from what is stored: it was freshened.
    Freshened(StoredResponse),
    /// Answer from what is stored although it is stale.
    Stale(ServedStale),
    /// Pass it through.
    Private { response: Response<ResponseBody>, version: Version, detail: Option<Detail> },
}

/// What is sent besides the ask: its fields with framing, its body, who hears interim responses.
pub(super) struct Outbound {
    /// End-to-end fields and framing.
    pub(super) fields: HeaderMap,
    /// The body.
    pub(super) body: Outgoing,
    /// Who hears interim responses.
    pub(super) interim: Interim,
    /// The client's connection, which an authenticated upstream connection is pinned to.
    pub(super) connection: Arc<ConnectionHandle>,
}

/// Fetches: sends the request, with conditions where the plan has something to validate.
pub(super) async fn run(
    shared: &Arc<Shared>,
    ask: &Ask,
    plan: &Plan,
    outbound: Outbound,
) -> Result<Fetched, ProxyError> {
    let Outbound { fields, body, interim, connection } = outbound;
    let announced = shared.store.announce(ask.key.clone());
    let Some(stored) = &plan.validate else {
        let (reply, times) = send(shared, ask, fields, body, Some(interim), &connection).await?;
        return Ok(interpret(shared, ask, announced, reply, times));
    };
    let mut conditional = fields.clone();
    let held = std::slice::from_ref(stored.head());
    validation::set_conditions(held, Some(0), &ask.view(), shared.clock.now(), &mut conditional);
    let sent = send(shared, ask, conditional, body, Some(interim.clone()), &connection).await;
    let (reply, times) = match (sent, plan.on_error) {
        (Ok(sent), _) => sent,
        (Err(error), Some(grant)) if error.disconnected() => {
            let why = error.to_string();
            let stale = ServedStale { stored: stored.clone(), grant, why };
            return Ok(Fetched { peer: None, kind: Kind::Stale(stale) });
        }
        (Err(error), _) => return Err(error),
    };
    let mut described = reply.response.headers().clone();
    hop_by_hop::strip_response(&mut described);
    date_if_missing(&mut described, &times);
    let view = ResponseView { status: reply.response.status(), fields: &described };
    let config = &shared.config.policy;
    match validation::assess(held, Some(0), &ask.view(), &view, times, config) {
        Validated::Freshened { used, .. } => {
            let stored = shared.store.freshen(stored, used.head);
            if !used.kept {
                shared.store.remove(&stored);
            }
            Ok(Fetched { peer: Some(reply.peer), kind: Kind::Freshened(stored) })
        }
        Validated::Replace => {
            let status = reply.response.status();
            if let Some(grant) = plan.on_error.filter(|grant| grant.covers(status)) {
                let why = format!("{} answered {status}", ask.uri().authority());
                let stale = ServedStale { stored: stored.clone(), grant, why };
                return Ok(Fetched { peer: Some(reply.peer), kind: Kind::Stale(stale) });
            }
            Ok(replace(shared, ask, announced, stored, reply, times))
        }
        // The client's own: it says nothing about what is stored.
        Validated::PassOn => Ok(interpret(shared, ask, announced, reply, times)),
        // A 304 that does not describe what we have: ask again, once, for all of it.
        Validated::Repeat => {
            drop(reply);
            let mut whole = fields;
            validation::clear_conditions(&mut whole);
            let (reply, times) =
                send(shared, ask, whole, Outgoing::Empty, Some(interim), &connection).await?;
            Ok(replace(shared, ask, announced, stored, reply, times))
        }
    }
}

/// What is stored was validated and did not hold. Where the new answer is not stored in its place, it
/// goes all the same, unless the origin only failed.
fn replace(
    shared: &Arc<Shared>,
    ask: &Ask,
    announced: Announced,
    stored: &StoredResponse,
    reply: Reply,
    times: ExchangeTimes,
) -> Fetched {
    let failed = reply.response.status().is_server_error();
    let fetched = interpret(shared, ask, announced, reply, times);
    if matches!(fetched.kind, Kind::Private { .. }) && !failed {
        shared.store.remove(stored);
    }
    fetched
}

async fn send(
    shared: &Arc<Shared>,
    ask: &Ask,
    fields: HeaderMap,
    body: Outgoing,
    interim: Option<Interim>,
    connection: &ConnectionHandle,
) -> Result<(Reply, ExchangeTimes), ProxyError> {
    let mut request = forward::head(ask, fields, &shared.pseudonym)?.map(|()| body);
    if let Some(interim) = interim {
        interim.attach(&mut request);
    }
    let request_time = shared.clock.now();
    let call = Call {
        target: ask.uri(),
        request,
        reach: ask.reach,
        repeatable: ask.repeatable(),
        connection: Some(connection),
    };
    let reply = Box::pin(shared.upstream.send(call)).await?;
    let times = ExchangeTimes { request_time, response_time: shared.clock.now() };
    Ok((reply, times))
}

/// Decides whether an answer is stored, and invalidates what it makes doubtful (RFC 9111 §3, §4.4).
fn interpret(
    shared: &Arc<Shared>,
    ask: &Ask,
    announced: Announced,
    reply: Reply,
    times: ExchangeTimes,
) -> Fetched {
    let Reply { mut response, scope, peer, pinned, .. } = reply;
    let version = response.version();
    let status = response.status();
    for uri in invalidation::invalidated(&ask.method, ask.uri(), status, response.headers()) {
        for key in [CacheKey::new(uri.clone()), CacheKey::head(uri)] {
            shared.store.invalidate(&key);
            shared.collapse.forget(&key);
        }
    }
    let view = ResponseView { status, fields: response.headers() };
    let verdict = if !ask.cacheable() || ask.method != Method::GET {
        Storable::Decline(Detail::Method)
    } else if pinned {
        // The connection carries the credentials, and no field of the request shows them.
        Storable::Decline(Detail::Authorization)
    } else {
        storable(&ask.view(), &view, times, &shared.config.policy)
    };
    let length = framed_length(response.headers());
    if status != StatusCode::SWITCHING_PROTOCOLS {
        end_to_end(response.headers_mut(), &times);
    }
    let declined = match verdict {
        Storable::Decline(detail) => detail,
        // Parts are not put together yet.
        Storable::Store(kept) if kept.part.is_some() => Detail::Range,
        Storable::Store(kept) => {
            let mut fields = response.headers().clone();
            fields.remove(CONTENT_LENGTH);
            let reason = response.extensions().get::<ReasonPhrase>();
            let reason = reason.map(AsRef::as_ref);
            let head = StoredHead::keep(status, reason, &fields, times, &kept);
            match begin(announced, head, scope, length, response, version) {
                Ok(mut fill) => {
                    fill.withheld = Arc::new(kept.withheld_of(&fields));
                    return Fetched { peer: Some(peer), kind: Kind::Fill(Box::new(fill)) };
                }
                Err(refused) => {
                    response = *refused;
                    Detail::TooLarge
                }
            }
        }
    };
    // For a method that is never stored the forward reason says it all.
    let detail = (declined != Detail::Method).then_some(declined);
    Fetched { peer: Some(peer), kind: Kind::Private { response, version, detail } }
}

fn begin(
    announced: Announced,
    head: StoredHead,
    scope: Scope,
    length: Option<u64>,
    response: Response<ResponseBody>,
    version: Version,
) -> Result<Fill, Box<Response<ResponseBody>>> {
    let shown = Arc::new(head.clone());
    match announced.begin(head, scope, length) {
        Ok(writer) => {
            let (withheld, body) = (Arc::default(), response.into_body());
            Ok(Fill { head: shown, withheld, version, scope, length, writer, body })
        }
        Err(_too_large) => Err(Box::new(response)),
    }
}

/// The length that the message says; none when it is chunked or ends with the connection.
fn framed_length(fields: &HeaderMap) -> Option<u64> {
    if fields.contains_key(TRANSFER_ENCODING) {
        return None;
    }
    fields.get(CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

/// Leaves what travels further than one hop. A length beside `Transfer-Encoding` is not believed.
fn end_to_end(fields: &mut HeaderMap, times: &ExchangeTimes) {
    if fields.contains_key(TRANSFER_ENCODING) {
        fields.remove(CONTENT_LENGTH);
    }
    hop_by_hop::strip_response(fields);
    date_if_missing(fields, times);
}

/// RFC 9110 §6.6.1: a recipient that caches or forwards dates what has no `Date`.
fn date_if_missing(fields: &mut HeaderMap, times: &ExchangeTimes) {
    fields.entry(DATE).or_insert_with(|| date::format(times.response_time));
}
