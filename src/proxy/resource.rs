//! A request for a resource: consult the store and the policy, then answer from what is stored, or
//! fetch, alone or together with others.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode, Version};

use crate::body::{Body, SpoolReader};
use crate::http::TargetUri;
use crate::net::{ConnectionHandle, Reach};
use crate::policy::outcome::{CacheOutcome, Detail, ForwardReason};
use crate::policy::reuse::{self, Candidate, Decision, StaleGrant};
use crate::store::{Lookup, StoredResponse};
use crate::telemetry::CacheWord;
use crate::upstream::{ContinueGate, Outgoing, ResponseBody};

use super::ask::Ask;
use super::error::ProxyError;
use super::exchange::Exchange;
use super::fetch::{self, Fetched, Kind, Outbound, Plan, ServedStale};
use super::fill::Following;
use super::interim::Interim;
use super::{Shared, collapsed, forward, respond, tunnel};

/// What the store and the policy say about a request now.
pub(super) enum Consulted {
    /// A stored response answers it.
    Answer(StoredResponse, CacheOutcome, CacheWord),
    /// It must be forwarded.
    Forward(Plan),
}

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
    let ask = Arc::new(Ask::read(head, uri, reach, !incoming.is_end_stream()));
    let plan = match consult(shared, &ask)? {
        Consulted::Answer(stored, outcome, word) => {
            return Ok(from_store(shared, exchange, &ask, &stored, &outcome, word));
        }
        Consulted::Forward(plan) => plan,
    };
    if ask.collapsible() {
        return collapsed::answer(shared, exchange, &ask, plan, connection).await;
    }
    let gate = ask.expects_continue.then(ContinueGate::new);
    let interim = Interim::new(connection, ask.version, gate.clone(), shared.pseudonym.clone());
    let mut fields = ask.fields.clone();
    let body = forward::body(incoming, &mut fields, gate.clone());
    if let Outgoing::Incoming(body) = &body {
        exchange.count_up(body.received());
    }
    let outbound = Outbound { fields, body, interim, connection: connection.clone() };
    let fetched = fetch::run(shared, &ask, &plan, outbound).await?;
    match fetched.kind {
        Kind::Private { response, .. } if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
            tunnel::upgraded(shared, exchange, &ask, response, client_upgrade)
        }
        _ => {
            let response = conclude(shared, exchange, &ask, &plan, fetched);
            let unread = gate.is_some_and(|gate| gate.is_refused());
            Ok(if unread { respond::last(response) } else { response })
        }
    }
}

/// Fetches without others: a request without content that joined nobody.
pub(super) async fn alone(
    shared: &Arc<Shared>,
    exchange: &mut Exchange,
    ask: &Arc<Ask>,
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
        interim: Interim::new(connection, ask.version, None, shared.pseudonym.clone()),
        connection: connection.clone(),
    }
}

/// Looks up and decides (RFC 9111 §4).
pub(super) fn consult(shared: &Shared, ask: &Ask) -> Result<Consulted, ProxyError> {
    let forward = |reason, detail| {
        Ok(Consulted::Forward(Plan { reason, detail, validate: None, on_error: None }))
    };
    if !ask.cacheable() {
        let safe = matches!(ask.method, Method::GET | Method::HEAD);
        return forward(if safe { ForwardReason::Bypass } else { ForwardReason::Method }, None);
    }
    let found = shared.store.lookup(&ask.key, &ask.fields);
    if let Lookup::Found(stored) = &found
        && !ask.reach.allows(stored.scope())
    {
        return Err(ProxyError::ScopeRefused { host: ask.uri().host().to_owned() });
    }
    let candidate = match &found {
        Lookup::Found(stored) => Candidate::Stored(stored.head()),
        Lookup::OtherVariant => Candidate::OtherVariant { tagged: false },
        Lookup::Miss => Candidate::None,
    };
    let decision = reuse::decide(&ask.view(), candidate, shared.clock.now(), &shared.config.policy);
    match (decision, found) {
        (Decision::Reuse { ttl, .. }, Lookup::Found(stored)) => {
            Ok(Consulted::Answer(stored, CacheOutcome::Hit { ttl, detail: None }, CacheWord::Hit))
        }
        // A validation behind the answer is not made yet: it is made first.
        (Decision::ReuseStale { grant: StaleGrant::StaleWhileRevalidate, .. }, found) => {
            let validate = match found {
                Lookup::Found(stored) if ask.method == Method::GET => Some(stored),
                _ => None,
            };
            let reason = ForwardReason::Stale;
            let on_error = Some(StaleGrant::StaleWhileRevalidate);
            Ok(Consulted::Forward(Plan { reason, detail: None, validate, on_error }))
        }
        (Decision::ReuseStale { ttl, grant, .. }, Lookup::Found(stored)) => {
            let outcome = CacheOutcome::Hit { ttl, detail: Some(grant.detail()) };
            Ok(Consulted::Answer(stored, outcome, CacheWord::Stale))
        }
        // A HEAD that finds a stale response is forwarded as it is: its answer has no body to store.
        (Decision::Validate { reason, on_error }, Lookup::Found(stored))
            if ask.method == Method::GET =>
        {
            let plan = Plan { reason, detail: None, validate: Some(stored), on_error };
            Ok(Consulted::Forward(plan))
        }
        (Decision::Validate { reason, .. }, _) => forward(reason, None),
        (Decision::Forward { reason, detail }, _) => forward(reason, detail),
        (Decision::Complete { .. }, _) => forward(ForwardReason::Partial, None),
        (Decision::OnlyIfCached, _) => Err(ProxyError::OnlyIfCached),
        (Decision::Reuse { .. } | Decision::ReuseStale { .. }, _) => {
            forward(ForwardReason::UriMiss, None)
        }
    }
}

