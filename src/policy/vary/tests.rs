use super::*;
use crate::policy::scene::fields;

fn nominated(vary: &str, request: &str) -> NominatedFields {
    match Nomination::parse(&fields(vary)) {
        Nomination::Fields(names) => NominatedFields::read(names, &fields(request)),
        Nomination::Anything => panic!("{vary} matches nothing"),
    }
}

/// (Vary, first request, second request, whether the second selects what the first stored).
#[test]
fn a_request_matches_when_its_nominated_fields_mean_the_same() {
    #[rustfmt::skip]
    let rows = [
        ("", "X-A: 1", "X-A: 2", true),
        ("Vary: X-A", "X-A: 1", "X-A: 1", true),
        ("Vary: x-a", "X-A: 1", "X-A: 2", false),
        ("Vary: X-A", "X-A: 1", "", false),
        ("Vary: X-A", "", "X-A: 1", false),
        ("Vary: X-A", "", "", true),
        ("Vary: X-A", "", "X-A:", false),
        ("Vary: X-A", "X-A:", "X-A:", true),
        ("Vary: X-A", "X-A: a", "X-A: A", false),
        ("Vary: X-A, X-B", "X-A: 1 | X-B: 2", "X-B: 2 | X-A: 1 | X-C: 3", true),
        ("Vary: X-A, X-B", "X-A: 1 | X-B: 2", "X-A: 1 | X-B: 3", false),
        ("Vary: X-A | Vary: X-B", "X-A: 1 | X-B: 2", "X-A: 1 | X-B: 3", false),
        ("Vary: ,X-A ,, X-A", "X-A: 1", "X-A: 1", true),
        // All lines, and white space.
        ("Vary: X-A", "X-A: 1 | X-A: 2", "X-A: 1, 2", true),
        ("Vary: X-A", "X-A: 1", "X-A:   1  ", true),
        // A field that nobody knows is no list.
        ("Vary: X-A", "X-A: 1,2", "X-A: 1 , 2", false),
        ("Vary: X-A", "X-A: a,,b", "X-A: a,b", false),
        ("Vary: X-A", "X-A: a,", "X-A: a", false),
        ("Vary: X-A", "X-A: ,", "X-A:", false),
        ("Vary: Via", "Via: 1.1 a,,1.1 b", "Via: 1.1 a , 1.1 b", true),
        ("Vary: Cache-Control", "Cache-Control: a,b", "Cache-Control: a | Cache-Control: b", true),
        ("Vary: Cache-Control", "Cache-Control: a,b", "Cache-Control: b,a", false),
        ("Vary: X-A", "X-A: 1 | X-A: 2", "X-A: 1", false),
        ("Vary: X-A", "X-A: 1", "X-A: 1 | X-A: 2", false),
        ("Vary: X-A", "X-A: 1, 2", "X-A: 2, 1", false),
        ("Vary: X-A", "X-A: \"a, b\"", "X-A: \"a,b\"", false),
        ("Vary: User-Agent", "User-Agent: x (a, b)", "User-Agent: x (a,b)", false),
        ("Vary: Cookie", "Cookie: a=1, b", "Cookie: a=1,b", false),
        // Lists with weights: order and case do not count.
        ("Vary: Accept-Encoding", "Accept-Encoding: gzip, br", "Accept-Encoding: BR,gzip", true),
        ("Vary: Accept-Encoding", "Accept-Encoding: gzip, br", "Accept-Encoding: gzip", false),
        ("Vary: Accept-Encoding", "Accept-Encoding: gzip;q=1.0, br;q=0.50", "Accept-Encoding: br; q=0.5, gzip", true),
        ("Vary: Accept-Encoding", "Accept-Encoding: gzip;q=0", "Accept-Encoding: gzip;q=0.000", true),
        ("Vary: Accept-Encoding", "Accept-Encoding: gzip;q=0", "Accept-Encoding: gzip", false),
        ("Vary: Accept-Language", "Accept-Language: en-GB, de;q=0.8", "Accept-Language: de;Q=0.8,en-gb", true),
        ("Vary: Accept-Language", "Accept-Language: en, de;q=0.8", "Accept-Language: en;q=0.8, de", false),
        ("Vary: Accept-Language", "Accept-Language: en | Accept-Language: de", "Accept-Language: de, en", true),
        ("Vary: Accept", "Accept: Text/HTML;Level=1", "Accept: text/html; level=1", true),
        ("Vary: Accept", "Accept: a/b;p=X", "Accept: a/b;p=x", false),
        ("Vary: Accept", "Accept: a/b;p=\"x;q=1, y\"", "Accept: a/b;p=\"x;q=1,y\"", false),
    ];
    for (vary, first, second, expected) in rows {
        let nominated = nominated(vary, first);
        assert!(nominated.matches(&fields(first)), "{vary}: {first} does not match itself");
        assert_eq!(nominated.matches(&fields(second)), expected, "{vary}: {first} → {second}");
        assert_eq!(Asked::of(&fields(second)).matches(&nominated), expected, "{vary}: {second}");
    }
}

