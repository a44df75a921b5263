//! What is kept of an answer: what it invalidates, whether it is stored, and as what.

use std::sync::Arc;

use hyper::ext::ReasonPhrase;
use hyper::header::{CONTENT_LENGTH, DATE, TRANSFER_ENCODING};
use hyper::{HeaderMap, Method, Response, StatusCode};
use tokio::sync::oneshot;

use crate::http::{date, hop_by_hop};
use crate::net::Whence;
use crate::net::drain::Class;
use crate::policy::cache_control::{Extent, ResponseDirectives};
use crate::policy::outcome::Detail;
use crate::policy::partial::{self, Interval};
use crate::policy::storable::{Kept, ResponseView, Storable, storable};
use crate::policy::{CacheKey, ExchangeTimes, StoredHead, invalidation, validation};
use crate::store::{Announced, Refused, StoredResponse, Writer};
use crate::upstream::{Reply, ResponseBody};

use super::Shared;
use super::ask::Ask;
use super::fetch::{Fetched, Kind, Private, Received};
use super::fill::Fill;
use super::plan::Plan;

/// How a response is to be stored.
struct Keeping {
    head: StoredHead,
    /// Which part it is, how long the whole is, and what the part is added to.
    part: Option<(Interval, Option<u64>, Option<StoredResponse>)>,
}

/// Decides whether an answer is stored, and invalidates what it makes doubtful (RFC 9111 §3, §4.4).
pub(super) async fn settle(
    shared: &Arc<Shared>,
    ask: &Ask,
    plan: &Plan,
    announced: Announced,
    received: Received,
) -> Fetched {
    let Received { reply, times } = received;
    let status = reply.response.status();
    let announced = if invalidate(shared, ask, status, reply.response.headers()).await {
        // What was announced before is too old now; this very answer is not (RFC 9110 §9.3.3).
        shared.store.announce(ask.answer_key())
    } else {
        announced
    };
    if ask.method == Method::HEAD {
        compare_head(shared, ask, plan, &announced, &reply, times);
    }
    let length = framed_length(&ask.method, status, reply.response.headers());
    let version = reply.response.version();
    let keeping = keeping(shared, ask, plan, &reply, times);
    let Reply { mut response, whence, peer, .. } = reply;
    if status != StatusCode::SWITCHING_PROTOCOLS {
        end_to_end(response.headers_mut(), &times);
    }
    let peer = Some(peer);
    let declined = match keeping {
        Err(detail) => detail,
        Ok(Keeping { head, part }) => {
            let shown = Arc::new(head.clone());
            match begin(announced, head, whence, length, part) {
                Ok(writer) => {
                    let (parts, body) = response.into_parts();
                    let fill =
                        Fill { shown: parts, head: shown, version, whence, length, writer, body };
                    return Fetched::new(peer, Kind::Fill(Box::new(fill)));
                }
                Err(Refused::TooLarge) => Detail::TooLarge,
                Err(Refused::Misplaced) => Detail::Range,
            }
        }
    };
    // For a method that is never stored the forward reason says it all.
    let detail = (declined != Detail::Method).then_some(declined);
    let private = Private { response, version, detail };
    Fetched::new(peer, Kind::Private(Box::new(private)))
}

fn begin(
    announced: Announced,
    head: StoredHead,
    whence: Whence,
    length: Option<u64>,
    part: Option<(Interval, Option<u64>, Option<StoredResponse>)>,
) -> Result<Writer, Refused> {
    match part {
        None => announced.begin(head, whence, length),
        Some((interval, complete_length, onto)) => {
            announced.begin_part(head, whence, interval, complete_length, onto)
        }
    }
}

/// Invalidates what an unsafe request has changed (RFC 9111 §4.4, RFC 9875 §3); whether there was any.
/// Returns when all of it is done: only then may the client see the answer.
async fn invalidate(
    shared: &Arc<Shared>,
    ask: &Ask,
    status: StatusCode,
    fields: &HeaderMap,
) -> bool {
    let uris = invalidation::invalidated(&ask.method, ask.uri(), status, fields);
    if uris.is_empty() {
        return false;
    }
    let groups = invalidation::invalidated_groups(&ask.method, fields);
    let (ending, ended) = oneshot::channel::<()>();
    let task = {
        let (shared, target) = (shared.clone(), ask.uri().clone());
        async move {
            let _ending = ending;
            let keys: Vec<_> = uris.into_iter().map(CacheKey::new).collect();
            let all: Vec<_> = keys.iter().collect();
            // HEAD's too, and what answers it by its rule; only GETs are collapsed.
            shared.store.invalidate_all(&all, target.origin(), &groups).await;
            keys.iter().for_each(|key| shared.collapse.forget(key));
        }
    };
    // Not in this future: hyper drops it when the client goes, and the change was made all the same.
    shared.drain.spawn("invalidation", Class::Exchange, task);
    // Nothing is ever sent: it ends with the task.
    drop(ended.await);
    true
}

