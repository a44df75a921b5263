//! How fast the writer goes, what is held, and who is cut off.

use super::*;
use crate::body::spool::state::Room;

#[test]
fn a_joinable_spool_runs_ahead_of_its_fastest_reader_only_so_far() {
    let (mut writer, spool, _) = with_budget(100, PLENTY);
    let (mut fast, mut slow) = (spool.join().unwrap(), spool.join().unwrap());
    assert_eq!(fill(&mut writer), 100);
    read(&mut slow, 1);
    assert_eq!(fill(&mut writer), 10, "the fastest counts, whoever it is");
    read(&mut fast, 3);
    assert_eq!(fill(&mut writer), 20);
    read(&mut slow, 2);
    assert_eq!(fill(&mut writer), 0, "a slower one makes no room");
    read(&mut fast, 10);
    assert_eq!(fill(&mut writer), 100, "the slow one stops nobody");
    drop(fast);
    assert!(!has_room(&mut writer), "now the slow one is the fastest");
}

#[test]
fn one_frame_may_go_beyond_the_read_ahead() {
    let (mut writer, spool, _) = with_budget(100, PLENTY);
    let _reader = spool.join().unwrap();
    push(&mut writer, frame(b'x', 99)).unwrap();
    push(&mut writer, frame(b'x', 5000)).unwrap();
    assert!(poll(pin!(writer.push(frame(b'x', 1)))).is_pending());
}

#[test]
fn a_late_joiner_starts_from_the_first_byte() {
    let (mut writer, spool, _) = with_budget(100, PLENTY);
    let mut first = spool.join().unwrap();
    for byte in b'a'..=b'z' {
        push(&mut writer, frame(byte, 10)).unwrap();
        read(&mut first, 1);
    }
    let mut late = spool.join().unwrap();
    for byte in b'a'..=b'z' {
        assert_eq!(next(&mut late).unwrap().unwrap(), frame(byte, 10));
    }
    assert!(next(&mut late).is_none());
}

#[tokio::test]
async fn a_window_goes_at_the_pace_of_its_slowest_reader_and_keeps_no_more() {
    let (mut writer, spool, budget) = with_budget(100, PLENTY);
    let (mut fast, mut slow) = (spool.join().unwrap(), spool.join().unwrap());
    fill(&mut writer);
    read(&mut fast, 10);
    fill(&mut writer);
    writer.stop_joining();
    assert!(spool.join().is_none());
    read(&mut fast, 10);
    assert!(!has_room(&mut writer), "the slowest counts: it is 200 bytes behind");
    read(&mut slow, 10);
    assert!(!has_room(&mut writer), "still 100 bytes behind");
    read(&mut slow, 1);
    assert_eq!(fill(&mut writer), 10);
    let before = budget.used();
    for _ in 0..1000 {
        read(&mut fast, 1);
        read(&mut slow, 1);
        assert_eq!(fill(&mut writer), 10);
    }
    assert_eq!(budget.used(), before, "memory does not grow");
}

#[test]
fn what_nobody_needs_is_let_go_at_once_when_joining_stops() {
    let (mut writer, spool, budget) = with_budget(1000, PLENTY);
    let mut reader = spool.join().unwrap();
    for _ in 0..50 {
        push(&mut writer, frame(b'x', 10)).unwrap();
    }
    read(&mut reader, 50);
    assert!(budget.used() >= 500);
    writer.stop_joining();
    assert_eq!(budget.used(), 0);
}

#[test]
fn a_spool_without_budget_becomes_a_window_and_says_so() {
    let (mut writer, spool, budget) = with_budget(100_000, 5000);
    let mut reader = spool.join().unwrap();
    let mut kept = 0;
    while push(&mut writer, frame(b'x', 1000)).unwrap() == Pushed::Kept {
        read(&mut reader, 1);
        kept += 1;
    }
    assert_eq!(kept, 3, "with what frames cost besides their bytes, and without the reserve");
    assert!(spool.join().is_none());
    read(&mut reader, 1);
    for _ in 0..100 {
        assert_eq!(push(&mut writer, frame(b'x', 1000)), Ok(Pushed::Window));
        read(&mut reader, 1);
        assert!(budget.used() <= 5000);
    }
}

#[test]
fn a_used_up_budget_stops_nobody_but_leaves_one_frame_at_a_time() {
    let (mut writer, spool, budget) = with_budget(100_000, 1000);
    budget.take(1000); // others hold all of it
    let mut reader = spool.join().unwrap();
    for _ in 0..100 {
        assert_eq!(push(&mut writer, frame(b'x', 500)), Ok(Pushed::Window));
        assert!(poll(pin!(writer.push(frame(b'x', 500)))).is_pending());
        assert!(budget.used() < 1000 + 1000);
        read(&mut reader, 1);
    }
    assert_eq!(budget.used(), 1000);
}