/// Answers from the store and notes it.
pub(super) fn from_store(
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

/// Answers a stored response that was validated or could not be.
pub(super) fn after_validation(
    shared: &Shared,
    exchange: &mut Exchange,
    ask: &Ask,
    plan: &Plan,
    stored: &StoredResponse,
    collapsed: bool,
) -> Response<Body> {
    let ttl = stored.head().ttl(shared.clock.now());
    let outcome = CacheOutcome::Forwarded {
        reason: plan.reason,
        status: Some(StatusCode::NOT_MODIFIED.as_u16()),
        stored: false,
        collapsed,
        ttl: Some(ttl),
        detail: None,
    };
    let word = if collapsed { CacheWord::Collapsed } else { CacheWord::Revalidated };
    from_store(shared, exchange, ask, stored, &outcome, word)
}

/// Answers what is served stale because the origin cannot be reached.
pub(super) fn stale(
    shared: &Shared,
    exchange: &mut Exchange,
    ask: &Ask,
    ServedStale { stored, grant, why }: ServedStale,
) -> Response<Body> {
    exchange.failed(why);
    let ttl = stored.head().ttl(shared.clock.now());
    let outcome = CacheOutcome::Hit { ttl, detail: Some(grant.detail()) };
    from_store(shared, exchange, ask, &stored, &outcome, CacheWord::Stale)
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
            let (following, reader) = fill.start(shared, None);
            leading(shared, exchange, ask, plan, &following, reader)
        }
        Kind::Freshened(stored) => after_validation(shared, exchange, ask, plan, &stored, false),
        Kind::Stale(served) => stale(shared, exchange, ask, served),
        Kind::Private { response, version, detail } => {
            let detail = detail.or(plan.detail);
            passed_through(shared, exchange, ask, plan, response, version, detail)
        }
    }
}

/// Answers with a response that is being stored for this request.
pub(super) fn leading(
    shared: &Shared,
    exchange: &mut Exchange,
    ask: &Ask,
    plan: &Plan,
    following: &Following,
    reader: Option<SpoolReader>,
) -> Response<Body> {
    exchange.outcome(CacheWord::Miss, Some("origin"));
    exchange.watch(following.fate.clone());
    let validated = plan.validate.is_some();
    let outcome = CacheOutcome::Forwarded {
        reason: plan.reason,
        status: validated.then(|| following.head.status().as_u16()),
        stored: true,
        collapsed: false,
        ttl: None,
        detail: plan.detail,
    };
    exchange.explain(&outcome);
    respond::following(shared, ask, following, reader, &outcome)
}

fn passed_through(
    shared: &Shared,
    exchange: &mut Exchange,
    ask: &Ask,
    plan: &Plan,
    response: Response<ResponseBody>,
    version: Version,
    detail: Option<Detail>,
) -> Response<Body> {
    let bypass = matches!(plan.reason, ForwardReason::Bypass | ForwardReason::Method);
    exchange.outcome(if bypass { CacheWord::Bypass } else { CacheWord::Miss }, Some("origin"));
    let outcome = CacheOutcome::Forwarded {
        reason: plan.reason,
        status: plan.validate.is_some().then(|| response.status().as_u16()),
        stored: false,
        collapsed: false,
        ttl: None,
        detail,
    };
    exchange.explain(&outcome);
    respond::upstream(shared, ask, response, version, &outcome)
}
