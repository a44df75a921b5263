use super::super::tests::sample::{Lines, head};
use super::*;

const NOW: Timestamp = Timestamp::from_unix_secs(1_785_542_400);

const EARLIER: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
const SAME: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const LATER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

/// Whether a `GET` with these lines is answered with 304 from a stored 200 with those.
fn not_modified(request: Lines<'_>, stored: Lines<'_>) -> bool {
    evaluate(&head(request), &Method::GET, StatusCode::OK, &head(stored), NOW)
        == Precondition::NotModified
}

#[test]
fn if_none_match_compares_weakly_with_every_member_of_every_line() {
    const STRONG: Lines<'_> = &[("etag", "\"a\"")];
    const WEAK: Lines<'_> = &[("etag", "W/\"a\"")];
    let rows: &[(Lines<'_>, Lines<'_>, bool)] = &[
        (&[("if-none-match", "\"a\"")], STRONG, true),
        (&[("if-none-match", "W/\"a\"")], STRONG, true),
        (&[("if-none-match", "\"a\"")], WEAK, true),
        (&[("if-none-match", "\"b\", \"a\"")], STRONG, true),
        (&[("if-none-match", "\"b\""), ("if-none-match", "\"a\"")], STRONG, true),
        (&[("if-none-match", "\"b\"")], STRONG, false),
        (&[("if-none-match", "\"A\"")], STRONG, false),
        (&[("if-none-match", "a")], STRONG, false),
        (&[("if-none-match", "")], STRONG, false),
        (&[("if-none-match", "\"a\"")], &[], false),
        (&[("if-none-match", "\"a\"")], &[("etag", "a")], false),
        (&[("if-none-match", "\"a\"")], &[("etag", "\"a\""), ("etag", "\"b\"")], false),
        (&[("if-none-match", "*")], STRONG, true),
        (&[("if-none-match", "*")], &[], true),
        (&[("if-none-match", "\"*\"")], STRONG, false),
        (&[("if-none-match", "*, \"b\"")], STRONG, false),
    ];
    for (request, stored, expected) in rows {
        assert_eq!(not_modified(request, stored), *expected, "{request:?} {stored:?}");
    }
}

#[test]
fn if_none_match_makes_if_modified_since_void() {
    let stored = &[("etag", "\"a\""), ("last-modified", SAME)];
    for tag in ["\"b\"", "junk", ""] {
        let request = &[("if-none-match", tag), ("if-modified-since", LATER)];
        assert!(!not_modified(request, stored), "{tag}");
    }
    let request = &[("if-none-match", "\"a\""), ("if-modified-since", EARLIER)];
    assert!(not_modified(request, stored));
}

#[test]
fn if_modified_since_compares_with_last_modified_or_else_with_date() {
    const MODIFIED: Lines<'_> = &[("last-modified", SAME), ("date", LATER)];
    const DATED: Lines<'_> = &[("date", SAME)];
    let rows: &[(Lines<'_>, Lines<'_>, bool)] = &[
        (&[("if-modified-since", EARLIER)], MODIFIED, false),
        (&[("if-modified-since", SAME)], MODIFIED, true),
        (&[("if-modified-since", LATER)], MODIFIED, true),
        (&[("if-modified-since", "Sunday, 06-Nov-94 08:49:37 GMT")], MODIFIED, true),
        (&[("if-modified-since", EARLIER)], DATED, false),
        (&[("if-modified-since", SAME)], DATED, true),
        (&[("if-modified-since", LATER)], &[], false),
        (&[("if-modified-since", "yesterday")], MODIFIED, false),
        (&[("if-modified-since", LATER), ("if-modified-since", LATER)], MODIFIED, false),
        (&[("if-unmodified-since", EARLIER)], MODIFIED, false),
        (&[("if-match", "\"b\"")], MODIFIED, false),
        (&[], MODIFIED, false),
    ];
    for (request, stored, expected) in rows {
        assert_eq!(not_modified(request, stored), *expected, "{request:?} {stored:?}");
    }
}

#[test]
fn only_get_and_head_and_only_200_and_206_are_conditional() {
    let rows = [
        (Method::GET, StatusCode::OK, true),
        (Method::HEAD, StatusCode::OK, true),
        (Method::GET, StatusCode::PARTIAL_CONTENT, true),
        (Method::POST, StatusCode::OK, false),
        (Method::OPTIONS, StatusCode::OK, false),
        (Method::GET, StatusCode::NOT_FOUND, false),
        (Method::GET, StatusCode::MOVED_PERMANENTLY, false),
        (Method::GET, StatusCode::NO_CONTENT, false),
    ];
    let stored = head(&[("etag", "\"a\""), ("last-modified", SAME)]);
    for request in [&[("if-none-match", "\"a\"")], &[("if-modified-since", SAME)]] {
        for (method, status, expected) in &rows {
            let found = evaluate(&head(request), method, *status, &stored, NOW);
            let expected =
                if *expected { Precondition::NotModified } else { Precondition::Proceed };
            assert_eq!(found, expected, "{method} {status} {request:?}");
        }
    }
}

#[test]
fn if_range_holds_for_the_same_strong_validator_only() {
    const STORED: Lines<'_> = &[("etag", "\"a\""), ("last-modified", SAME), ("date", LATER)];
    let rows: &[(Lines<'_>, Lines<'_>, bool)] = &[
        (&[], STORED, true),
        (&[], &[], true),
        (&[("if-range", "\"a\"")], STORED, true),
        (&[("if-range", "\"b\"")], STORED, false),
        (&[("if-range", "W/\"a\"")], STORED, false),
        (&[("if-range", "\"a\"")], &[("etag", "W/\"a\"")], false),
        (&[("if-range", "W/\"a\"")], &[("etag", "W/\"a\"")], false),
        (&[("if-range", "\"a\"")], &[], false),
        (&[("if-range", SAME)], STORED, true),
        (&[("if-range", "Sun Nov  6 08:49:37 1994")], STORED, true),
        (&[("if-range", EARLIER)], STORED, false),
        (&[("if-range", LATER)], STORED, false),
        (&[("if-range", SAME)], &[("last-modified", SAME), ("date", SAME)], false),
        (&[("if-range", SAME)], &[("last-modified", SAME)], false),
        (&[("if-range", "a")], STORED, false),
        (&[("if-range", "")], STORED, false),
        (&[("if-range", "\"a\""), ("if-range", "\"b\"")], STORED, false),
        (&[("if-range", "junk")], &[], false),
    ];
    for (request, stored, expected) in rows {
        let found = if_range_holds(&head(request), &head(stored), NOW);
        assert_eq!(found, *expected, "{request:?} {stored:?}");
    }
}
