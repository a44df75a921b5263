//! Validation behind an answer (RFC 5861 §3): one for a stored response, for nobody's connection.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::net::drain::Class;
use crate::policy::cache_control::RequestDirectives;
use crate::policy::{CacheKey, validation};
use crate::upstream::Outgoing;

use super::Shared;
use super::ask::Ask;
use super::fetch::{self, Fetched, Kind, Outbound};
use super::plan::Plan;

/// Validations at once; what is served stale beyond that is validated by a later request.
const MOST: usize = 1024;

/// No validation takes longer, its body included: the stale response is served on, and asked about
/// again.
const LONGEST: Duration = Duration::from_secs(300);

/// The keys that are being validated now.
#[derive(Debug, Default)]
pub(super) struct Validating(Mutex<HashSet<CacheKey>>);

/// One of them; ends with it.
struct Turn {
    shared: Arc<Shared>,
    key: CacheKey,
}

impl Turn {
    /// Takes the turn, unless another has it or there are too many.
    fn take(shared: &Arc<Shared>, key: CacheKey) -> Option<Self> {
        let mut keys = shared.validating.0.lock();
        let taken = keys.len() < MOST && keys.insert(key.clone());
        drop(keys);
        taken.then(|| Self { shared: shared.clone(), key })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.shared.validating.0.lock().remove(&self.key);
    }
}

/// Validates what was just served stale, unless that is under way already. A stop does not wait for it.
pub(super) fn validate(shared: &Arc<Shared>, ask: &Ask, plan: Plan) {
    // What answered may be stored under another query: that is what is asked about.
    let Some(key) = plan.chosen().map(|stored| stored.key().clone()) else { return };
    let Some(turn) = Turn::take(shared, key.clone()) else { return };
    let mut ask = ask.clone();
    ask.key = key;
    ask.method = hyper::Method::GET;
    validation::clear_particulars(&mut ask.fields);
    ask.directives = RequestDirectives::parse(&ask.fields);
    let task = async move {
        let done = tokio::time::timeout(LONGEST, run(&turn.shared, &ask, &plan)).await;
        if done.is_err() {
            tracing::debug!(url = %ask.uri(), "A validation behind an answer took too long");
        }
    };
    shared.drain.spawn("validation", Class::Background, task);
}

async fn run(shared: &Arc<Shared>, ask: &Ask, plan: &Plan) {
    let outbound = Outbound {
        fields: ask.fields.clone(),
        body: Outgoing::Empty,
        interim: None,
        connection: None,
    };
    match fetch::run(shared, ask, plan, outbound).await {
        Ok(Fetched { kind: Kind::Fill(fill), .. }) => fill.store(shared).await,
        // Freshened is done; what may not be stored is for nobody.
        Ok(_) => {}
        Err(error) => {
            tracing::debug!(url = %ask.uri(), %error, "A validation behind an answer failed");
        }
    }
}
