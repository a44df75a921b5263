use super::*;
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
        // After which it may not be kept.
        ("ETag: \"a\"", "304 | Cache-Control: no-store", "repeat"),
        ("ETag: \"a\"", "304 | Cache-Control: private", "repeat"),
        ("ETag: \"a\"", "304 | Vary: *", "repeat"),
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
