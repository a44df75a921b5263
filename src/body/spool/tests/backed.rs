//! A spool with a growing file behind it.

use super::*;
use crate::body::Body;
use crate::store::in_memory::Script;

const READ_AHEAD: u64 = 100;

/// A backed spool, with a reader at its first byte. Bytes are those of [`pattern`].
struct Backed {
    writer: Option<SpoolWriter>,
    spool: Arc<Spool>,
    budget: Arc<Budget>,
    script: Script,
    pushed: u64,
}

fn pattern(from: u64, to: u64) -> Vec<u8> {
    (from..to).map(|n| ((n * 31) >> 3) as u8).collect()
}

impl Backed {
    fn new(limit: u64) -> Self {
        let (mut writer, spool, budget) = with_budget(READ_AHEAD, limit);
        let script = Script::default();
        writer.back(script.growing());
        Self { writer: Some(writer), spool, budget, script, pushed: 0 }
    }

    fn writer(&mut self) -> &mut SpoolWriter {
        self.writer.as_mut().unwrap()
    }

    /// Hands the next bytes to the file, which has not written them yet, and to the spool.
    fn push(&mut self, length: u64) -> Pushed {
        let bytes = Bytes::from(pattern(self.pushed, self.pushed + length));
        self.script.take(&bytes);
        self.pushed += length;
        push(self.writer(), bytes).unwrap()
    }

    /// Pushes frames of 10 bytes, all written at once, for as long as there is room.
    fn push_written(&mut self) {
        while has_room(self.writer()) {
            self.push(10);
            self.script.write_all();
        }
    }

    /// Pushes and writes `length` bytes, with a reader that reads along and is given back.
    fn run(&mut self, reader: &mut Checked, length: u64) {
        let until = self.pushed + length;
        while self.pushed < until {
            self.push(10);
            self.script.write_all();
            reader.up_to(self.pushed);
        }
    }

    fn join(&self) -> Checked {
        Checked { reader: self.spool.join().unwrap(), at: 0 }
    }

    /// Bytes held, with what each frame costs.
    fn held(&self) -> u64 {
        self.budget.used()
    }
}

/// A reader that looks at every byte.
struct Checked {
    reader: SpoolReader,
    at: u64,
}

impl Checked {
    /// The next bytes that are there: how many.
    fn next(&mut self) -> Option<u64> {
        let bytes = next(&mut self.reader)?.unwrap();
        let to = self.at + bytes.len() as u64;
        assert_eq!(bytes, pattern(self.at, to), "from {} to {to}", self.at);
        self.at = to;
        Some(bytes.len() as u64)
    }

    fn up_to(&mut self, at: u64) {
        while self.at < at {
            self.next().unwrap_or_else(|| panic!("nothing at {} of {at}", self.at));
        }
        assert_eq!(self.at, at);
    }

    /// To the end, which is clean.
    fn reads_to_its_end(mut self, length: u64) {
        self.up_to(length);
        assert!(self.reader.is_end_stream());
    }
}

#[test]
fn a_late_joiner_reads_everything_from_the_file_and_goes_on_in_memory() {
    let mut backed = Backed::new(PLENTY);
    let mut first = backed.join();
    backed.run(&mut first, 1000);
    let mut late = backed.join();
    late.up_to(1000);
    assert_eq!(backed.script.asked(), [(0, 999)]);
    assert_eq!(late.next(), None);
    assert_eq!(backed.push(10), Pushed::Kept);
    assert_eq!((first.next(), late.next()), (Some(10), Some(10)));
    assert_eq!(backed.script.asked(), [], "this came from memory");
    backed.writer.take().unwrap().finish(None);
    first.reads_to_its_end(1010);
    late.reads_to_its_end(1010);
}

#[test]
fn a_reader_of_the_file_catches_up_exactly_where_the_spool_begins() {
    let mut backed = Backed::new(PLENTY);
    let mut first = backed.join();
    backed.run(&mut first, 200);
    // Held from 200 on, as it is not written.
    backed.push(7);
    backed.push(13);
    first.up_to(220);
    let mut late = backed.join();
    late.up_to(200);
    assert_eq!(backed.script.asked(), [(0, 199)]);
    assert_eq!((late.next(), late.next(), late.next()), (Some(7), Some(13), None));
    assert_eq!(backed.script.asked(), [], "the file has nothing of that yet");

    // What it is about to read in memory may be let go before it comes.
    let mut later = backed.join();
    later.up_to(200);
    backed.script.asked();
    backed.run(&mut first, 200);
    later.up_to(420);
    assert_eq!(backed.script.asked(), [(200, 419)]);
}

