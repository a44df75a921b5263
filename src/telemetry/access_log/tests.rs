use super::*;
use crate::telemetry::capture::{Capture, hit};

#[test]
fn each_record_is_one_line() {
    let capture = Capture::default();
    let log = AccessLog::new(Format::Json, capture.output());
    assert!(log.enabled());
    log.record(hit());
    log.clone().record(hit());
    log.close();
    assert_eq!(capture.text().lines().count(), 2);
    assert!(capture.text().ends_with("}\n"), "{}", capture.text());
}

#[test]
fn an_ipv4_client_on_a_dual_stack_listener_looks_like_one() {
    let capture = Capture::default();
    let log = AccessLog::new(Format::Combined, capture.output());
    log.record(AccessRecord { client: "::ffff:192.0.2.7".parse().unwrap(), ..hit() });
    log.close();
    assert!(capture.text().starts_with("192.0.2.7 - - ["), "{}", capture.text());
}

#[test]
fn a_disabled_log_writes_nothing() {
    let capture = Capture::default();
    let silent = AccessLog::assemble(Format::Pretty, false, false, Some(capture.output()), None);
    for log in [silent, AccessLog::disabled()] {
        assert!(!log.enabled());
        log.record(hit());
        log.reopen();
        log.close();
    }
    assert_eq!(capture.text(), "");
}

#[test]
fn many_threads_write_whole_lines() {
    let capture = Capture::default();
    let log = AccessLog::new(Format::Pretty, capture.output());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..200).for_each(|_| log.record(hit())));
        }
    });
    log.close();
    let text = capture.text();
    let one = text.lines().next().unwrap();
    assert_eq!(text.lines().count(), 1600);
    assert!(text.lines().all(|line| line == one));
}
