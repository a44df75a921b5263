use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use super::*;
use crate::policy::Interval;
use crate::store::contract::{head_with, read};
use crate::store::in_memory::{self, Script};

/// What memory takes in these tests.
const MOST: usize = 1000;

fn tiers() -> (Store, Script) {
    let script = Script::default();
    let config = Config { memory: 8 * MOST as u64, max_object: 5000, ..Config::default() };
    (in_memory::store(&config, &script), script)
}

fn bytes(from: usize, length: usize) -> Bytes {
    (from..from + length).map(|n| ((n * 7) >> 2) as u8).collect()
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn write(writer: &mut Writer, from: usize, length: usize) {
    at_once(writer.write(bytes(from, length))).unwrap();
}

#[test]
fn what_memory_takes_never_goes_to_a_file() {
    let (store, script) = tiers();
    for promised in [None, Some(MOST as u64)] {
        let mut writer = begin(&store, promised);
        write(&mut writer, 0, MOST);
        assert!(writer.growing().is_none());
        assert_eq!(body(&at_once(writer.finish(None)).unwrap()), bytes(0, MOST));
    }
    assert_eq!(script.begun(), []);
}

#[test]
fn a_body_that_outgrows_memory_goes_on_in_a_file_that_begins_with_its_first_byte() {
    let (store, script) = tiers();
    let mut writer = begin(&store, None);
    write(&mut writer, 0, 600);
    write(&mut writer, 600, 400);
    assert!(writer.growing().is_none());
    write(&mut writer, 1000, 1);
    assert_eq!(script.begun(), [None]);
    assert_eq!(script.bytes(), bytes(0, 1001));
    let growing = writer.growing().unwrap();
    assert_eq!(growing.written(), 0, "nothing was written yet");
    assert!(growing.reader(0, 0).is_none());
    write(&mut writer, 1001, 999);
    script.write_up_to(1500);
    let read = read(growing.reader(900, 1499).unwrap()).unwrap();
    assert_eq!(read, bytes(900, 600));
    assert!(growing.reader(900, 1500).is_none());

    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", HeaderValue::from_static("7"));
    let stored = at_once(writer.finish(Some(trailers.clone()))).unwrap();
    assert_eq!(growing.written(), 2000, "a finished body can be read to its end");
    assert_eq!(body(&stored), bytes(0, 2000));
    assert_eq!(stored.trailers(), Some(&trailers));
    assert_eq!(body(&lookup(&store).unwrap()), bytes(0, 2000));
}

#[test]
fn a_body_that_is_announced_longer_goes_to_a_file_from_its_first_byte_on() {
    let (store, script) = tiers();
    let mut writer = begin(&store, Some(1001));
    write(&mut writer, 0, 1);
    assert_eq!(script.begun(), [Some(1001)]);
    assert!(writer.growing().is_some());
    write(&mut writer, 1, 1000);
    assert!(at_once(writer.finish(None)).is_ok());
}

#[test]
fn with_files_the_longest_body_is_the_longest_object() {
    let (store, script) = tiers();
    assert_eq!(store.max_stored(), 5000);
    let refused = store.announce(key("/")).begin(plain(), Scope::Public, Some(5001));
    assert_eq!(refused.unwrap_err(), Refused::TooLarge);
    let mut writer = begin(&store, None);
    write(&mut writer, 0, 5000);
    assert_eq!(at_once(writer.write(bytes(0, 1))), Err(NotStored::TooLarge));
    assert!(writer.growing().is_none(), "it takes nothing any more");
    assert_eq!(script.dropped(), 1, "what was written is gone");
    assert_eq!(at_once(writer.finish(None)).unwrap_err(), NotStored::TooLarge);
    assert!(lookup(&store).is_none());
}

#[test]
fn a_writer_may_leave_memory_before_it_has_to() {
    let (store, script) = tiers();
    let mut writer = begin(&store, None);
    write(&mut writer, 0, 10);
    let growing = at_once(writer.leave_memory()).unwrap().unwrap();
    assert_eq!(script.bytes(), bytes(0, 10));
    assert!(at_once(writer.leave_memory()).unwrap().is_some(), "again it changes nothing");
    assert_eq!(script.begun().len(), 1);
    write(&mut writer, 10, 10);
    script.write_all();
    assert_eq!(growing.written(), 20);
    assert_eq!(body(&at_once(writer.finish(None)).unwrap()), bytes(0, 20));

    let store = super::store();
    let mut writer = begin(&store, None);
    write(&mut writer, 0, 10);
    assert!(at_once(writer.leave_memory()).unwrap().is_none(), "there are no files");
    assert_eq!(body(&at_once(writer.finish(None)).unwrap()), bytes(0, 10));
}

#[test]
fn a_file_that_breaks_is_the_end_of_storing_and_leaves_nothing() {
    let begins = |script: &Script, _: &mut Writer| script.break_down();
    let goes_on = |script: &Script, writer: &mut Writer| {
        write(writer, 0, 1500);
        script.break_down();
    };
    for before in [begins as fn(&Script, &mut Writer), goes_on] {
        let (store, script) = tiers();
        let mut writer = begin(&store, None);
        before(&script, &mut writer);
        assert_eq!(at_once(writer.write(bytes(1500, 1500))), Err(NotStored::Broken));
        assert!(writer.growing().is_none());
        assert_eq!(script.dropped(), 1);
        assert_eq!(at_once(writer.write(Bytes::new())), Err(NotStored::Broken));
        assert_eq!(at_once(writer.finish(None)).unwrap_err(), NotStored::Broken);
        assert!(lookup(&store).is_none());
    }
    let (store, script) = tiers();
    let mut writer = begin(&store, None);
    write(&mut writer, 0, 1500);
    script.break_down();
    assert_eq!(at_once(writer.finish(None)).unwrap_err(), NotStored::Broken, "at its end");
    assert!(lookup(&store).is_none());
    assert_eq!(store.shared.under_way.count(), 0);
}

#[test]
fn a_write_that_is_dropped_half_way_leaves_a_writer_that_stores_nothing() {
    for before in [0, 1500] {
        let (store, script) = tiers();
        let mut writer = begin(&store, None);
        write(&mut writer, 0, before);
        script.hold(true);
        assert!(poll(pin!(writer.write(bytes(before, 1500)))).is_pending());
        script.hold(false);
        assert_eq!(script.dropped(), 1, "the file is gone with the write");
        assert_eq!(at_once(writer.write(bytes(0, 1))), Err(NotStored::Truncated));
        assert_eq!(at_once(writer.finish(None)).unwrap_err(), NotStored::Truncated);
        assert!(lookup(&store).is_none());
    }
}

#[test]
fn a_writer_waits_for_its_file_and_goes_on_where_it_was() {
    let (store, script) = tiers();
    let mut writer = begin(&store, None);
    script.hold(true);
    {
        let mut writing = pin!(writer.write(bytes(0, 1500)));
        assert!(poll(writing.as_mut()).is_pending());
        script.hold(false);
        assert_eq!(poll(writing.as_mut()), Poll::Ready(Ok(())));
    }
    script.hold(true);
    let mut finishing = pin!(writer.finish(None));
    assert!(poll(finishing.as_mut()).is_pending());
    assert!(lookup(&store).is_none(), "it is not whole yet");
    script.hold(false);
    assert!(matches!(poll(finishing.as_mut()), Poll::Ready(Ok(_))));
    assert_eq!(body(&lookup(&store).unwrap()), bytes(0, 1500));
}

#[test]
fn a_finish_that_is_dropped_stores_nothing() {
    let (store, script) = tiers();
    let mut writer = begin(&store, None);
    write(&mut writer, 0, 1500);
    script.hold(true);
    assert!(poll(pin!(writer.finish(None))).is_pending());
    script.hold(false);
    assert!(lookup(&store).is_none());
    assert_eq!((script.dropped(), store.shared.under_way.count()), (1, 0));
}

#[test]
fn an_invalidation_while_the_file_is_being_finished_is_not_missed() {
    let (store, script) = tiers();
    let mut writer = begin(&store, None);
    write(&mut writer, 0, 1500);
    script.hold(true);
    let mut finishing = pin!(writer.finish(None));
    assert!(poll(finishing.as_mut()).is_pending());
    at_once(store.invalidate(&key("/")));
    script.hold(false);
    let Poll::Ready(finished) = poll(finishing.as_mut()) else { panic!("it waits") };
    assert_eq!(finished.unwrap_err(), NotStored::Invalidated);
    assert!(lookup(&store).is_none());
}

#[test]
fn a_long_part_is_stored_from_its_file() {
    let (store, script) = tiers();
    let part = Interval { first: 100, last: 2099 };
    let head = head_with(1, 206, &[("etag", "\"1\"")]);
    let announced = store.announce(key("/"));
    let mut writer = announced.begin_part(head, Scope::Public, part, Some(3000), None).unwrap();
    write(&mut writer, 100, 2000);
    assert_eq!(script.begun(), [Some(2000)]);
    let stored = at_once(writer.finish(None)).unwrap();
    assert_eq!(stored.held().intervals.as_slice(), [part]);
    let read = read(stored.reader_range(500, 600).unwrap()).unwrap();
    assert_eq!(read, bytes(500, 101));
}
