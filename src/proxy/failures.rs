//! Failures to reach an origin, remembered for a moment where the settings want it (`error_lifetime`):
//! what has just failed is not tried again by each client.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;

use crate::net::Reach;
use crate::policy::CacheKey;
use crate::time::Timestamp;

use super::error::ProxyError;

/// Failures that are remembered at once. When there are more, those go that are over; while all of them
/// last, a new one is not remembered.
const MOST: usize = 1024;

/// The longest that a failure is answered for.
const LONGEST: Duration = Duration::from_secs(10);

/// The failures of the last moment, by key.
#[derive(Debug, Default)]
pub(super) struct Failures(Mutex<HashMap<CacheKey, Failure>>);

#[derive(Debug)]
struct Failure {
    error: ProxyError,
    /// Who met it: another, who may reach less, is told nothing.
    reach: Reach,
    until: Timestamp,
}

impl Failures {
    /// What a client of `reach` would meet now.
    pub(super) fn recall(
        &self,
        key: &CacheKey,
        reach: &Reach,
        now: Timestamp,
    ) -> Option<ProxyError> {
        let mut failures = self.0.lock();
        let failure = failures.get(key)?;
        if now >= failure.until {
            failures.remove(key);
            return None;
        }
        (failure.reach == *reach).then(|| failure.error.clone())
    }

    /// Remembers a failure for `lifetime`; ten seconds are the most.
    pub(super) fn note(
        &self,
        key: &CacheKey,
        error: &ProxyError,
        reach: &Reach,
        now: Timestamp,
        lifetime: Duration,
    ) {
        let until = now.saturating_add(lifetime.min(LONGEST));
        let mut failures = self.0.lock();
        if failures.len() >= MOST {
            failures.retain(|_, failure| now < failure.until);
        }
        if failures.len() < MOST {
            failures
                .insert(key.clone(), Failure { error: error.clone(), reach: reach.clone(), until });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::TargetUri;
    use crate::net::Scope;

    fn key(n: usize) -> CacheKey {
        CacheKey::new(TargetUri::parse(&format!("http://a.example/{n}")).unwrap())
    }

    #[test]
    fn a_failure_is_recalled_for_its_lifetime_by_those_who_may_reach_as_much() {
        let (failures, second) = (Failures::default(), Duration::from_secs(1));
        let (near, far) = (&Reach::new(Scope::Loopback, false), &Reach::new(Scope::Private, false));
        let now = Timestamp::from_unix_secs(100);
        failures.note(&key(1), &ProxyError::Loop, near, now, second * 3);
        let recalled = |reach, later| failures.recall(&key(1), reach, now.saturating_add(later));
        assert!(recalled(near, second * 2).is_some());
        assert!(recalled(near, second * 3).is_none());
        assert!(recalled(far, second).is_none());
        assert!(failures.recall(&key(2), near, now).is_none());
        failures.note(&key(2), &ProxyError::Loop, near, now, second * 3600);
        assert!(failures.recall(&key(2), near, now.saturating_add(LONGEST)).is_none());
    }

    #[test]
    fn there_is_an_end_to_what_is_remembered() {
        let (failures, reach) = (Failures::default(), &Reach::new(Scope::Loopback, false));
        let now = Timestamp::from_unix_secs(100);
        for n in 0..MOST + 10 {
            failures.note(&key(n), &ProxyError::Loop, reach, now, LONGEST);
        }
        assert_eq!(failures.0.lock().len(), MOST);
        failures.note(&key(0), &ProxyError::Loop, reach, now.saturating_add(LONGEST), LONGEST);
        assert_eq!(failures.0.lock().len(), 1);
    }
}
