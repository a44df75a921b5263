//! The waits of one client connection, as a value: what is being waited for, since when, until when.
//!
//! There is no timer per request. The connection's one timer is set to the earliest moment at which
//! anything could be overdue, at most [`Clocks::longest_sleep`] ahead; a wait that begins later cannot
//! end before that.

mod taking;

use std::time::Duration;

use tokio::time::Instant;

use self::taking::Taking;
use super::Config;

/// What a connection waits for from its client.
#[derive(Debug)]
pub(super) struct Clocks {
    waits: Waits,
    awaited: Awaited,
    /// Whether an answer is still owed: then only its request's body is waited for.
    answering: bool,
    /// When the head that was read last began.
    first_byte: Instant,
    /// How the client takes its answer.
    taking: Taking,
    /// When we are gone, unless a request has come by then.
    leaving: Option<Instant>,
}

/// How long a head that has begun may take to its end when we are leaving.
pub(super) const LAST_HEAD_WAIT: Duration = Duration::from_secs(1);

#[derive(Debug)]
struct Waits {
    head: Duration,
    idle: Duration,
    body_stall: Duration,
    body_min_rate: u64,
    body_rate_grace: Duration,
    write_stall: Duration,
}

#[derive(Debug)]
enum Awaited {
    /// The first byte of the next request, since.
    Request(Instant),
    /// The end of a head, since its first byte.
    Head(Instant),
    /// The end of a request body, which may come long after the answer.
    Body(Upload),
}

/// A request body that is coming.
#[derive(Debug)]
struct Upload {
    /// Since when a read has waited for it.
    wanted: Option<Instant>,
    /// How long reads have waited for it before.
    waited: Duration,
    bytes: u64,
    /// When it last moved.
    moved: Instant,
}

impl Upload {
    fn new(now: Instant) -> Self {
        Self { wanted: None, waited: Duration::ZERO, bytes: 0, moved: now }
    }
}

/// What is overdue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overdue {
    /// The next request, or the rest of its head.
    Head,
    /// The rest of a request body, or it comes too slowly.
    Body,
    /// Somebody to take the rest of a request body that has its answer.
    Reader,
    /// The client does not take what we write, or takes it too slowly.
    Write,
}

impl Clocks {
    /// A connection whose first request began to arrive at `first_byte`.
    pub(super) fn new(config: &Config, first_byte: Instant) -> Self {
        let waits = Waits {
            head: config.head_wait,
            idle: config.idle_wait,
            body_stall: config.body_stall_wait,
            body_min_rate: config.body_min_rate,
            body_rate_grace: config.body_rate_grace,
            write_stall: config.write_stall_wait,
        };
        Self {
            waits,
            awaited: Awaited::Head(first_byte),
            answering: false,
            first_byte,
            taking: Taking::default(),
            leaving: None,
        }
    }

    /// When the request that is being read, or has just been, began to arrive.
    pub(super) fn first_byte(&self) -> Instant {
        self.first_byte
    }

    /// No request is waited for much longer.
    pub(super) fn leave(&mut self, now: Instant) {
        self.leaving = Some(now + LAST_HEAD_WAIT);
    }

    /// A request was handed over, of which a body is still to come or not.
    pub(super) fn exchange_begins(&mut self, has_body: bool, now: Instant) {
        self.answering = true;
        self.awaited =
            if has_body { Awaited::Body(Upload::new(now)) } else { Awaited::Request(now) };
    }

    /// The answer was written. Its request's body may still be coming.
    pub(super) fn answered(&mut self, now: Instant) {
        self.answering = false;
        match &mut self.awaited {
            Awaited::Request(since) | Awaited::Head(since) => *since = now,
            Awaited::Body(upload) => upload.moved = now,
        }
    }

    /// The request body has ended: whatever comes next is the next request.
    pub(super) fn body_ended(&mut self, now: Instant) {
        if let Awaited::Body(_) = self.awaited {
            self.awaited = Awaited::Request(now);
        }
    }

    /// Whether what is read now belongs to a request head.
    pub(super) fn awaits_head(&self) -> bool {
        !matches!(self.awaited, Awaited::Body(_))
    }