#[test]
fn what_is_written_and_read_is_let_go_and_what_is_not_written_stays() {
    let mut backed = Backed::new(PLENTY);
    let mut reader = backed.join();
    for _ in 0..20 {
        backed.push(10);
        reader.up_to(backed.pushed);
    }
    let all = backed.held();
    assert!(all >= 200, "nothing is written");
    backed.script.write_up_to(99);
    backed.push(10);
    let frame = all / 20;
    assert_eq!(backed.held(), 12 * frame, "nine are written to their end");
    backed.script.write_all();
    reader.up_to(210);
    assert_eq!(backed.held(), 0);
    let mut late = backed.join();
    late.up_to(210);
}

#[test]
fn memory_is_bounded_whatever_the_length_and_however_slow_a_reader() {
    let mut backed = Backed::new(PLENTY);
    let (mut fast, mut slow) = (backed.join(), backed.join());
    let mut most = 0;
    for _ in 0..2000 {
        backed.push_written();
        most = most.max(backed.held());
        fast.up_to(backed.pushed);
    }
    assert!(backed.pushed >= 2000 * READ_AHEAD, "the slow one stopped nobody");
    // What is read ahead, and as much behind it for who is close, in frames of ten bytes.
    assert!(most <= (2 * READ_AHEAD / 10 + 2) * (10 + 96), "{most} bytes");
    assert!(backed.writer().joinable());
    slow.up_to(backed.pushed);
    backed.writer.take().unwrap().finish(None);
    slow.reads_to_its_end(2000 * READ_AHEAD);
}

#[test]
fn a_reader_close_behind_stays_in_memory() {
    let mut backed = Backed::new(PLENTY);
    let (mut one, mut other) = (backed.join(), backed.join());
    for _ in 0..50 {
        backed.push(10);
        backed.script.write_all();
        one.up_to(backed.pushed);
        other.up_to(backed.pushed.saturating_sub(READ_AHEAD - 10));
    }
    assert_eq!(backed.script.asked(), []);
    backed.run(&mut one, 100);
    other.up_to(backed.pushed);
    assert_ne!(backed.script.asked(), [], "too far behind");
}

#[test]
fn the_writer_goes_at_the_pace_of_the_fastest_wherever_it_reads() {
    let mut backed = Backed::new(PLENTY);
    let mut first = backed.join();
    backed.run(&mut first, 50_000);
    let mut late = backed.join();
    drop(first);
    assert!(!has_room(backed.writer()), "the only one is at the first byte");
    let woken = Woken::default();
    {
        let writer = backed.writer.as_mut().unwrap();
        let mut room = pin!(writer.room());
        assert!(woken.poll(room.as_mut()).is_pending());
        assert!(late.next().is_some());
        assert!(woken.take(), "it is the fastest");
        assert!(woken.poll(room.as_mut()).is_pending(), "and still far behind");
        late.up_to(50_000);
        assert!(woken.take());
        assert!(woken.poll(room.as_mut()).is_ready());
    }
}

#[test]
fn a_backed_spool_without_budget_lets_go_of_what_is_written_and_stays_joinable() {
    let mut backed = Backed::new(1000);
    let (mut fast, mut slow) = (backed.join(), backed.join());
    backed.budget.take(1000); // others hold all of it
    for _ in 0..100 {
        assert_eq!(backed.push(10), Pushed::Kept);
        backed.script.write_all();
        assert_eq!(backed.push(10), Pushed::Kept);
        assert!(backed.held() <= 1000 + (10 + 96), "{} bytes", backed.held());
        backed.script.write_all();
        fast.up_to(backed.pushed);
    }
    let mut late = backed.join();
    late.up_to(2000);
    slow.up_to(2000);
}

