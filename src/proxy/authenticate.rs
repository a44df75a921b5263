//! Who asks: the password of a request, checked away from the threads that serve, and remembered for a
//! minute.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::HeaderMap;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::net::drain::Class;
use crate::time::Timestamp;

use super::Shared;
use super::attempts::{Attempt, Attempts, Digest, who};
use super::credentials::Credentials;
use super::error::ProxyError;
use super::users::Users;

/// How long a password that was right need not be checked again.
const REMEMBERED: Duration = Duration::from_secs(60);
/// Passwords that are remembered; when there are more, those that are over go, else the oldest.
const MOST_REMEMBERED: usize = 4096;
/// Passwords that are checked at once: each takes a core, and Argon2 as much memory as its hash says.
const AT_ONCE: usize = 2;
/// Passwords that wait to be checked, those included that are; for one more there is a 503.
const MOST_WAITING: usize = 64;

/// What came of a check; nothing yet.
type Checked = Option<bool>;

/// Checks passwords. One for each loading of the users.
pub(super) struct Authenticator {
    users: Arc<Users>,
    /// None where the system gives no random numbers: then nothing is remembered.
    key: Option<[u8; blake3::KEY_LEN]>,
    state: Mutex<State>,
    waiting: Arc<Semaphore>,
    at_once: Semaphore,
}

#[derive(Default)]
struct State {
    /// When it was right.
    right: HashMap<Digest, Timestamp>,
    /// What is being checked now: whoever says the same meanwhile waits for the same.
    checking: HashMap<Digest, watch::Receiver<Checked>>,
    attempts: Attempts,
}

/// What a request has to do.
enum Turn {
    /// Nothing: this was right a moment ago.
    Known,
    /// Wait for what another has begun.
    Wait(watch::Receiver<Checked>),
    /// Have it checked.
    Check(Check, watch::Receiver<Checked>),
}

/// A check under way; dropped, nobody waits for it any more.
struct Check {
    authenticator: Arc<Authenticator>,
    digest: Digest,
    client: IpAddr,
    began: Timestamp,
    result: watch::Sender<Checked>,
    _place: OwnedSemaphorePermit,
}

impl Check {
    /// Checks the password in a thread of its own, and remembers it when it is right.
    async fn run(self, credentials: Credentials) {
        let authenticator = &self.authenticator;
        // Only a closed semaphore fails, and nobody closes it.
        let Ok(_one_of_them) = authenticator.at_once.acquire().await else { return };
        let users = Arc::clone(&authenticator.users);
        let verify = move || users.verify(credentials.user(), credentials.password());
        let right = tokio::task::spawn_blocking(verify).await.unwrap_or(false);
        if right {
            let mut state = authenticator.state.lock();
            state.attempts.refund(self.client, &self.digest);
            if authenticator.key.is_some() {
                state.remember(self.digest, self.began);
            }
        }
        self.result.send_replace(Some(right));
    }
}

impl Drop for Check {
    fn drop(&mut self) {
        self.authenticator.state.lock().checking.remove(&self.digest);
    }
}

impl Authenticator {
    /// Nobody is known yet.
    pub(super) fn new(users: Arc<Users>) -> Self {
        let mut key = [0; blake3::KEY_LEN];
        let key = getrandom::fill(&mut key).is_ok().then_some(key);
        let waiting = Arc::new(Semaphore::new(MOST_WAITING));
        let at_once = Semaphore::new(AT_ONCE);
        Self { users, key, state: Mutex::default(), waiting, at_once }
    }

    /// What stands for a name and a password from this client, in this process alone. What is right for one
    /// client tells another nothing.
    fn digest(&self, credentials: &Credentials, client: IpAddr) -> Digest {
        let address = match who(client) {
            IpAddr::V4(v4) => v4.to_ipv6_mapped(),
            IpAddr::V6(v6) => v6,
        };
        let mut hasher = blake3::Hasher::new_keyed(&self.key.unwrap_or_default());
        hasher.update(&address.octets()).update(credentials.as_bytes()).finalize()
    }

    /// Whose turn it is to check this.
    fn turn(
        self: &Arc<Self>,
        digest: Digest,
        client: IpAddr,
        now: Timestamp,
    ) -> Result<Turn, ProxyError> {
        let mut state = self.state.lock();
        if let Some(wait) = state.attempts.shut(client, now) {
            return Err(ProxyError::TooManyAttempts { wait });
        }
        if state.is_right(&digest, now) {
            return Ok(Turn::Known);
        }
        if let Some(result) = state.checking.get(&digest) {
            return Ok(Turn::Wait(result.clone()));
        }
        match state.attempts.charge(client, digest, now) {
            Attempt::Check => {}
            Attempt::Wrong => return Err(ProxyError::WrongPassword),
            Attempt::Wait(wait) => return Err(ProxyError::TooManyAttempts { wait }),
        }
        let Ok(place) = Arc::clone(&self.waiting).try_acquire_owned() else {
            state.attempts.refund(client, &digest);
            return Err(ProxyError::PasswordsWaiting);
        };
        let (sender, result) = watch::channel(None);
        state.checking.insert(digest, result.clone());
        let authenticator = Arc::clone(self);
        let check =
            Check { authenticator, digest, client, began: now, result: sender, _place: place };
        Ok(Turn::Check(check, result))
    }
}