    /// The request body was given up: what is left of it is counted anew.
    pub(super) fn body_given_up(&mut self, now: Instant) {
        self.awaited = Awaited::Body(Upload::new(now));
    }

    /// A read found nothing.
    pub(super) fn read_waits(&mut self, now: Instant) {
        if let Awaited::Body(upload) = &mut self.awaited {
            upload.wanted.get_or_insert(now);
        }
    }

    /// A read found `bytes`.
    pub(super) fn read(&mut self, bytes: &[u8], now: Instant) {
        match &mut self.awaited {
            // Empty lines before a request are no part of it (RFC 9112 §2.2).
            Awaited::Request(_) if !bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n')) => {
                self.awaited = Awaited::Head(now);
                self.first_byte = now;
            }
            Awaited::Request(_) | Awaited::Head(_) => {}
            Awaited::Body(upload) => {
                // The next request may come with it.
                self.first_byte = now;
                if let Some(since) = upload.wanted.take() {
                    upload.waited += now.saturating_duration_since(since);
                }
                let read = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                upload.bytes = upload.bytes.saturating_add(read);
                upload.moved = now;
            }
        }
    }

    /// An answer begins whose predecessor had to wait for its client.
    pub(super) fn write_begins(&mut self) {
        self.taking.begins();
    }

    /// A write was blocked, after `bytes` of the answer.
    pub(super) fn write_waits(&mut self, bytes: u64, now: Instant) {
        self.taking.waits(bytes, now);
    }

    /// A write went through.
    pub(super) fn wrote(&mut self, now: Instant) {
        self.taking.goes_on(now);
    }

    /// What is overdue, or when to look again.
    pub(super) fn check(&self, now: Instant) -> Result<Instant, Overdue> {
        let mut next = now + self.longest_sleep();
        let mut due = |at: Option<Instant>, overdue: Overdue| match at {
            Some(at) if at <= now => Err(overdue),
            Some(at) => {
                next = next.min(at);
                Ok(())
            }
            None => Ok(()),
        };
        due(self.taking.stalled_at(self.waits.write_stall), Overdue::Write)?;
        due(self.taking.too_slow_at(|bytes| self.waits.time_for(bytes)), Overdue::Write)?;
        match &self.awaited {
            // A request cannot be overdue while the answer before it is still being written.
            _ if self.taking.is_blocked() => {}
            Awaited::Request(_) | Awaited::Head(_) if self.answering => {}
            Awaited::Request(since) => {
                due(self.leaving, Overdue::Head)?;
                due(since.checked_add(self.waits.idle), Overdue::Head)?;
            }
            Awaited::Head(since) => {
                due(self.leaving, Overdue::Head)?;
                due(since.checked_add(self.waits.head), Overdue::Head)?;
            }
            Awaited::Body(Upload { wanted: Some(since), waited, bytes, .. }) => {
                due(since.checked_add(self.waits.body_stall), Overdue::Body)?;
                let allowed = self.waits.time_for(*bytes).saturating_sub(*waited);
                due(since.checked_add(allowed), Overdue::Body)?;
            }
            // Whoever answers may leave the body for later; whoever has answered, not for ever.
            Awaited::Body(_) if self.answering => {}
            Awaited::Body(upload) => {
                due(upload.moved.checked_add(self.waits.idle), Overdue::Reader)?;
            }
        }
        Ok(next)
    }

    /// No wait that begins while the timer runs may end before it fires; but one of nought, which would
    /// keep it firing, ends with the others.
    fn longest_sleep(&self) -> Duration {
        let Waits { head, idle, body_stall, body_rate_grace, write_stall, .. } = self.waits;
        let waits = [head, idle, body_stall, body_rate_grace, write_stall];
        let shortest = waits.into_iter().filter(|wait| !wait.is_zero()).min();
        shortest.unwrap_or_default().max(Duration::from_millis(1))
    }
}

