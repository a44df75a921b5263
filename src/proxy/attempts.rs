//! How often a client may be wrong about a password: so that nobody tries them all.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use crate::time::Timestamp;

/// Wrong passwords from one client before it has to wait. The same one again is no new one.
const MOST: usize = 10;
/// How often it may try others all the same, before what is remembered as right does not count either: it
/// could be guessed by asking for it.
const MOST_REFUSED: u32 = 90;
/// How long, counted from the first of them.
const WINDOW: Duration = Duration::from_secs(60);
/// Clients that are counted at once; when there are more, the one that began first is forgotten.
const CLIENTS: usize = 4096;

/// A name and a password, by a key that nobody knows.
pub(super) type Digest = blake3::Hash;

/// The clients that were wrong, or may be just now.
#[derive(Debug, Default)]
pub(super) struct Attempts(HashMap<IpAddr, Count>);

#[derive(Debug)]
struct Count {
    /// What was tried, and was wrong or is not known to be right.
    tried: Vec<Digest>,
    refused: u32,
    since: Timestamp,
}

/// What comes of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    /// It is to be checked, and counts as wrong until it is known better.
    Check,
    /// It is wrong: it was a moment ago.
    Wrong,
    /// The client has to wait so long.
    Wait(Duration),
}

impl Count {
    fn new(since: Timestamp) -> Self {
        Self { tried: Vec::new(), refused: 0, since }
    }

    /// How long it still counts; none when it does not any more. A clock that was set back ends it too.
    fn rest(&self, now: Timestamp) -> Option<Duration> {
        let passed = now.checked_since(self.since)?;
        WINDOW.checked_sub(passed).filter(|rest| !rest.is_zero())
    }
}

impl Attempts {
    /// How long a client has to wait whatever it says.
    pub(super) fn shut(&self, client: IpAddr, now: Timestamp) -> Option<Duration> {
        let count = self.0.get(&who(client))?;
        count.rest(now).filter(|_| count.refused >= MOST_REFUSED)
    }

    /// Counts an attempt.
    pub(super) fn charge(&mut self, client: IpAddr, tried: Digest, now: Timestamp) -> Attempt {
        let client = who(client);
        if self.0.len() >= CLIENTS && !self.0.contains_key(&client) {
            self.make_room(now);
        }
        let count = self.0.entry(client).or_insert(Count::new(now));
        let rest = count.rest(now).unwrap_or_else(|| {
            *count = Count::new(now);
            WINDOW
        });
        if count.tried.contains(&tried) {
            return Attempt::Wrong;
        }
        if count.tried.len() >= MOST {
            count.refused = count.refused.saturating_add(1);
            return Attempt::Wait(rest);
        }
        count.tried.push(tried);
        Attempt::Check
    }

    /// The attempt was right, or was not looked at.
    pub(super) fn refund(&mut self, client: IpAddr, tried: &Digest) {
        let client = who(client);
        if let Some(count) = self.0.get_mut(&client) {
            count.tried.retain(|one| one != tried);
            if count.tried.is_empty() && count.refused == 0 {
                self.0.remove(&client);
            }
        }
    }

    fn make_room(&mut self, now: Timestamp) {
        self.0.retain(|_, count| count.rest(now).is_some());
        if self.0.len() >= CLIENTS
            && let Some((&first, _)) = self.0.iter().min_by_key(|(_, count)| count.since)
        {
            self.0.remove(&first);
        }
    }
}

/// Who an address stands for: in IPv6 one client has a whole network (RFC 6177).
pub(super) fn who(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix_secs(1000 + seconds)
    }

    fn client(n: u32) -> IpAddr {
        std::net::Ipv4Addr::from(0x0a00_0000 + n).into()
    }

    fn guess(n: usize) -> Digest {
        blake3::hash(&n.to_le_bytes())
    }

    fn wait(seconds: u64) -> Attempt {
        Attempt::Wait(Duration::from_secs(seconds))
    }

    #[test]
    fn ten_wrong_passwords_a_minute_are_enough() {
        use Attempt::{Check, Wrong};
        let mut attempts = Attempts::default();
        let mut charge = |who, n, second| attempts.charge(client(who), guess(n), at(second));
        for n in 0..MOST {
            assert_eq!(charge(1, n, 5), Check);
            assert_eq!(charge(1, n, 5), Wrong, "no new one, and no check");
        }
        assert_eq!(charge(1, 10, 20), wait(45));
        assert_eq!(charge(1, 9, 20), Wrong);
        assert_eq!(charge(2, 10, 20), Check, "each client for itself");
        assert_eq!(charge(1, 10, 64), wait(1));
        assert_eq!(charge(1, 9, 65), Check, "a new minute");
        assert_eq!(charge(1, 9, 0), Check, "a clock set back locks nobody out");
        attempts.refund(client(1), &guess(9));
        assert!(!attempts.0.contains_key(&client(1)), "who was right leaves nothing behind");
        attempts.refund(client(1), &guess(9));
    }

    #[test]
    fn who_goes_on_guessing_is_not_told_either_what_is_remembered() {
        let mut attempts = Attempts::default();
        for n in 0..MOST + 90 {
            assert_eq!(attempts.shut(client(1), at(n as u64 / 2)), None, "{n}");
            attempts.charge(client(1), guess(n), at(n as u64 / 2));
        }
        assert_eq!(attempts.shut(client(1), at(50)), Some(Duration::from_secs(10)));
        assert_eq!(attempts.shut(client(2), at(50)), None);
        assert_eq!(attempts.shut(client(1), at(60)), None);
        for _ in 0..1000 {
            attempts.charge(client(3), guess(0), at(0));
        }
        assert_eq!(attempts.shut(client(3), at(1)), None, "a program with an old password");
    }

    #[test]
    fn there_is_an_end_to_the_clients_that_are_counted() {
        let mut attempts = Attempts::default();
        for n in 0..5000 {
            attempts.charge(client(n), guess(0), at(u64::from(n) / 100));
        }
        assert_eq!(attempts.0.len(), CLIENTS);
        assert!(attempts.0.contains_key(&client(4999)) && !attempts.0.contains_key(&client(0)));
        attempts.charge(client(9999), guess(0), at(200));
        assert_eq!(attempts.0.len(), 1, "what is over goes first");
    }

    #[test]
    fn an_ipv6_network_is_one_client() {
        let mut attempts = Attempts::default();
        let mut charge = |text: &str, n| attempts.charge(text.parse().unwrap(), guess(n), at(0));
        for n in 0..MOST {
            assert_eq!(charge(&format!("2001:db8::{n}:1"), n), Attempt::Check);
        }
        assert_eq!(charge("2001:db8::ffff", 10), wait(60));
        assert_eq!(charge("2001:db8:0:1::1", 10), Attempt::Check);
        assert_eq!(charge("::ffff:10.0.0.1", 10), Attempt::Check);
        assert!(attempts.0.contains_key(&client(1)));
    }
}
