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
    // Two lines of 6 + 3 + value, and the reason.
    assert_eq!(head.weight(), 10 + 13 + 4);
}

#[test]
fn a_head_takes_96_bytes_besides_its_block() {
    assert_eq!(size_of::<StoredHead>(), 96);
}