/// A spool of this budget for a body of this length, if known, with its reader.
fn announced(budget: &Arc<Budget>, length: Option<u64>) -> (SpoolWriter, SpoolReader) {
    let (mut writer, spool) = spool(config(256 << 10), Arc::clone(budget));
    if let Some(length) = length {
        writer.expect_length(length);
    }
    let reader = spool.join().unwrap();
    (writer, reader)
}

#[test]
fn slow_downloads_leave_the_reserve_to_small_bodies() {
    let budget = Arc::new(Budget::new(4 << 20));
    let slow: Vec<_> = (0..20)
        .map(|at| {
            let (mut writer, reader) = announced(&budget, (at % 2 == 0).then_some(1 << 30));
            while has_room(&mut writer) && poll(pin!(writer.push(frame(b'x', 16 << 10)))).is_ready()
            {
            }
            (writer, reader)
        })
        .collect();
    assert!(slow.iter().any(|(writer, _)| !writer.joinable()), "they use all that they may");
    // The slow ones of unknown length may have half of the reserve, and leave this.
    let reserve = (4_u64 << 20) / 8 / 2;
    let mut small = Vec::new();
    for _ in 0..reserve / (2096 + 128) {
        let mut one = announced(&budget, Some(2000));
        assert_eq!(push(&mut one.0, frame(b'x', 2000)), Ok(Pushed::Kept));
        small.push(one);
    }
    let beyond = budget.used();
    assert!(beyond < (4 << 20) + 20 * (16 << 10) + 20 * 96, "{beyond} bytes");
    drop((slow, small));
    assert_eq!(budget.used(), 0);
}

#[test]
fn the_reserve_is_bounded_and_a_body_of_unknown_length_has_half_of_it_at_most() {
    for (length, kept) in [(Some(250 << 10), 8), (None, 4), (Some(300 << 10), 0)] {
        let budget = Arc::new(Budget::new(8 * 8 * 1096));
        budget.take(1 << 20); // others hold all of it
        let (mut writer, mut reader) = announced(&budget, length);
        for count in 0.. {
            let pushed = push(&mut writer, frame(b'x', 1000)).unwrap();
            read(&mut reader, 1);
            if pushed == Pushed::Window {
                assert_eq!(count, kept, "of {length:?} bytes");
                break;
            }
        }
        assert_eq!(budget.used(), 1 << 20, "a window that was read holds nothing");
    }
    let budget = Arc::new(Budget::new(PLENTY));
    budget.take(PLENTY);
    let (mut writer, mut reader) = announced(&budget, None);
    for _ in 0..64 {
        assert_eq!(push(&mut writer, frame(b'x', 1 << 10)), Ok(Pushed::Kept));
        read(&mut reader, 1);
    }
    assert_eq!(push(&mut writer, frame(b'x', 1)), Ok(Pushed::Window), "it is no small body");
}

#[test]
fn tiny_frames_count_for_more_than_their_bytes() {
    let (mut writer, spool, budget) = with_budget(100_000, PLENTY);
    let _reader = spool.join().unwrap();
    for _ in 0..1000 {
        push(&mut writer, frame(b'x', 1)).unwrap();
    }
    assert!(budget.used() > 50_000, "{} bytes", budget.used());
}

#[tokio::test]
async fn a_reader_that_holds_others_up_is_cut_off() {
    let budget = Arc::new(Budget::new(PLENTY));
    let config = SpoolConfig { read_ahead: 100, cutoff: Duration::from_millis(30) };
    let (mut writer, spool) = spool(config, budget);
    let (mut slow, fast) = (spool.join().unwrap(), spool.join().unwrap());
    writer.stop_joining();
    let write = async {
        for _ in 0..100 {
            writer.push(frame(b'x', 10)).await.unwrap();
        }
        writer.finish(None);
    };
    let (body, ()) = tokio::join!(collect(fast), async { timeout(DEADLINE, write).await.unwrap() });
    assert_eq!(body.unwrap().len(), 1000);
    assert_eq!(spool.readers(), 0, "neither the one that is done nor the one that was cut off");
    assert!(matches!(next(&mut slow), Some(Err(BodyError::CutOff))));
    assert!(slow.is_end_stream());
}