impl Waits {
    /// How long may be waited, in all, for a body of which `bytes` have come, or for who took so many.
    fn time_for(&self, bytes: u64) -> Duration {
        match bytes.checked_div(self.body_min_rate) {
            Some(seconds) => self.body_rate_grace.max(Duration::from_secs(seconds)),
            None => Duration::MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn clocks() -> (Clocks, Instant) {
        let start = Instant::now();
        (Clocks::new(&Config::default(), start), start)
    }

    /// When `clocks` calls something overdue, in seconds after `from`, looking only when told to.
    fn overdue(clocks: &Clocks, from: Instant) -> Option<(u64, Overdue)> {
        let mut now = from;
        while now < from + 1000 * SECOND {
            match clocks.check(now) {
                Err(overdue) => return Some(((now - from).as_secs(), overdue)),
                Ok(next) => {
                    assert!(next > now && next <= now + 10 * SECOND);
                    now = next;
                }
            }
        }
        None
    }

    #[test]
    fn a_head_has_10_seconds_and_a_pause_between_requests_60() {
        let (mut clocks, start) = clocks();
        assert_eq!(overdue(&clocks, start), Some((10, Overdue::Head)));
        clocks.exchange_begins(false, start);
        assert_eq!(overdue(&clocks, start), None);
        clocks.answered(start);
        assert_eq!(overdue(&clocks, start), Some((60, Overdue::Head)));
        clocks.read(b"\r\n", start);
        assert_eq!(overdue(&clocks, start), Some((60, Overdue::Head)));
        clocks.read(b"G", start);
        assert_eq!(overdue(&clocks, start), Some((10, Overdue::Head)));
        clocks.read(b"ET", start + 9 * SECOND);
        assert_eq!(overdue(&clocks, start), Some((10, Overdue::Head)));
    }

    #[test]
    fn a_body_may_stall_30_seconds_and_only_while_it_is_wanted() {
        let (mut clocks, start) = clocks();
        clocks.exchange_begins(true, start);
        clocks.read(&[0; 100_000], start);
        assert_eq!(overdue(&clocks, start), None);
        clocks.read_waits(start);
        clocks.read_waits(start + SECOND);
        assert_eq!(overdue(&clocks, start), Some((30, Overdue::Body)));
        clocks.read(&[0; 1], start + 29 * SECOND);
        assert_eq!(overdue(&clocks, start), None);
        clocks.read_waits(start + 100 * SECOND);
        assert_eq!(overdue(&clocks, start + 100 * SECOND), Some((30, Overdue::Body)));
    }

    #[test]
    fn a_body_below_its_rate_is_overdue_after_the_grace() {
        let (mut clocks, start) = clocks();
        clocks.exchange_begins(true, start);
        for second in 0..9 {
            clocks.read_waits(start + second * SECOND);
            clocks.read(&[0; 100], start + (second + 1) * SECOND);
        }
        let now = start + 9 * SECOND;
        clocks.read_waits(now);
        assert_eq!(overdue(&clocks, now), Some((1, Overdue::Body)));
        // The same pace is fast enough when the waits are short.
        clocks.exchange_begins(true, start);
        clocks.read(&[0; 20 * 1024], start);
        clocks.read_waits(start);
        assert_eq!(overdue(&clocks, start), Some((20, Overdue::Body)));
    }

    #[test]
    fn a_request_begins_with_its_first_byte() {
        let (mut clocks, start) = clocks();
        let second = |n: u32| start + n * SECOND;
        clocks.read(b"ET / HTTP/1.1", second(1));
        assert_eq!(clocks.first_byte(), start);
        clocks.exchange_begins(true, second(1));
        clocks.answered(second(2));
        clocks.body_ended(second(3));
        clocks.read(b"\r\n", second(4));
        clocks.read(b"G", second(5));
        clocks.read(b"ET / HTTP/1.1\r\n\r\n", second(6));
        assert_eq!(clocks.first_byte(), second(5));
        clocks.exchange_begins(false, second(6));
        // While the answer is made, the next one begins.
        clocks.read(b"P", second(7));
        clocks.answered(second(8));
        clocks.read(b"UT / HTTP/1.1\r\n\r\nbody", second(9));
        assert_eq!(clocks.first_byte(), second(7));
        clocks.exchange_begins(true, second(9));
        clocks.read(b"the end of it, and GET / HTTP/1.1\r\n\r\n", second(10));
        clocks.body_ended(second(11));
        clocks.answered(second(12));
        assert_eq!(clocks.first_byte(), second(10));
    }

    #[test]
    fn a_body_that_outlives_its_answer_is_still_a_body() {
        let (mut clocks, start) = clocks();
        clocks.exchange_begins(true, start);
        clocks.answered(start);
        clocks.read(b"the rest of it", start + SECOND);
        assert!(!clocks.awaits_head());
        // Nobody wants more of it.
        assert_eq!(overdue(&clocks, start + SECOND), Some((60, Overdue::Reader)));
        clocks.read_waits(start + SECOND);
        assert_eq!(overdue(&clocks, start + SECOND), Some((10, Overdue::Body)));
        clocks.read(&[0; 100_000], start + SECOND);
        clocks.body_ended(start + SECOND);
        assert_eq!(overdue(&clocks, start + SECOND), Some((60, Overdue::Head)));
    }

    #[test]
    fn a_head_has_a_second_when_we_are_leaving_and_a_body_all_its_time() {
        let (mut clocks, start) = clocks();
        clocks.leave(start);
        assert_eq!(overdue(&clocks, start), Some((1, Overdue::Head)));
        clocks.exchange_begins(true, start);
        assert_eq!(overdue(&clocks, start), None);
        clocks.read_waits(start);
        assert_eq!(overdue(&clocks, start), Some((10, Overdue::Body)));
    }

    #[test]
    fn a_body_that_ends_before_its_answer_leaves_nothing_to_wait_for() {
        let (mut clocks, start) = clocks();
        clocks.exchange_begins(true, start);
        clocks.read_waits(start);
        clocks.body_ended(start);
        assert_eq!(overdue(&clocks, start), None);
        clocks.answered(start + SECOND);
        assert_eq!(overdue(&clocks, start + SECOND), Some((60, Overdue::Head)));
    }

    #[test]
    fn a_rate_of_nought_asks_for_nothing() {
        let start = Instant::now();
        let config = Config { body_min_rate: 0, ..Config::default() };
        let mut clocks = Clocks::new(&config, start);
        clocks.exchange_begins(true, start);
        clocks.read_waits(start);
        assert_eq!(overdue(&clocks, start), Some((30, Overdue::Body)));
    }

    #[test]
    fn a_grace_of_nought_wakes_nobody_who_waits_for_something_else() {
        let start = Instant::now();
        let config = Config { body_rate_grace: Duration::ZERO, ..Config::default() };
        let mut clocks = Clocks::new(&config, start);
        clocks.answered(start);
        assert_eq!(clocks.check(start), Ok(start + 10 * SECOND));
        clocks.exchange_begins(true, start);
        clocks.read(&[0; 2048], start);
        clocks.read_waits(start);
        assert_eq!(overdue(&clocks, start), Some((2, Overdue::Body)));
    }

    #[test]
    fn a_blocked_write_has_60_seconds_from_the_last_byte_that_went_through() {
        let (mut clocks, start) = clocks();
        clocks.exchange_begins(true, start);
        clocks.write_waits(1 << 20, start);
        clocks.write_waits(1 << 20, start + 30 * SECOND);
        assert_eq!(overdue(&clocks, start), Some((60, Overdue::Write)));
        clocks.wrote(start + 30 * SECOND);
        assert_eq!(overdue(&clocks, start), None);
    }

    #[test]
    fn an_answer_that_is_taken_below_its_rate_is_overdue_after_the_grace() {
        let (mut clocks, start) = clocks();
        clocks.exchange_begins(false, start);
        for second in 0..9 {
            clocks.write_waits(u64::from(second) * 100, start + second * SECOND);
            clocks.wrote(start + (second + 1) * SECOND);
        }
        let now = start + 9 * SECOND;
        // While nothing waits to be taken, no time passes.
        assert_eq!(overdue(&clocks, now), None);
        clocks.write_waits(900, now + 100 * SECOND);
        assert_eq!(overdue(&clocks, now + 100 * SECOND), Some((1, Overdue::Write)));
        // The next answer begins anew, and who took 20 KiB at once may take 20 seconds.
        clocks.wrote(now + 100 * SECOND);
        clocks.write_begins();
        clocks.write_waits(20 * 1024, start);
        assert_eq!(overdue(&clocks, start), Some((20, Overdue::Write)));
    }
}
