//! One exchange with the origin: send, validate, complete.

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::{HeaderMap, Response, StatusCode, Version};

use crate::net::{ConnectionHandle, Reach};
use crate::policy::outcome::Detail;
use crate::policy::partial::{self, Coverage, Interval};
use crate::policy::storable::ResponseView;
use crate::policy::validation::{self, Update, Validated};
use crate::policy::{ExchangeTimes, StoredHead};
use crate::store::{Announced, StoredResponse};
use crate::upstream::{Call, Outgoing, Reply, ResponseBody};

use super::Shared;
use super::ask::Ask;
use super::error::ProxyError;
use super::fill::{Fill, Following};
use super::forward;
use super::interim::Interim;
use super::keep;
use super::plan::{Aim, Plan, ServedStale};

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

/// What a fetch came to, for the request that made it.
pub(super) struct Fetched {
    /// Where the answer came from; none when nobody answered.
    pub(super) peer: Option<SocketAddr>,
    /// What to do with it.
    pub(super) kind: Kind,
    /// Fields of the answer that are for this client alone (RFC 9111 §5.2.2.7).
    pub(super) withheld: HeaderMap,
}

impl Fetched {
    /// An answer without fields for one client alone.
    pub(super) fn new(peer: Option<SocketAddr>, kind: Kind) -> Self {
        Self { peer, kind, withheld: HeaderMap::new() }
    }
}

/// What to do with an answer.
pub(super) enum Kind {
    /// Store it while it streams.
    Fill(Box<Fill>),
    /// Store the part while it streams, and answer with it and what was stored together.
    Join(Box<Joined>),
    /// Answer from what is stored: it was freshened.
    Freshened(StoredResponse),
    /// Answer from what is stored although it is stale.
    Stale(ServedStale),
    /// Pass it through.
    Private(Box<Private>),
}

/// A response that is not stored.
pub(super) struct Private {
    /// It, without what was meant for one hop.
    pub(super) response: Response<ResponseBody>,
    /// The version in which it was received.
    pub(super) version: Version,
    /// Why it is not stored.
    pub(super) detail: Option<Detail>,
}

/// A part that came, and the stored parts that it belongs to.
pub(super) struct Joined {
    /// What was stored before.
    pub(super) stored: StoredResponse,
    /// The head of both.
    pub(super) head: StoredHead,
    /// How long the whole is.
    pub(super) complete_length: Option<u64>,
    /// Which bytes the client wants.
    pub(super) wanted: Interval,
    /// Which bytes came.
    pub(super) part: Interval,
    /// Whether the client asked for a range.
    pub(super) ranged: bool,
    /// The part on its way.
    pub(super) fill: Fill,
}

/// What is sent besides the ask: its fields with framing, its body, who hears interim responses.
pub(super) struct Outbound {
    /// End-to-end fields and framing.
    pub(super) fields: HeaderMap,
    /// The body.
    pub(super) body: Outgoing,
    /// Who hears interim responses.
    pub(super) interim: Option<Interim>,
    /// The client's connection, which an authenticated upstream connection is pinned to.
    pub(super) connection: Option<Arc<ConnectionHandle>>,
}

/// An answer of the origin.
pub(super) struct Received {
    pub(super) reply: Reply,
    pub(super) times: ExchangeTimes,
}

/// Fetches: sends the request as the plan makes it, and decides what its answer means.
pub(super) async fn run(
    shared: &Arc<Shared>,
    ask: &Ask,
    plan: &Plan,
    mut outbound: Outbound,
) -> Result<Fetched, ProxyError> {
    let announced = shared.store.announce(ask.answer_key());
    let plain = match (plan.aim, plan.chosen()) {
        (Aim::Validate, _) => {
            let plain = outbound.fields.clone();
            let (held, now) = (plan.held.as_slice(), shared.clock.now());
            validation::set_conditions(held, plan.chosen, &ask.view(), now, &mut outbound.fields);
            plain
        }
        (Aim::Complete(missing), Some(stored)) => {
            let plain = outbound.fields.clone();
            partial::set_range(stored.head(), missing, &mut outbound.fields);
            plain
        }
        (Aim::Fetch, _) | (Aim::Complete(_), None) => {
            return match send(shared, ask, outbound).await {
                Ok(received) => Ok(keep::settle(shared, ask, plan, announced, received).await),
                Err(error) => unreachable(plan, error),
            };
        }
    };
    let again = Outbound {
        fields: plain,
        body: Outgoing::Empty,
        interim: outbound.interim.clone(),
        connection: outbound.connection.clone(),
    };
    let received = match send(shared, ask, outbound).await {
        Ok(received) => received,
        Err(error) => return unreachable(plan, error),
    };
    match plan.chosen() {
        Some(stored) if plan.aim != Aim::Validate => {
            let stored = stored.clone();
            completed(shared, ask, plan, announced, received, again, stored).await
        }
        _ => validated(shared, ask, plan, announced, received, again).await,
    }
}

