use super::*;
use crate::policy::scene::{fields, instant, stored};

#[test]
fn what_was_stored_reads_back_line_by_line() {
    let text =
        "Set-Cookie: a=1 | Cache-Control: max-age=60 | Set-Cookie: b=2 | X-Empty: | Vary: X-A";
    let head = stored("GET", &format!("200 | {text}"));
    assert_eq!(head.fields(), fields(text));
    assert_eq!(head.lines().count(), 5);
    assert_eq!(head.field(&http::header::CACHE_CONTROL), Some(&b"max-age=60"[..]));
    assert_eq!(head.field(&http::header::ETAG), None);
}

#[test]
fn fields_that_end_at_this_hop_and_the_age_are_not_stored() {
    let head = stored(
        "GET",
        "200 | Cache-Control: max-age=60 | Age: 5 | Keep-Alive: timeout=5 | Connection: close \
            | Proxy-Authenticate: Basic | Transfer-Encoding: chunked | Via: 1.1 a",
    );
    assert_eq!(head.fields(), fields("Cache-Control: max-age=60 | Via: 1.1 a"));
    assert_eq!(head.freshness.corrected_initial_age().as_secs(), 5);
}

#[test]
fn bytes_that_are_no_text_are_kept_as_they_are() {
    let mut all = fields("X-A: 1");
    all.append("x-b", HeaderValue::from_bytes(b"caf\xe9").unwrap());
    let head = StoredHead::new(
        StatusCode::IM_A_TEAPOT,
        Some(b"Caf\xe9"),
        &all,
        instant(0),
        NominatedFields::default(),
        Freshness::default(),
    );
    assert_eq!(head.fields(), all);
    assert_eq!(head.reason(), Some(&b"Caf\xe9"[..]));
    assert_eq!(head.status(), StatusCode::IM_A_TEAPOT);
    // Two lines of 1 + 2 + 3 for the name and 1 + value, and the reason.
    assert_eq!(head.weight(), 8 + 11 + 4);
}

#[test]
fn a_head_takes_96_bytes_besides_its_block() {
    assert_eq!(size_of::<StoredHead>(), 96);
}

#[test]
fn what_no_cache_names_is_sent_only_after_a_validation_and_what_private_names_never() {
    let text =
        "Cache-Control: max-age=60, no-cache=\"x-a\", private=\"x-b\" | X-A: 1 | X-C: 3 | X-A: 2";
    let head = stored("GET", &format!("200 | {text} | X-B: 2"));
    assert_eq!(head.fields(), fields(text));
    let shown = "Cache-Control: max-age=60, no-cache=\"x-a\", private=\"x-b\" | X-C: 3";
    assert_eq!(head.fields_without_validation(), fields(shown));
    assert_eq!(head.field(&HeaderName::from_static("x-a")), Some(&b"1"[..]));
    assert_eq!(head.lines().count(), 4);
}

#[test]
fn which_part_it_is_stands_nowhere_in_the_head() {
    let part = "206 | Cache-Control: max-age=60 | Content-Range: bytes 0-1/9";
    let head = stored("GET | Range: bytes=0-1", part);
    assert_eq!(head.fields(), fields("Cache-Control: max-age=60"));
    assert_eq!(head.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(head.clone().completed().status(), StatusCode::OK);
    assert_eq!(head.completed().fields(), fields("Cache-Control: max-age=60"));
    let other = stored("GET", "404 | Cache-Control: max-age=60").completed();
    assert_eq!(other.status(), StatusCode::NOT_FOUND);
}

#[test]
fn the_reason_of_a_part_is_not_that_of_the_whole() {
    let head = StoredHead::new(
        StatusCode::PARTIAL_CONTENT,
        Some(b"Some of it"),
        &fields("X-A: 1"),
        instant(0),
        NominatedFields::default(),
        Freshness::default(),
    );
    assert_eq!(head.reason(), Some(&b"Some of it"[..]));
    let whole = head.completed();
    assert_eq!(whole.reason(), None);
    assert_eq!(whole.fields(), fields("X-A: 1"));
}

#[test]
fn groups_and_the_rule_for_queries_are_read_from_the_fields() {
    let head = stored("GET", "200 | Cache-Control: max-age=60 | Cache-Groups: \"b\", \"a\";x");
    assert!(head.groups().iter().map(AsRef::as_ref).eq(["a", "b"]));
    assert_eq!(head.query_rule(), None);
    let head = stored("GET", "200 | Cache-Control: max-age=60 | No-Vary-Search: params");
    assert!(head.groups().is_empty());
    assert!(head.query_rule().is_some());
}

#[test]
fn bytes_behind_the_lines_change_nothing_else() {
    let text = "Cache-Control: max-age=60 | X-A: 1";
    let head = stored("GET", &format!("200 | {text}"));
    for tail in [&b"hello"[..], b"", b"a longer one"] {
        let with = head.with_tail(b"before").with_tail(tail);
        assert_eq!(with.tail(tail.len()), tail);
        assert_eq!(with.fields(), fields(text));
        assert_eq!(with.weight(), head.weight() + tail.len());
    }
    let all = fields("X-A: 1");
    let times = instant(0);
    let make = |fields: &HeaderMap| {
        let (status, reason) = (StatusCode::PARTIAL_CONTENT, Some(&b"Part"[..]));
        let nominated = NominatedFields::default();
        StoredHead::new(status, reason, fields, times, nominated, Freshness::default())
    };
    let head = make(&all).with_tail(b"hello").completed();
    assert_eq!((head.reason(), head.fields(), head.tail(5)), (None, all, Bytes::from("hello")));
    assert_eq!(make(&HeaderMap::new()).with_tail(b"hello").reason(), Some(&b"Part"[..]));
}
