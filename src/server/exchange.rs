//! What the IO wrapper, the service and the connection's task know together.
//!
//! An exchange is open from the call of the service until the first completed flush after its
//! response body was dropped. What hyper writes while none is open is hyper's own answer. The request
//! body may end later than that; only the clocks care.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ::http::StatusCode;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::Config;
use super::clocks::{Clocks, Overdue};
use super::refusal::{FIRST_LINE_LIMIT, Refusal};
use crate::net::ConnectionHandle;
use crate::net::drain::{Class, Drain, InFlight};

/// One connection's exchanges.
#[derive(Debug)]
pub(super) struct Exchanges {
    pub(super) handle: Arc<ConnectionHandle>,
    drain: Drain,
    upgraded: AtomicBool,
    /// Reads of the request body fail from now on.
    body_overdue: AtomicBool,
    /// A request body is coming: whoever reads nothing waits for it.
    body_comes: AtomicBool,
    /// The response body is gone: all that is left of the exchange is in hyper's buffer.
    body_dropped: AtomicBool,
    /// The connection is to be closed with a refusal.
    refused: AtomicBool,
    /// All else, locked three times in the life of an exchange without a body: read, begun, flushed.
    marks: Mutex<Marks>,
}

#[derive(Debug)]
struct Marks {
    clocks: Clocks,
    in_flight: Option<InFlight>,
    /// The end of the response is the end of the connection.
    close_delimited: bool,
    /// The status with which hyper wanted to answer by itself.
    own_answer: Option<StatusCode>,
    refusal: Option<Refusal>,
    line: Line,
}

/// The first line of the head that is being read; what hyper may have consumed when it gives up.
#[derive(Debug, Default)]
struct Line {
    bytes: Vec<u8>,
    ended: bool,
}

impl Exchanges {
    pub(super) fn new(
        handle: Arc<ConnectionHandle>,
        drain: Drain,
        config: &Config,
        first_byte: Instant,
    ) -> Self {
        let marks = Marks {
            clocks: Clocks::new(config, first_byte),
            in_flight: None,
            close_delimited: false,
            own_answer: None,
            refusal: None,
            line: Line::default(),
        };
        Self {
            handle,
            drain,
            upgraded: AtomicBool::new(false),
            body_overdue: AtomicBool::new(false),
            body_comes: AtomicBool::new(false),
            body_dropped: AtomicBool::new(false),
            refused: AtomicBool::new(false),
            marks: Mutex::new(marks),
        }
    }

    /// Whether the target of the request that was handed over last ended with its authority, as far as
    /// its line was seen. To be asked before [`begin`](Self::begin).
    pub(super) fn path_is_empty(&self, authority: &str) -> bool {
        self.marks.lock().line.ends_with_authority(authority)
    }

    /// The service was called.
    pub(super) fn begin(&self, is_http_10: bool, has_body: bool) {
        // Early answers: the next request can come before the answer to the one before is flushed. No
        // flush would then mark where the head of the next answer begins.
        let overlaps = self.handle.exchange_open();
        self.handle.begin_exchange(overlaps);
        if is_http_10 || overlaps {
            self.handle.close_interim();
        }
        self.body_overdue.store(false, Ordering::Release);
        self.body_comes.store(has_body, Ordering::Release);
        self.body_dropped.store(false, Ordering::Release);
        let in_flight = self.drain.guard(Class::Exchange);
        let mut marks = self.marks.lock();
        self.handle.note_first_byte(marks.clocks.first_byte());
        marks.clocks.exchange_begins(has_body, Instant::now());
        marks.in_flight = Some(in_flight);
        marks.close_delimited = false;
        marks.line = Line { bytes: std::mem::take(&mut marks.line.bytes), ended: false };
        marks.line.bytes.clear();
    }

    /// The response will end with the connection.
    pub(super) fn close_delimits(&self) {
        self.marks.lock().close_delimited = true;
    }

    /// After this response the bytes belong to whoever asked for the upgrade.
    pub(super) fn upgrade(&self) {
        self.upgraded.store(true, Ordering::Release);
    }

    pub(super) fn is_upgraded(&self) -> bool {
        self.upgraded.load(Ordering::Acquire)
    }

    /// hyper dropped the response body.
    pub(super) fn body_dropped(&self) {
        self.body_dropped.store(true, Ordering::Release);
    }

    /// hyper's buffer is empty: ends the exchange if its body is gone.
    pub(super) fn flushed(&self) {
        if !self.handle.exchange_open() || !self.body_dropped.load(Ordering::Acquire) {
            return;
        }
        let in_flight = {
            let mut marks = self.marks.lock();
            marks.clocks.answered(Instant::now());
            marks.in_flight.take()
        };
        self.handle.end_exchange();
        drop(in_flight);
    }

    /// What is being read will not become a request: a refusal says when it began.
    pub(super) fn will_refuse(&self) {
        self.handle.note_first_byte(self.marks.lock().clocks.first_byte());
    }

    /// A drain has begun.
    pub(super) fn leave(&self, now: Instant) {
        self.marks.lock().clocks.leave(now);
    }

    /// hyper waits for a request head: the body of the request before it has ended.
    pub(super) fn head_awaited(&self) {
        if self.body_comes.swap(false, Ordering::AcqRel) {
            self.marks.lock().clocks.body_ended(Instant::now());
        }
    }

