use super::*;
use crate::policy::partial::{Interval, Part, Partial};
use crate::policy::scene::{at, fields, instant, request, response, stored};

/// What becomes of `had`, stored at the start, when `answered` comes a hundred seconds later.
fn assessed(had: &str, asked: &str, answered: &str) -> Validated {
    assessed_of(&[stored("GET", had)], Some(0), asked, answered)
}

/// What becomes of several.
fn assessed_of(
    held: &[impl Variant],
    chosen: Option<usize>,
    asked: &str,
    answered: &str,
) -> Validated {
    let (status, fields) = response(answered);
    let response = ResponseView { status, fields: &fields };
    assess(held, chosen, &request(asked).view(), &response, instant(100), &Config::default())
}

fn freshened_head(had: &str, asked: &str, answered: &str) -> StoredHead {
    match assessed(had, asked, answered) {
        Validated::Freshened { used, .. } => used.head,
        other => panic!("{had} ← {answered}: {other:?}"),
    }
}

fn word(validated: &Validated) -> &'static str {
    match validated {
        Validated::Freshened { used, .. } if !used.kept => "answers",
        Validated::Freshened { .. } => "freshened",
        Validated::PassOn => "pass on",
        Validated::Repeat => "repeat",
        Validated::Replace => "replace",
    }
}

#[test]
fn the_stored_validators_replace_the_client_s_conditions_and_its_list_is_joined() {
    let clients = "If-None-Match: \"c\", W/\"a\" | If-Modified-Since: {-9} | X-A: 1";
    #[rustfmt::skip]
    let rows = [
        ("ETag: \"a\"", "If-None-Match: \"a\", \"c\" | X-A: 1"),
        ("ETag: W/\"a\"", "If-None-Match: W/\"a\", \"c\" | X-A: 1"),
        ("ETag: \"b\"", "If-None-Match: \"b\", \"c\", W/\"a\" | X-A: 1"),
        ("Last-Modified: {-99}", "If-Modified-Since: {-99} | X-A: 1"),
        ("ETag: \"a\" | Last-Modified: {-99}", "If-None-Match: \"a\", \"c\" | If-Modified-Since: {-99} | X-A: 1"),
        // As the origin wrote it.
        ("Last-Modified: tue, 14 nov 2023 22:13:19 gmt", "If-Modified-Since: tue, 14 nov 2023 22:13:19 gmt | X-A: 1"),
        // Nothing to ask about: the client's conditions travel untouched.
        ("ETag: a | Last-Modified: yesterday", clients),
    ];
    for (validators, expected) in rows {
        let head = stored("GET", &format!("200 | Cache-Control: max-age=60 | {validators}"));
        assert_eq!(sent(&[head], Some(0), clients), fields(expected), "{validators}");
    }
}

/// The fields that go out for a GET with these.
fn sent(held: &[impl Variant], chosen: Option<usize>, clients: &str) -> HeaderMap {
    let mut sent = fields(clients);
    let asked = request(&format!("GET | {clients}"));
    set_conditions(held, chosen, &asked.view(), at(100), &mut sent);
    sent
}

#[test]
fn a_star_cannot_be_joined_and_a_range_stays() {
    let head = || stored("GET", "200 | Cache-Control: max-age=60 | ETag: \"a\"");
    let rows = [
        ("If-None-Match: *", "If-None-Match: \"a\""),
        ("Range: bytes=0-1", "If-None-Match: \"a\" | Range: bytes=0-1"),
        (
            "Range: bytes=0-1 | If-Range: \"c\"",
            "If-None-Match: \"a\" | Range: bytes=0-1 | If-Range: \"c\"",
        ),
    ];
    for (clients, expected) in rows {
        assert_eq!(sent(&[head()], Some(0), clients), fields(expected), "{clients}");
    }
}

