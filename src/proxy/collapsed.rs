//! Collapsed requests (RFC 9111 §4): one fetch per key, everybody who may share it streams along.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use hyper::Response;

use crate::body::Body;
use crate::collapse::{Follow, Followed, Join, Lead};
use crate::net::ConnectionHandle;
use crate::net::drain::Class;
use crate::policy::outcome::{CacheOutcome, Detail};
use crate::policy::{StoredHead, reuse};
use crate::telemetry::CacheWord;

use super::Shared;
use super::ask::Ask;
use super::error::ProxyError;
use super::exchange::Exchange;
use super::fetch::{self, Fetched, Kind, Outbound, Outcome, Private};
use super::fill::Leading;
use super::plan::{Answer, Consulted, Plan, ServedStale, consult};
use super::{access, resource, respond};

/// Leads a fetch, or follows one that is under way.
pub(super) async fn answer(
    shared: &Arc<Shared>,
    exchange: &mut Exchange,
    ask: &Arc<Ask>,
    plan: Plan,
    connection: &Arc<ConnectionHandle>,
) -> Result<Response<Body>, ProxyError> {
    match shared.collapse.join(&ask.key, Instant::now()) {
        Join::Unshareable => {
            let answer = resource::alone(shared, exchange, ask, plan, connection).await;
            exchange.otherwise(Detail::Unshareable);
            answer
        }
        // In a box, which those who lead do not pay for.
        Join::Follow(follow) => {
            Box::pin(self::follow(shared, exchange, ask, plan, connection, follow)).await
        }
        Join::Lead(lead) => self::lead(shared, exchange, ask, connection, lead).await,
    }
}

/// What the lead hands to the leader's client.
pub(super) enum Led {
    /// A response that is being stored.
    Filling(Box<Leading>, Option<SocketAddr>),
    /// Anything else.
    Other(Box<Fetched>),
}

/// What the lead came to.
enum Ended {
    /// Nothing had to be fetched any more.
    Answer(Box<Answer>),
    /// What was fetched by this plan.
    Led(Box<Plan>, Led),
}

async fn lead(
    shared: &Arc<Shared>,
    exchange: &mut Exchange,
    ask: &Arc<Ask>,
    connection: &Arc<ConnectionHandle>,
    lead: Lead<Outcome>,
) -> Result<Response<Body>, ProxyError> {
    let outbound = resource::bodiless(shared, ask, connection);
    let fetch = {
        let (shared, ask) = (shared.clone(), ask.clone());
        Box::pin(async move { take_lead(&shared, &ask, outbound, lead).await })
    };
    // hyper drops this future when the leader's client goes, and others may be following: then what was
    // fetched for this client alone is dropped.
    match shared.drain.see_through("fetch", Class::Exchange, fetch).await? {
        Ended::Answer(answer) => resource::from_store(shared, exchange, ask, *answer).await,
        Ended::Led(plan, Led::Filling(leading, peer)) => {
            if let Some(peer) = peer {
                exchange.peer(peer);
            }
            Ok(resource::leading(shared, exchange, ask, &plan, *leading))
        }
        Ended::Led(plan, Led::Other(fetched)) => {
            resource::conclude(shared, exchange, ask, &plan, *fetched).await
        }
    }
}

/// Between the look-up and the lead, an earlier fetch may have ended: looks again, then fetches. Who
/// follows where nothing is fetched is released, and looks again too.
async fn take_lead(
    shared: &Arc<Shared>,
    ask: &Ask,
    outbound: Outbound,
    lead: Lead<Outcome>,
) -> Result<Ended, ProxyError> {
    let plan = match consult(shared, ask).await? {
        Consulted::Answer(answer) => return Ok(Ended::Answer(Box::new(answer))),
        Consulted::Forward(plan) => Box::new(plan),
    };
    let fetched = fetch::run(shared, ask, &plan, outbound).await;
    let led = publish(shared, ask, lead, fetched)?;
    Ok(Ended::Led(plan, led))
}

/// Tells the followers what the fetch came to.
pub(super) fn publish(
    shared: &Arc<Shared>,
    ask: &Ask,
    lead: Lead<Outcome>,
    fetched: Result<Fetched, ProxyError>,
) -> Result<Led, ProxyError> {
    let Fetched { peer, kind, withheld } = match fetched {
        Ok(fetched) => fetched,
        Err(error) => {
            if error.concerns_everybody() {
                lead.publish(Outcome::Failed(error.clone(), ask.reach.clone()));
            } else {
                lead.release(false);
            }
            return Err(error);
        }
    };
    match kind {
        Kind::Fill(fill) => {
            // What is stored only to be validated each time answers nobody else.
            let lead = if shareable(shared, ask, &fill.head) {
                Some(lead)
            } else {
                lead.release(true);
                None
            };
            return Ok(Led::Filling(Box::new(fill.start(shared, lead)), peer));
        }
        Kind::Freshened(ref stored) if shareable(shared, ask, stored.head()) => {
            lead.publish(Outcome::Freshened(stored.clone()));
        }
        Kind::Stale(ref stale) => lead.publish(Outcome::Stale(stale.clone())),
        Kind::Private(ref private) => lead.release(proves_unshareable(private)),
        // The parts that are there answer each in its own way.
        Kind::Join(_) => lead.release(false),
        Kind::Freshened(_) => lead.release(true),
    }
    Ok(Led::Other(Box::new(Fetched { peer, kind, withheld })))
}

