//! What is to be done with a request for a resource: what is stored, and what policy says about it.

use std::net::SocketAddr;

use hyper::{Method, StatusCode};

use crate::policy::CacheKey;
use crate::policy::outcome::{CacheOutcome, Detail, ForwardReason};
use crate::policy::partial::Missing;
use crate::policy::reuse::{self, Decision, StaleGrant};
use crate::policy::select::select;
use crate::store::{Candidates, StoredResponse};
use crate::telemetry::CacheWord;

use super::ask::Ask;
use super::error::ProxyError;
use super::{Shared, access};

/// Why a request is forwarded, and what its answer is held against.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// The reason (RFC 9211 §2.2).
    pub(super) reason: ForwardReason,
    /// Why what is stored does not do, where there is more to say.
    pub(super) detail: Option<Detail>,
    /// What the request is made into.
    pub(super) aim: Aim,
    /// All that is stored for GET.
    pub(super) held: Candidates,
    /// Which of these the request selects.
    pub(super) chosen: Option<usize>,
    /// Who allows the chosen one to be served stale when the origin fails.
    pub(super) on_error: Option<StaleGrant>,
}

/// What a request is made into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aim {
    /// It is sent as it is.
    Fetch,
    /// It asks whether what is stored still holds (RFC 9111 §4.3).
    Validate,
    /// It asks for the bytes that are missing of what is stored (RFC 9111 §3.4).
    Complete(Missing),
}

impl Plan {
    /// A request that is sent as it is, with nothing stored that matters.
    pub(super) fn forward(reason: ForwardReason, detail: Option<Detail>) -> Self {
        let (held, chosen, on_error) = (Candidates::None, None, None);
        Self { reason, detail, aim: Aim::Fetch, held, chosen, on_error }
    }

    /// The stored response that the request selects.
    pub(super) fn chosen(&self) -> Option<&StoredResponse> {
        self.held.as_slice().get(self.chosen?)
    }

    /// What is said of an answer to this plan.
    pub(super) fn outcome(&self, status: Option<u16>, detail: Option<Detail>) -> CacheOutcome {
        CacheOutcome::Forwarded {
            reason: self.reason,
            status: status.filter(|_| self.aim != Aim::Fetch),
            stored: false,
            collapsed: false,
            ttl: None,
            detail,
        }
    }
}

/// A stored response that answers a request.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) stored: StoredResponse,
    pub(super) outcome: CacheOutcome,
    pub(super) word: CacheWord,
    /// The validation that follows the answer (RFC 5861 §3).
    pub(super) behind: Option<Plan>,
}

/// What the store and the policy say about a request now.
pub(super) enum Consulted {
    /// A stored response answers it.
    Answer(Answer),
    /// It must be forwarded.
    Forward(Plan),
}

/// A response that is served stale.
#[derive(Clone, Debug)]
pub(super) struct ServedStale {
    /// The stored response.
    pub(super) stored: StoredResponse,
    /// Who allows it.
    pub(super) grant: StaleGrant,
    /// What is wrong with the origin: a sentence for the log.
    pub(super) why: String,
    /// The origin, and the status of its answer, when it answered.
    pub(super) answered: Option<(SocketAddr, StatusCode)>,
    /// What those meet who may not be served stale.
    pub(super) error: Option<ProxyError>,
}

