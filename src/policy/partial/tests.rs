use super::*;
use crate::policy::scene::{at, fields, instant, request, response, stored};

fn partial(complete_length: Option<u64>, intervals: &[(u64, u64)]) -> Partial {
    let mut partial = Partial { complete_length, ..Partial::default() };
    for (first, last) in intervals {
        partial.intervals.add(Interval { first: *first, last: *last });
    }
    partial
}

/// What is there of a request for these ranges.
fn covered(partial: &Partial, range: &str) -> String {
    let ranged = !range.is_empty();
    let asked = if ranged { format!("Range: bytes={range}") } else { String::new() };
    match partial.coverage(&fields(&asked), ranged) {
        Coverage::Within(all) => {
            let all: Vec<_> = all.iter().map(|one| format!("{}-{}", one.first, one.last)).collect();
            format!("within {}", all.join(","))
        }
        Coverage::Lacks(Missing { first, last }) => {
            format!("lacks {first}-{}", last.map(|last| last.to_string()).unwrap_or_default())
        }
        Coverage::Nothing => "nothing".to_owned(),
    }
}

#[test]
fn a_range_is_there_lacks_something_or_is_not_there() {
    let of_ten = partial(Some(10), &[(2, 5)]);
    let holes = partial(Some(10), &[(0, 1), (4, 5), (8, 9)]);
    let front = partial(Some(10), &[(0, 4)]);
    let endless = partial(None, &[(0, 4)]);
    let middle = partial(None, &[(2, 4)]);
    #[rustfmt::skip]
    let rows = [
        (&of_ten, "2-5", "within 2-5"),
        (&of_ten, "3-3", "within 3-3"),
        (&of_ten, "3-4,2-2", "within 3-4,2-2"),
        // No byte is sent twice.
        (&of_ten, "2-4,3-5", "within 2-5"),
        (&of_ten, "4-5,2-2,5-5", "within 4-5,2-2"),
        (&of_ten, "2-5,4-7", "lacks 6-7"),
        (&of_ten, "-5", "lacks 6-"),
        (&of_ten, "2-", "lacks 6-"),
        (&of_ten, "2-99", "lacks 6-"),
        (&of_ten, "2-7", "lacks 6-7"),
        (&of_ten, "0-5", "lacks 0-1"),
        (&of_ten, "6-7", "nothing"),
        (&of_ten, "0-1", "nothing"),
        // Missing on both sides is the whole of it.
        (&of_ten, "0-9", "nothing"),
        (&of_ten, "", "nothing"),
        (&of_ten, "3-4,6-7", "nothing"),
        (&of_ten, "10-", "nothing"),
        (&of_ten, "3-4,99-", "within 3-4"),
        (&holes, "", "lacks 2-7"),
        (&holes, "0-5", "lacks 2-3"),
        (&holes, "-2", "within 8-9"),
        (&front, "", "lacks 5-"),
        (&front, "0-", "lacks 5-"),
        (&front, "0-9", "lacks 5-"),
        // Nonsense is no range: the whole is asked for.
        (&front, "x", "lacks 5-"),
        // Without the length only ranges with two ends can be told.
        (&endless, "1-3", "within 1-3"),
        (&endless, "1-7", "lacks 5-7"),
        (&endless, "1-", "nothing"),
        (&endless, "-1", "nothing"),
        (&endless, "", "lacks 5-"),
        (&middle, "", "nothing"),
    ];
    for (partial, range, expected) in rows {
        assert_eq!(covered(partial, range), expected, "{partial:?} {range}");
    }
    // Where `Range` does not count, the whole is asked for.
    let asked = fields("Range: bytes=2-3");
    assert_eq!(front.coverage(&asked, false), Coverage::Lacks(Missing { first: 5, last: None }));
}

#[test]
fn a_set_of_ranges_is_limited_in_what_it_costs() {
    let front = partial(Some(20_000), &[(0, 9_999)]);
    let same = ["0-9999"; 200].join(",");
    assert_eq!(covered(&front, &same), "within 0-9999");
    assert_eq!(covered(&partial(None, &[(0, 9_999)]), &same), "within 0-9999");
    // Many that are near each other are one, unless what lies between them is not there.
    let each_second: Vec<_> = (0..20).map(|at| format!("{0}-{0}", 2 * at)).collect();
    assert_eq!(covered(&front, &each_second.join(",")), "within 0-38");
    let holes: Vec<_> = (0..20).map(|at| (2 * at, 2 * at)).collect();
    let holes = partial(Some(20_000), &holes);
    let all = each_second.join(",");
    assert_eq!(covered(&holes, &all), format!("within {all}"));
}

