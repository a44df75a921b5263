use super::*;

const fn at(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn error(errno: Errno) -> io::Error {
    errno.into()
}

#[test]
fn pauses_double_up_to_five_minutes_and_warn_once() {
    let mut breaker = Breaker::new();
    assert!(breaker.allows(at(0)) && breaker.is_closed());
    let mut now = at(1000);
    let warning = breaker.failed(now, &error(Errno::NOSPC)).unwrap();
    assert_eq!(warning.pause, at(10));
    for pause in [10, 20, 40, 80, 160, 300, 300] {
        assert_eq!(breaker.next_try(), Some(now + at(pause)));
        assert!(!breaker.allows(now + at(pause) - Duration::from_millis(1)));
        now += at(pause);
        assert!(breaker.allows(now) && !breaker.is_closed());
        assert_eq!(breaker.failed(now, &error(Errno::NOSPC)), None);
    }
}

#[test]
fn one_tries_after_a_pause_and_the_others_wait_for_it() {
    let mut breaker = Breaker::new();
    breaker.failed(at(1000), &error(Errno::IO)).unwrap();
    assert!(breaker.allows(at(1010)));
    assert!(!breaker.allows(at(1010)) && !breaker.allows(at(1019)));
    assert!(breaker.allows(at(1020)), "nothing was heard of the first");
    assert!(breaker.succeeded(at(1021)));
    assert!(breaker.allows(at(1021)) && breaker.allows(at(1021)) && breaker.is_closed());
    assert_eq!(breaker.next_try(), None);
    assert!(!breaker.succeeded(at(1022)), "there was no trouble");
}

#[test]
fn what_was_under_way_when_it_failed_changes_nothing() {
    let mut breaker = Breaker::new();
    breaker.failed(at(1000), &error(Errno::IO)).unwrap();
    assert!(!breaker.succeeded(at(1001)));
    assert_eq!(breaker.failed(at(1009), &error(Errno::NOSPC)), None);
    assert!(!breaker.allows(at(1009)) && breaker.allows(at(1010)));
}

#[test]
fn another_trouble_is_news() {
    let mut breaker = Breaker::new();
    breaker.failed(at(1000), &error(Errno::IO)).unwrap();
    assert!(breaker.allows(at(1010)));
    let warning = breaker.failed(at(1010), &error(Errno::ROFS)).unwrap();
    assert_eq!(warning.pause, at(20));
    assert!(warning.to_string().starts_with(&error(Errno::ROFS).to_string()), "{warning}");
    assert!(warning.to_string().contains("for 20 s. The file system is mounted read-only"));
}

#[test]
fn a_disk_that_fails_again_soon_is_left_alone_for_longer() {
    let mut breaker = Breaker::new();
    breaker.failed(at(1000), &error(Errno::IO)).unwrap();
    assert!(breaker.allows(at(1010)) && breaker.succeeded(at(1010)));
    assert_eq!(breaker.failed(at(1309), &error(Errno::IO)).unwrap().pause, at(20));
    assert!(breaker.allows(at(1329)) && breaker.succeeded(at(1329)));
    assert_eq!(breaker.failed(at(1629), &error(Errno::IO)).unwrap().pause, at(10));
}

#[test]
fn every_trouble_has_its_remedy() {
    let rows = [
        (Errno::NOSPC, "df -i"),
        (Errno::DQUOT, "quota"),
        (Errno::ROFS, "read-only"),
        (Errno::IO, "kernel's log"),
        (Errno::NOENT, "made again"),
        (Errno::NOTDIR, "leads nowhere"),
        (Errno::ACCESS, "chown"),
        (Errno::PERM, "chown"),
        (Errno::MFILE, "ulimit -n"),
        (Errno::NFILE, "file-max"),
        (Errno::FBIG, "max_object"),
        (Errno::STALE, "mount"),
        (Errno::NOLCK, "cannot do"),
        (Errno::INVAL, "cache_dir"),
    ];
    for (errno, words) in rows {
        let sentence = remedy(&error(errno));
        assert!(sentence.contains(words) && sentence.ends_with('.'), "{errno:?}: {sentence}");
    }
    assert!(remedy(&ErrorKind::WriteZero.into()).ends_with('.'));
}
