use super::*;
use crate::cli::args::Args;
use crate::cli::args::Command;
use clap::Parser as _;
use http::StatusCode;

use super::listing::Row;
use crate::http::TargetUri;
use crate::policy::CacheKey;
use crate::store::inspect::{BodyKind, Count, Response, Stats};

fn options(words: &[&str]) -> CacheArgs {
    let words = ["larder", "cache"].iter().chain(words);
    match Args::try_parse_from(words).unwrap().command {
        Some(Command::Cache(options)) => options,
        other => panic!("{other:?}"),
    }
}

fn response(url: &str, size: u64) -> Response {
    Response {
        key: CacheKey::new(TargetUri::parse(url).unwrap()),
        status: StatusCode::OK,
        size,
        stored: Timestamp::from_unix_secs(1_800_000_000),
        expires: Timestamp::from_unix_secs(1_800_003_600),
        uses: None,
        kind: BodyKind::Small,
        file: "seg/00000001.seg".into(),
        offset: 64,
    }
}

fn text(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn the_directory_is_that_of_the_option_the_variable_or_the_default() {
    let variable = |name: &str| (name == "LARDER_CACHE_DIR").then(|| OsString::from("of-variable"));
    let named = |words: &[&str], variable: &dyn Fn(&str) -> Option<OsString>| {
        directory(&options(words), variable).to_str().unwrap().to_owned()
    };
    assert_eq!(named(&["ls"], &|_| None), "cache");
    assert_eq!(named(&["ls"], &|_| Some(OsString::new())), "cache");
    assert_eq!(named(&["ls"], &variable), "of-variable");
    assert_eq!(named(&["ls", "--cache-dir", "x"], &variable), "x");
    assert_eq!(named(&["--cache-dir", "x", "ls", "http://a.test/"], &variable), "x");
}

#[test]
fn a_word_too_many_or_too_few_is_wrong_usage() {
    let cases: [&[&str]; 4] =
        [&["cache"], &["cache", "rm"], &["cache", "verify", "x"], &["cache", "ls", "a", "b"]];
    for words in cases {
        let error = Args::try_parse_from(["larder"].iter().chain(words)).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{words:?}");
    }
}

#[test]
fn rows_stand_in_columns_by_url_and_titles_are_for_people() {
    let head = Response {
        key: CacheKey::head(TargetUri::parse("http://a.test/").unwrap()),
        status: StatusCode::NOT_FOUND,
        uses: Some(3),
        ..response("http://a.test/", 0)
    };
    let mut rows =
        [response("http://b.test/long/path", 70_000), head, response("http://a.test/", 5)]
            .map(|response| Row::of(&response));
    rows.sort();
    let expected = "\
GET   http://a.test/           200      5  2027-01-15T08:00:00Z  2027-01-15T09:00:00Z  -
HEAD  http://a.test/           404      0  2027-01-15T08:00:00Z  2027-01-15T09:00:00Z  3
GET   http://b.test/long/path  200  70000  2027-01-15T08:00:00Z  2027-01-15T09:00:00Z  -
";
    assert_eq!(text(|out| listing::write(&rows, false, out)), expected);
    let titled = text(|out| listing::write(&rows, true, out));
    let titles = "METHOD  URL                      STATUS   SIZE  STORED                EXPIRES               USES\n";
    assert!(titled.starts_with(titles), "{titled}");
    assert_eq!(titled.lines().count(), 4);
    assert_eq!(text(|out| listing::write(&[], false, out)), "");
}

#[test]
fn a_long_url_does_not_push_the_others_and_bytes_of_a_terminal_are_escaped() {
    let long = format!("http://a.test/{}", "x".repeat(1000));
    let rows = [response(&long, 1), response("http://b.test/", 1)].map(|one| Row::of(&one));
    let lines = text(|out| listing::write(&rows, false, out));
    assert!(lines.lines().nth(1).is_some_and(|line| line.len() < 160), "{lines}");
    assert_eq!(listing::plain("http://a.test/\u{202e}\u{1b}[2J"), "http://a.test/%E2%80%AE%1B[2J");
}

#[test]
fn the_bar_is_drawn_where_it_is_wanted_and_taken_away_before_a_line() {
    let mut bar = Progress::new(Vec::new(), 1 << 20, true);
    bar.advance(1 << 19).unwrap();
    bar.advance(1).unwrap();
    bar.clear().unwrap();
    bar.clear().unwrap();
    bar.advance(u64::MAX).unwrap();
    let drawn = String::from_utf8(bar.into_inner()).unwrap();
    let half =
        format!("\r[{}{}]  50 % of 1.0 MiB, 512.0 KiB\x1b[K", "#".repeat(15), " ".repeat(15));
    let whole = format!("\r[{}] 100 % of 1.0 MiB, 1.0 MiB\x1b[K", "#".repeat(30));
    assert_eq!(drawn, [&half, "\r\x1b[K", &whole].concat());
    let mut hidden = Progress::new(Vec::new(), 0, false);
    hidden.advance(7).unwrap();
    hidden.clear().unwrap();
    assert!(hidden.into_inner().is_empty());
}

#[test]
fn damage_is_one_sentence_with_file_offset_and_what_it_belongs_to() {
    let key = Some(CacheKey::new(TargetUri::parse("http://a.test/x").unwrap()));
    let damage = Damage { file: "seg/00000001.seg".into(), offset: 4160, why: "wrong".into(), key };
    assert_eq!(sentence(&damage), "seg/00000001.seg at 4160: wrong; GET http://a.test/x");
    assert_eq!(sentence(&Damage { key: None, ..damage }), "seg/00000001.seg at 4160: wrong");
}

#[test]
fn statistics_are_a_line_for_each_figure() {
    let stats = Stats {
        small: Count { responses: 3, bytes: 2048 },
        stale: 1,
        oldest: Some(Timestamp::from_unix_secs(1_800_000_000)),
        segments: 1,
        on_disk: 1 << 20,
        ..Stats::default()
    };
    let lines = text(|out| statistics::write("x".as_ref(), &stats, out));
    for line in [
        "directory    x",
        "responses    3, 2.0 KiB (2048) of body",
        "  large      0, 0 B (0) of body",
        "stale        1 (33 %)",
        "oldest       2027-01-15T08:00:00Z",
        "newest       -",
        "on disk      1.0 MiB (1048576)",
    ] {
        assert!(lines.lines().any(|one| one == line), "no {line:?} in\n{lines}");
    }
    let nothing = text(|out| statistics::write("x".as_ref(), &Stats::default(), out));
    assert!(nothing.contains("stale        0 (0 %)\n"), "{nothing}");
}

#[test]
fn a_directory_in_use_or_without_a_cache_is_wrong_usage_and_a_pipe_that_was_closed_is_none() {
    let in_use = refused(OpenError::InUse { dir: "cache".into(), pid: Some(42) });
    assert_eq!(in_use.to_string(), "cache is in use by process 42; stop the proxy first");
    let empty = refused(OpenError::Empty { dir: "cache".into() });
    for error in [in_use, empty] {
        assert_eq!(error.exit_code(), ExitCode::from(2), "{error}");
    }
    let broken = finished(Err(io::ErrorKind::BrokenPipe.into()));
    assert_eq!(broken.unwrap(), ExitCode::SUCCESS);
    let full = finished(Err(io::ErrorKind::StorageFull.into()));
    assert_eq!(full.unwrap_err().exit_code(), ExitCode::from(1));
}