/// (validators stored, answer, what it means).
#[test]
fn a_304_freshens_what_its_validator_names_and_nothing_else() {
    #[rustfmt::skip]
    let rows = [
        ("ETag: \"a\"", "200 | ETag: \"a\"", "replace"),
        ("ETag: \"a\"", "500", "replace"),
        ("ETag: \"a\"", "304", "freshened"),
        ("ETag: \"a\"", "304 | ETag: \"a\"", "freshened"),
        ("ETag: \"a\"", "304 | ETag: W/\"a\"", "freshened"),
        ("ETag: W/\"a\"", "304 | ETag: W/\"a\"", "freshened"),
        ("ETag: W/\"a\"", "304 | ETag: \"a\"", "repeat"),
        ("ETag: \"a\"", "304 | ETag: \"b\"", "repeat"),
        ("ETag: W/\"a\"", "304 | ETag: W/\"b\"", "repeat"),
        ("ETag: \"a\" | Last-Modified: {-99}", "304 | ETag: \"a\" | Last-Modified: {-9}", "freshened"),
        ("ETag: \"a\" | Last-Modified: {-99}", "304 | ETag: \"b\" | Last-Modified: {-99}", "repeat"),
        ("ETag: \"a\" | Last-Modified: {-99}", "304 | Last-Modified: {-99}", "freshened"),
        ("ETag: \"a\" | Last-Modified: {-99}", "304 | Last-Modified: {-9}", "repeat"),
        ("Last-Modified: {-99}", "304", "freshened"),
        ("Last-Modified: {-99}", "304 | Last-Modified: {-99}", "freshened"),
        ("Last-Modified: {-99}", "304 | Last-Modified: {-9}", "repeat"),
        ("Date: {+0} | Last-Modified: {-99}", "304 | ETag: \"a\" | Last-Modified: {-99}", "freshened"),
        ("Date: {+0} | Last-Modified: {+0}", "304 | ETag: \"a\" | Last-Modified: {+0}", "repeat"),
        ("Date: {+0} | Last-Modified: {-99}", "304 | ETag: \"a\"", "repeat"),
        // We made no conditions, so it answers none of ours.
        ("X-A: 1", "304", "repeat"),
        ("X-A: 1", "304 | ETag: \"a\"", "repeat"),
        // Of other bytes.
        ("ETag: \"a\"", "304 | Content-Encoding: gzip", "repeat"),
        ("ETag: \"a\" | Content-Encoding: gzip", "304 | Content-Encoding: gzip", "freshened"),
        ("ETag: \"a\" | Content-Encoding: gzip", "304 | Content-Encoding: br", "repeat"),
        ("ETag: \"a\" | Content-Encoding: gzip", "304", "freshened"),
        // After which it may not be kept, but answers this request.
        ("ETag: \"a\"", "304 | Cache-Control: no-store", "answers"),
        ("ETag: \"a\"", "304 | Cache-Control: private", "answers"),
        ("ETag: \"a\"", "304 | Vary: *", "answers"),
    ];
    for (had, answered, expected) in rows {
        let had = format!("200 | Cache-Control: max-age=60 | {had}");
        assert_eq!(word(&assessed(&had, "GET", answered)), expected, "{had} ← {answered}");
    }
}

#[test]
fn a_freshened_head_has_the_fields_of_the_304_over_the_stored_ones() {
    let had = "404 | Cache-Control: max-age=60 | ETag: \"a\" | Content-Length: 5 | X-Old: 1 \
        | Content-Type: text/html | Link: <a> | Link: <b> | Age: 7 | Date: {+0}";
    let new = "304 | Cache-Control: max-age=600 | Content-Length: 0 | X-New: 2 | Link: <c> \
        | Link: <d> | Date: {+100} | Content-Range: bytes 0-1/2 | Content-Type: text/plain";
    let head = freshened_head(had, "GET", new);
    let expected = "Cache-Control: max-age=600 | ETag: \"a\" | Content-Length: 5 | X-Old: 1 \
        | Content-Type: text/plain | Link: <c> | Link: <d> | X-New: 2 | Date: {+100}";
    assert_eq!(head.fields(), fields(expected));
    assert_eq!(head.status(), StatusCode::NOT_FOUND);
    assert_eq!(head.times, instant(100));
    assert_eq!(head.ttl(at(100)), 600);
    assert_eq!(head.current_age(at(130)).as_secs(), 30);
}

#[test]
fn a_freshened_response_is_as_old_as_the_304_says() {
    const HAD: &str = "200 | Cache-Control: max-age=60 | ETag: \"a\" | Date: {+0} | Age: 30";
    let rows = [
        ("304", 0),
        ("304 | Date: {+100}", 0),
        ("304 | Date: {+90}", 10),
        ("304 | Date: {+100} | Age: 20", 20),
        ("304 | Date: nonsense", 0),
    ];
    for (answered, age) in rows {
        let head = freshened_head(HAD, "GET", answered);
        assert_eq!(head.current_age(at(100)).as_secs(), age, "{answered}");
        assert!(!head.fields().contains_key(AGE), "{answered}");
        assert!(head.fields().contains_key(DATE), "{answered}");
    }
}

