//! What a later loading of the settings may change, and what stays until the program starts again.

use super::Settings;

/// The keys whose values stay: what they describe is there once, and every loading of the settings
/// shares it. All others count from the next request, or the next connection, on.
const FIXED: &[&str] = &[
    // The listeners, the threads and the log are opened at the start.
    "listen",
    "workers",
    "log_format",
    "log_level",
    "log_file",
    "log_queue",
    // The store.
    "cache_dir",
    "disk",
    "reset_cache",
    "memory",
    "max_memory_object",
    "max_object",
    "write_behind_rate",
    // What is counted over all connections and requests.
    "max_connections",
    "max_connections_per_client",
    "requests_in_flight",
    "spool_budget",
    // The pool of connections to origins.
    "upstream_idle_wait",
    "idle_per_origin",
    "idle_total",
    "connections_per_origin",
    "queue_per_origin",
    "queue_wait",
    // The table of requests that are collapsed.
    "collapse_wait",
    "unshareable_memory",
    "unshareable_limit",
];

/// What came of a later loading.
#[derive(Clone, Debug, PartialEq)]
pub struct Reloaded {
    /// The settings that count from now on.
    pub settings: Settings,
    /// The keys that changed and are taken.
    pub taken: Vec<&'static str>,
    /// The keys that changed and need a restart.
    pub left: Vec<&'static str>,
}

impl Settings {
    /// What counts after `later` was loaded while these settings count.
    pub fn reloaded(&self, later: Self) -> Reloaded {
        let is_fixed = |key: &&'static str| FIXED.contains(key);
        let (left, taken) = later.differing(self).into_iter().partition(is_fixed);
        let mut settings = later;
        FIXED.iter().for_each(|key| settings.take(key, self));
        Reloaded { settings, taken, left }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_needs_a_restart_is_a_key_each() {
        for key in FIXED {
            assert!(Settings::KEYS.contains(key), "{key}");
        }
    }

    #[test]
    fn what_is_shared_by_all_loadings_stays_and_the_rest_is_taken() {
        let before = Settings::default();
        let later = Settings {
            memory: 1,
            workers: before.workers + 1,
            idle_wait: Duration::from_secs(7),
            deny_private: true,
            ..Settings::default()
        };
        let reloaded = before.reloaded(later.clone());
        assert_eq!(reloaded.taken, ["deny_private", "idle_wait"]);
        assert_eq!(reloaded.left, ["memory", "workers"]);
        let expected = Settings { memory: before.memory, workers: before.workers, ..later.clone() };
        assert_eq!(reloaded.settings, expected);
        // What was left is said each time, what was taken once.
        let again = reloaded.settings.reloaded(later);
        assert_eq!((again.taken.len(), again.left), (0, vec!["memory", "workers"]));
    }
}
