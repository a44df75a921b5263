use bytes::Bytes;
use proptest::prelude::*;
use proptest::test_runner::Config;

use super::scene::{SEGMENT, fields, head, key, one_of_each, partial, record, whole, written};
use super::*;
use crate::net::Scope;
use crate::policy::CacheKey;
use crate::store::disk::checksum::BLOCK;

/// Asserts that the record says what was written.
fn assert_says(bytes: &[u8], offset: u64, header: &Header, meta: &Meta, body: &[u8]) {
    let (read_header, read_meta, read_body) = read(bytes, SEGMENT, offset).unwrap();
    assert_eq!((read_header, read_body), (*header, body));
    assert_same(&read_meta, meta);
}

fn assert_same(one: &Meta, other: &Meta) {
    assert_eq!((&one.key, one.whence, &one.body), (&other.key, other.whence, &other.body));
    assert_eq!((&one.trailers, &one.partial), (&other.trailers, &other.partial));
    assert_eq!(one.head.fields(), other.head.fields());
    assert_eq!((one.head.times, one.head.freshness), (other.head.times, other.head.freshness));
    assert_eq!(one.head.nominated, other.head.nominated);
    assert_eq!(one.encode(), other.encode());
}

#[test]
fn a_record_says_what_was_written() {
    for (number, (meta, body)) in one_of_each().iter().enumerate() {
        let offset = 64 * (number as u64 + 1);
        let (header, bytes) = record(meta, body, 1 << 40, offset);
        assert_eq!(bytes.len() as u64, header.length());
        assert_says(&bytes, offset, &header, meta, body);
        assert_eq!(header.kind, meta.body.kind());
        assert_eq!(header.flags & HAS_RULE != 0, meta.head.query_rule().is_some());
        assert_eq!(header.digest & 1 == 1, meta.key.is_head());
        assert_eq!(header.variant, variant_of(&meta.head.nominated));
    }
}

#[test]
fn tombstones_are_64_bytes() {
    let rows = [
        (Header::tombstone(5, 9, None), Kind::Tombstone, 0, 0),
        (Header::tombstone(5, 9, Some(0xff_ffff)), Kind::Tombstone, ONE, 0xff_ffff),
        (Header::group_tombstone(5, 9), Kind::GroupTombstone, 0, 0),
    ];
    for (header, kind, flags, variant) in rows {
        let bytes = written(&header, b"", b"", 128);
        assert_eq!(bytes.len(), 64);
        assert_eq!(verify(&bytes, SEGMENT, 128), Ok((header, &b""[..], &b""[..])));
        assert_eq!((header.kind, header.flags, header.variant), (kind, flags, variant));
        assert_eq!(read(&bytes, SEGMENT, 128).unwrap_err(), Damaged::Meta);
    }
}

/// What is on disk was written by another process: the bytes themselves are the promise.
#[test]
fn the_bytes_of_a_header_are_those_of_the_first_format() {
    let header = Header {
        kind: Kind::Update,
        flags: HAS_RULE,
        digest: 0x0f0e_0d0c_0b0a_0908_0706_0504_0302_0100,
        generation: 0x2122_2324_2526_2728,
        lineage: 0x31,
        meta_len: 4,
        body_len: 0,
        variant: 0x41_4243,
    };
    let bytes = seal(&header, SEGMENT, 0x1040, b"meta");
    #[rustfmt::skip]
    let expected = [
        &[0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11][..],
        &crc32c::crc32c(&[
            &[3, 0, 0, 0, 0x40, 0x10, 0, 0, 0, 0, 0, 0][..], &bytes[12..], b"meta",
        ].concat()).to_le_bytes(),
        &[2, 1, 0, 0],
        &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        &[0x28, 0x27, 0x26, 0x25, 0x24, 0x23, 0x22, 0x21, 0x31, 0, 0, 0, 0, 0, 0, 0],
        &[4, 0, 0, 0, 0, 0, 0, 0, 0x43, 0x42, 0x41, 0, 0, 0, 0, 0],
    ];
    assert_eq!(bytes[..], expected.concat());
}

