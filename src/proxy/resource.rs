//! A request for a resource: consult the store and the policy, then answer from what is stored, or
//! fetch, alone or together with others.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Response, StatusCode};

use crate::body::Body;
use crate::http::TargetUri;
use crate::net::{ConnectionHandle, Reach};
use crate::policy::outcome::{CacheOutcome, Detail, ForwardReason};
use crate::store::{Damaged, StoredResponse};
use crate::telemetry::CacheWord;
use crate::upstream::{ContinueGate, Outgoing};

use super::ask::Ask;
use super::error::ProxyError;
use super::exchange::Exchange;
use super::fetch::{self, Fetched, Joined, Kind, Outbound, Private};
use super::fill::Leading;
use super::interim::Interim;
use super::plan::{self, Aim, Answer, Consulted, Plan, ServedStale, consult};
use super::{Shared, background, collapsed, forward, respond, tunnel};

/// A request for a resource: what is asked, and what comes with it.
pub(super) struct Asked {
    ask: Ask,
    content: Incoming,
    upgrade: OnUpgrade,
}

impl Asked {
    /// Takes a request apart.
    pub(super) fn read(mut request: Request<Incoming>, uri: TargetUri, reach: Reach) -> Self {
        use http_body::Body as _;
        let upgrade = hyper::upgrade::on(&mut request);
        let (head, content) = request.into_parts();
        let ask = Ask::read(head, uri, reach, !content.is_end_stream());
        Self { ask, content, upgrade }
    }
}

/// Answers out of the store, where that takes no waiting; an error is for [`answer`] to deal with.
pub(super) fn answer_at_once(
    shared: &Arc<Shared>,
    exchange: &mut Exchange,
    asked: &Asked,
) -> Option<Result<Response<Body>, ProxyError>> {
    let answer = plan::answer_at_once(shared, &asked.ask)?;
    let answered = pin!(from_store(shared, exchange, &asked.ask, answer));
    // Never woken: what is not ready is begun anew by who waits.
    match answered.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answered) => Some(answered),
        Poll::Pending => None,
    }
}

/// Answers a request for a resource, to which the answer at once was `failed`, if there was one.
pub(super) async fn answer(
    shared: &Arc<Shared>,
    exchange: &mut Exchange,
    asked: Asked,
    failed: Option<ProxyError>,
    connection: &Arc<ConnectionHandle>,
) -> Result<Response<Body>, ProxyError> {
    let Asked { ask, content, upgrade } = asked;
    if let Some(error) = failed {
        return unless_damaged(shared, exchange, &ask, connection, Err(error)).await;
    }
    match consult(shared, &ask).await? {
        Consulted::Answer(answer) => {
            let answered = from_store(shared, exchange, &ask, answer).await;
            unless_damaged(shared, exchange, &ask, connection, answered).await
        }
        Consulted::Forward(plan) => {
            send_on(shared, exchange, ask, plan, (content, upgrade), connection).await
        }
    }
}

/// Fetches, with others where that is possible.
async fn send_on(
    shared: &Arc<Shared>,
    exchange: &mut Exchange,
    ask: Ask,
    plan: Plan,
    (incoming, client_upgrade): (Incoming, OnUpgrade),
    connection: &Arc<ConnectionHandle>,
) -> Result<Response<Body>, ProxyError> {
    if ask.collapsible() {
        let ask = Arc::new(ask);
        let answered = together(shared, exchange, &ask, plan, connection).await;
        return unless_damaged(shared, exchange, &ask, connection, answered).await;
    }
    let gate = ask.expects_continue.then(ContinueGate::new);
    let interim = Interim::new(connection, ask.version, gate.clone(), shared.pseudonym.clone());
    let mut fields = ask.fields.clone();
    let body = forward::body(incoming, &mut fields, gate.clone());
    if let Outgoing::Incoming(body) = &body {
        exchange.count_up(body.received());
    }
    let (interim, pinned) = (Some(interim), Some(connection.clone()));
    let outbound = Outbound { fields, body, interim, connection: pinned };
    // In a box, as everywhere: its state is large, and moves with that of the request.
    let fetched = Box::pin(fetch::run(shared, &ask, &plan, outbound)).await?;
    match fetched.kind {
        Kind::Private(private) if private.response.status() == StatusCode::SWITCHING_PROTOCOLS => {
            tunnel::upgraded(shared, exchange, &ask, private.response, client_upgrade)
        }
        _ => {
            let concluded = conclude(shared, exchange, &ask, &plan, fetched).await;
            let response = unless_damaged(shared, exchange, &ask, connection, concluded).await?;
            let unread = gate.is_some_and(|gate| gate.is_refused());
            Ok(if unread { respond::last(response) } else { response })
        }
    }
}