/// Looks up and decides (RFC 9111 §4).
pub(super) async fn consult(shared: &Shared, ask: &Ask) -> Result<Consulted, ProxyError> {
    if !ask.cacheable() {
        let safe = matches!(ask.method, Method::GET | Method::HEAD);
        let reason = if safe { ForwardReason::Bypass } else { ForwardReason::Method };
        return Ok(Consulted::Forward(Plan::forward(reason, None)));
    }
    let held = shared.store.find(&ask.key).await;
    let nothing = held.is_empty();
    let mut consulted = judge(shared, ask, held);
    if !answers(&consulted) {
        // What is stored for another query may answer this one too (No-Vary-Search).
        let others = shared.store.equivalents(&ask.key).await;
        if !others.is_empty() {
            let other = judge(shared, ask, others);
            if nothing || answers(&other) {
                consulted = other;
            }
        }
    }
    if ask.method == Method::HEAD && !answers(&consulted) {
        // What HEAD got before answers HEAD; not where GET's is stale, for then the two may differ.
        let heads = shared.store.find(&CacheKey::head(ask.uri().clone())).await;
        let decided = matches!(&consulted, Ok(Consulted::Forward(plan)) if plan.chosen.is_some());
        if !heads.is_empty() && !decided {
            let head = judge(shared, ask, heads);
            if matches!(&head, Ok(Consulted::Answer(answer)) if answer.behind.is_none()) {
                return head;
            }
        }
    }
    consulted
}

/// The stored response that answers, where neither the store need be waited for nor anything be asked
/// for: nearly every hit.
pub(super) fn answer_at_once(shared: &Shared, ask: &Ask) -> Option<Answer> {
    if !ask.cacheable() {
        return None;
    }
    match judge(shared, ask, shared.store.find_at_once(&ask.key)?) {
        Ok(Consulted::Answer(answer)) => Some(answer),
        _ => None,
    }
}

/// Whether a stored response answers.
fn answers(consulted: &Result<Consulted, ProxyError>) -> bool {
    matches!(consulted, Ok(Consulted::Answer(_)))
}

fn judge(shared: &Shared, ask: &Ask, held: Candidates) -> Result<Consulted, ProxyError> {
    // Where rules decide by the address, what nobody knows it of is as good as not there.
    let unsure = held.iter().any(|one| ask.reach.is_unsure(one.whence()));
    let held = if unsure { Candidates::None } else { held };
    let (view, now, config) = (ask.view(), shared.clock.now(), &shared.config.policy);
    let selection = select(held.as_slice(), &view, now);
    let chosen = selection.at();
    let stored = chosen.and_then(|at| held.as_slice().get(at)).cloned();
    if let Some(stored) = &stored {
        access::given(ask, stored.whence())?;
    }
    let decision = reuse::decide(&view, selection.candidate(held.as_slice()), now, config);
    // A client that may not reach what one of them came from is not told that the origin knows it.
    let held =
        if held.iter().all(|one| ask.reach.allows(one.whence())) { held } else { Candidates::None };
    let chosen = if held.is_empty() { None } else { chosen };
    let plan = |reason, aim, on_error| {
        let held = held.clone();
        Plan { reason, detail: None, aim, held, chosen, on_error }
    };
    Ok(match (decision, stored) {
        (Decision::Reuse { ttl, .. }, Some(stored)) => {
            let outcome = CacheOutcome::Hit { ttl, detail: None };
            Consulted::Answer(Answer { stored, outcome, word: CacheWord::Hit, behind: None })
        }
        (Decision::ReuseStale { ttl, grant, .. }, Some(stored)) => {
            let outcome = CacheOutcome::Hit { ttl, detail: Some(grant.detail()) };
            let validation = plan(ForwardReason::Stale, Aim::Validate, None);
            let behind = (grant == StaleGrant::StaleWhileRevalidate).then_some(validation);
            Consulted::Answer(Answer { stored, outcome, word: CacheWord::Stale, behind })
        }
        (Decision::Validate { reason, on_error }, _) => {
            Consulted::Forward(plan(reason, Aim::Validate, on_error))
        }
        (Decision::Complete { missing }, _) => {
            Consulted::Forward(plan(ForwardReason::Partial, Aim::Complete(missing), None))
        }
        (Decision::Forward { reason, detail }, _) => {
            Consulted::Forward(Plan { detail, ..plan(reason, Aim::Fetch, None) })
        }
        (Decision::OnlyIfCached, _) => return Err(ProxyError::OnlyIfCached),
        (Decision::Reuse { .. } | Decision::ReuseStale { .. }, None) => {
            Consulted::Forward(plan(ForwardReason::UriMiss, Aim::Fetch, None))
        }
    })
}