impl State {
    fn is_right(&self, digest: &Digest, now: Timestamp) -> bool {
        self.right.get(digest).is_some_and(|at| is_remembered(*at, now))
    }

    fn remember(&mut self, digest: Digest, now: Timestamp) {
        if self.right.len() >= MOST_REMEMBERED {
            self.right.retain(|_, at| is_remembered(*at, now));
        }
        if self.right.len() >= MOST_REMEMBERED
            && let Some((&oldest, _)) = self.right.iter().min_by_key(|(_, at)| **at)
        {
            self.right.remove(&oldest);
        }
        self.right.insert(digest, now);
    }
}

/// Whether what was right at this time still is.
fn is_remembered(at: Timestamp, now: Timestamp) -> bool {
    now.checked_since(at).is_some_and(|passed| passed < REMEMBERED)
}

/// The user of a request.
///
/// # Errors
/// It has none, or the password is wrong, or too many were.
pub(super) async fn user(
    shared: &Arc<Shared>,
    authenticator: &Arc<Authenticator>,
    fields: &HeaderMap,
    client: IpAddr,
) -> Result<Box<str>, ProxyError> {
    let credentials = Credentials::read(fields).ok_or(ProxyError::NoCredentials)?;
    let (user, digest) =
        (Box::from(credentials.user()), authenticator.digest(&credentials, client));
    let now = shared.clock.now();
    let mut result = match authenticator.turn(digest, client, now)? {
        Turn::Known => return Ok(user),
        Turn::Wait(result) => result,
        Turn::Check(check, result) => {
            // Not in this future: hyper drops it when the client goes, and others may wait for the same.
            shared.drain.spawn("password", Class::Exchange, check.run(credentials));
            result
        }
    };
    // Cut off by a stop, where it is closed.
    let checked = result.wait_for(Option::is_some).await;
    match *checked.map_err(|_closed| ProxyError::Stopping)? {
        Some(true) => Ok(user),
        _ => Err(ProxyError::WrongPassword),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_remembered_for_a_minute_and_there_is_an_end_to_how_many() {
        let mut state = State::default();
        let at = |seconds: u64| Timestamp::from_unix_secs(1000 + seconds);
        let digest = |n: u64| blake3::hash(&n.to_le_bytes());
        state.remember(digest(0), at(0));
        let known = [(0, true), (59, true), (60, false)];
        assert!(known.iter().all(|(now, known)| state.is_right(&digest(0), at(*now)) == *known));
        assert!(!state.is_right(&digest(1), at(0)));
        assert!(!state.is_right(&digest(0), Timestamp::from_unix_secs(1)), "a clock set back");
        for n in 0..5000 {
            state.remember(digest(n), at(n / 100));
        }
        assert_eq!(state.right.len(), MOST_REMEMBERED);
        assert!(state.is_right(&digest(4999), at(50)) && !state.is_right(&digest(0), at(50)));
        state.remember(digest(9999), at(200));
        assert_eq!(state.right.len(), 1, "what is over goes first");
    }

    #[test]
    fn two_processes_have_two_keys() {
        let users = || Arc::new(Users::parse("").unwrap());
        let [one, other] = [Authenticator::new(users()), Authenticator::new(users())];
        assert!(one.key.is_some() && one.key != other.key);
    }

    #[test]
    fn what_is_right_for_one_client_tells_another_nothing() {
        let authenticator = Authenticator::new(Arc::new(Users::parse("").unwrap()));
        let fields = |value| {
            let mut fields = HeaderMap::new();
            fields.insert("proxy-authorization", hyper::header::HeaderValue::from_static(value));
            Credentials::read(&fields).unwrap()
        };
        let (one, other) = (fields("Basic YTpi"), fields("Basic YTpj"));
        let digest =
            |credentials, client: &str| authenticator.digest(credentials, client.parse().unwrap());
        assert_eq!(digest(&one, "10.0.0.1"), digest(&one, "::ffff:10.0.0.1"));
        assert_eq!(digest(&one, "2001:db8::1"), digest(&one, "2001:db8::2"));
        assert_ne!(digest(&one, "10.0.0.1"), digest(&one, "10.0.0.2"));
        assert_ne!(digest(&one, "10.0.0.1"), digest(&other, "10.0.0.1"));
    }
}
