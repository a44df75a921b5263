//! A request for a resource: consult the store and the policy, then answer from what is stored, or
//! fetch, alone or together with others.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};

use crate::body::Body;
use crate::http::TargetUri;
use crate::net::{ConnectionHandle, Reach};
use crate::policy::outcome::{CacheOutcome, ForwardReason};
use crate::store::StoredResponse;
use crate::telemetry::CacheWord;
use crate::upstream::{ContinueGate, Outgoing};

use super::ask::Ask;
use super::error::ProxyError;
use super::exchange::Exchange;
use super::fetch::{self, Fetched, Joined, Kind, Outbound, Private};
use super::fill::Leading;
use super::interim::Interim;
use super::plan::{Aim, Answer, Consulted, Plan, ServedStale, consult};
use super::{Shared, background, collapsed, forward, respond, tunnel};

/// Answers a request for a resource.
pub(super) async fn answer(
    shared: &Arc<Shared>,
    exchange: &mut Exchange,
    mut request: Request<Incoming>,
    uri: TargetUri,
    reach: Reach,
    connection: &Arc<ConnectionHandle>,
) -> Result<Response<Body>, ProxyError> {
    use http_body::Body as _;
    let client_upgrade = hyper::upgrade::on(&mut request);
    let (head, incoming) = request.into_parts();
    let ask = Ask::read(head, uri, reach, !incoming.is_end_stream());
    let plan = match consult(shared, &ask).await? {
        Consulted::Answer(answer) => return Ok(from_store(shared, exchange, &ask, answer)),
        Consulted::Forward(plan) => plan,
    };
    if ask.collapsible() {
        return together(shared, exchange, &Arc::new(ask), plan, connection).await;
    }
    let gate = ask.expects_continue.then(ContinueGate::new);
    let interim = Interim::new(connection, ask.version, gate.clone(), shared.pseudonym.clone());
    let mut fields = ask.fields.clone();
    let body = forward::body(incoming, &mut fields, gate.clone());
    if let Outgoing::Incoming(body) = &body {
        exchange.count_up(body.received());
    }
    let (interim, connection) = (Some(interim), Some(connection.clone()));
    let outbound = Outbound { fields, body, interim, connection };
    let fetched = fetch::run(shared, &ask, &plan, outbound).await?;
    match fetched.kind {
        Kind::Private(private) if private.response.status() == StatusCode::SWITCHING_PROTOCOLS => {
            tunnel::upgraded(shared, exchange, &ask, private.response, client_upgrade)
        }
        _ => {
            let response = conclude(shared, exchange, &ask, &plan, fetched);
            let unread = gate.is_some_and(|gate| gate.is_refused());
            Ok(if unread { respond::last(response) } else { response })
        }
    }
}

/// Fetches together with others, unless that has just failed.
async fn together(
    shared: &Arc<Shared>,
    exchange: &mut Exchange,
    ask: &Arc<Ask>,
    plan: Plan,
    connection: &Arc<ConnectionHandle>,
) -> Result<Response<Body>, ProxyError> {
    let lifetime = shared.config.policy.error_lifetime;
    if lifetime.is_zero() {
        return collapsed::answer(shared, exchange, ask, plan, connection).await;
    }
    if plan.on_error.is_none()
        && let Some(error) = shared.failures.recall(&ask.key, ask.reach, shared.clock.now())
    {
        return Err(error);
    }
    let answer = collapsed::answer(shared, exchange, ask, plan, connection).await;
    if let Err(error) = &answer
        && error.disconnected()
    {
        shared.failures.note(&ask.key, error, ask.reach, shared.clock.now(), lifetime);
    }
    answer
}

/// Fetches without others: a request without content that joined nobody.
pub(super) async fn alone(
    shared: &Arc<Shared>,
    exchange: &mut Exchange,
    ask: &Ask,
    plan: Plan,
    connection: &Arc<ConnectionHandle>,
) -> Result<Response<Body>, ProxyError> {
    let fetched = fetch::run(shared, ask, &plan, bodiless(shared, ask, connection)).await?;
    Ok(conclude(shared, exchange, ask, &plan, fetched))
}

/// What goes out for a request without content.
pub(super) fn bodiless(shared: &Shared, ask: &Ask, connection: &Arc<ConnectionHandle>) -> Outbound {
    Outbound {
        fields: ask.fields.clone(),
        body: Outgoing::Empty,
        interim: Some(Interim::new(connection, ask.version, None, shared.pseudonym.clone())),
        connection: Some(connection.clone()),
    }
}

/// Answers from the store, and has validated behind the answer what is to be.
pub(super) fn from_store(
    shared: &Arc<Shared>,
    exchange: &mut Exchange,
    ask: &Ask,
    answer: Answer,
) -> Response<Body> {
    let Answer { stored, outcome, word, behind } = answer;
    if let Some(plan) = behind {
        background::validate(shared, ask, plan);
    }
    read_out(shared, exchange, ask, &stored, &outcome, word)
}

fn read_out(
    shared: &Shared,
    exchange: &mut Exchange,
    ask: &Ask,
    stored: &StoredResponse,
    outcome: &CacheOutcome,
    word: CacheWord,
) -> Response<Body> {
    exchange.outcome(word, Some(stored.tier().as_str()));
    exchange.explain(outcome);
    respond::stored(shared, ask, stored, outcome)
}

