//! How often a client may be wrong about a password: so that nobody tries them all.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use crate::time::Timestamp;

/// Wrong passwords from one client address before it has to wait.
pub(super) const MOST: u32 = 10;
/// How long, counted from the first of them.
pub(super) const WINDOW: Duration = Duration::from_secs(60);
/// Clients that are counted at once; when there are more, the one that began first is forgotten.
const CLIENTS: usize = 4096;

/// The clients that were wrong, or may be just now.
#[derive(Debug, Default)]
pub(super) struct Attempts(HashMap<IpAddr, Count>);

#[derive(Clone, Copy, Debug)]
struct Count {
    attempts: u32,
    since: Timestamp,
}

impl Count {
    /// How long it still counts; none when it does not any more. A clock that was set back ends it too.
    fn rest(self, now: Timestamp) -> Option<Duration> {
        let passed = now.checked_since(self.since)?;
        WINDOW.checked_sub(passed).filter(|rest| !rest.is_zero())
    }
}

impl Attempts {
    /// Counts an attempt as one that failed, until it is known better.
    ///
    /// # Errors
    /// How long the client has to wait, when it had its attempts.
    pub(super) fn charge(&mut self, client: IpAddr, now: Timestamp) -> Result<(), Duration> {
        let client = who(client);
        if self.0.len() >= CLIENTS && !self.0.contains_key(&client) {
            self.make_room(now);
        }
        let count = self.0.entry(client).or_insert(Count { attempts: 0, since: now });
        let rest = count.rest(now);
        if rest.is_none() {
            *count = Count { attempts: 0, since: now };
        }
        match rest.filter(|_| count.attempts >= MOST) {
            Some(rest) => Err(rest),
            None => {
                count.attempts += 1;
                Ok(())
            }
        }
    }

    /// The attempt was none that failed.
    pub(super) fn refund(&mut self, client: IpAddr) {
        let client = who(client);
        if let Some(count) = self.0.get_mut(&client) {
            count.attempts = count.attempts.saturating_sub(1);
            if count.attempts == 0 {
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
fn who(client: IpAddr) -> IpAddr {
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

    #[test]
    fn ten_attempts_a_minute_are_enough() {
        let mut attempts = Attempts::default();
        for n in 0..u64::from(MOST) {
            assert_eq!(attempts.charge(client(1), at(n)), Ok(()));
        }
        assert_eq!(attempts.charge(client(1), at(15)), Err(Duration::from_secs(45)));
        assert_eq!(attempts.charge(client(2), at(15)), Ok(()), "each client for itself");
        attempts.refund(client(1));
        assert_eq!(attempts.charge(client(1), at(59)), Ok(()), "what was right does not count");
        assert_eq!(attempts.charge(client(1), at(59)), Err(Duration::from_secs(1)));
        assert_eq!(attempts.charge(client(1), at(60)), Ok(()), "a new minute");
        assert_eq!(attempts.0.get(&client(1)).unwrap().attempts, 1);
        assert_eq!(attempts.charge(client(1), at(0)), Ok(()), "a clock set back locks nobody out");
    }

    #[test]
    fn who_was_right_leaves_nothing_behind_and_there_is_an_end_to_the_others() {
        let mut attempts = Attempts::default();
        attempts.charge(client(0), at(0)).unwrap();
        attempts.refund(client(0));
        attempts.refund(client(0));
        assert!(attempts.0.is_empty());
        for n in 0..5000 {
            attempts.charge(client(n), at(u64::from(n) / 100)).unwrap();
        }
        assert_eq!(attempts.0.len(), CLIENTS);
        assert!(attempts.0.contains_key(&client(4999)) && !attempts.0.contains_key(&client(0)));
        attempts.charge(client(9999), at(200)).unwrap();
        assert_eq!(attempts.0.len(), 1, "what is over goes first");
    }

    #[test]
    fn an_ipv6_network_is_one_client() {
        let mut attempts = Attempts::default();
        for n in 0..MOST {
            attempts.charge(format!("2001:db8::{n}:1").parse().unwrap(), at(0)).unwrap();
        }
        assert!(attempts.charge("2001:db8::ffff".parse().unwrap(), at(0)).is_err());
        assert!(attempts.charge("2001:db8:0:1::1".parse().unwrap(), at(0)).is_ok());
        assert!(attempts.charge("::ffff:10.0.0.1".parse().unwrap(), at(0)).is_ok());
        assert!(attempts.0.contains_key(&client(1)));
    }
}
