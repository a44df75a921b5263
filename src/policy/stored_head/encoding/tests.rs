use http::HeaderMap;

use super::super::block;
use super::*;
use crate::policy::scene::{assert_exact, fields, instant, stored};

fn bytes(head: &StoredHead) -> Vec<u8> {
    let mut out = Vec::new();
    head.encode(&mut out);
    out
}

fn again(input: &mut &[u8]) -> Option<Vec<u8>> {
    StoredHead::decode(input).map(|head| bytes(&head))
}

fn with_reason(reason: &[u8], all: &HeaderMap) -> StoredHead {
    let (nominated, freshness) = (NominatedFields::default(), Freshness::default());
    StoredHead::new(StatusCode::OK, Some(reason), all, instant(0), nominated, freshness)
}

#[test]
fn a_head_is_read_back_as_it_was() {
    let rows = [
        ("GET", "200 | Cache-Control: max-age=60"),
        (
            "GET",
            "404 | Cache-Control: max-age=60 | Set-Cookie: a | X-Own: b | Set-Cookie: c | X-None:",
        ),
        ("GET", "200 | Cache-Control: max-age=60, no-cache=\"x-a\" | X-A: guarded | X-B: open"),
        (
            "GET | Accept-Encoding: BR , gzip | X-A: 1",
            "200 | Cache-Control: s-maxage=9 | Vary: Accept-Encoding, X-A, X-C | ETag: \"a\"",
        ),
    ];
    for (asked, answered) in rows {
        let head = stored(asked, answered);
        let written = bytes(&head);
        let back = StoredHead::decode(&mut &written[..]).unwrap();
        assert_eq!(back.status(), head.status());
        assert_eq!(back.reason(), head.reason());
        assert!(back.lines().eq(head.lines()), "{answered}");
        assert_eq!(back.fields_without_validation(), head.fields_without_validation());
        assert_eq!((back.times, back.freshness), (head.times, head.freshness));
        assert_eq!(back.nominated, head.nominated);
        assert_eq!(back.weight(), head.weight());
        assert_exact(&written, again);
    }
    assert_exact(&bytes(&with_reason(b"Caf\xe9", &fields("X-A: 1"))), again);
    assert_exact(&bytes(&with_reason(b"", &HeaderMap::new())), again);
}

#[test]
fn a_body_behind_the_lines_is_not_written() {
    for head in
        [stored("GET", "200 | Cache-Control: max-age=60"), with_reason(b"Fine", &fields(""))]
    {
        assert_eq!(bytes(&head.with_tail(b"a body")), bytes(&head));
    }
}

#[test]
fn a_head_that_was_completed_is_read_back_without_its_reason() {
    let mut head = with_reason(b"Some of it", &fields("X-A: 1"));
    head.status = StatusCode::PARTIAL_CONTENT;
    let written = bytes(&head.completed());
    let back = StoredHead::decode(&mut &written[..]).unwrap();
    assert_eq!((back.reason(), back.fields()), (None, fields("X-A: 1")));
}

/// The bytes of a head with this block, where a head of ours has another one.
fn with_block(count: u16, reason_len: u16, block: &[u8]) -> Vec<u8> {
    let head = with_reason(b"", &HeaderMap::new());
    let mut out = 200_u16.to_le_bytes().to_vec();
    out.put_u16_le(count);
    out.put_u16_le(reason_len);
    out.put_u32_le(block.len().try_into().unwrap());
    out.put_slice(block);
    head.times.encode(&mut out);
    head.freshness.encode(&mut out);
    head.nominated.encode(&mut out);
    out
}

#[test]
fn a_block_that_is_not_all_legal_lines_is_refused() {
    let line = |name: &[u8], value: &[u8]| {
        let mut line = vec![127, 0, name.len() as u8];
        line.extend(name);
        line.push(value.len() as u8);
        [&line, value].concat()
    };
    let (good, other) = (line(b"x-a", b"1"), line(b"x-b", b"\xff\t "));
    let mut known = Vec::new();
    assert!(block::push(&mut known, &http::header::ETAG, b"\"a\"", true));
    let rows = [
        ("nothing", with_block(0, 0, b""), true),
        ("one", with_block(1, 0, &good), true),
        ("three", with_block(3, 0, &[&good[..], &other, &known].concat()), true),
        ("a reason", with_block(1, 2, &[b"OK", &good[..]].concat()), true),
        ("fewer", with_block(2, 0, &good), false),
        ("more", with_block(1, 0, &[&good[..], &other].concat()), false),
        ("a tail", with_block(1, 0, &[&good[..], b"tail"].concat()), false),
        ("only a tail", with_block(0, 0, b"tail"), false),
        ("upper case", with_block(1, 0, &line(b"X-A", b"1")), false),
        ("no name", with_block(1, 0, &line(b"", b"1")), false),
        ("no legal name", with_block(1, 0, &line(b"x:a", b"1")), false),
        ("a line end", with_block(1, 0, &line(b"x-a", b"1\r\nx-b: 2")), false),
        ("a zero", with_block(1, 0, &line(b"x-a", b"\0")), false),
        ("a name that is not known", with_block(1, 0, &[126, 0]), false),
        ("a line end in the reason", with_block(1, 2, &[b"\r\n", &good[..]].concat()), false),
        ("a reason beyond the end", with_block(0, 3, b"OK"), false),
        ("too long a reason", with_block(0, 257, &[b'a'; 257]), false),
        ("too many", with_block(16_385, 0, &known.repeat(16_385)), false),
    ];
    for (name, bytes, expected) in rows {
        assert_eq!(StoredHead::decode(&mut &bytes[..]).is_some(), expected, "{name}");
    }
    let most = with_block(16_384, 0, &known.repeat(16_384));
    assert_eq!(StoredHead::decode(&mut &most[..]).unwrap().fields().len(), 16_384);
}

#[test]
fn a_status_that_is_none_is_refused() {
    for (status, expected) in [(99_u16, false), (100, true), (999, true), (1000, false)] {
        let mut bytes = with_block(0, 0, b"");
        bytes[..2].copy_from_slice(&status.to_le_bytes());
        assert_eq!(StoredHead::decode(&mut &bytes[..]).is_some(), expected, "{status}");
    }
}
