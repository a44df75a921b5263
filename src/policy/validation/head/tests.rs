use super::*;
use crate::policy::StoredHead;
use crate::policy::scene::{at, fields, instant, request, response, stored};

/// A stored answer to GET of ten bytes.
struct Whole(StoredHead);

impl Variant for Whole {
    fn head(&self) -> &StoredHead {
        &self.0
    }

    fn complete_length(&self) -> Option<u64> {
        Some(10)
    }
}

fn says(had: &[&str], asked: &str, answered: &str) -> HeadSays {
    let held: Vec<_> = had.iter().map(|had| Whole(stored("GET | X-A: 1", had))).collect();
    let (status, fields) = response(answered);
    let response = ResponseView { status, fields: &fields };
    assess_head(&held, &request(asked).view(), &response, instant(100), &Config::default())
}

/// (fields of the stored 200, answer to the HEAD, what it says).
#[test]
fn a_head_freshens_what_is_still_the_same_and_finds_what_has_changed() {
    #[rustfmt::skip]
    let rows = [
        ("ETag: \"a\"", "200 | ETag: \"a\"", "same"),
        ("ETag: \"a\"", "200", "same"),
        ("ETag: \"a\"", "200 | ETag: \"b\"", "changed"),
        ("ETag: \"a\"", "200 | ETag: W/\"a\"", "changed"),
        ("X-B: 1", "200 | ETag: \"a\"", "changed"),
        ("Last-Modified: {-99}", "200 | Last-Modified: {-99}", "same"),
        ("Last-Modified: {-99}", "200 | Last-Modified: {-9}", "changed"),
        ("ETag: \"a\" | Last-Modified: {-99}", "200 | ETag: \"a\" | Last-Modified: {-9}", "changed"),
        ("X-B: 1", "200", "same"),
        ("X-B: 1", "200 | Content-Length: 10", "same"),
        ("X-B: 1", "200 | Content-Length: 11", "changed"),
        ("ETag: \"a\"", "200 | ETag: \"a\" | Content-Length: 11", "changed"),
        ("ETag: \"a\"", "200 | ETag: \"a\" | Content-Encoding: gzip", "changed"),
        ("ETag: \"a\"", "200 | ETag: \"b\" | Cache-Control: no-store", "changed"),
        // The same, and only this answer may not be stored.
        ("ETag: \"a\"", "200 | ETag: \"a\" | Cache-Control: no-store", "nothing"),
        ("ETag: \"a\"", "200 | ETag: \"a\" | Cache-Control: private", "nothing"),
        ("ETag: \"a\"", "200 | ETag: \"a\" | Vary: *", "nothing"),
        // Only a 200 says something.
        ("ETag: \"a\"", "404", "nothing"),
        ("ETag: \"a\"", "500 | ETag: \"b\"", "nothing"),
        ("ETag: \"a\"", "304 | ETag: \"a\"", "nothing"),
        // And only about what the request could select.
        ("Vary: X-A | ETag: \"a\"", "200 | ETag: \"b\"", "nothing"),
    ];
    for (had, answered, expected) in rows {
        let had = format!("200 | Cache-Control: max-age=60 | {had}");
        let found = says(&[&had], "HEAD | X-A: 2", answered);
        let found = match (found.freshened.len(), found.changed.as_slice()) {
            (1, []) => "same",
            (0, [0]) => "changed",
            (0, []) => "nothing",
            _ => "both",
        };
        assert_eq!(found, expected, "{had} ← {answered}");
    }
    assert!(says(&["200 | Cache-Control: max-age=60"], "GET", "200").freshened.is_empty());
}

#[test]
fn the_fields_of_a_head_replace_those_that_are_stored() {
    let had = "200 | Cache-Control: max-age=60 | ETag: \"a\" | X-Old: 1 | X-Both: 1 | Date: {+0}";
    let new =
        "200 | Cache-Control: max-age=30 | X-Both: 2 | Content-Length: 10 | Date: {+100} | Age: 5";
    let found = says(&[had], "HEAD", new);
    let head = &found.freshened[0].head;
    let expected = "ETag: \"a\" | X-Old: 1 | Cache-Control: max-age=30 | X-Both: 2 | Date: {+100}";
    assert_eq!(head.fields(), fields(expected));
    assert_eq!(head.ttl(at(100)), 25);
}

#[test]
fn another_status_has_changed_it() {
    let had = "404 | Cache-Control: max-age=60";
    assert_eq!(says(&[had], "HEAD", "200").changed, [0]);
}