#[test]
fn a_spool_that_is_full_may_be_backed_instead_of_becoming_a_window() {
    let (mut writer, spool, budget) = with_budget(READ_AHEAD, 1 << 20);
    let (mut first, script) = (spool.join().unwrap(), Script::default());
    let offer = |writer: &mut SpoolWriter, bytes: Bytes| {
        let Poll::Ready(offered) = poll(pin!(writer.offer(bytes))) else { panic!("it waits") };
        offered.unwrap()
    };
    script.take(&pattern(0, 10).into());
    assert_eq!(offer(&mut writer, pattern(0, 10).into()), None);
    budget.take(1 << 20); // others take all of it
    writer.expect_length(1 << 30); // no small one
    script.take(&pattern(10, 20).into());
    let back = offer(&mut writer, pattern(10, 20).into()).unwrap();
    assert!(writer.joinable(), "nothing has changed");
    writer.back(script.growing());
    assert_eq!(push(&mut writer, back), Ok(Pushed::Kept));
    script.write_all();
    read(&mut first, 2);
    assert_eq!(budget.used(), 1 << 20);

    writer.stop_joining();
    assert_eq!(offer(&mut writer, frame(b'x', 10)), None, "a window takes it");
}

#[test]
fn a_spool_may_be_backed_when_it_holds_much_already() {
    let (mut writer, spool, budget) = with_budget(1000, PLENTY);
    let (mut fast, mut slow) = (spool.join().unwrap(), spool.join().unwrap());
    let script = Script::default();
    for at in 0..100 {
        let bytes = Bytes::from(pattern(at * 100, at * 100 + 100));
        script.take(&bytes);
        push(&mut writer, bytes).unwrap();
        read(&mut fast, 1);
    }
    read(&mut slow, 3);
    script.write_all();
    let before = budget.used();
    writer.back(script.growing());
    assert!(budget.used() < before / 50, "{} of {before} bytes", budget.used());
    let mut slow = Checked { reader: slow, at: 300 };
    slow.up_to(10_000);
    writer.back(Script::default().growing());
    let mut late = Checked { reader: spool.join().unwrap(), at: 0 };
    late.up_to(10_000);
}

#[tokio::test]
async fn a_file_that_breaks_leaves_a_window_that_waits_for_who_reads_the_file() {
    let mut backed = Backed::new(PLENTY);
    let (mut fast, mut slow) = (backed.join(), backed.join());
    backed.run(&mut fast, 1000);
    slow.up_to(100);
    while has_room(backed.writer()) {
        backed.push(10); // never written
    }
    backed.writer().stop_joining();
    assert!(backed.spool.join().is_none());
    fast.up_to(backed.pushed);
    assert!(!has_room(backed.writer()), "the slow one counts, as if it were at byte 1000");
    slow.up_to(1000);
    assert!(!has_room(backed.writer()), "it has only now come there");
    slow.next();
    assert!(has_room(backed.writer()));
    let held = backed.held();
    for _ in 0..100 {
        backed.push(10);
        assert_eq!((fast.next(), slow.next()), (Some(10), Some(10)));
        assert!(backed.held() <= held + 10 + 96);
    }
    backed.writer.take().unwrap().finish(None);
    let length = backed.pushed;
    fast.reads_to_its_end(length);
    slow.reads_to_its_end(length);
    assert_eq!(backed.held(), 0);
}

#[tokio::test]
async fn who_reads_a_broken_file_too_slowly_is_cut_off() {
    let budget = Arc::new(Budget::new(PLENTY));
    let config = SpoolConfig { read_ahead: 100, cutoff: Duration::from_millis(30) };
    let (mut writer, spool) = spool(config, budget);
    let (mut slow, mut fast) = (spool.join().unwrap(), spool.join().unwrap());
    let script = Script::default();
    writer.back(script.growing());
    for at in 0..20_u64 {
        script.take(&pattern(at * 1000, at * 1000 + 1000).into());
        script.write_all();
        push(&mut writer, pattern(at * 1000, at * 1000 + 1000).into()).unwrap();
        read(&mut fast, 1);
    }
    read(&mut slow, 1);
    writer.stop_joining();
    push(&mut writer, frame(b'x', 100)).unwrap();
    read(&mut fast, 1);
    let going_on = timeout(DEADLINE, writer.push(frame(b'x', 100))).await;
    assert_eq!(going_on.expect("the slow one is cut off"), Ok(Pushed::Window));
    assert!(matches!(next(&mut slow), Some(Err(BodyError::CutOff))));
}

