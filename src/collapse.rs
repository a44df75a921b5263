//! Collapsed requests (RFC 9111 §4): join(key) → Lead(guard) | Follow(follower).
//!
//! Concurrent requests for one key make one request to the origin: the first leads, the others follow
//! and wait for what it publishes. A lead that turns out not to be shareable releases them, all at
//! once, and the key is not collapsed again for a while.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::policy::CacheKey;

/// How long followers wait, and what is remembered of keys that proved unshareable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// How long a follower waits for its leader's head before it goes alone.
    pub wait: Duration,
    /// How long a key that proved unshareable is not collapsed again.
    pub unshareable_memory: Duration,
    /// How many such keys are remembered; the oldest gives way.
    pub unshareable_limit: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            wait: Duration::from_secs(5),
            unshareable_memory: Duration::from_secs(120),
            unshareable_limit: 4096,
        }
    }
}

/// Requests in flight by key, and what their leaders share. As many keys as there are [`Lead`]s.
#[derive(Debug)]
pub struct Collapse<T> {
    table: Arc<Table<T>>,
}

#[derive(Debug)]
struct Table<T> {
    config: Config,
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    flights: HashMap<CacheKey, Flight<T>>,
    unshareable: Unshareable,
}

/// A request in flight: what its followers watch.
type Flight<T> = Arc<watch::Sender<Phase<T>>>;

#[derive(Debug)]
enum Phase<T> {
    Waiting,
    Shared(T),
    Released,
}

/// How a request takes part.
#[derive(Debug)]
pub enum Join<T> {
    /// It is the first: it goes to the origin and publishes what it gets.
    Lead(Lead<T>),
    /// Another is on its way.
    Follow(Follow<T>),
    /// The key proved unshareable lately: go alone.
    Unshareable,
}

/// What a follower got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Followed<T> {
    /// What the leader shares.
    Shared(T),
    /// The leader has nothing to share: go alone.
    Released,
    /// The leader took too long: go alone.
    TimedOut,
}

impl<T> Collapse<T> {
    /// An empty table.
    pub fn new(config: Config) -> Self {
        let state = State { flights: HashMap::new(), unshareable: Unshareable::default() };
        Self { table: Arc::new(Table { config, state: Mutex::new(state) }) }
    }

    /// How long a follower waits for its leader's head.
    pub fn wait(&self) -> Duration {
        self.table.config.wait
    }

    /// Leads or follows. Only for requests that a shared response could answer.
    pub fn join(&self, key: &CacheKey, now: Instant) -> Join<T> {
        let mut state = self.table.state.lock();
        if state.unshareable.contains(key, now) {
            return Join::Unshareable;
        }
        if let Some(flight) = state.flights.get(key) {
            return Join::Follow(Follow { phase: flight.subscribe() });
        }
        let flight = Arc::new(watch::Sender::new(Phase::Waiting));
        state.flights.insert(key.clone(), Arc::clone(&flight));
        drop(state);
        Join::Lead(Lead { table: Arc::clone(&self.table), key: key.clone(), flight })
    }

    /// The key was invalidated (RFC 9111 §4.4): nobody joins what is in flight any more; the next
    /// request leads anew. Those that have joined keep what they get.
    pub fn forget(&self, key: &CacheKey) {
        self.table.state.lock().flights.remove(key);
    }
}

#[cfg(test)]
impl<T> Collapse<T> {
    /// Keys in flight.
    fn in_flight(&self) -> usize {
        self.table.state.lock().flights.len()
    }
}

/// The leading request. Stays joinable, also after it has published, until it is dropped; dropped
/// without publishing it releases its followers.
#[derive(Debug)]
pub struct Lead<T> {
    table: Arc<Table<T>>,
    key: CacheKey,
    flight: Flight<T>,
}

impl<T> Lead<T> {
    /// Shares `what` with all followers, those included that join later.
    pub fn publish(&self, what: T) {
        self.flight.send_replace(Phase::Shared(what));
    }

    /// Nothing to share: all followers go themselves, at once and in parallel. With `unshareable` the
    /// key is remembered and not collapsed again for a while.
    pub fn release(self, unshareable: bool) {
        if unshareable {
            let config = &self.table.config;
            let expiry = Instant::now() + config.unshareable_memory;
            let limit = config.unshareable_limit;
            self.table.state.lock().unshareable.insert(&self.key, expiry, limit);
        }
        self.flight.send_replace(Phase::Released);
    }

    /// Followers that have not taken their share yet.
    pub fn followers(&self) -> usize {
        self.flight.receiver_count()
    }

    /// Waits until every follower has taken its share, or gone.
    pub async fn taken(&self) {
        self.flight.closed().await;
    }
}

impl<T> Drop for Lead<T> {
    fn drop(&mut self) {
        let mut state = self.table.state.lock();
        // Forgotten meanwhile, the place may be another's.
        if state.flights.get(&self.key).is_some_and(|flight| Arc::ptr_eq(flight, &self.flight)) {
            state.flights.remove(&self.key);
        }
        // The channel closes with this: that releases those who still wait.
    }
}

/// A request that waits for another's response.
#[derive(Debug)]
pub struct Follow<T> {
    phase: watch::Receiver<Phase<T>>,
}

impl<T: Clone> Follow<T> {
    /// Waits for what the leader publishes, at most for `wait`. Drop this when the share is taken:
    /// until then the leader counts a follower.
    pub async fn head(&mut self, wait: Duration) -> Followed<T> {
        let decided = self.phase.wait_for(|phase| !matches!(phase, Phase::Waiting));
        match tokio::time::timeout(wait, decided).await {
            Ok(Ok(phase)) => match &*phase {
                Phase::Shared(what) => Followed::Shared(what.clone()),
                Phase::Waiting | Phase::Released => Followed::Released,
            },
            Ok(Err(_closed)) => Followed::Released,
            Err(_elapsed) => Followed::TimedOut,
        }
    }
}

/// Keys that proved unshareable, by digest: a collision costs a collapse, never an answer. All are
/// remembered equally long, so the oldest stands first.
#[derive(Debug, Default)]
struct Unshareable {
    expiries: HashMap<u128, Instant>,
    order: VecDeque<u128>,
}

impl Unshareable {
    fn contains(&mut self, key: &CacheKey, now: Instant) -> bool {
        while let Some(digest) = self.order.front() {
            if self.expiries.get(digest).is_some_and(|expiry| *expiry > now) {
                break;
            }
            self.drop_first();
        }
        self.expiries.contains_key(&key.digest())
    }

    fn insert(&mut self, key: &CacheKey, expiry: Instant, limit: usize) {
        if limit == 0 || self.expiries.contains_key(&key.digest()) {
            return;
        }
        while self.order.len() >= limit {
            self.drop_first();
        }
        self.expiries.insert(key.digest(), expiry);
        self.order.push_back(key.digest());
    }

    fn drop_first(&mut self) {
        if let Some(digest) = self.order.pop_front() {
            self.expiries.remove(&digest);
        }
    }
}

#[cfg(test)]
mod tests;