/// What the answer to a HEAD says about what is stored for GET (RFC 9111 §4.3.5).
fn compare_head(
    shared: &Shared,
    ask: &Ask,
    plan: &Plan,
    announced: &Announced,
    reply: &Reply,
    times: ExchangeTimes,
) {
    let held = plan.held.as_slice();
    let view = ResponseView { status: reply.response.status(), fields: reply.response.headers() };
    let config = &shared.config.policy;
    let says = validation::assess_head(held, &ask.view(), &view, times, config);
    for update in says.freshened {
        if let Some(stored) = held.get(update.at).filter(|one| one.whence() == reply.whence) {
            announced.freshen(stored, update.head);
        }
    }
    for stored in says.changed.into_iter().filter_map(|at| held.get(at)) {
        shared.store.remove(stored);
    }
}

/// Whether and how the answer is stored, or why not.
fn keeping(
    shared: &Shared,
    ask: &Ask,
    plan: &Plan,
    reply: &Reply,
    times: ExchangeTimes,
) -> Result<Keeping, Detail> {
    let (response, config) = (&reply.response, &shared.config.policy);
    let status = response.status();
    if ask.upgrade.is_some() || (ask.content && ask.method.is_safe()) {
        return Err(Detail::Method);
    }
    // As received: a field that `Connection` names still restricts.
    let view = ResponseView { status, fields: response.headers() };
    let kept = match storable(&ask.view(), &view, times, config) {
        Storable::Decline(detail) => return Err(detail),
        // The connection carries the credentials, and no field of the request shows them.
        Storable::Store(_) if reply.pinned => return Err(Detail::Authorization),
        Storable::Store(kept) => kept,
    };
    let mut fields = response.headers().clone();
    end_to_end(&mut fields, &times);
    if let Some(part) = kept.part {
        let onto = plan.chosen().filter(|stored| stored.whence() == reply.whence);
        let combined = onto.and_then(|stored| {
            let held = stored.held();
            let combined =
                partial::combine(stored.head(), &held, &ask.view(), &view, times, config)?;
            Some((stored.clone(), combined))
        });
        if let Some((stored, combined)) = combined {
            let part = (combined.part.interval, combined.partial.complete_length, Some(stored));
            return Ok(Keeping { head: combined.head, part: Some(part) });
        }
        if kept.only_onto {
            return Err(Detail::Range);
        }
        let head = head(response, &fields, times, &kept);
        return Ok(Keeping { head, part: Some((part.interval, part.complete_length, None)) });
    }
    if ask.method != Method::HEAD {
        fields.remove(CONTENT_LENGTH);
    }
    Ok(Keeping { head: head(response, &fields, times, &kept), part: None })
}

fn head(
    response: &Response<ResponseBody>,
    fields: &HeaderMap,
    times: ExchangeTimes,
    kept: &Kept,
) -> StoredHead {
    let reason = response.extensions().get::<ReasonPhrase>().map(AsRef::as_ref);
    StoredHead::keep(response.status(), reason, fields, times, kept)
}

/// The fields of an answer that `private` names: they are not stored, and its own client gets them, as far
/// as they travel.
pub(super) fn withheld(reply: &Reply, times: &ExchangeTimes) -> HeaderMap {
    let Extent::Fields(names) = ResponseDirectives::parse(reply.response.headers()).private else {
        return HeaderMap::new();
    };
    let mut fields = reply.response.headers().clone();
    end_to_end(&mut fields, times);
    let lines = fields.iter().filter(|(name, _)| names.contains(name));
    lines.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The length of the body: what the message says; none when it is chunked or ends with the connection.
fn framed_length(method: &Method, status: StatusCode, fields: &HeaderMap) -> Option<u64> {
    if *method == Method::HEAD || status == StatusCode::NO_CONTENT {
        return Some(0);
    }
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
    // RFC 9110 §6.6.1: a recipient that caches or forwards dates what has no `Date`.
    fields.entry(DATE).or_insert_with(|| date::format(times.response_time));
}
