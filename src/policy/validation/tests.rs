use super::*;
use crate::policy::scene::{at, fields, instant, request, response, stored};

/// What becomes of `had`, stored at the start, when `answered` comes a hundred seconds later.
fn assessed(had: &str, asked: &str, answered: &str) -> Validated {
    let head = stored("GET", had);
    let (status, fields) = response(answered);
    assess(&head, &request(asked).view(), &ResponseView { status, fields: &fields }, instant(100))
}

fn freshened_head(had: &str, asked: &str, answered: &str) -> StoredHead {
    match assessed(had, asked, answered) {
        Validated::Freshened(head) => head,
        other => panic!("{had} ← {answered}: {other:?}"),
    }
}

fn word(validated: &Validated) -> &'static str {
    match validated {
        Validated::Freshened(_) => "freshened",
        Validated::Repeat => "repeat",
        Validated::Replace => "replace",
    }
}

#[test]
fn the_stored_validators_replace_the_client_s_conditions_and_range() {
    let clients = "If-None-Match: \"c\" | If-Match: * | If-Modified-Since: {-9} \
        | If-Unmodified-Since: {-9} | If-Range: \"c\" | Range: bytes=0-1 | X-A: 1";
    let rows = [
        ("ETag: \"a\"", "If-None-Match: \"a\" | X-A: 1"),
        ("ETag: W/\"a\"", "If-None-Match: W/\"a\" | X-A: 1"),
        ("Last-Modified: {-99}", "If-Modified-Since: {-99} | X-A: 1"),
        (
            "ETag: \"a\" | Last-Modified: {-99}",
            "If-None-Match: \"a\" | If-Modified-Since: {-99} | X-A: 1",
        ),
        // As the origin wrote it.
        (
            "Last-Modified: tue, 14 nov 2023 22:13:19 gmt",
            "If-Modified-Since: tue, 14 nov 2023 22:13:19 gmt | X-A: 1",
        ),
        ("ETag: a | Last-Modified: yesterday", "X-A: 1"),
    ];
    for (validators, expected) in rows {
        let head = stored("GET", &format!("200 | Cache-Control: max-age=60 | {validators}"));
        let mut sent = fields(clients);
        set_conditions(&head, &mut sent);
        assert_eq!(sent, fields(expected), "{validators}");
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
    let Validated::Freshened(head) = assess(&old, &request("GET").view(), &answered, instant(100))
    else {
        panic!("not freshened");
    };
    assert_eq!(head.reason(), Some(&b"Fine"[..]));
}
