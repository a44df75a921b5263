use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;
use crate::telemetry::capture::Capture;

const DEADLINE: Duration = Duration::from_secs(10);

/// Says that a write began, and goes on when it is told to.
struct Gate {
    began: Sender<()>,
    go: Receiver<()>,
    capture: Capture,
}

impl Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.began.send(()).ok();
        // When the test is over, nobody holds the gate any more.
        self.go.recv_timeout(DEADLINE).ok();
        self.capture.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn announce_lost() -> Announce {
    Box::new(|notice, line| {
        if let Notice::Lost(lines) = notice {
            writeln!(line, "lost {lines}").unwrap();
        }
    })
}

#[test]
fn lines_come_out_in_order_and_all_of_them_before_close_returns() {
    let capture = Capture::default();
    let output = capture.output();
    for nth in 0..1000 {
        output.push(format!("{nth}\n").as_bytes());
    }
    output.close();
    let expected: String = (0..1000).map(|nth| format!("{nth}\n")).collect();
    assert_eq!(capture.text(), expected);
}

#[test]
fn a_full_queue_drops_lines_counts_them_and_says_so() {
    let (began, has_begun) = channel();
    let (go, gate) = channel();
    let capture = Capture::default();
    let sink = Gate { began, go: gate, capture: capture.clone() };
    let output = Output::open(Sink::Writer(Box::new(sink)), 10, announce_lost()).unwrap();
    output.push(b"first\n");
    has_begun.recv_timeout(DEADLINE).expect("the writer has taken the first line");
    output.push(b"12345\n");
    output.push(b"too much\n");
    output.push(b"and more\n");
    output.push(b"abc\n");
    drop(go);
    output.close();
    assert_eq!(capture.text(), "first\n12345\nabc\nlost 2\n");
}

/// Fails while it is told to.
struct Faulty {
    faults: usize,
    capture: Capture,
}

impl Write for Faulty {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.faults > 0 {
            self.faults -= 1;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.capture.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn lines_that_cannot_be_written_are_counted_and_reported_once_writing_works_again() {
    let capture = Capture::default();
    let sink = Faulty { faults: 1, capture: capture.clone() };
    let (began, has_begun) = channel();
    let (go, gate) = channel();
    let gate = Gate { began, go: gate, capture: Capture::default() };
    let both = Both(gate, sink);
    let output = Output::open(Sink::Writer(Box::new(both)), 1024, announce_lost()).unwrap();
    output.push(b"a\nb\n");
    has_begun.recv_timeout(DEADLINE).expect("the writer has taken the first lines");
    output.push(b"c\n");
    drop(go);
    output.close();
    assert_eq!(capture.text(), "c\nlost 2\n");
}

/// Passes a gate, then writes.
struct Both(Gate, Faulty);

impl Write for Both {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_all(bytes)?;
        self.1.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn after_reopening_lines_go_to_the_new_file_and_earlier_ones_to_the_old() {
    let dir = tempfile::tempdir().unwrap();
    let (path, rotated) = (dir.path().join("log"), dir.path().join("log.1"));
    std::fs::write(&path, "kept\n").unwrap();
    let output = Output::open(Sink::File(path.clone()), 1024, announce_lost()).unwrap();
    output.push(b"before\n");
    std::fs::rename(&path, &rotated).unwrap();
    output.push(b"still the old one\n");
    output.reopen();
    output.push(b"after\n");
    output.close();
    assert_eq!(std::fs::read_to_string(&rotated).unwrap(), "kept\nbefore\nstill the old one\n");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "after\n");
}

#[test]
fn a_file_that_cannot_be_opened_again_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (inner, path) = (dir.path().join("logs"), dir.path().join("logs/log"));
    std::fs::create_dir(&inner).unwrap();
    let output = Output::open(Sink::File(path), 1024, announce_lost()).unwrap();
    std::fs::rename(&inner, dir.path().join("away")).unwrap();
    output.reopen();
    output.push(b"after\n");
    output.close();
    assert_eq!(std::fs::read_to_string(dir.path().join("away/log")).unwrap(), "after\n");
}

#[test]
fn a_file_that_cannot_be_opened_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let outcome = Output::open(Sink::File(dir.path().into()), 1024, announce_lost());
    assert!(outcome.is_err());
}

#[test]
fn lines_after_close_go_nowhere_and_closing_twice_is_harmless() {
    let capture = Capture::default();
    let output = capture.output();
    output.push(b"a\n");
    output.close();
    output.push(b"b\n");
    output.close();
    assert_eq!(capture.text(), "a\n");
}

/// Says that a write is done.
struct Teller(Sender<()>, Capture);

impl Write for Teller {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.1.write(bytes);
        self.0.send(()).ok();
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn lines_that_follow_closely_are_written_together_and_none_has_to_wait_for_another() {
    let (done, is_done) = channel();
    let capture = Capture::default();
    let sink = Teller(done, capture.clone());
    let output = Output::open(Sink::Writer(Box::new(sink)), 1 << 20, announce_lost()).unwrap();
    output.push(b"first\n");
    is_done.recv_timeout(DEADLINE).expect("the first line is written at once");
    for nth in 0..100 {
        output.push(format!("{nth}\n").as_bytes());
    }
    let mut writes = 1;
    while !capture.text().ends_with("\n99\n") {
        is_done.recv_timeout(DEADLINE).expect("the lines come without being asked for");
        writes += 1;
    }
    assert!(writes < 20, "{writes} writes for 101 lines");
    output.push(b"last\n");
    while !capture.text().ends_with("last\n") {
        is_done.recv_timeout(DEADLINE).expect("and so does a line after a pause");
    }
}
