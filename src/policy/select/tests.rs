use super::*;
use crate::policy::reuse::{Config, Decision, decide};
use crate::policy::scene::{at, request, stored};
use crate::policy::{Detail, ForwardReason};

/// Exchanges: what was asked and what was answered.
type Exchanges = &'static [(&'static str, &'static str)];

/// What a request finds among responses that were stored for these exchanges.
fn found(exchanges: &[(&str, &str)], asked: &str, after: i64) -> String {
    let held: Vec<_> = exchanges.iter().map(|(asked, answered)| stored(asked, answered)).collect();
    match select(&held, &request(asked).view(), at(after)) {
        Selection::Nothing => "nothing".to_owned(),
        Selection::Others => "others".to_owned(),
        Selection::At(at) => at.to_string(),
    }
}

#[test]
fn of_several_that_match_the_newest_is_selected() {
    const OLD: (&str, &str) =
        ("GET | X-A: 1", "200 | Cache-Control: max-age=60 | Vary: X-A | Date: {-9}");
    const NEW: (&str, &str) =
        ("GET | X-A: 1 | X-B: 2", "200 | Cache-Control: max-age=60 | Vary: X-A, X-B | Date: {-5}");
    #[rustfmt::skip]
    let rows: &[(Exchanges, &str, &str)] = &[
        (&[], "GET", "nothing"),
        (&[OLD], "GET | X-A: 1", "0"),
        (&[OLD], "GET | X-A: 2", "others"),
        (&[OLD, NEW], "GET | X-A: 1 | X-B: 2", "1"),
        (&[NEW, OLD], "GET | X-A: 1 | X-B: 2", "0"),
        (&[OLD, NEW], "GET | X-A: 1 | X-B: 3", "0"),
        (&[OLD, NEW], "GET | X-A: 1", "0"),
        (&[OLD, NEW], "GET | X-A: 2 | X-B: 2", "others"),
        (&[OLD, NEW], "HEAD | X-A: 1 | X-B: 2", "1"),
    ];
    for (exchanges, asked, expected) in rows {
        assert_eq!(found(exchanges, asked, 0), *expected, "{asked} in {exchanges:?}");
    }
}

#[test]
fn what_lacks_vary_gives_way_to_what_has_one() {
    const PLAIN: (&str, &str) = ("GET", "200 | Cache-Control: max-age=60 | Date: {-1}");
    const PLAIN_TOO: (&str, &str) = ("GET", "200 | Cache-Control: max-age=60 | Date: {-3}");
    const VARIES: (&str, &str) =
        ("GET | X-A: 1", "200 | Cache-Control: max-age=20 | Vary: X-A | Date: {-9}");
    #[rustfmt::skip]
    let rows: &[(Exchanges, &str, i64, &str)] = &[
        (&[PLAIN], "GET | X-A: 1", 0, "0"),
        (&[PLAIN_TOO, PLAIN], "GET | X-A: 1", 0, "1"),
        (&[PLAIN, VARIES], "GET | X-A: 1", 0, "1"),
        (&[VARIES, PLAIN], "GET | X-A: 1", 0, "0"),
        // As long as a fresh response says that the resource varies, who knows.
        (&[PLAIN, VARIES], "GET | X-A: 2", 0, "others"),
        (&[PLAIN, VARIES], "GET", 0, "others"),
        // An old one no longer says anything.
        (&[PLAIN, VARIES], "GET | X-A: 2", 30, "0"),
        (&[PLAIN, VARIES], "GET | X-A: 1", 30, "1"),
    ];
    for (exchanges, asked, after, expected) in rows {
        assert_eq!(found(exchanges, asked, *after), *expected, "{asked} in {exchanges:?} +{after}");
    }
}