#[test]
fn a_flipped_bit_changes_nothing_or_is_seen() {
    for (meta, body) in one_of_each() {
        let (header, bytes) = record(&meta, &body, 9, 192);
        // All bits of what is short, and of a long body some.
        let head = 64 + header.meta_len as usize + 64;
        let bits =
            (0..head.min(bytes.len()) * 8).chain((head * 8..bytes.len() * 8).step_by(7 * 8 + 1));
        for bit in bits {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Ok((read_header, read_meta, read_body)) = read(&flipped, SEGMENT, 192) {
                assert_eq!((read_header, read_body), (header, &body[..]), "bit {bit}");
                assert_eq!(read_meta.encode(), meta.encode(), "bit {bit}");
                assert!(bit / 8 >= header.used() as usize, "bit {bit} is not only padding");
            }
        }
    }
}

#[test]
fn a_flipped_bit_of_a_meta_without_its_checksum_gives_another_meta_or_none() {
    for (meta, body) in one_of_each() {
        let (header, _) = record(&meta, &body, 9, 64);
        let bytes = meta.encode().unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Some(other) = Meta::decode(&flipped, &header) {
                assert_eq!(other.encode().as_ref(), Some(&flipped), "bit {bit}");
            }
        }
        for end in 0..bytes.len() {
            assert!(Meta::decode(&bytes[..end], &header).is_none(), "cut after {end}");
        }
        assert!(Meta::decode(&[&bytes[..], b"\0"].concat(), &header).is_none());
    }
}

#[test]
fn what_is_read_for_a_key_is_the_same_and_only_for_that_key() {
    for (meta, body) in one_of_each() {
        let (header, _) = record(&meta, &body, 9, 64);
        let bytes = meta.encode().unwrap();
        let other = key("/of-somebody-else");
        let read = |key: &CacheKey, bytes: &[u8]| {
            let whole = Bytes::copy_from_slice(bytes);
            Meta::decode_of(key, &whole, &header, &whole).map(|meta| meta.encode())
        };
        assert_eq!(read(&meta.key, &bytes), Some(Some(bytes.clone())));
        assert_eq!(read(&other, &bytes), None);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let parsed = Meta::decode(&flipped, &header).map(|meta| meta.encode());
            assert_eq!(read(&meta.key, &flipped), parsed, "bit {bit}");
        }
    }
}

#[test]
fn a_record_that_is_cut_is_refused() {
    for (meta, body) in one_of_each() {
        let (header, bytes) = record(&meta, &body, 9, 64);
        let used = header.used() as usize;
        for end in (0..used.min(2000)).chain(used.saturating_sub(70)..used) {
            assert!(read(&bytes[..end], SEGMENT, 64).is_err(), "cut after {end}");
        }
        assert!(read(&bytes[..used], SEGMENT, 64).is_ok());
    }
}

#[test]
fn a_record_elsewhere_is_none() {
    let (meta, body) = (whole("/x", b"hello"), b"hello");
    let (_, bytes) = record(&meta, body, 9, 640);
    let Head { seq, nonce } = SEGMENT;
    let rows = [
        (Head { seq, nonce }, 640, Ok(())),
        (Head { seq, nonce }, 704, Err(Damaged::Check)),
        (Head { seq: seq + 1, nonce }, 640, Err(Damaged::Check)),
        (Head { seq, nonce: nonce + 1 }, 640, Err(Damaged::Absent)),
    ];
    for (segment, offset, expected) in rows {
        assert_eq!(read(&bytes, segment, offset).map(drop), expected, "{segment:?} {offset}");
    }
    assert_eq!(open(&[0; 64], SEGMENT), Err(Damaged::Absent));
    assert_eq!(open(&bytes[..63], SEGMENT), Err(Damaged::Absent));
}