#[test]
fn what_was_compared_before_changes_nothing() {
    let request = fields("X-A: 1 | X-B: 2 | Accept-Language: de");
    let rows = [
        ("Vary: X-A", "X-A: 1", true),
        ("Vary: X-A", "X-A: 2", false),
        ("Vary: X-B", "X-B: 1", false),
        ("Vary: X-B", "X-B: 2", true),
        ("Vary: X-A, X-B", "X-A: 1 | X-B: 2", true),
        ("Vary: X-A, X-B", "X-A: 1", false),
        ("", "", true),
        ("Vary: X-C", "", true),
        ("Vary: X-C", "X-C:", false),
    ];
    let asked = Asked::of(&request);
    for (vary, stored, expected) in rows.iter().chain(rows.iter().rev()) {
        assert_eq!(asked.matches(&nominated(vary, stored)), *expected, "{vary}: {stored}");
    }
}

#[test]
fn all_but_one_may_have_to_match() {
    let request = fields("X-A: 1 | Accept-Language: de");
    let rows = [
        ("Vary: Accept-Language", "Accept-Language: en", true),
        ("Vary: Accept-Language, X-A", "Accept-Language: en | X-A: 1", true),
        ("Vary: Accept-Language, X-A", "Accept-Language: de | X-A: 2", false),
        ("Vary: X-A", "X-A: 1", false),
        ("Vary: Accept-Language, X-A", "X-A: 1", true),
    ];
    let asked = Asked::of(&request);
    for (vary, stored, expected) in rows {
        let free = http::header::ACCEPT_LANGUAGE;
        let matches = asked.matches_except(&nominated(vary, stored), &free);
        assert_eq!(matches, expected, "{vary}: {stored}");
    }
}

#[test]
fn nominations_that_mean_the_same_are_equal() {
    let one = nominated("Vary: X-B, X-A", "X-A: 1 | X-A: 2 | X-B: 3");
    let other = nominated("Vary: x-a | Vary: x-b, X-A", "X-A: 1, 2 | X-B: 3");
    assert_eq!(one, other);
    assert_ne!(one, nominated("Vary: X-A", "X-A: 1, 2"));
    assert_ne!(nominated("Vary: X-A", ""), nominated("Vary: X-A", "X-A:"));
    assert_eq!(one.as_bytes(), other.as_bytes());
    assert_ne!(one.as_bytes(), nominated("Vary: X-A, X-B", "X-A: 1, 2").as_bytes());
}

#[test]
fn bytes_that_are_no_text_match_only_themselves() {
    let with = |bytes: &[u8]| {
        let mut request = HeaderMap::new();
        request.append("accept-language", HeaderValue::from_bytes(bytes).unwrap());
        request
    };
    let (one, other) = (with(b"en, \xe9=1"), with(b"en, \xe9=2"));
    let nominated = NominatedFields::read([http::header::ACCEPT_LANGUAGE], &one);
    assert!(nominated.matches(&one));
    assert!(!nominated.matches(&other));
}

#[test]
fn a_star_or_a_member_that_is_no_name_matches_nothing() {
    let rows = ["*", "X-A, *", "*, X-A", " ,*", "X-A | Vary: *", "x a", "X-A, \"q\""];
    for vary in rows {
        let read = Nomination::parse(&fields(&format!("Vary: {vary}")));
        assert_eq!(read, Nomination::Anything, "{vary}");
    }
}

#[test]
fn without_vary_nothing_is_kept() {
    let nominated = nominated("", "X-A: 1");
    assert!(nominated.is_empty());
    assert_eq!(nominated.weight(), 0);
    assert_eq!(nominated, NominatedFields::default());
}