#[test]
fn a_head_request_freshens_too() {
    let head = freshened_head("200 | Cache-Control: max-age=60 | ETag: \"a\"", "HEAD", "304");
    assert_eq!(head.ttl(at(100)), 60);
}

#[test]
fn a_freshened_head_is_for_the_nominated_fields_of_the_request_that_validated_it() {
    let had = "200 | Cache-Control: max-age=60 | ETag: \"a\"";
    let new = "304 | Vary: Accept-Language";
    let head = freshened_head(had, "GET | Accept-Language: de", new);
    assert!(head.nominated.matches(&fields("Accept-Language: de")));
    assert!(!head.nominated.matches(&fields("Accept-Language: en")));
}

#[test]
fn a_reason_phrase_outlives_a_304() {
    let (status, had) = response("200 | Cache-Control: max-age=60 | ETag: \"a\"");
    let old = stored("GET", "200 | Cache-Control: max-age=60 | ETag: \"a\"");
    let old = StoredHead::new(
        status,
        Some(b"Fine"),
        &had,
        old.times,
        old.nominated.clone(),
        old.freshness,
    );
    let (status, fields) = response("304");
    let answered = ResponseView { status, fields: &fields };
    let config = Config::default();
    let asked = request("GET");
    let answer = assess(&[old], Some(0), &asked.view(), &answered, instant(100), &config);
    let Validated::Freshened { used, .. } = answer else { panic!("not freshened") };
    assert_eq!(used.head.reason(), Some(&b"Fine"[..]));
}

/// Exchanges: what was asked and what was answered.
type Exchanges = &'static [(&'static str, &'static str)];

/// Heads that were stored for these exchanges.
fn held(exchanges: &[(&str, &str)]) -> Vec<StoredHead> {
    exchanges.iter().map(|(asked, answered)| stored(asked, answered)).collect()
}

/// What several became: the place of the one used, marked where it stands beside, and the others.
fn places(validated: &Validated) -> String {
    let Validated::Freshened { used, others } = validated else {
        return word(validated).to_owned();
    };
    let mut text = format!("{}{}", used.at, if used.beside { " beside" } else { "" });
    let mut others: Vec<_> = others.iter().map(|other| other.at).collect();
    others.sort_unstable();
    for other in others {
        text.push_str(&format!(" +{other}"));
    }
    text
}

const GERMAN: (&str, &str) = (
    "GET | Accept-Language: de",
    "200 | Cache-Control: max-age=60 | Vary: Accept-Language | ETag: \"de\" | Last-Modified: {-99}",
);
const ENGLISH: (&str, &str) = (
    "GET | Accept-Language: en",
    "200 | Cache-Control: max-age=60 | Vary: Accept-Language | ETag: \"en\" | Last-Modified: {-99}",
);
const WEAK: (&str, &str) = (
    "GET | Accept-Language: it",
    "200 | Cache-Control: max-age=60 | Vary: Accept-Language | ETag: W/\"it\"",
);
const DATED: (&str, &str) = (
    "GET | Accept-Language: fr",
    "200 | Cache-Control: max-age=60 | Vary: Accept-Language | Last-Modified: {-99}",
);