/// One response, stored for one `Accept-Language`; another one asks.
#[test]
fn a_response_for_another_language_list_is_used_only_in_the_one_language_liked_best() {
    const DE_EN: &str = "de, en;q=0.5";
    #[rustfmt::skip]
    let rows = [
        // (stored for, Content-Language, asked, selected)
        (DE_EN, "Content-Language: de", "de, en;q=0.5", true),
        (DE_EN, "Content-Language: de", "DE,en;q=0.50", true),
        (DE_EN, "Content-Language: de", "de", true),
        (DE_EN, "Content-Language: DE", "fr;q=0.9, de", true),
        (DE_EN, "Content-Language: de", "de;q=0.8, fr;q=0.7, *;q=0.1", true),
        (DE_EN, "Content-Language: de", "de, fr", false),
        (DE_EN, "Content-Language: de", "de;q=0.5, fr", false),
        (DE_EN, "Content-Language: de", "de-AT", false),
        (DE_EN, "Content-Language: de-AT", "de", false),
        (DE_EN, "Content-Language: de-at", "de-AT, de;q=0.9", true),
        (DE_EN, "Content-Language: de, en", "de", false),
        (DE_EN, "Content-Language: de | Content-Language: en", "de", false),
        (DE_EN, "X-A: 1", "de", false),
        (DE_EN, "Content-Language: *", "*", false),
        (DE_EN, "Content-Language: de", "*", false),
        (DE_EN, "Content-Language: de", "de;q=0", false),
        (DE_EN, "Content-Language: de", "de;q=2", false),
        (DE_EN, "Content-Language: de", "", false),
    ];
    for (first, language, second, expected) in rows {
        let answered =
            format!("200 | Cache-Control: max-age=60 | Vary: Accept-Language | {language}");
        let first = format!("GET | Accept-Language: {first}");
        let second = format!("GET | Accept-Language: {second}");
        let expected = if expected { "0" } else { "others" };
        assert_eq!(found(&[(&first, &answered)], &second, 0), expected, "{language} {second}");
    }
    // All other fields must match, and the language must be what is nominated.
    let rows = [("Vary: Accept-Language, X-A", "others"), ("Vary: X-A", "others")];
    for (vary, expected) in rows {
        let answered = format!("200 | Cache-Control: max-age=60 | Content-Language: de | {vary}");
        let asked = "GET | Accept-Language: de | X-A: 2";
        let stored = ("GET | Accept-Language: de, en | X-A: 1", answered.as_str());
        assert_eq!(found(&[stored], asked, 0), expected, "{vary}");
    }
}

#[test]
fn weights_rank_among_those_that_match() {
    const LANGUAGES: &str = "de;q=0.5, en";
    let german = (
        "GET | Accept-Language: de;q=0.5, en",
        "200 | Cache-Control: max-age=60 | Vary: Accept-Language | Content-Language: de | Date: {-1}",
    );
    let english = (
        "GET | Accept-Language: en",
        "200 | Cache-Control: max-age=60 | Vary: Accept-Language | Content-Language: en | Date: {-9}",
    );
    let asked = format!("GET | Accept-Language: {LANGUAGES}");
    assert_eq!(found(&[german, english], &asked, 0), "1");
    // Where one does not say, the newest counts.
    let silent = (
        "GET | Accept-Language: de;q=0.5, en | X-A: 1",
        "200 | Cache-Control: max-age=60 | Vary: Accept-Language, X-A | Date: {-5}",
    );
    assert_eq!(found(&[german, silent], &format!("{asked} | X-A: 1"), 0), "0");
    // Of codings too: the same request was answered in two ways.
    let gzip = (
        "GET | Accept-Encoding: gzip, br;q=0.5",
        "200 | Cache-Control: max-age=60 | Vary: Accept-Encoding | Content-Encoding: gzip | Date: {-9}",
    );
    let brotli = (
        "GET | Accept-Encoding: gzip, br;q=0.5 | X-A: 1",
        "200 | Cache-Control: max-age=60 | Vary: Accept-Encoding, X-A | Content-Encoding: br | Date: {-1}",
    );
    let asked = "GET | Accept-Encoding: br;q=0.5, gzip | X-A: 1";
    assert_eq!(found(&[gzip, brotli], asked, 0), "0");
    assert_eq!(found(&[brotli, gzip], asked, 0), "1");
}

#[test]
fn what_is_selected_is_decided_upon() {
    let held =
        [stored("GET | X-A: 1", "200 | Cache-Control: max-age=60 | Vary: X-A | ETag: \"a\"")];
    let decided = |asked: &str| {
        let asked = request(asked);
        let selection = select(&held, &asked.view(), at(5));
        decide(&asked.view(), selection.candidate(&held), at(5), &Config::default())
    };
    assert!(matches!(decided("GET | X-A: 1"), Decision::Reuse { ttl: 55, .. }));
    // What is stored for others may be what the origin would send: ask by its tag.
    let ask = Decision::Validate { reason: ForwardReason::VaryMiss, on_error: None };
    assert_eq!(decided("GET | X-A: 2"), ask);
    let forward = Decision::Forward { reason: ForwardReason::VaryMiss, detail: None::<Detail> };
    assert_eq!(decided("GET | X-A: 2 | Cache-Control: no-store"), forward);
    assert_eq!(decided("GET | X-A: 2 | Authorization: x"), forward);
    assert_eq!(decided("GET | X-A: 2 | If-Match: \"a\""), forward);
    assert_eq!(decided("GET | X-A: 2 | Cache-Control: only-if-cached"), Decision::OnlyIfCached);
    let weak = [stored("GET", "200 | Cache-Control: max-age=60 | Vary: X-A | ETag: W/\"a\"")];
    let candidate = Selection::Others.candidate(&weak);
    assert!(matches!(candidate, Candidate::OtherVariant { tagged: false }));
    let asked = request("GET");
    let decision =
        decide(&asked.view(), Selection::Nothing.candidate(&weak), at(0), &Config::default());
    let missing = Decision::Forward { reason: ForwardReason::UriMiss, detail: None };
    assert_eq!(decision, missing);
}
