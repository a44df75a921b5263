use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use ::http::StatusCode;
use http_body::Body as _;

use super::*;
use crate::body::Budget;
use crate::http::{Scheme, TargetUri};
use crate::net::Scope;
use crate::policy::{CacheKey, ExchangeTimes, Freshness, NominatedFields};
use crate::store::in_memory::{self, Script};
use crate::store::{self, Store};
use crate::time::Timestamp;

/// What memory takes in these tests.
const MOST: u64 = 1000;

fn key() -> CacheKey {
    CacheKey::new(TargetUri::new(Scheme::Http, "example.org", 80, "/"))
}

/// A fill without its origin.
struct Filling {
    pump: Pump,
    spool: Arc<Spool>,
    first: SpoolReader,
    budget: Arc<Budget>,
    script: Script,
    store: Store,
}

impl Filling {
    /// Into a store with files.
    fn new(length: Option<u64>) -> Self {
        let script = Script::default();
        let config =
            store::Config { memory: 8 * MOST, max_object: 5000, ..store::Config::default() };
        Self::into(in_memory::store(&config, &script), script, length)
    }

    fn into(store: Store, script: Script, length: Option<u64>) -> Self {
        let at = Timestamp::default();
        let times = ExchangeTimes { request_time: at, response_time: at };
        let (nominated, none) = (NominatedFields::default(), HeaderMap::new());
        let freshness = Freshness::default();
        let head = StoredHead::new(StatusCode::OK, None, &none, times, nominated, freshness);
        let writer = store.announce(key()).begin(head, Scope::Public, length).unwrap();
        let budget = Arc::new(Budget::new(1 << 20));
        let config = SpoolConfig { read_ahead: 100, ..SpoolConfig::default() };
        let (mut spool_writer, spool) = body::spool(config, budget.clone());
        length.into_iter().for_each(|length| spool_writer.expect_length(length));
        let pump = Pump {
            spool: spool_writer,
            writer: Some(writer),
            is_backed: false,
            received: 0,
            remaining: length,
            finish_within: 0,
            fate: Arc::default(),
            lead: None,
        };
        let first = spool.join().unwrap();
        Self { pump, spool, first, budget, script, store }
    }

    /// Takes so many bytes, which are written at once, and reads them.
    fn take(&mut self, length: usize) {
        let from = self.pump.received;
        assert_eq!(poll(pin!(self.pump.take(chunk(from, length)))), Poll::Ready(Ok(())));
        self.script.write_all();
        assert_eq!(next(&mut self.first), Some(chunk(from, length)));
    }

    fn is_stored(&self) -> bool {
        !self.store.has_nothing(&key())
    }

    fn fate(&self) -> Option<Detail> {
        self.pump.fate.get().copied()
    }
}

fn chunk(from: u64, length: usize) -> Bytes {
    (from..).take(length).map(|n| ((n * 31) >> 3) as u8).collect()
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// The next bytes that are there.
fn next(reader: &mut SpoolReader) -> Option<Bytes> {
    match Pin::new(reader).poll_frame(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Some(frame)) => Some(frame.unwrap().into_data().unwrap()),
        Poll::Ready(None) | Poll::Pending => None,
    }
}

/// All that is there.
fn all(mut reader: SpoolReader) -> Vec<u8> {
    std::iter::from_fn(|| next(&mut reader)).flatten().collect()
}

#[test]
fn a_body_that_is_announced_longer_than_memory_takes_is_backed_from_its_first_byte() {
    let mut filling = Filling::new(Some(2000));
    for _ in 0..19 {
        filling.take(100);
        assert!(filling.budget.used() <= 100 + 200, "{} bytes held", filling.budget.used());
    }
    let late = filling.spool.join().unwrap();
    assert_eq!(all(late), chunk(0, 1900));
    filling.take(100);
    assert!(filling.is_stored() && filling.fate().is_none());
}

