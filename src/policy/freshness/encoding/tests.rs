use super::*;
use crate::policy::scene::{assert_exact, at, at_millis, stored};

fn again(input: &mut &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    Freshness::decode(input)?.encode(&mut out);
    Some(out)
}

#[test]
fn freshness_is_read_back_as_it_was() {
    let rows = [
        "Cache-Control: max-age=60",
        "Cache-Control: s-maxage=4294967295, stale-while-revalidate=5, stale-if-error=0 | Age: 99999",
        "Cache-Control: public, no-cache, must-revalidate, immutable | ETag: \"a\" | Date: {-7}",
        "Last-Modified: {-864000} | Date: {+0}",
    ];
    for row in rows {
        let freshness = stored("GET", &format!("200 | {row}")).freshness;
        let mut bytes = Vec::new();
        freshness.encode(&mut bytes);
        assert_eq!(Freshness::decode(&mut &bytes[..]), Some(freshness), "{row}");
        assert_exact(&bytes, again);
    }
}

#[test]
fn a_flag_that_nobody_knows_is_refused() {
    let mut bytes = Vec::new();
    Freshness { flags: Flags(Flags::ALL), ..Freshness::default() }.encode(&mut bytes);
    assert!(Freshness::decode(&mut &bytes[..]).is_some());
    assert_eq!(bytes.len(), 30);
    for bit in 9..16 {
        let mut bytes = bytes.clone();
        bytes[28 + bit / 8] |= 1 << (bit % 8);
        assert_eq!(Freshness::decode(&mut &bytes[..]), None, "flag {bit}");
    }
}

/// What is on disk was written by another process: the bytes themselves are the promise.
#[test]
fn the_bytes_are_those_of_the_first_format() {
    let freshness = Freshness {
        initial_age_millis: 0x0102_0304_0506_0708,
        date: Timestamp::from_unix_millis(0x1112),
        lifetime_secs: 0x2122_2324,
        while_revalidate_secs: 0x31,
        if_error_secs: 0x41,
        flags: Flags(Flags::ETAG | Flags::ERROR),
    };
    let mut bytes = Vec::new();
    freshness.encode(&mut bytes);
    let expected = [
        &[8, 7, 6, 5, 4, 3, 2, 1, 0x12, 0x11, 0, 0, 0, 0, 0, 0][..],
        &[0x24, 0x23, 0x22, 0x21, 0x31, 0, 0, 0, 0x41, 0, 0, 0, 0x10, 1],
    ];
    assert_eq!(bytes, expected.concat());
}

#[test]
fn times_are_read_back_to_the_millisecond() {
    for (request_time, response_time) in [(at(0), at_millis(1)), (at(9), at(3))] {
        let times = ExchangeTimes { request_time, response_time };
        let mut bytes = Vec::new();
        times.encode(&mut bytes);
        assert_eq!(ExchangeTimes::decode(&mut &bytes[..]), Some(times));
        assert_exact(&bytes, |input| {
            let mut out = Vec::new();
            ExchangeTimes::decode(input)?.encode(&mut out);
            Some(out)
        });
    }
}