async fn send(shared: &Arc<Shared>, ask: &Ask, outbound: Outbound) -> Result<Received, ProxyError> {
    let Outbound { fields, body, interim, connection } = outbound;
    let mut request = forward::head(ask, fields, &shared.pseudonym)?.map(|()| body);
    if let Some(interim) = interim {
        interim.attach(&mut request);
    }
    let request_time = shared.clock.now();
    let call = Call {
        target: ask.uri(),
        request,
        reach: &ask.reach,
        repeatable: ask.repeatable(),
        connection: connection.as_deref(),
    };
    let reply = Box::pin(shared.upstream.send(call)).await?;
    let times = ExchangeTimes { request_time, response_time: shared.clock.now() };
    Ok(Received { reply, times })
}

/// The origin did not answer: what is stored is served stale where that is allowed (RFC 9111 §4.2.4).
/// Where it is forbidden, the error says so.
fn unreachable(plan: &Plan, error: ProxyError) -> Result<Fetched, ProxyError> {
    let Some(stored) = plan.chosen() else { return Err(error) };
    if let Some(grant) = plan.on_error.filter(|grant| error.is_excused_by(*grant)) {
        let (stored, why) = (stored.clone(), error.to_string());
        let stale = ServedStale { stored, grant, why, answered: None, error: Some(error) };
        return Ok(Fetched::new(None, Kind::Stale(stale)));
    }
    match error {
        ProxyError::Upstream(failure)
            if stored.head().freshness.forbids_stale()
                && ProxyError::Upstream(failure.clone()).disconnected() =>
        {
            Err(ProxyError::MustRevalidate(failure))
        }
        error => Err(error),
    }
}

async fn validated(
    shared: &Arc<Shared>,
    ask: &Ask,
    plan: &Plan,
    announced: Announced,
    received: Received,
    again: Outbound,
) -> Result<Fetched, ProxyError> {
    let Received { reply, times } = &received;
    let (status, peer, held) = (reply.response.status(), reply.peer, plan.held.as_slice());
    let view = ResponseView { status, fields: reply.response.headers() };
    let config = &shared.config.policy;
    let said = validation::assess(held, plan.chosen, &ask.view(), &view, *times, config);
    match said {
        Validated::Freshened { used, others } => {
            // A 304 from elsewhere speaks of another response.
            let elsewhere = |update: &Update| {
                held.get(update.at).is_none_or(|stored| stored.whence() != reply.whence)
            };
            if elsewhere(&used) {
                return repeat(shared, ask, plan, announced, received, again).await;
            }
            let others = others.into_iter().filter(|update| !elsewhere(update));
            others.for_each(|update| drop(apply(shared, &announced, held, update)));
            match apply(shared, &announced, held, used) {
                Some(stored) => Ok(Fetched {
                    withheld: keep::withheld(reply, times),
                    ..Fetched::new(Some(peer), Kind::Freshened(stored))
                }),
                None => repeat(shared, ask, plan, announced, received, again).await,
            }
        }
        Validated::Replace => Ok(replace(shared, ask, plan, announced, received).await),
        // The client's own: it says nothing about what is stored.
        Validated::PassOn => Ok(keep::settle(shared, ask, plan, announced, received).await),
        // A 304 that does not describe what we have: ask again, once, for all of it.
        Validated::Repeat => repeat(shared, ask, plan, announced, received, again).await,
    }
}

/// Puts a freshened head where it belongs; `None` when the response is not there any more.
fn apply(
    shared: &Shared,
    announced: &Announced,
    held: &[StoredResponse],
    update: Update,
) -> Option<StoredResponse> {
    let stored = held.get(update.at)?;
    let fresh = if update.beside {
        announced.beside(stored, update.head)
    } else {
        announced.freshen(stored, update.head)
    };
    if !update.kept {
        shared.store.remove(&fresh);
    }
    Some(fresh)
}