#[tokio::test]
async fn with_the_budget_used_up_a_reader_is_cut_off_for_one_frame_too() {
    let budget = Arc::new(Budget::new(0));
    let config = SpoolConfig { read_ahead: 100, cutoff: Duration::from_millis(30) };
    let (mut writer, spool) = spool(config, budget);
    let (mut slow, fast) = (spool.join().unwrap(), spool.join().unwrap());
    let write = async {
        for _ in 0..10 {
            writer.push(frame(b'x', 10)).await.unwrap();
        }
        writer.finish(None);
    };
    let (body, ()) = tokio::join!(collect(fast), async { timeout(DEADLINE, write).await.unwrap() });
    assert_eq!(body.unwrap().len(), 100);
    assert!(matches!(next(&mut slow), Some(Err(BodyError::CutOff))));
}

#[test]
fn the_clock_of_the_cut_off_runs_only_while_somebody_is_held_up() {
    let (mut writer, spool, _) = with_budget(100, PLENTY);
    let (mut slow, mut other) = (spool.join().unwrap(), spool.join().unwrap());
    let wait = || spool.shared.state.lock().room(&spool.shared.config, Waker::noop());
    fill(&mut writer);
    read(&mut other, 10);
    fill(&mut writer);
    assert_eq!(wait(), Room::Wait(None), "a joinable spool cuts nobody off");
    writer.stop_joining();
    assert_eq!(wait(), Room::Wait(None), "the other has something to read");
    read(&mut other, 10);
    let Room::Wait(Some(until)) = wait() else { panic!("the other is held up now") };
    assert_eq!(wait(), Room::Wait(Some(until)), "the clock runs on");
    read(&mut slow, 5);
    assert_eq!(wait(), Room::Wait(Some(until)), "a little progress does not stop it");
    drop(other);
    assert_eq!(wait(), Room::Wait(None), "alone, it may be as slow as it likes");
    read(&mut slow, 6);
    assert_eq!(wait(), Room::Free);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_readers_each_get_every_byte() {
    let (mut writer, spool, budget) = with_budget(256 << 10, PLENTY);
    let first = spool.join().unwrap();
    let expected: Vec<u8> = (0..4_000_000_u32).map(|n| ((n * 31) >> 7) as u8).collect();
    let mut readers = vec![tokio::spawn(collect(first))];
    for (at, part) in expected.chunks(16 << 10).enumerate() {
        if at % 2 == 0 && readers.len() < 200 {
            readers.extend((0..4).map(|_| tokio::spawn(collect(spool.join().unwrap()))));
        }
        let pushed = timeout(DEADLINE, writer.push(Bytes::copy_from_slice(part))).await;
        assert_eq!(pushed.unwrap(), Ok(Pushed::Kept));
    }
    writer.finish(None);
    assert!(readers.len() >= 200);
    for reader in readers {
        assert!(reader.await.unwrap().unwrap() == expected);
    }
    drop(spool);
    assert_eq!(budget.used(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_readers_of_a_window_each_get_every_byte() {
    let (mut writer, spool, budget) = with_budget(64 << 10, 300 << 10);
    let readers: Vec<_> = (0..50).map(|_| tokio::spawn(collect(spool.join().unwrap()))).collect();
    let expected: Vec<u8> = (0..3_000_000_u32).map(|n| ((n * 17) >> 5) as u8).collect();
    for part in expected.chunks(7000) {
        timeout(DEADLINE, writer.push(Bytes::copy_from_slice(part))).await.unwrap().unwrap();
        assert!(budget.used() <= 300 << 10);
    }
    assert!(!writer.joinable(), "three megabytes do not fit");
    writer.finish(None);
    for reader in readers {
        assert!(reader.await.unwrap().unwrap() == expected);
    }
}

#[tokio::test]
async fn a_waiting_writer_is_woken_by_the_reader_that_counts() {
    let (mut writer, spool, _) = with_budget(100, PLENTY);
    let (mut fast, mut slow) = (spool.join().unwrap(), spool.join().unwrap());
    let woken = Woken::default();
    fill(&mut writer);
    read(&mut fast, 5);
    fill(&mut writer);
    {
        let mut room = pin!(writer.room());
        assert!(woken.poll(room.as_mut()).is_pending());
        read(&mut slow, 1);
        assert!(!woken.take(), "the slow one makes no room");
        read(&mut fast, 1);
        assert!(woken.take(), "the fast one does");
        assert!(woken.poll(room.as_mut()).is_ready());
    }
    writer.stop_joining();
    let mut room = pin!(writer.room());
    assert!(woken.poll(room.as_mut()).is_pending(), "the slow one is 140 bytes behind");
    read(&mut fast, 1);
    assert!(!woken.take(), "the fast one makes no room now");
    for _ in 0..5 {
        assert!(woken.poll(room.as_mut()).is_pending());
        read(&mut slow, 1);
        assert!(woken.take(), "the slow one does");
    }
    assert!(woken.poll(room.as_mut()).is_ready());
}
