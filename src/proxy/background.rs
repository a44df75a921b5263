//! Validation behind an answer (RFC 5861 §3): one for a key, for nobody's connection.

use std::sync::Arc;
use std::time::Instant;

use crate::collapse::Join;
use crate::net::drain::Class;
use crate::policy::cache_control::RequestDirectives;
use crate::policy::validation;
use crate::upstream::Outgoing;

use super::Shared;
use super::ask::Ask;
use super::collapsed;
use super::fetch::{self, Outbound};
use super::plan::Plan;

/// Validates what was just served stale, unless that is under way already.
pub(super) fn validate(shared: &Arc<Shared>, ask: &Ask, plan: Plan) {
    let Join::Lead(lead) = shared.collapse.join(&ask.key, Instant::now()) else { return };
    let mut ask = ask.clone();
    ask.method = hyper::Method::GET;
    validation::clear_particulars(&mut ask.fields);
    ask.directives = RequestDirectives::parse(&ask.fields);
    let outbound = Outbound {
        fields: ask.fields.clone(),
        body: Outgoing::Empty,
        interim: None,
        connection: None,
    };
    let task = {
        let shared = shared.clone();
        async move {
            let fetched = fetch::run(&shared, &ask, &plan, outbound).await;
            // Whoever joined is told; what came for nobody is stored or dropped.
            if let Err(error) = collapsed::publish(&shared, &ask, lead, fetched) {
                tracing::debug!(url = %ask.uri(), %error, "A validation behind an answer failed");
            }
        }
    };
    shared.drain.spawn("validation", Class::Exchange, task);
}