#[test]
fn a_file_that_cannot_be_read_breaks_off_who_needs_it_and_nobody_else() {
    let mut backed = Backed::new(PLENTY);
    let (mut fast, mut slow) = (backed.join(), backed.join());
    backed.run(&mut fast, 1000);
    backed.script.lose();
    assert!(matches!(next(&mut slow.reader), Some(Err(BodyError::Damaged))));
    assert!(slow.reader.is_end_stream());
    backed.push(10);
    assert_eq!(fast.next(), Some(10));
    drop(slow);
    assert_eq!(backed.spool.readers(), 1);
}

#[test]
fn a_body_that_breaks_off_is_read_as_far_as_it_came_wherever_that_is() {
    let mut backed = Backed::new(PLENTY);
    let (mut fast, mut slow) = (backed.join(), backed.join());
    backed.run(&mut fast, 1000);
    backed.push(10); // not written
    backed.writer = None;
    assert!(backed.spool.join().is_none());
    for reader in [&mut fast, &mut slow] {
        reader.up_to(1010);
        assert!(matches!(next(&mut reader.reader), Some(Err(BodyError::Truncated))));
    }
    assert_eq!(backed.held(), 0);
}

#[test]
fn a_finished_spool_needs_its_file_for_as_long_as_somebody_reads() {
    let mut backed = Backed::new(PLENTY);
    let (mut fast, slow) = (backed.join(), backed.join());
    backed.run(&mut fast, 1000);
    backed.push(10);
    backed.script.write_all();
    backed.writer.take().unwrap().finish(None);
    let late = backed.join();
    let Backed { spool, budget, .. } = backed;
    drop(spool);
    late.reads_to_its_end(1010);
    slow.reads_to_its_end(1010);
    fast.reads_to_its_end(1010);
    assert_eq!(budget.used(), 0);
}

#[test]
fn a_backed_spool_is_abandoned_when_nobody_reads() {
    let mut backed = Backed::new(PLENTY);
    let mut reader = backed.join();
    backed.run(&mut reader, 1000);
    backed.push(10); // not written
    drop(reader);
    let late = backed.join();
    assert!(!backed.writer().stop_joining_if_unread());
    drop(late);
    assert!(backed.writer().stop_joining_if_unread());
    assert_eq!(backed.held(), 0);
    assert_eq!(push(backed.writer(), frame(b'x', 1)), Err(Abandoned));
}

#[test]
fn a_range_of_a_backed_body_does_not_read_what_is_before_it() {
    let mut backed = Backed::new(PLENTY);
    let mut first = backed.join();
    backed.run(&mut first, 1000);
    backed.push(10); // not written
    for (from, to, asked) in [
        (0, 9, Some((0, 999))),
        (500, 504, Some((500, 999))),
        (999, 1000, Some((999, 999))),
        (1003, 1005, None),
    ] {
        let mut part = Body::part(backed.spool.join().unwrap(), from, to);
        let mut read = Vec::new();
        while !part.is_end_stream() {
            let Poll::Ready(Some(Ok(frame))) = poll(pin!(part.frame())) else { panic!("bytes") };
            read.extend(frame.into_data().unwrap());
        }
        assert_eq!(read, pattern(from, to + 1), "{from}-{to}");
        assert_eq!(backed.script.asked(), Vec::from_iter(asked), "{from}-{to}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_that_come_at_any_time_each_get_every_byte_of_a_backed_body() {
    const LENGTH: u64 = 1_500_000;
    let (mut writer, spool, budget) = with_budget(64 << 10, 512 << 10);
    let script = Script::default();
    let mut readers = vec![tokio::spawn(collect(spool.join().unwrap()))];
    writer.back(script.growing());
    let mut from = 0;
    while from < LENGTH {
        let to = (from + 7001).min(LENGTH);
        let bytes = Bytes::from(pattern(from, to));
        script.take(&bytes);
        assert_eq!(timeout(DEADLINE, writer.push(bytes)).await.unwrap(), Ok(Pushed::Kept));
        assert!(budget.used() <= 400 << 10, "{} bytes", budget.used());
        script.write_up_to(to.saturating_sub(100_000));
        if readers.len() < 30 {
            readers.push(tokio::spawn(collect(spool.join().unwrap())));
        }
        from = to;
    }
    script.write_all();
    writer.finish(None);
    readers.push(tokio::spawn(collect(spool.join().unwrap())));
    for reader in readers {
        assert!(reader.await.unwrap().unwrap() == pattern(0, LENGTH));
    }
    drop(spool);
    assert_eq!(budget.used(), 0);
}