#[test]
fn several_are_asked_about_by_all_their_tags_and_no_date() {
    #[rustfmt::skip]
    let rows: &[(Exchanges, Option<usize>, &str, &str)] = &[
        (&[GERMAN, ENGLISH], Some(0), "Accept-Language: de", "If-None-Match: \"de\", \"en\""),
        (&[GERMAN, ENGLISH], None, "Accept-Language: fr", "If-None-Match: \"de\", \"en\""),
        (&[GERMAN, ENGLISH], Some(1), "Accept-Language: en | If-None-Match: \"en\", \"old\"", "If-None-Match: \"en\", \"de\", \"old\""),
        // Of what the request does not select, only what a tag names byte for byte.
        (&[GERMAN, WEAK], Some(0), "Accept-Language: de", "If-None-Match: \"de\""),
        (&[GERMAN, WEAK], Some(1), "Accept-Language: it", "If-None-Match: W/\"it\", \"de\""),
        (&[WEAK], None, "Accept-Language: de", ""),
        // Without a tag, its date alone can be asked about.
        (&[DATED, ENGLISH], Some(0), "Accept-Language: fr", "If-Modified-Since: {-99}"),
        (&[DATED, ENGLISH], Some(0), "Accept-Language: fr | If-None-Match: \"old\"", "If-Modified-Since: {-99}"),
        (&[DATED, ENGLISH], None, "Accept-Language: it", "If-None-Match: \"en\""),
        (&[GERMAN, DATED], Some(0), "Accept-Language: de | If-Modified-Since: {-5}", "If-None-Match: \"de\""),
        (&[DATED], None, "Accept-Language: it | If-Modified-Since: {-5}", "If-Modified-Since: {-5}"),
    ];
    for (exchanges, chosen, clients, expected) in rows {
        let mut out = sent(&held(exchanges), *chosen, clients);
        out.remove("accept-language");
        assert_eq!(out, fields(expected), "{exchanges:?} {clients}");
    }
}

#[test]
fn a_304_selects_among_several_as_its_validators_say() {
    const LATER: (&str, &str) = (
        "GET | Accept-Language: de | X-A: 1",
        "200 | Cache-Control: max-age=60 | Vary: Accept-Language, X-A | ETag: \"de\" | Date: {+9}",
    );
    const TWIN: (&str, &str) = (
        "GET | Accept-Language: it | X-A: 1",
        "200 | Cache-Control: max-age=60 | Vary: Accept-Language, X-A | ETag: W/\"it\" | Date: {+9}",
    );
    #[rustfmt::skip]
    let rows: &[(Exchanges, Option<usize>, &str, &str, &str)] = &[
        (&[GERMAN, ENGLISH], Some(0), "de", "304 | ETag: \"de\"", "0"),
        // The origin chose another one: it answers, and the one stored for others stays as it is.
        (&[GERMAN, ENGLISH], Some(0), "de", "304 | ETag: \"en\"", "1 beside"),
        (&[GERMAN, ENGLISH], None, "fr", "304 | ETag: \"en\"", "1 beside"),
        (&[GERMAN, ENGLISH], None, "fr", "304 | ETag: \"fr\"", "repeat"),
        // All that the request could select and that have its strong tag.
        (&[GERMAN, LATER], Some(1), "de | X-A: 1", "304 | ETag: \"de\"", "1 +0"),
        (&[GERMAN, LATER], Some(0), "de | X-A: 2", "304 | ETag: \"de\"", "0"),
        // Of weak ones the newest.
        (&[WEAK, TWIN], Some(0), "it | X-A: 1", "304 | ETag: W/\"it\"", "1"),
        // It does not say which one of the two that were asked about.
        (&[GERMAN, ENGLISH], Some(0), "de", "304", "repeat"),
        (&[GERMAN, WEAK], Some(0), "de", "304", "0"),
        (&[DATED, ENGLISH], Some(0), "fr", "304", "0"),
        (&[DATED, ENGLISH], Some(0), "fr", "304 | Last-Modified: {-99}", "0"),
        (&[DATED, ENGLISH], Some(0), "fr", "304 | Last-Modified: {-9}", "repeat"),
    ];
    for (exchanges, chosen, language, answered, expected) in rows {
        let asked = format!("GET | Accept-Language: {language}");
        let found = assessed_of(&held(exchanges), *chosen, &asked, answered);
        assert_eq!(places(&found), *expected, "{exchanges:?} {language} ← {answered}");
    }
}