/// Answers a stored response that the origin has confirmed.
pub(super) fn after_validation(
    shared: &Shared,
    exchange: &mut Exchange,
    ask: &Ask,
    plan: &Plan,
    stored: &StoredResponse,
    collapsed: bool,
) -> Response<Body> {
    let outcome = CacheOutcome::Forwarded {
        reason: plan.reason,
        status: Some(StatusCode::NOT_MODIFIED.as_u16()),
        stored: false,
        collapsed,
        ttl: Some(stored.head().ttl(shared.clock.now())),
        detail: None,
    };
    let word = if collapsed { CacheWord::Collapsed } else { CacheWord::Revalidated };
    read_out(shared, exchange, ask, stored, &outcome, word)
}

/// Answers what is served stale because the origin failed.
pub(super) fn stale(
    shared: &Shared,
    exchange: &mut Exchange,
    ask: &Ask,
    stale: ServedStale,
) -> Response<Body> {
    let ServedStale { stored, grant, why, answered, .. } = stale;
    if let Some((peer, _)) = answered {
        exchange.peer(peer);
    }
    exchange.failed(why);
    let (ttl, detail) = (stored.head().ttl(shared.clock.now()), Some(grant.detail()));
    // RFC 9211 §2.1: a hit is what did not go forward; what an origin has answered did.
    let outcome = match answered {
        None => CacheOutcome::Hit { ttl, detail },
        Some((_, status)) => CacheOutcome::Forwarded {
            reason: ForwardReason::Stale,
            status: Some(status.as_u16()),
            stored: false,
            collapsed: false,
            ttl: Some(ttl),
            detail,
        },
    };
    read_out(shared, exchange, ask, &stored, &outcome, CacheWord::Stale)
}

/// Answers what a fetch of one's own came to.
pub(super) fn conclude(
    shared: &Arc<Shared>,
    exchange: &mut Exchange,
    ask: &Ask,
    plan: &Plan,
    fetched: Fetched,
) -> Response<Body> {
    if let Some(peer) = fetched.peer {
        exchange.peer(peer);
    }
    match fetched.kind {
        Kind::Fill(fill) => {
            let leading = fill.start(shared, None);
            self::leading(shared, exchange, ask, plan, leading)
        }
        Kind::Join(joined) => {
            let response = self::joined(shared, exchange, ask, plan, *joined);
            respond::with(response, fetched.withheld)
        }
        Kind::Freshened(stored) => {
            let response = after_validation(shared, exchange, ask, plan, &stored, false);
            respond::with(response, fetched.withheld)
        }
        Kind::Stale(stale) => self::stale(shared, exchange, ask, stale),
        Kind::Private(private) => passed_through(shared, exchange, ask, plan, *private),
    }
}

/// Answers with a response that is being stored for this request.
pub(super) fn leading(
    shared: &Shared,
    exchange: &mut Exchange,
    ask: &Ask,
    plan: &Plan,
    leading: Leading,
) -> Response<Body> {
    noted(exchange, plan);
    exchange.watch(leading.fate.clone());
    let status = leading.shown.status.as_u16();
    let outcome = with_stored(plan.outcome(Some(status), plan.detail));
    exchange.explain(&outcome);
    // What the origin was asked in our words, it has not answered in the client's.
    let evaluate = plan.aim == Aim::Validate;
    respond::leading(shared, ask, leading, &outcome, evaluate)
}

/// Answers with what was stored and the part that came, put together.
fn joined(
    shared: &Arc<Shared>,
    exchange: &mut Exchange,
    ask: &Ask,
    plan: &Plan,
    joined: Joined,
) -> Response<Body> {
    noted(exchange, plan);
    let Joined { stored, head, complete_length, wanted, part, ranged, fill } = joined;
    let leading = fill.start(shared, None);
    exchange.watch(leading.fate.clone());
    let status = StatusCode::PARTIAL_CONTENT.as_u16();
    let outcome = with_stored(plan.outcome(Some(status), plan.detail));
    exchange.explain(&outcome);
    let whole = respond::Whole { stored, head, complete_length };
    respond::joined(shared, ask, whole, (wanted, part, ranged), leading, &outcome)
}

fn passed_through(
    shared: &Shared,
    exchange: &mut Exchange,
    ask: &Ask,
    plan: &Plan,
    private: Private,
) -> Response<Body> {
    noted(exchange, plan);
    let status = private.response.status().as_u16();
    let outcome = plan.outcome(Some(status), private.detail.or(plan.detail));
    exchange.explain(&outcome);
    respond::upstream(shared, ask, private.response, private.version, &outcome)
}

/// The word for an answer that the origin gave.
fn noted(exchange: &mut Exchange, plan: &Plan) {
    let bypass = matches!(plan.reason, ForwardReason::Bypass | ForwardReason::Method);
    exchange.outcome(if bypass { CacheWord::Bypass } else { CacheWord::Miss }, Some("origin"));
}

fn with_stored(outcome: CacheOutcome) -> CacheOutcome {
    match outcome {
        CacheOutcome::Forwarded { reason, status, collapsed, ttl, detail, .. } => {
            CacheOutcome::Forwarded { reason, status, stored: true, collapsed, ttl, detail }
        }
        hit @ CacheOutcome::Hit { .. } => hit,
    }
}