#[test]
fn what_is_missing_is_asked_for_only_if_the_rest_is_still_the_same() {
    let clients = "Range: bytes=0- | If-Range: \"c\" | X-A: 1";
    #[rustfmt::skip]
    let rows = [
        ("ETag: \"a\"", Some(7), Some("Range: bytes=5-7 | If-Range: \"a\" | X-A: 1")),
        ("ETag: \"a\"", None, Some("Range: bytes=5- | If-Range: \"a\" | X-A: 1")),
        ("ETag: \"a\" | Last-Modified: {-99} | Date: {+0}", None, Some("Range: bytes=5- | If-Range: \"a\" | X-A: 1")),
        ("Last-Modified: {-99} | Date: {+0}", None, Some("Range: bytes=5- | If-Range: {-99} | X-A: 1")),
        // Not strong.
        ("ETag: W/\"a\"", None, None),
        ("ETag: W/\"a\" | Last-Modified: {-99} | Date: {+0}", None, None),
        ("Last-Modified: {+0} | Date: {+0}", None, None),
        ("X-A: 1", None, None),
    ];
    for (had, last, expected) in rows {
        let head = stored("GET", &format!("200 | Cache-Control: max-age=60 | {had}"));
        let mut sent = fields(clients);
        let set = set_range(&head, Missing { first: 5, last }, &mut sent);
        assert_eq!(set, expected.is_some(), "{had}");
        assert_eq!(set, is_completable(&head), "{had}");
        assert_eq!(sent, fields(expected.unwrap_or(clients)), "{had}");
    }
}

const HAD: &str = "206 | Cache-Control: max-age=60 | ETag: \"a\" | Content-Range: bytes 0-4/10 \
    | Date: {+0} | X-Old: 1 | X-Both: 1 | Content-Type: text/plain";

/// What becomes of bytes 0 to 4 of ten when this comes a hundred seconds later.
fn combined(had: &str, held: &Partial, answered: &str) -> Option<Combined> {
    let head = stored("GET | Range: bytes=0-4", had);
    let (status, fields) = response(answered);
    let response = ResponseView { status, fields: &fields };
    let asked = request("GET | Range: bytes=5-");
    combine(&head, held, &asked.view(), &response, instant(100), &Config::default())
}

#[test]
fn parts_belong_together_only_by_a_strong_validator() {
    let front = partial(Some(10), &[(0, 4)]);
    let endless = partial(None, &[(0, 4)]);
    let weak = "206 | Cache-Control: max-age=60 | ETag: W/\"a\" | Content-Range: bytes 0-4/10";
    let dated = "206 | Cache-Control: max-age=60 | Last-Modified: {-99} | Date: {+0} | Content-Range: bytes 0-4/10";
    let coded = "206 | Cache-Control: max-age=60 | ETag: \"a\" | Content-Encoding: gzip | Content-Range: bytes 0-4/10";
    #[rustfmt::skip]
    let rows = [
        (HAD, &front, "206 | ETag: \"a\" | Content-Range: bytes 5-9/10", true),
        (HAD, &front, "206 | ETag: \"a\" | Content-Range: bytes 7-7/10", true),
        (HAD, &front, "206 | ETag: \"a\" | Content-Range: bytes 5-9/*", true),
        (HAD, &endless, "206 | ETag: \"a\" | Content-Range: bytes 5-9/10", true),
        (HAD, &front, "206 | ETag: \"b\" | Content-Range: bytes 5-9/10", false),
        (HAD, &front, "206 | ETag: W/\"a\" | Content-Range: bytes 5-9/10", false),
        (HAD, &front, "206 | Content-Range: bytes 5-9/10", false),
        (HAD, &front, "206 | ETag: \"a\" | Content-Range: bytes 5-9/11", false),
        (HAD, &front, "206 | ETag: \"a\"", false),
        (HAD, &front, "206 | ETag: \"a\" | Content-Range: bytes 9-5/10", false),
        (HAD, &front, "206 | ETag: \"a\" | Content-Type: multipart/byteranges; boundary=b", false),
        (HAD, &front, "200 | ETag: \"a\" | Content-Range: bytes 5-9/10", false),
        (HAD, &front, "416 | ETag: \"a\" | Content-Range: bytes */10", false),
        (HAD, &front, "206 | ETag: \"a\" | Content-Range: bytes 5-9/10 | Cache-Control: no-store", false),
        (HAD, &front, "206 | ETag: \"a\" | Content-Range: bytes 5-9/10 | Content-Encoding: gzip", false),
        (coded, &front, "206 | ETag: \"a\" | Content-Range: bytes 5-9/10 | Content-Encoding: gzip", true),
        (weak, &front, "206 | ETag: W/\"a\" | Content-Range: bytes 5-9/10", false),
        (dated, &front, "206 | Last-Modified: {-99} | Date: {+100} | Content-Range: bytes 5-9/10", true),
        (dated, &front, "206 | Last-Modified: {-9} | Date: {+100} | Content-Range: bytes 5-9/10", false),
        (dated, &front, "206 | Last-Modified: {-99} | ETag: \"a\" | Date: {+100} | Content-Range: bytes 5-9/10", false),
        // More than there is.
        (HAD, &partial(None, &[(0, 10)]), "206 | ETag: \"a\" | Content-Range: bytes 5-9/10", false),
    ];
    for (had, held, answered, expected) in rows {
        let found = combined(had, held, answered);
        assert_eq!(found.is_some(), expected, "{had} {held:?} ← {answered}");
    }
}