#[test]
fn a_header_that_no_record_has_is_refused_even_when_it_is_sealed() {
    let (good, _) = record(&whole("/x", b"hello"), b"hello", 9, 64);
    let kind = |kind, meta_len, body_len| Header { kind, meta_len, body_len, ..good };
    let rows = [
        (good, true),
        (Header { flags: ONE, ..good }, false),
        (Header { flags: 0x80, ..good }, false),
        (Header { variant: 1 << 24, ..good }, false),
        (Header { meta_len: 0, ..good }, false),
        (Header { meta_len: LONGEST_META, body_len: LONGEST_BODY, ..good }, true),
        (Header { meta_len: LONGEST_META + 1, ..good }, false),
        (Header { body_len: LONGEST_BODY + 1, ..good }, false),
        (Header { meta_len: u32::MAX, body_len: u32::MAX, ..good }, false),
        (kind(Kind::Update, 9, 0), true),
        (kind(Kind::Update, 9, 1), false),
        (kind(Kind::Pointer, 9, 0), true),
        (kind(Kind::Pointer, 9, 1), false),
        (kind(Kind::Tombstone, 0, 0), true),
        (kind(Kind::Tombstone, 1, 0), false),
        (kind(Kind::GroupTombstone, 0, 1), false),
    ];
    for (header, expected) in rows {
        let bytes = seal(&header, SEGMENT, 64, b"");
        let expected = if expected { Ok(header) } else { Err(Damaged::Header) };
        assert_eq!(open(&bytes, SEGMENT), expected, "{header:?}");
    }
    for number in [0, 6, 255] {
        let mut bytes = seal(&good, SEGMENT, 64, b"");
        bytes[12] = number;
        assert_eq!(open(&bytes, SEGMENT), Err(Damaged::Header));
    }
}

#[test]
fn a_meta_that_is_not_of_its_header_is_refused() {
    let (meta, body) = (whole("/x", b"hello"), b"hello");
    let (header, _) = record(&meta, body, 9, 64);
    let bytes = meta.encode().unwrap();
    let rows = [
        (header, true),
        // As many blocks, and therefore checksums.
        (Header { body_len: 6, ..header }, true),
        (Header { body_len: 0, ..header }, false),
        (Header { body_len: BLOCK as u32 + 1, ..header }, false),
        (Header { digest: header.digest ^ 2, ..header }, false),
        (Header { variant: 1, ..header }, false),
        (Header { kind: Kind::Update, body_len: 0, ..header }, false),
        (Header { kind: Kind::Pointer, body_len: 0, ..header }, false),
        (Header { kind: Kind::Tombstone, body_len: 0, ..header }, false),
    ];
    for (header, expected) in rows {
        assert_eq!(Meta::decode(&bytes, &header).is_some(), expected, "{header:?}");
    }
}

#[test]
fn what_could_not_be_read_back_is_not_written() {
    let base = |offset, meta_len, body_len, crcs: &[u32]| Place::Base {
        seq: 1,
        offset,
        meta_len,
        body_len,
        crcs: crcs.into(),
    };
    let files = |runs: &[(u64, u64)]| {
        let run = |&(offset, length): &_| Run { file: 1, offset, length };
        Place::Files(runs.iter().map(run).collect())
    };
    let here = |count| Place::Here { crcs: vec![0; count].into() };
    let (none, some) = (|| None, |pairs: &[_]| Some((partial(Some(200_000), pairs), 3)));
    let rows = [
        ("a base", none(), base(64, 1, 1, &[0]), true),
        ("a base without a body", none(), base(64, 1, 0, &[]), true),
        ("a base in the header", none(), base(0, 1, 1, &[0]), false),
        ("a base between", none(), base(96, 1, 1, &[0]), false),
        ("a base beyond all", none(), base(u64::MAX - 63, 1, 1, &[0]), false),
        ("a base without a meta", none(), base(64, 0, 1, &[0]), false),
        ("a base with too long a body", none(), base(64, 1, LONGEST_BODY + 1, &[0; 17]), false),
        ("too few checksums", none(), base(64, 1, 65_537, &[0]), false),
        ("too many checksums", none(), base(64, 1, 65_536, &[0, 0]), false),
        ("a part of another length", some(&[(0, 9)]), base(64, 1, 9, &[0]), false),
        ("a part here", some(&[(0, 65_536)]), here(2), true),
        ("a part here with other checksums", some(&[(0, 65_536)]), here(1), false),
        ("runs", some(&[(0, 9), (20, 29)]), files(&[(0, 10), (30, 10)]), true),
        ("a run of two intervals", some(&[(0, 9), (20, 29)]), files(&[(0, 20)]), false),
        ("a run beyond an interval", some(&[(0, 9), (20, 29)]), files(&[(0, 11), (11, 9)]), false),
        ("too few runs", some(&[(0, 9), (20, 29)]), files(&[(0, 10)]), false),
        ("too many runs", some(&[(0, 9)]), files(&[(0, 10), (10, 1)]), false),
        ("an empty run", none(), files(&[(0, 0)]), false),
        ("a run beyond all", none(), files(&[(u64::MAX, 1)]), false),
        ("runs longer than all", none(), files(&[(0, u64::MAX), (0, 1)]), false),
    ];
    for (name, partial, body, expected) in rows {
        let meta = Meta { partial, body, ..whole("/x", b"") };
        assert_eq!(meta.encode().is_some(), expected, "{name}");
        if let Some(bytes) = meta.encode() {
            let body_len = if meta.body.kind() == Kind::Object { 65_537 } else { 0 };
            let header = meta.header(1, 1, bytes.len() as u32, body_len);
            assert!(Meta::decode(&bytes, &header).is_some(), "{name}");
        }
    }
}

