use http::HeaderMap;

use super::super::tests::sample::{Lines, head};
use super::RangeAnswer::{Parts, Unsatisfiable, Whole};
use super::*;

fn part(first: u64, last: u64) -> RangeAnswer {
    RangeAnswer::Part { first, last }
}

fn answer(value: &str, length: u64) -> RangeAnswer {
    select(&head(&[("range", value)]), length)
}

#[test]
fn one_range_of_bytes_is_a_part_of_the_whole() {
    let rows = [
        ("bytes=0-0", part(0, 0)),
        ("bytes=0-9", part(0, 9)),
        ("bytes=2-4", part(2, 4)),
        ("bytes=9-9", part(9, 9)),
        ("bytes=2-", part(2, 9)),
        ("bytes=0-", part(0, 9)),
        ("bytes=-1", part(9, 9)),
        ("bytes=-10", part(0, 9)),
        ("bytes=-99", part(0, 9)),
        ("bytes=5-99", part(5, 9)),
        ("bytes=5-99999999999999999999999", part(5, 9)),
        ("bytes=-99999999999999999999999", part(0, 9)),
        ("Bytes=2-4", part(2, 4)),
        ("bytes=02-004", part(2, 4)),
        ("bytes= 2-4 ", part(2, 4)),
        ("bytes=,2-4,", part(2, 4)),
        ("bytes=10-", Unsatisfiable),
        ("bytes=10-11", Unsatisfiable),
        ("bytes=99999999999999999999999-", Unsatisfiable),
        ("bytes=-0", Unsatisfiable),
    ];
    for (value, expected) in rows {
        assert_eq!(answer(value, 10), expected, "{value}");
    }
}

#[test]
fn several_ranges_are_parts_in_the_order_in_which_they_were_asked_for() {
    let rows = [
        ("bytes=0-1,3-4", Parts(vec![(0, 1), (3, 4)])),
        ("bytes=3-4 , 0-1", Parts(vec![(3, 4), (0, 1)])),
        ("bytes=-1,0-0", Parts(vec![(9, 9), (0, 0)])),
        ("bytes=0-1,2-3", Parts(vec![(0, 1), (2, 3)])),
        ("bytes=0-0,2-2,4-4", Parts(vec![(0, 0), (2, 2), (4, 4)])),
        // What there is nothing of is left out.
        ("bytes=0-1,12-13,5-", Parts(vec![(0, 1), (5, 9)])),
        ("bytes=0-1,12-13", part(0, 1)),
        ("bytes=12-13,-0", Unsatisfiable),
        // What overlaps is joined, and stands where the first of it stood.
        ("bytes=0-3,2-5", part(0, 5)),
        ("bytes=0-,-1", part(0, 9)),
        ("bytes=4-5,4-5,4-5", part(4, 5)),
        ("bytes=8-9,0-1,7-8", Parts(vec![(7, 9), (0, 1)])),
        ("bytes=0-1,8-9,1-2", Parts(vec![(0, 2), (8, 9)])),
        ("bytes=0-9,1-2,4-5", part(0, 9)),
    ];
    for (value, expected) in rows {
        assert_eq!(answer(value, 10), expected, "{value}");
    }
}

#[test]
fn an_absurd_set_costs_no_more_than_the_whole() {
    let many = |count: u64, step: u64| {
        let ranges: Vec<_> = (0..count).map(|n| format!("{0}-{0}", n * step)).collect();
        format!("bytes={}", ranges.join(","))
    };
    let parts = |answer| match answer {
        Parts(parts) => parts.len(),
        other => panic!("{other:?}"),
    };
    // Few are sent as they are, many near each other are joined.
    assert_eq!(parts(answer(&many(8, 10), 1_000_000)), 8);
    assert_eq!(answer(&many(9, 10), 1_000_000), part(0, 80));
    assert_eq!(answer(&many(9, 80), 1_000_000), part(0, 640));
    assert_eq!(parts(answer(&many(9, 81), 1_000_000)), 9);
    assert_eq!(parts(answer(&many(256, 1_000), 1_000_000)), 256);
    assert_eq!(answer(&many(257, 1_000), 1_000_000), Whole);
    // The same megabyte, often.
    let same = format!("bytes=0-{}", ",0-".repeat(255));
    assert_eq!(answer(&same, 1 << 20), part(0, (1 << 20) - 1));
    assert_eq!(answer(&format!("bytes={}0-1", ",".repeat(10_000)), 10), part(0, 1));
}

#[test]
fn what_is_not_a_set_of_ranges_of_bytes_is_answered_with_the_whole() {
    for value in [
        "",
        "bytes",
        "bytes=",
        "bytes=,",
        "bytes=-",
        "bytes=a-b",
        "bytes=4-2",
        "bytes=1",
        "bytes=+1-2",
        "bytes=1-+2",
        "bytes=1-2-3",
        "bytes=--1",
        "bytes=1 - 2",
        "bytes =1-2",
        "items=0-1",
        "0-1",
        "bytes:0-1",
        "bytes=0-1,x",
        "bytes=0-1,4-2",
        "bytes=0-1;3-4",
        "bytes=0x1-2",
    ] {
        assert_eq!(answer(value, 10), Whole, "{value}");
    }
    let several: Lines<'_> = &[("range", "bytes=0-1"), ("range", "bytes=0-1")];
    assert_eq!(select(&head(several), 10), Whole);
    assert_eq!(select(&HeaderMap::new(), 10), Whole);
}

#[test]
fn nothing_of_an_empty_whole_is_satisfiable_but_a_suffix() {
    let rows = [
        ("bytes=0-", Unsatisfiable),
        ("bytes=0-0", Unsatisfiable),
        ("bytes=-0", Unsatisfiable),
        ("bytes=-1", Whole),
        ("bytes=0-,-1", Whole),
    ];
    for (value, expected) in rows {
        assert_eq!(answer(value, 0), expected, "{value}");
    }
}

#[test]
fn the_largest_whole_has_a_last_byte() {
    assert_eq!(answer("bytes=0-", u64::MAX), part(0, u64::MAX - 1));
    assert_eq!(answer("bytes=18446744073709551615-", u64::MAX), Unsatisfiable);
}

#[test]
fn the_ranges_are_known_before_the_length_is() {
    let of = |value| requested(&head(&[("range", value)]));
    assert_eq!(of("bytes=1-2"), Some(vec![Requested::From(1, Some(2))]));
    assert_eq!(of("bytes=1-,-3"), Some(vec![Requested::From(1, None), Requested::Suffix(3)]));
    assert_eq!(of("bytes=2-1"), None);
}