/// Whether the next answer will most likely not be shareable either: a failing or too large one says
/// nothing about the key.
fn proves_unshareable(private: &Private) -> bool {
    !private.response.status().is_server_error() && private.detail != Some(Detail::TooLarge)
}

/// Whether a request like the leader's could be answered with this head.
fn shareable(shared: &Shared, ask: &Ask, head: &StoredHead) -> bool {
    reuse::answers(head, &ask.view(), shared.clock.now())
}

/// What this request is served stale, where another was, if its own plan allows that.
fn own_stale(plan: &Plan, others: &ServedStale) -> Option<ServedStale> {
    let (grant, stored) = (plan.on_error?, plan.chosen()?.clone());
    let allowed = match (&others.error, others.answered) {
        (Some(error), _) => error.is_excused_by(grant),
        (None, Some((_, status))) => grant.covers(status),
        (None, None) => false,
    };
    allowed.then(|| ServedStale { stored, grant, ..others.clone() })
}

async fn follow(
    shared: &Arc<Shared>,
    exchange: &mut Exchange,
    ask: &Arc<Ask>,
    plan: Plan,
    connection: &Arc<ConnectionHandle>,
    mut follow: Follow<Outcome>,
) -> Result<Response<Body>, ProxyError> {
    let sent_away = match follow.head(shared.collapse.wait()).await {
        Followed::Shared(Outcome::Filling(following)) => {
            access::given(ask, following.whence)?;
            let over = following.validity.is_over();
            if !over
                && reuse::answers(&following.head, &ask.view(), shared.clock.now())
                && let Some(reader) = following.spool.join()
            {
                exchange.outcome(CacheWord::Collapsed, Some("origin"));
                exchange.watch(following.fate.clone());
                let outcome = CacheOutcome::Forwarded {
                    reason: plan.reason,
                    status: None,
                    stored: false,
                    collapsed: true,
                    ttl: None,
                    detail: None,
                };
                exchange.explain(&outcome);
                return Ok(respond::following(shared, ask, &following, reader, &outcome));
            }
            let differs = !following.head.nominated.matches(&ask.fields);
            match (over, differs) {
                (true, _) => Detail::Invalidated,
                (false, true) => Detail::VaryMismatch,
                (false, false) => Detail::Unshareable,
            }
        }
        Followed::Shared(
            Outcome::Freshened(stored) | Outcome::Stale(ServedStale { stored, .. }),
        ) if !ask.reach.allows(stored.whence()) => {
            access::given(ask, stored.whence())?;
            Detail::Scope
        }
        Followed::Shared(Outcome::Freshened(stored)) => {
            if reuse::answers(stored.head(), &ask.view(), shared.clock.now()) {
                return resource::after_validation(shared, exchange, ask, &plan, &stored, true)
                    .await;
            }
            Detail::VaryMismatch
        }
        // Whether something stale may be sent is each request's own to say.
        Followed::Shared(Outcome::Stale(stale)) => match (own_stale(&plan, &stale), stale.error) {
            (Some(stale), _) => return resource::stale(shared, exchange, ask, stale).await,
            (None, Some(error)) => return Err(error),
            (None, None) => Detail::Unshareable,
        },
        Followed::Shared(Outcome::Failed(error, reach)) if reach == ask.reach => {
            let excused = plan.on_error.filter(|grant| error.is_excused_by(*grant));
            let (Some(grant), Some(stored)) = (excused, plan.chosen().cloned()) else {
                return Err(error);
            };
            let why = error.to_string();
            let stale = ServedStale { stored, grant, why, answered: None, error: Some(error) };
            return resource::stale(shared, exchange, ask, stale).await;
        }
        // What became of somebody else's connection is not for this client to know.
        Followed::Shared(Outcome::Failed(..)) => Detail::Scope,
        Followed::Released => Detail::Unshareable,
        Followed::TimedOut => Detail::CollapseTimeout,
    };
    drop(follow);
    // It is not for this request: at once, in parallel, and joining nobody. Another fetch may have
    // ended while this one was waited for: look again.
    match consult(shared, ask).await? {
        Consulted::Answer(answer) => resource::from_store(shared, exchange, ask, answer).await,
        Consulted::Forward(plan) => {
            let answer = resource::alone(shared, exchange, ask, plan, connection).await;
            exchange.otherwise(sent_away);
            answer
        }
    }
}