/// (validators stored, the client's conditions, answer, what it means).
#[test]
fn a_304_that_only_the_client_asked_for_is_the_client_s() {
    #[rustfmt::skip]
    let rows = [
        ("ETag: \"a\"", "If-None-Match: \"c\"", "304 | ETag: \"c\"", "pass on"),
        ("ETag: \"a\"", "If-None-Match: W/\"c\"", "304 | ETag: \"c\"", "pass on"),
        ("ETag: \"a\"", "If-None-Match: \"c\"", "304 | ETag: \"a\"", "freshened"),
        ("ETag: \"a\"", "If-None-Match: \"a\"", "304", "freshened"),
        // Whose tag was it?
        ("ETag: \"a\"", "If-None-Match: \"c\"", "304", "repeat"),
        ("ETag: \"a\"", "If-None-Match: \"c\"", "304 | ETag: \"d\"", "repeat"),
        // A star is not joined.
        ("ETag: \"a\"", "If-None-Match: *", "304", "freshened"),
        // The client's date gave way to our tag or date.
        ("ETag: \"a\"", "If-Modified-Since: {+5}", "304", "freshened"),
        ("ETag: \"a\"", "If-Modified-Since: {+5}", "304 | ETag: \"c\"", "repeat"),
        ("Last-Modified: {-99}", "If-None-Match: \"c\"", "304 | ETag: \"c\"", "repeat"),
        // Nothing of ours was in the question.
        ("X-A: 1", "If-None-Match: \"c\"", "304", "pass on"),
        ("X-A: 1", "If-Modified-Since: {+5}", "304", "pass on"),
        ("X-A: 1", "If-Modified-Since: {+5}", "304 | ETag: \"c\"", "pass on"),
    ];
    for (had, clients, answered, expected) in rows {
        let had = format!("200 | Cache-Control: max-age=60 | {had}");
        let found = assessed(&had, &format!("GET | {clients}"), answered);
        assert_eq!(word(&found), expected, "{had} {clients} ← {answered}");
    }
}

/// A part that is stored.
struct Piece(StoredHead, Partial);

impl Variant for Piece {
    fn head(&self) -> &StoredHead {
        &self.0
    }

    fn partial(&self) -> Option<&Partial> {
        Some(&self.1)
    }
}

fn piece(first: u64, last: u64) -> Piece {
    let answered = format!(
        "206 | Cache-Control: max-age=60 | ETag: \"p\" | Content-Range: bytes {first}-{last}/10"
    );
    let part = Part { interval: Interval { first, last }, complete_length: Some(10) };
    Piece(stored("GET | Range: bytes=0-", &answered), part.into())
}

#[test]
fn the_tag_of_a_part_is_sent_only_for_a_range_that_lies_in_it() {
    let rows = [
        ("Range: bytes=2-4", true),
        ("Range: bytes=3-3", true),
        ("Range: bytes=2-5", false),
        ("Range: bytes=2-4, 7-8", false),
        ("Range: bytes=-1", false),
        ("X-A: 1", false),
        ("Range: bytes=2-4 | If-Range: \"p\"", true),
        ("Range: bytes=2-4 | If-Range: \"q\"", false),
    ];
    for (clients, expected) in rows {
        let out = sent(&[piece(2, 4)], Some(0), clients);
        assert_eq!(out.contains_key("if-none-match"), expected, "{clients}");
        assert_eq!(out.get("range"), fields(clients).get("range"), "{clients}");
    }
    let freshened = assessed_of(&[piece(2, 4)], Some(0), "GET | Range: bytes=2-4", "304");
    assert_eq!(places(&freshened), "0");
    let Validated::Freshened { used, .. } = freshened else { panic!("not freshened") };
    assert_eq!(used.head.status(), StatusCode::PARTIAL_CONTENT);
}

#[test]
fn so_many_tags_as_a_head_can_bear_and_the_newest_first() {
    let many: Vec<_> = (0..100)
        .map(|n| {
            let asked = format!("GET | X-A: {n}");
            let answered = format!(
                "200 | Cache-Control: max-age=60 | Vary: X-A | ETag: \"{n}\" | Date: {{+{n}}}"
            );
            stored(&asked, &answered)
        })
        .collect();
    let out = sent(&many, None, "X-A: new");
    let tags = out.get("if-none-match").unwrap().to_str().unwrap();
    assert!(tags.starts_with("\"99\", \"98\""), "{tags}");
    assert_eq!(tags.split(',').count(), 32);
}

#[test]
fn a_head_that_carries_more_than_a_key_holds_says_nothing_about_get() {
    let held = [stored("GET", "200 | Cache-Control: max-age=60 | ETag: \"a\"")];
    let said = |asked: &str| {
        let (status, fields) = response("200 | Cache-Control: max-age=60 | ETag: \"b\"");
        let answer = ResponseView { status, fields: &fields };
        let config = Config::default();
        assess_head(&held, &request(asked).view(), &answer, instant(100), &config)
    };
    assert_eq!(said("HEAD").changed, [0]);
    let long = format!("HEAD | X-Long: {}", "x".repeat(8 << 10));
    let says = said(&long);
    assert!(says.changed.is_empty() && says.freshened.is_empty());
}
