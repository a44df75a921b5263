//! Finds stored responses by queries that are not theirs (`No-Vary-Search`): a second index, from a URI
//! without its query and the normal form of a query to keys. Only what has such a rule is in it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::RwLock;

use crate::http::QueryRule;
use crate::policy::{CacheKey, key};

/// The most keys in the index; with one more, the newcomer is not in it.
const KEYS: usize = 64 << 10;

/// The most rules that are known of one URI without query; the oldest gives way to one more.
const RULES: usize = 8;

/// The most keys of one place; the oldest gives way to one more.
const KEYS_OF_A_PLACE: usize = 16;

/// How many keys one step of the tidying looks at, about.
const STEP: usize = 1024;

/// The index. It may name keys under which nothing is stored any more; they are taken out when they
/// are met, and one after the other behind.
#[derive(Debug, Default)]
pub(super) struct Queries {
    /// How many keys there are: while there is none, nobody takes the lock.
    count: AtomicUsize,
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The rules of a URI without query, with the number of keys for each.
    rules: HashMap<u128, Vec<(QueryRule, usize)>>,
    places: HashMap<u128, Place>,
    /// Where the tidying goes on.
    round: Vec<u128>,
}

/// All keys that one rule makes the same.
#[derive(Debug)]
struct Place {
    base: u128,
    rule: QueryRule,
    keys: Vec<CacheKey>,
}

impl Queries {
    /// Adds the key of a stored response with a rule.
    pub(super) fn add(&self, key: &CacheKey, rule: &QueryRule) {
        let (base, place) = (base_of(key), place_of(key, rule));
        let mut state = self.state.write();
        let count = self.count.load(Ordering::Acquire);
        if state.places.get(&place).is_some_and(|place| place.keys.contains(key)) || count >= KEYS {
            return;
        }
        let rules = state.rules.entry(base).or_default();
        match rules.iter_mut().find(|(known, _)| known == rule) {
            Some((_, uses)) => *uses += 1,
            None => {
                if rules.len() >= RULES {
                    // Its places are not found any more, and tidied away.
                    rules.remove(0);
                }
                rules.push((rule.clone(), 1));
            }
        }
        let new = || Place { base, rule: rule.clone(), keys: Vec::with_capacity(1) };
        let place = state.places.entry(place).or_insert_with(new);
        place.keys.push(key.clone());
        let dropped = place.keys.len() > KEYS_OF_A_PLACE;
        if dropped {
            place.keys.remove(0);
            if let Some(rules) = state.rules.get_mut(&base) {
                release(rules, rule, 1);
            }
        }
        self.count.store(count + usize::from(!dropped), Ordering::Release);
    }

    /// Whether it takes no more keys.
    pub(super) fn is_full(&self) -> bool {
        self.count.load(Ordering::Acquire) >= KEYS
    }

    /// Keys other than `key` under which responses may be stored that answer it too.
    pub(super) fn like(&self, key: &CacheKey) -> Vec<CacheKey> {
        if self.count.load(Ordering::Acquire) == 0 {
            return Vec::new();
        }
        let state = self.state.read();
        let rules = state.rules.get(&base_of(key)).into_iter().flatten();
        let places = rules.filter_map(|(rule, _)| state.places.get(&place_of(key, rule)));
        let same = places.flat_map(|place| {
            let keys = place.keys.iter();
            keys.filter(|other| *other != key && are_equivalent(&place.rule, other, key))
        });
        let mut keys: Vec<CacheKey> = Vec::new();
        for other in same {
            if !keys.contains(other) {
                keys.push(other.clone());
            }
        }
        keys
    }

    /// One step of tidying: takes out keys for which `is_stored` says no. It is asked without a lock.
    pub(super) fn tidy(&self, is_stored: impl Fn(&CacheKey, &QueryRule) -> bool) {
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut looked_at = 0;
        let mut idle = Vec::new();
        let mut state = self.state.write();
        if state.round.is_empty() {
            state.round = state.places.keys().copied().collect();
        }
        let mut step = Vec::new();
        while looked_at < STEP
            && let Some(at) = state.round.pop()
        {
            if let Some(place) = state.places.get(&at) {
                looked_at += place.keys.len();
                step.extend(place.keys.iter().map(|key| (at, key.clone(), place.rule.clone())));
            }
        }
        drop(state);
        idle.extend(step.into_iter().filter(|(_, key, rule)| !is_stored(key, rule)));
        if idle.is_empty() {
            return;
        }
        let mut state = self.state.write();
        for (at, key, _) in idle {
            self.take_out(&mut state, at, &key);
        }
    }

    fn take_out(&self, state: &mut State, at: u128, key: &CacheKey) {
        let Some(place) = state.places.get_mut(&at) else { return };
        let before = place.keys.len();
        place.keys.retain(|other| other != key);
        let gone = before - place.keys.len();
        let base = place.base;
        let now_empty = place.keys.is_empty();
        if let Some(rules) = state.rules.get_mut(&base) {
            release(rules, &place.rule, gone);
            if rules.is_empty() {
                state.rules.remove(&base);
            }
        }
        if now_empty {
            state.places.remove(&at);
        }
        self.count.fetch_sub(gone, Ordering::AcqRel);
    }

    /// How many keys, places and URIs without query there are.
    #[cfg(test)]
    pub(super) fn sizes(&self) -> [usize; 3] {
        let state = self.state.read();
        [self.count.load(Ordering::Acquire), state.places.len(), state.rules.len()]
    }
}

/// So many keys of a rule are gone; with the last one the rule is.
fn release(rules: &mut Vec<(QueryRule, usize)>, rule: &QueryRule, gone: usize) {
    rules.retain_mut(|(known, uses)| {
        if known == rule {
            *uses = uses.saturating_sub(gone);
        }
        *uses > 0
    });
}

/// Whether a rule makes two keys ask for the same: all but the query has to be equal.
pub(super) fn are_equivalent(rule: &QueryRule, one: &CacheKey, other: &CacheKey) -> bool {
    let ((base, query), (other_base, other_query)) = (split(one), split(other));
    base == other_base && one.is_head() == other.is_head() && rule.equivalent(query, other_query)
}

/// Whether two keys differ in the query alone.
pub(super) fn differ_in_query(one: &CacheKey, other: &CacheKey) -> bool {
    one != other && one.is_head() == other.is_head() && split(one).0 == split(other).0
}

/// A URI without its query, and the query.
fn split(key: &CacheKey) -> (&str, Option<&str>) {
    let uri = key.uri().as_str();
    uri.split_once('?').map_or((uri, None), |(base, query)| (base, Some(query)))
}

/// Finds what there is for a URI without its query. Digests only find: what they find is compared.
pub(super) fn base_of(key: &CacheKey) -> u128 {
    let method = if key.is_head() { "HEAD" } else { "GET" };
    key::digest([method, split(key).0].join(" ").as_bytes())
}

/// Finds the keys that a rule makes the same.
fn place_of(key: &CacheKey, rule: &QueryRule) -> u128 {
    let (base, query) = split(key);
    let method = if key.is_head() { "HEAD" } else { "GET" };
    let text = format!("{method} {base} {} {rule:?}", rule.normal_form(query));
    key::digest(text.as_bytes())
}

#[cfg(test)]
mod tests;