/// The same answer. Where what is stored for it could not be read, the request is sent on once, as it is
/// and alone, as if nothing were stored.
async fn unless_damaged(
    shared: &Arc<Shared>,
    exchange: &mut Exchange,
    ask: &Ask,
    connection: &Arc<ConnectionHandle>,
    answered: Result<Response<Body>, ProxyError>,
) -> Result<Response<Body>, ProxyError> {
    match answered {
        Err(ProxyError::Damaged(_)) if ask.directives.only_if_cached => {
            Err(ProxyError::OnlyIfCached)
        }
        Err(ProxyError::Damaged(_)) => {
            let plan = Plan::forward(ForwardReason::Miss, Some(Detail::Damaged));
            Box::pin(alone(shared, exchange, ask, plan, connection)).await
        }
        answered => answered,
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
        && let Some(error) = shared.failures.recall(&ask.key, &ask.reach, shared.clock.now())
    {
        return Err(error);
    }
    let answer = collapsed::answer(shared, exchange, ask, plan, connection).await;
    if let Err(error) = &answer
        && error.disconnected()
    {
        shared.failures.note(&ask.key, error, &ask.reach, shared.clock.now(), lifetime);
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
    let outbound = bodiless(shared, ask, connection);
    let fetched = Box::pin(fetch::run(shared, ask, &plan, outbound)).await?;
    conclude(shared, exchange, ask, &plan, fetched).await
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
pub(super) async fn from_store(
    shared: &Arc<Shared>,
    exchange: &mut Exchange,
    ask: &Ask,
    answer: Answer,
) -> Result<Response<Body>, ProxyError> {
    let Answer { stored, outcome, word, behind } = answer;
    let response = read_out(shared, exchange, ask, &stored, &outcome, word).await?;
    // What cannot be read was not used, and is not worth a validation.
    shared.store.used(&stored);
    if let Some(plan) = behind {
        background::validate(shared, ask, plan);
    }
    Ok(response)
}

/// Answers with what is stored, and notes that; nothing is noted where it is damaged.
async fn read_out(
    shared: &Shared,
    exchange: &mut Exchange,
    ask: &Ask,
    stored: &StoredResponse,
    outcome: &CacheOutcome,
    word: CacheWord,
) -> Result<Response<Body>, Damaged> {
    let response = respond::stored(shared, exchange, ask, stored, outcome).await?;
    exchange.outcome(word, Some(stored.tier().as_str()));
    exchange.explain(outcome);
    Ok(response)
}

/// Answers a stored response that the origin has confirmed.
pub(super) async fn after_validation(
    shared: &Shared,
    exchange: &mut Exchange,
    ask: &Ask,
    plan: &Plan,
    stored: &StoredResponse,
    collapsed: bool,
) -> Result<Response<Body>, ProxyError> {
    let outcome = CacheOutcome::Forwarded {
        reason: plan.reason,
        status: Some(StatusCode::NOT_MODIFIED.as_u16()),
        stored: false,
        collapsed,
        ttl: Some(stored.head().ttl(shared.clock.now())),
        detail: None,
    };
    let word = if collapsed { CacheWord::Collapsed } else { CacheWord::Revalidated };
    Ok(read_out(shared, exchange, ask, stored, &outcome, word).await?)
}

/// Answers what is served stale because the origin failed. Where that cannot be read, the failure is the
/// answer; an error that the origin answered is asked for again.
pub(super) async fn stale(
    shared: &Shared,
    exchange: &mut Exchange,
    ask: &Ask,
    stale: ServedStale,
) -> Result<Response<Body>, ProxyError> {
    let ServedStale { stored, grant, why, answered, error } = stale;
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
    match read_out(shared, exchange, ask, &stored, &outcome, CacheWord::Stale).await {
        Ok(response) => {
            if let Some((peer, _)) = answered {
                exchange.peer(peer);
            }
            exchange.failed(why);
            Ok(response)
        }
        Err(damaged) => {
            exchange.because(Detail::Damaged);
            Err(error.unwrap_or(ProxyError::Damaged(damaged)))
        }
    }
}

/// Answers what a fetch of one's own came to.
pub(super) async fn conclude(
    shared: &Arc<Shared>,
    exchange: &mut Exchange,
    ask: &Ask,
    plan: &Plan,
    fetched: Fetched,
) -> Result<Response<Body>, ProxyError> {
    if let Some(peer) = fetched.peer {
        exchange.peer(peer);
    }
    match fetched.kind {
        Kind::Fill(fill) => {
            let leading = fill.start(shared, None);
            Ok(self::leading(shared, exchange, ask, plan, leading))
        }
        Kind::Join(joined) => {
            let response = self::joined(shared, exchange, ask, plan, *joined).await?;
            Ok(respond::with(response, fetched.withheld))
        }
        Kind::Freshened(stored) => {
            let response = after_validation(shared, exchange, ask, plan, &stored, false).await?;
            Ok(respond::with(response, fetched.withheld))
        }
        Kind::Stale(stale) => self::stale(shared, exchange, ask, stale).await,
        Kind::Private(private) => Ok(passed_through(shared, exchange, ask, plan, *private)),
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

/// Answers with what was stored and the part that came, put together. Where what was stored cannot be
/// read, the part is of no use.
async fn joined(
    shared: &Arc<Shared>,
    exchange: &mut Exchange,
    ask: &Ask,
    plan: &Plan,
    joined: Joined,
) -> Result<Response<Body>, ProxyError> {
    let Joined { stored, head, complete_length, wanted, part, ranged, fill } = joined;
    let around = respond::around(shared, ask, &head, &stored, (wanted, part)).await?;
    noted(exchange, plan);
    let leading = fill.start(shared, None);
    exchange.watch(leading.fate.clone());
    let status = StatusCode::PARTIAL_CONTENT.as_u16();
    let outcome = with_stored(plan.outcome(Some(status), plan.detail));
    exchange.explain(&outcome);
    let whole = respond::Whole { around, head, complete_length };
    Ok(respond::joined(shared, whole, (wanted, part, ranged), leading, &outcome))
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