#[test]
fn a_meta_of_more_than_a_mebibyte_is_not_written() {
    let long = |length| {
        let head = head(&format!("x-a: {}", "a".repeat(length)), &[], "");
        Meta { head, ..whole("/x", b"") }
    };
    let rest = long(1 << 16).encode().unwrap().len() - (1 << 16);
    let longest = LONGEST_META as usize - rest;
    assert_eq!(long(longest).encode().unwrap().len(), LONGEST_META as usize);
    assert!(long(longest + 1).encode().is_none());
}

#[test]
fn equal_nominated_fields_have_one_variant() {
    let of = |asked| variant_of(&head("", &["accept", "x-a"], asked).nominated);
    assert_eq!(of("accept: a, b|x-a: 1"), of("accept: B ,a|x-a: 1"));
    assert_ne!(of("accept: a|x-a: 1"), of("accept: a|x-a: 2"));
    assert!(of("x-a: 1") < 1 << 24);
    assert_eq!(variant_of(&NominatedFields::default()), 0);
}

proptest! {
    #![proptest_config(Config { cases: 128, failure_persistence: None, ..Config::default() })]

    #[test]
    fn whatever_is_written_is_read_back(
        path in "/[a-z%/?=&.]{0,40}",
        lines in prop::collection::vec(("[a-z][a-z-]{0,11}", "[ -~]{0,40}"), 0..12),
        asked in "[a-z,; =q.0-9]{0,20}",
        trailer in prop::option::of("[!-~]{0,9}"),
        body in prop::collection::vec(any::<u8>(), 0..400),
        (generation, slot) in (any::<u64>(), 1..1_u64 << 22),
    ) {
        let lines: Vec<_> = lines.iter().map(|(name, value)| {
            format!("{name}: {}", value.replace('|', "/"))
        }).collect();
        let trailers = trailer.map(|value| fields(&format!("x-t: {}", value.replace('|', "/"))));
        let meta = Meta {
            head: head(&lines.join("|"), &["accept", "x-a"], &format!("accept: {asked}")),
            whence: Scope::Private.into(),
            trailers,
            ..whole(&path, &body)
        };
        prop_assert_eq!(&meta.key, &key(&path));
        let (header, bytes) = record(&meta, &body, generation, slot * ALIGN);
        assert_says(&bytes, slot * ALIGN, &header, &meta, &body);
    }

    #[test]
    fn noise_is_no_record(noise in prop::collection::vec(any::<u8>(), 0..300), nonce: bool) {
        let mut noise = noise;
        if let (true, Some(start)) = (nonce, noise.get_mut(..8)) {
            start.copy_from_slice(&SEGMENT.nonce.to_le_bytes());
        }
        prop_assert!(read(&noise, SEGMENT, 64).is_err());
        let (header, _) = record(&whole("/x", b""), b"", 9, 64);
        prop_assert!(Meta::decode(&noise, &header).is_none());
    }
}