    /// A read found nothing.
    pub(super) fn read_waits(&self) {
        if self.body_comes.load(Ordering::Acquire) {
            self.marks.lock().clocks.read_waits(Instant::now());
        }
    }

    pub(super) fn read(&self, bytes: &[u8], now: Instant) {
        let mut marks = self.marks.lock();
        marks.clocks.read(bytes, now);
        if marks.clocks.awaits_head() {
            marks.line.push(bytes);
        }
    }

    /// An answer begins, after one of which a write was blocked.
    pub(super) fn write_begins(&self) {
        self.marks.lock().clocks.write_begins();
    }

    /// A write was blocked, after `bytes` of the answer.
    pub(super) fn write_waits(&self, bytes: u64) {
        self.marks.lock().clocks.write_waits(bytes, Instant::now());
    }

    /// A write went through after one that was blocked.
    pub(super) fn write_goes_on(&self) {
        self.marks.lock().clocks.wrote(Instant::now());
    }

    /// What is overdue, or when to look again; a body that is overdue fails at its next read.
    pub(super) fn check(&self, now: Instant) -> Result<Instant, Overdue> {
        let mut marks = self.marks.lock();
        let checked = marks.clocks.check(now);
        if checked == Err(Overdue::Body) {
            self.body_overdue.store(true, Ordering::Release);
            // Said once: whether the body is still wanted shows when hyper reads.
            marks.clocks.body_given_up(now);
        }
        checked
    }

    /// Whether the request body failed because it came too slowly.
    pub(super) fn body_is_overdue(&self) -> bool {
        self.body_overdue.load(Ordering::Acquire)
    }

    /// hyper answers by itself.
    pub(super) fn note_own_answer(&self, status: StatusCode) {
        self.marks.lock().own_answer.get_or_insert(status);
    }

    pub(super) fn own_answer(&self) -> Option<StatusCode> {
        self.marks.lock().own_answer
    }

    /// The connection is to be closed with this, instead of an answer from the handler.
    pub(super) fn refuse(&self, refusal: Refusal) {
        self.marks.lock().refusal = Some(refusal);
        self.refused.store(true, Ordering::Release);
    }

    pub(super) fn take_refusal(&self) -> Option<Refusal> {
        if self.refused.load(Ordering::Acquire) { self.marks.lock().refusal.take() } else { None }
    }

    /// Whether only a reset tells the client that the response in flight was cut.
    pub(super) fn only_reset_tells(&self) -> bool {
        self.handle.exchange_open() && self.marks.lock().close_delimited
    }

    /// The first line of the head that was read last, if it looks like one.
    pub(super) fn line_seen(&self) -> Bytes {
        self.marks.lock().line.seen()
    }
}

impl Line {
    fn push(&mut self, bytes: &[u8]) {
        if self.ended {
            return;
        }
        let bytes = if self.bytes.is_empty() {
            let skip = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            bytes.get(skip..).unwrap_or_default()
        } else {
            bytes
        };
        let end = bytes.iter().position(|&byte| byte == b'\n');
        self.ended = end.is_some();
        let line = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
        let room = FIRST_LINE_LIMIT.saturating_sub(self.bytes.len()).min(line.len());
        self.bytes.extend_from_slice(line.get(..room).unwrap_or_default());
        self.ended |= self.bytes.len() >= FIRST_LINE_LIMIT;
    }

    /// Whether the target is `scheme://authority` and no more.
    fn ends_with_authority(&self, authority: &str) -> bool {
        let target = self.bytes.split(|&byte| byte == b' ').nth(1).unwrap_or_default();
        let after_scheme = target.windows(3).position(|three| three == b"://");
        after_scheme.and_then(|at| target.get(at + 3..)) == Some(authority.as_bytes())
    }

    /// The line began in an earlier read when a request was pipelined; then this is its middle.
    fn seen(&self) -> Bytes {
        let line = self.bytes.strip_suffix(b"\r").unwrap_or(&self.bytes);
        let mut words = line.split(|&byte| byte == b' ');
        let (method, version) = (words.next(), words.nth(1));
        let whole = method.is_some_and(|method| method.iter().all(u8::is_ascii_uppercase))
            && version.is_some_and(|version| version.starts_with(b"HTTP/"));
        if whole { Bytes::copy_from_slice(line) } else { Bytes::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_the_first_one_however_it_arrives() {
        for (reads, line) in [
            (["GET / HTTP/1.1\r\nA: b\r\n", "C: d"].as_slice(), "GET / HTTP/1.1"),
            (&["\r\n", "\r\nGE", "T / HTT", "P/1.1\r\nHost"], "GET / HTTP/1.1"),
            (&["ost: example.com\r\n"], ""),
            (&["ue HTTP/1.1 x\r\n"], ""),
            (&[], ""),
        ] {
            let mut seen = Line::default();
            for read in reads {
                seen.push(read.as_bytes());
            }
            assert_eq!(seen.seen(), line, "{reads:?}");
        }
    }

    #[test]
    fn an_endless_line_is_kept_up_to_a_limit() {
        let mut line = Line::default();
        for _ in 0..100 {
            line.push(&[b'x'; 1000]);
        }
        assert_eq!(line.bytes.len(), FIRST_LINE_LIMIT);
    }
}
