//! How a spool ends, and how its readers leave.

use std::pin::pin;

use http::{HeaderMap, HeaderValue};
use http_body::Body as _;
use http_body_util::BodyExt as _;

use super::*;

#[tokio::test]
async fn dropping_the_writer_truncates_the_body_for_all() {
    let (mut writer, spool, _) = with_budget(100, PLENTY);
    let (mut early, mut late) = (spool.join().unwrap(), spool.join().unwrap());
    push(&mut writer, frame(b'a', 10)).unwrap();
    read(&mut early, 1);
    let mut waiting = pin!(early.frame());
    assert!(poll(waiting.as_mut()).is_pending());
    drop(writer);
    let woken = timeout(DEADLINE, waiting).await.unwrap();
    assert!(matches!(woken, Some(Err(BodyError::Truncated))));
    assert_eq!(next(&mut late).unwrap().unwrap(), frame(b'a', 10), "first what is there");
    assert!(!late.is_end_stream());
    assert!(matches!(next(&mut late), Some(Err(BodyError::Truncated))));
    assert!(spool.join().is_none(), "who comes now tries anew");
}

#[test]
fn a_failure_reaches_every_reader() {
    let (writer, spool, _) = with_budget(100, PLENTY);
    let mut readers = [spool.join().unwrap(), spool.join().unwrap()];
    writer.fail(BodyError::upstream(std::io::Error::other("connection reset")));
    for reader in &mut readers {
        let Some(Err(error)) = next(reader) else { panic!("an error") };
        assert_eq!(error.to_string(), "the origin's response broke off: connection reset");
    }
}

#[test]
fn the_writer_learns_that_the_last_reader_has_left() {
    let (mut writer, spool, _) = with_budget(100, PLENTY);
    let (one, other) = (spool.join().unwrap(), spool.join().unwrap());
    let woken = Woken::default();
    {
        let mut gone = pin!(writer.readers_gone());
        assert!(woken.poll(gone.as_mut()).is_pending());
        drop(one);
        assert!(!woken.take(), "one is left");
        drop(other);
        assert!(woken.take());
        assert!(woken.poll(gone.as_mut()).is_ready());
    }
    assert_eq!(spool.readers(), 0);
    for _ in 0..100 {
        assert_eq!(push(&mut writer, frame(b'x', 10)), Ok(Pushed::Kept), "for the store");
    }
    let mut newcomer = spool.join().unwrap();
    read(&mut newcomer, 100);
    writer.stop_joining();
    assert!(has_room(&mut writer));
    drop(newcomer);
    assert_eq!(push(&mut writer, frame(b'x', 10)), Err(Abandoned));
    assert_eq!(poll(pin!(writer.room())), Poll::Ready(Err(Abandoned)));
}

#[test]
fn a_writer_that_gives_up_lets_nobody_join_who_would_get_half_a_body() {
    let (mut writer, spool, budget) = with_budget(100, PLENTY);
    let first = spool.join().unwrap();
    push(&mut writer, frame(b'x', 10)).unwrap();
    assert!(!writer.stop_joining_if_unread(), "somebody reads");
    let mut second = spool.join().unwrap();
    drop(first);
    read(&mut second, 1);
    assert!(!writer.stop_joining_if_unread(), "who has joined is served on");
    drop(second);
    assert!(writer.stop_joining_if_unread());
    assert!(spool.join().is_none(), "the writer is about to be dropped");
    assert_eq!(budget.used(), 0);
}

#[tokio::test]
async fn a_waiting_writer_is_woken_when_a_reader_leaves() {
    let (mut writer, spool, budget) = with_budget(100, PLENTY);
    let (slow, mut other) = (spool.join().unwrap(), spool.join().unwrap());
    let woken = Woken::default();
    writer.stop_joining();
    fill(&mut writer);
    read(&mut other, 5);
    {
        let mut room = pin!(writer.room());
        assert!(woken.poll(room.as_mut()).is_pending());
        drop(slow);
        assert!(woken.take());
        assert_eq!(woken.poll(room.as_mut()), Poll::Ready(Ok(())), "the slow one is gone");
    }
    fill(&mut writer);
    {
        let mut pushing = pin!(writer.push(frame(b'x', 10)));
        assert!(woken.poll(pushing.as_mut()).is_pending());
        drop(other);
        assert!(woken.take());
        assert_eq!(woken.poll(pushing.as_mut()), Poll::Ready(Err(Abandoned)), "nobody is left");
    }
    assert_eq!(budget.used(), 0);
}

#[test]
fn a_finished_spool_may_be_joined_until_its_last_handle_is_gone() {
    let (mut writer, spool, budget) = with_budget(1000, PLENTY);
    let mut first = spool.join().unwrap();
    push(&mut writer, frame(b'a', 10)).unwrap();
    push(&mut writer, frame(b'b', 10)).unwrap();
    writer.finish(None);
    read(&mut first, 2);
    assert!(first.is_end_stream());
    let mut late = spool.join().unwrap();
    assert_eq!(next(&mut late).unwrap().unwrap(), frame(b'a', 10));
    let held = budget.used();
    drop(spool);
    assert!(budget.used() < held, "the first frame was read by all");
    assert_eq!(next(&mut late).unwrap().unwrap(), frame(b'b', 10));
    assert_eq!(budget.used(), 0);
}

#[test]
fn a_spool_gives_its_budget_back_whenever_it_is_dropped() {
    let (mut writer, spool, budget) = with_budget(1000, PLENTY);
    let reader = spool.join().unwrap();
    push(&mut writer, frame(b'x', 100)).unwrap();
    assert!(budget.used() > 0);
    drop((writer, spool, reader));
    assert_eq!(budget.used(), 0);
}

#[test]
fn trailers_come_after_the_last_byte() {
    let (mut writer, spool, _) = with_budget(1000, PLENTY);
    let mut reader = spool.join().unwrap();
    push(&mut writer, frame(b'x', 3)).unwrap();
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", HeaderValue::from_static("7"));
    writer.finish(Some(trailers.clone()));
    read(&mut reader, 1);
    assert!(!reader.is_end_stream());
    let mut frame = pin!(reader.frame());
    let Poll::Ready(Some(Ok(last))) = poll(frame.as_mut()) else { panic!("the trailers") };
    assert_eq!(last.into_trailers().unwrap(), trailers);
    assert!(reader.is_end_stream());
}

#[test]
fn the_size_hint_is_exact_once_the_length_is_known() {
    let (mut writer, spool, _) = with_budget(1000, PLENTY);
    let mut reader = spool.join().unwrap();
    assert_eq!(reader.size_hint().exact(), None);
    writer.expect_length(30);
    push(&mut writer, frame(b'x', 10)).unwrap();
    assert_eq!(reader.size_hint().exact(), Some(30));
    read(&mut reader, 1);
    assert_eq!(reader.size_hint().exact(), Some(20));

    let (mut writer, spool, _) = with_budget(1000, PLENTY);
    push(&mut writer, frame(b'x', 10)).unwrap();
    writer.finish(None);
    assert_eq!(spool.join().unwrap().size_hint().exact(), Some(10), "it is all there");
}

#[test]
fn a_task_of_any_thread_may_write_and_read() {
    fn may_move<T: Send + 'static>(_: T) {}
    let (mut writer, spool, _) = with_budget(1000, PLENTY);
    may_move(spool.join());
    may_move(async move {
        writer.room().await?;
        writer.push(frame(b'x', 1)).await?;
        writer.readers_gone().await;
        writer.finish(None);
        Ok::<_, Abandoned>(())
    });
}