#[test]
fn the_fields_of_a_new_part_replace_those_that_are_stored() {
    let front = partial(Some(10), &[(0, 4)]);
    let middle = "206 | ETag: \"a\" | Content-Range: bytes 6-7/10 | Date: {+100} | X-Both: 2 \
        | Cache-Control: max-age=30 | Content-Length: 2 | Age: 3";
    let Combined { head, partial: now, part } = combined(HAD, &front, middle).unwrap();
    assert_eq!(now, partial(Some(10), &[(0, 4), (6, 7)]));
    assert_eq!(part.interval, Interval { first: 6, last: 7 });
    assert_eq!(head.status(), StatusCode::PARTIAL_CONTENT);
    let expected = "ETag: \"a\" | X-Old: 1 | X-Both: 2 | Content-Type: text/plain \
        | Cache-Control: max-age=30 | Date: {+100}";
    assert_eq!(head.fields(), fields(expected));
    assert_eq!(head.ttl(at(100)), 27);
    assert!(!now.is_complete());
}

#[test]
fn parts_become_a_complete_response_when_nothing_is_missing() {
    let front = partial(Some(10), &[(0, 4)]);
    let rest = "206 | ETag: \"a\" | Content-Range: bytes 5-9/10 | Date: {+100}";
    let Combined { head, partial: now, .. } = combined(HAD, &front, rest).unwrap();
    assert!(now.is_complete());
    assert_eq!(head.status(), StatusCode::OK);
    assert!(!head.fields().contains_key("content-range"));
    // A whole stays one, and is as fresh as the part that came.
    let whole = "200 | Cache-Control: max-age=60 | ETag: \"a\" | Date: {+0}";
    let Combined { head, partial: now, .. } =
        combined(whole, &partial(Some(10), &[(0, 9)]), rest).unwrap();
    assert!(now.is_complete());
    assert_eq!((head.status(), head.ttl(at(100))), (StatusCode::OK, 60));
}

#[test]
fn one_part_of_a_206_is_read_from_its_content_range() {
    let of = |text: &str| {
        let (status, fields) = response(text);
        Part::of(&ResponseView { status, fields: &fields })
    };
    let part = |first, last, complete_length| {
        Some(Part { interval: Interval { first, last }, complete_length })
    };
    assert_eq!(of("206 | Content-Range: bytes 2-4/10"), part(2, 4, Some(10)));
    assert_eq!(of("206 | Content-Range: bytes 2-4/*"), part(2, 4, None));
    assert_eq!(of("200 | Content-Range: bytes 2-4/10"), None);
    assert_eq!(of("206 | Content-Range: bytes */10"), None);
    assert_eq!(of("206"), None);
    assert!(Partial::from(of("206 | Content-Range: bytes 0-9/10").unwrap()).is_complete());
}