/// The origin has answered anew. An error is excused where something stale may be served instead. Else
/// what is stored was validated and did not hold: it goes, unless the origin only failed; where the new
/// answer takes its place it stays until then.
async fn replace(
    shared: &Arc<Shared>,
    ask: &Ask,
    plan: &Plan,
    announced: Announced,
    received: Received,
) -> Fetched {
    let (status, peer) = (received.reply.response.status(), received.reply.peer);
    if let (Some(stored), Some(grant)) =
        (plan.chosen(), plan.on_error.filter(|grant| grant.covers(status)))
    {
        let why = format!("{} answered {status}", ask.uri().authority());
        let (stored, answered) = (stored.clone(), Some((peer, status)));
        let stale = ServedStale { stored, grant, why, answered, error: None };
        return Fetched::new(Some(peer), Kind::Stale(stale));
    }
    let failed = status.is_server_error();
    let fetched = keep::settle(shared, ask, plan, announced, received).await;
    if let Some(stored) = plan.chosen().filter(|_| !failed) {
        let stays = match &fetched.kind {
            // It is replaced when the new one is there; with other nominated fields, it is still good for
            // the requests that the new one is not for, as long as it is fresh.
            Kind::Fill(fill) => {
                fill.head.nominated == stored.head().nominated
                    || stored.head().ttl(shared.clock.now()) > 0
            }
            _ => false,
        };
        if !stays && ask.answer_key() == *stored.key() {
            shared.store.remove(stored);
        }
    }
    fetched
}

/// Asks once more, for all of it, without conditions.
async fn repeat(
    shared: &Arc<Shared>,
    ask: &Ask,
    plan: &Plan,
    announced: Announced,
    received: Received,
    mut again: Outbound,
) -> Result<Fetched, ProxyError> {
    drop(received);
    validation::clear_conditions(&mut again.fields);
    match send(shared, ask, again).await {
        Ok(received) => Ok(replace(shared, ask, plan, announced, received).await),
        Err(error) => unreachable(plan, error),
    }
}

/// The missing part was asked for: puts it together with what is stored. A 200 replaces all; anything
/// that does not fit makes the stored parts worthless, and the client's own request is sent.
async fn completed(
    shared: &Arc<Shared>,
    ask: &Ask,
    plan: &Plan,
    announced: Announced,
    received: Received,
    again: Outbound,
    stored: StoredResponse,
) -> Result<Fetched, ProxyError> {
    let Received { reply, times } = &received;
    let status = reply.response.status();
    let unusable = matches!(
        status,
        StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE | StatusCode::NOT_MODIFIED
    );
    if !unusable {
        return Ok(replace(shared, ask, plan, announced, received).await);
    }
    let view = ResponseView { status, fields: reply.response.headers() };
    let held = stored.held();
    let config = &shared.config.policy;
    let combined = partial::combine(stored.head(), &held, &ask.view(), &view, *times, config)
        .filter(|_| stored.whence() == reply.whence && !reply.pinned);
    let ranged = ask.ranged(stored.head(), shared.clock.now());
    let wanted = combined.as_ref().and_then(|combined| {
        match combined.partial.coverage(&ask.fields, ranged) {
            Coverage::Within(wanted) => <[Interval; 1]>::try_from(wanted).ok().map(|[one]| one),
            _ => None,
        }
    });
    let belongs = combined.is_some();
    if let (Some(combined), Some(wanted)) = (combined, wanted) {
        let (part, complete_length) = (combined.part.interval, combined.partial.complete_length);
        let version = reply.response.version();
        let whence = reply.whence;
        let withheld = keep::withheld(reply, times);
        let head = combined.head.clone();
        let onto = Some(stored.clone());
        if let Ok(writer) = announced.begin_part(head, whence, part, complete_length, onto) {
            let peer = received.reply.peer;
            let (shown, body) = received.reply.response.into_parts();
            let fill = Fill {
                shown,
                head: Arc::new(combined.head.clone()),
                version,
                whence,
                length: Some(part.length()),
                writer,
                body,
            };
            let head = combined.head;
            let joined = Joined { stored, head, complete_length, wanted, part, ranged, fill };
            return Ok(Fetched {
                withheld,
                ..Fetched::new(Some(peer), Kind::Join(Box::new(joined)))
            });
        }
    } else {
        // A part that belongs here and is too short takes nothing away from what is there.
        if !belongs {
            shared.store.remove(&stored);
        }
        drop(announced);
    }
    drop(received);
    let announced = shared.store.announce(ask.answer_key());
    let received = send(shared, ask, again).await?;
    Ok(keep::settle(shared, ask, plan, announced, received).await)
}