#[test]
fn a_client_that_sees_the_end_in_the_last_byte_sees_it_when_it_is_stored() {
    let mut filling = Filling::new(Some(2000));
    filling.take(1500);
    filling.script.hold(true);
    let mut taking = pin!(filling.pump.take(chunk(1500, 500)));
    assert!(poll(taking.as_mut()).is_pending(), "the file takes nothing");
    assert_eq!(next(&mut filling.first), None);
    filling.script.hold(false);
    assert_eq!(poll(taking.as_mut()), Poll::Ready(Ok(())));
    assert!(!filling.store.has_nothing(&key()));
    assert_eq!(next(&mut filling.first), Some(chunk(1500, 500)));
}

#[test]
fn a_body_of_unknown_length_is_backed_once_memory_does_not_take_it() {
    let mut filling = Filling::new(None);
    filling.take(500);
    filling.take(500);
    assert!(filling.budget.used() >= 1000, "it is kept in memory");
    filling.take(1);
    assert!(filling.budget.used() < 200, "{} bytes held", filling.budget.used());
    let late = filling.spool.join().unwrap();
    assert!(matches!(poll(pin!(filling.pump.finish(None))), Poll::Ready(())));
    assert_eq!(all(late), chunk(0, 1001));
    assert_eq!(all(filling.spool.join().unwrap()), chunk(0, 1001));
    assert!(!filling.store.has_nothing(&key()));
}

#[test]
fn with_the_budget_used_up_a_body_goes_on_in_a_file_where_there_are_files() {
    let used_up = |filling: &Filling| {
        // Another spool takes all of it.
        let config = SpoolConfig { read_ahead: u64::MAX, ..SpoolConfig::default() };
        let (mut other, spool) = body::spool(config, filling.budget.clone());
        let chunk = Bytes::from(vec![0; 64 << 10]);
        while matches!(poll(pin!(other.offer(chunk.clone()))), Poll::Ready(Ok(None))) {}
        for length in [8 << 10, 1 << 10, 1] {
            let chunk = Bytes::from(vec![0; length]);
            while matches!(poll(pin!(other.offer(chunk.clone()))), Poll::Ready(Ok(None))) {}
        }
        (other, spool)
    };
    let mut filling = Filling::new(Some(900));
    filling.take(100);
    let others = used_up(&filling);
    for _ in 0..7 {
        filling.take(100);
    }
    assert_eq!(filling.script.begun(), [Some(900)]);
    assert_eq!(all(filling.spool.join().unwrap()), chunk(0, 800), "it may still be joined");
    filling.take(100);
    assert!(filling.is_stored() && filling.fate().is_none());
    drop(others);

    let store = Store::new(&store::Config {
        memory: 8 * MOST,
        max_object: 5000,
        ..store::Config::default()
    });
    let mut filling = Filling::into(store, Script::default(), Some(900));
    filling.take(100);
    let _others = used_up(&filling);
    for _ in 0..8 {
        filling.take(100);
    }
    assert!(filling.spool.join().is_none());
    assert!(!filling.is_stored());
    assert_eq!(filling.fate(), Some(Detail::SpoolBudget));
}

#[test]
fn with_a_broken_disk_nothing_is_stored_and_who_reads_gets_every_byte() {
    let mut filling = Filling::new(Some(2000));
    let mut slow = filling.spool.join().unwrap();
    (0..10).for_each(|_| filling.take(100));
    filling.script.break_down();
    filling.take(50);
    assert!(filling.spool.join().is_none());
    assert_eq!(filling.fate(), Some(Detail::Disk));
    assert_eq!(next(&mut slow), Some(chunk(0, 100)), "out of the file");
    assert_eq!(all(slow), chunk(100, 950), "and out of memory");
    assert!(!filling.is_stored());
}

#[test]
fn a_fill_that_is_dropped_while_it_waits_for_the_disk_stores_nothing() {
    for before in [0, 1500] {
        let mut filling = Filling::new(Some(2000));
        if before > 0 {
            filling.take(before);
        }
        filling.script.hold(true);
        let left = chunk(before as u64, 2000 - before);
        assert!(poll(pin!(filling.pump.take(left))).is_pending());
        let Filling { pump, mut first, script, store, .. } = filling;
        drop(pump);
        script.hold(false);
        let last = Pin::new(&mut first).poll_frame(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(last, Poll::Ready(Some(Err(BodyError::Truncated)))));
        assert!(store.has_nothing(&key()));
        assert_eq!(script.dropped(), 1);
    }
}
