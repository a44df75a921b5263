use std::time::Duration;

use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderValue};

use super::*;
use crate::http::TargetUri;
use crate::net::Scope;
use crate::policy::{
    ExchangeTimes, Freshness, Interval, Intervals, NominatedFields, Partial, ResponseDirectives,
    StoredHead,
};
use crate::store::disk::checksum;
use crate::store::disk::io::faulty::Faulty;
use crate::store::disk::large::format;
use crate::store::disk::names;
use crate::store::disk::record::{self, Place, Run};
use crate::store::disk::segment::{FooterEntry, Head, footer};

const NOW: Timestamp = Timestamp::from_unix_secs(1_800_000_000);

/// A segment that is being written.
struct Written {
    head: Head,
    bytes: Vec<u8>,
    entries: Vec<FooterEntry>,
}

impl Written {
    fn new(seq: u32) -> Self {
        let head = Head { seq, nonce: 0x1122_3344_5566_7788 + u64::from(seq) };
        Self { head, bytes: head.encode().to_vec(), entries: Vec::new() }
    }

    /// Appends a record; returns where it begins.
    fn put(&mut self, header: &Header, meta: &[u8], body: &[u8]) -> u64 {
        let offset = self.bytes.len() as u64;
        self.bytes.extend(record::seal(header, self.head, offset, meta));
        self.bytes.extend(meta);
        self.bytes.extend(body);
        self.bytes.resize(self.bytes.len().next_multiple_of(64), 0);
        self.entries.push(FooterEntry::new(header, offset));
        offset
    }

    /// Appends a response; returns where its record begins, and the length of its meta.
    fn response(&mut self, generation: u64, meta: &Meta, body: &[u8]) -> (u64, u32) {
        let bytes = meta.encode().unwrap();
        let (meta_len, body_len) = (bytes.len() as u32, body.len() as u32);
        let header = meta.header(generation, generation, meta_len, body_len);
        (self.put(&header, &bytes, body), meta_len)
    }

    fn write(&self, io: &Faulty, is_sealed: bool) {
        let mut bytes = self.bytes.clone();
        if is_sealed {
            let footer = footer::encode(&self.entries, self.head, bytes.len() as u64);
            bytes.extend(footer.unwrap());
        }
        io.make_dir("seg").unwrap();
        io.create(&names::segment(self.head.seq)).unwrap().write_at(&bytes, 0).unwrap();
    }
}

fn key(path: &str) -> CacheKey {
    CacheKey::new(TargetUri::parse(&format!("http://a.test{path}")).unwrap())
}

fn head(max_age: u64, fields: &[(&'static str, &'static str)]) -> StoredHead {
    let mut map = HeaderMap::new();
    map.insert(CACHE_CONTROL, HeaderValue::from_str(&format!("max-age={max_age}")).unwrap());
    for (name, value) in fields {
        map.append(*name, HeaderValue::from_static(value));
    }
    let times = ExchangeTimes { request_time: NOW, response_time: NOW };
    let directives = ResponseDirectives::parse(&map);
    let freshness = Freshness::new(StatusCode::OK, &map, &directives, times, Duration::ZERO);
    StoredHead::new(StatusCode::OK, None, &map, times, NominatedFields::default(), freshness)
}

fn meta(path: &str, body: &[u8]) -> Meta {
    Meta {
        key: key(path),
        head: head(60, &[]),
        whence: Scope::Public.into(),
        trailers: None,
        partial: None,
        body: Place::Here { crcs: checksum::of([body]) },
    }
}

/// What is listed: path, generation's place, size.
fn listed(io: &Faulty) -> Vec<(String, u64)> {
    let inspection = Inspection::of(io).unwrap();
    let all = inspection.responses();
    let mut all: Vec<_> =
        all.map(|one| (one.key.uri().path_and_query().to_owned(), one.size)).collect();
    all.sort();
    all
}

fn damages(io: &Faulty) -> Vec<(String, u64, String, Option<String>)> {
    let (mut damages, mut read) = (Vec::new(), 0);
    let inspection = Inspection::of(io).unwrap();
    let verified = inspection.verify(&mut |seen| {
        match seen {
            Seen::Read(bytes) => read += bytes,
            Seen::Damaged(damage) => {
                let path = damage.key.map(|key| key.uri().path_and_query().to_owned());
                damages.push((damage.file, damage.offset, damage.why, path));
            }
        }
        Ok(())
    });
    assert_eq!((verified.unwrap().bytes, read), (inspection.bytes(), inspection.bytes()));
    damages
}

#[test]
fn the_newest_record_of_a_response_counts_and_tombstones_hide_what_is_older() {
    for is_sealed in [false, true] {
        let io = Faulty::new();
        let (mut first, mut second) = (Written::new(1), Written::new(2));
        first.response(1, &meta("/replaced", b"old"), b"old");
        first.response(2, &meta("/purged", b"x"), b"x");
        first.response(3, &meta("/kept", b"kept"), b"kept");
        first.response(4, &meta("/purged-and-back", b"old"), b"old");
        let grouped =
            Meta { head: head(60, &[("cache-groups", "\"g\"")]), ..meta("/grouped", b"") };
        first.response(5, &grouped, b"");
        second.response(6, &meta("/replaced", b"newer"), b"newer");
        for path in ["/purged", "/purged-and-back"] {
            second.put(&Header::tombstone(key(path).digest(), 7, None), b"", b"");
        }
        second.response(8, &meta("/purged-and-back", b"again"), b"again");
        let group = crate::store::groups::digest("http://a.test", "g");
        second.put(&Header::group_tombstone(group, 9), b"", b"");
        first.write(&io, true);
        second.write(&io, is_sealed);
        let expected = [("/kept", 4), ("/purged-and-back", 5), ("/replaced", 5)];
        assert_eq!(listed(&io), expected.map(|(path, size)| (path.to_owned(), size)));
        assert_eq!(damages(&io), []);
    }
}

#[test]
fn a_tombstone_for_one_variant_leaves_the_others() {
    let io = Faulty::new();
    let mut segment = Written::new(1);
    segment.response(1, &meta("/a", b"a"), b"a");
    let variant = record::variant_of(&NominatedFields::default());
    let digest = key("/a").digest();
    segment.put(&Header::tombstone(digest, 2, Some(variant ^ 1)), b"", b"");
    segment.write(&io, false);
    assert_eq!(listed(&io).len(), 1);
    let mut next = Written::new(2);
    next.put(&Header::tombstone(digest, 2, Some(variant)), b"", b"");
    next.write(&io, false);
    assert_eq!(listed(&io), []);
}

#[test]
fn a_new_head_keeps_the_size_of_the_body_that_it_is_for() {
    let io = Faulty::new();
    let mut segment = Written::new(7);
    let (offset, meta_len) = segment.response(1, &meta("/a", b"hello"), b"hello");
    let crcs = checksum::of([&b"hello"[..]]);
    let body = Place::Base { seq: 7, offset, meta_len, body_len: 5, crcs };
    segment.response(2, &Meta { head: head(600, &[]), body, ..meta("/a", b"") }, b"");
    segment.write(&io, false);
    let inspection = Inspection::of(&io).unwrap();
    let all: Vec<_> = inspection.responses().collect();
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].size, all[0].kind), (5, BodyKind::Small));
    assert_eq!(all[0].expires, NOW.saturating_add(Duration::from_secs(600)));
    assert_eq!(damages(&io), []);
}

#[test]
fn figures_are_counted_by_kind_and_by_age() {
    let io = Faulty::new();
    let mut segment = Written::new(1);
    segment.response(1, &meta("/small", b"12345"), b"12345");
    let stale = Meta { head: head(60, &[("age", "100")]), ..meta("/stale", b"123") };
    segment.response(2, &stale, b"123");
    segment.write(&io, true);
    let stats = Inspection::of(&io).unwrap().stats(NOW.saturating_add(Duration::from_secs(10)));
    assert_eq!(stats.small, Count { responses: 2, bytes: 8 });
    assert_eq!(stats.all(), stats.small);
    assert_eq!((stats.stale, stats.segments, stats.files), (1, 1, 0));
    assert_eq!((stats.oldest, stats.newest), (Some(NOW), Some(NOW)));
    assert_eq!(stats.on_disk, io.bytes(&names::segment(1)).unwrap().len() as u64);
}

#[test]
fn every_flipped_bit_of_a_record_is_reported_with_what_it_belongs_to() {
    let body = vec![7; checksum::BLOCK + 100];
    let mut segment = Written::new(1);
    segment.response(1, &meta("/before", b"b"), b"b");
    let (offset, meta_len) = segment.response(2, &meta("/a", &body), &body);
    let behind = segment.response(3, &meta("/behind", b"b"), b"b").0;
    let body_at = offset + 64 + u64::from(meta_len);
    let second_block = body_at + checksum::BLOCK as u64;
    let rows = [
        (offset, "there is no record", None, offset),
        (offset + 9, "the checksum of a record's head is wrong", None, offset),
        (offset + 70, "the checksum of a record's head is wrong", None, offset),
        (body_at, "the checksum of a body is wrong", Some("/a"), body_at),
        (second_block + 99, "the checksum of a body is wrong", Some("/a"), second_block),
    ];
    for (at, why, path, told) in rows {
        let io = Faulty::new();
        segment.write(&io, true);
        io.flip(&names::segment(1), at * 8 + at % 8);
        let expected = (names::segment(1), told, why.to_owned(), path.map(str::to_owned));
        assert_eq!(damages(&io), [expected], "{at}");
        // Damage to a head takes that one record away, damage to a body is found when it is read.
        let count = if path.is_some() { 3 } else { 2 };
        assert_eq!(listed(&io).len(), count, "{at}");
    }
    let io = Faulty::new();
    segment.write(&io, false);
    io.flip(&names::segment(1), offset * 8);
    let why = format!("{} bytes before here belong to no record", behind - offset);
    let end = segment.bytes.len() as u64;
    assert_eq!(damages(&io), [(names::segment(1), end, why, None)]);
    assert_eq!(listed(&io).len(), 2);
}

#[test]
fn every_flipped_bit_of_a_footer_is_reported_and_costs_nothing() {
    let mut segment = Written::new(1);
    segment.response(1, &meta("/a", b"a"), b"a");
    let io = Faulty::new();
    segment.write(&io, true);
    let (from, to) = (segment.bytes.len() as u64, io.bytes(&names::segment(1)).unwrap().len());
    for at in from..to as u64 {
        let io = Faulty::new();
        segment.write(&io, true);
        io.flip(&names::segment(1), at * 8 + at % 8);
        // What fills the footer up to its trailer is covered by nothing, and nobody reads it.
        let is_filling = (from + 40..from + 64).contains(&at);
        let why: Vec<_> = damages(&io).into_iter().map(|(_, _, why, _)| why).collect();
        let expected = ["the footer of the segment is damaged".to_owned()];
        assert_eq!(why, if is_filling { &[][..] } else { &expected[..] }, "{at}");
        assert_eq!(listed(&io).len(), 1, "{at}");
    }
}

#[test]
fn a_head_whose_body_is_gone_is_reported() {
    let io = Faulty::new();
    let mut segment = Written::new(2);
    let crcs = checksum::of([&b"hello"[..]]);
    let body = Place::Base { seq: 1, offset: 64, meta_len: 100, body_len: 5, crcs };
    let update = segment.response(2, &Meta { body, ..meta("/update", b"") }, b"").0;
    let body = Place::Files([Run { file: 5, offset: 0, length: 10 }].into());
    let pointer = segment.response(3, &Meta { body, ..meta("/large", b"") }, b"").0;
    segment.write(&io, false);
    let told = |offset, why: &str, path: &str| {
        (names::segment(2), offset, why.to_owned(), Some(path.to_owned()))
    };
    let expected = [
        told(update, "its body is gone, which was in segment 00000001", "/update"),
        told(pointer, "its body is gone, which was in file 0000000000000005", "/large"),
    ];
    assert_eq!(damages(&io), expected);
}

/// Writes a file with this body, and a record that says that it is there.
fn large(io: &Faulty, segment: &mut Written, path: &str, id: u64, body: &[u8]) -> String {
    let digest = key(path).digest();
    let name = names::large(digest, id);
    io.make_dir(&names::large_directory(digest)).unwrap();
    let end = format::end(id, digest, body.len() as u64, &checksum::of([body]));
    io.create(&name).unwrap().write_at(&[body, &end].concat(), 0).unwrap();
    let runs = [Run { file: id, offset: 0, length: body.len() as u64 }];
    let meta = Meta { body: Place::Files(runs.into()), ..meta(path, b"") };
    segment.response(id, &meta, b"");
    name
}

#[test]
fn a_large_body_is_read_block_by_block() {
    let body: Vec<u8> = (0..(2 << 20) + 17_u32).map(|at| (at % 251) as u8).collect();
    let whole = body.len() as u64;
    let last = whole - whole % checksum::BLOCK as u64;
    let rows = [
        (0, 0, "the checksum of a body is wrong"),
        (last - 1, last - checksum::BLOCK as u64, "the checksum of a body is wrong"),
        (whole - 1, last, "the checksum of a body is wrong"),
        (whole, whole, "the end of the file is damaged"),
        (whole + 33 * 4, whole + 33 * 4, "the end of the file is damaged"),
        (whole + 33 * 4 + 63, whole + 33 * 4, "the end of the file is damaged"),
    ];
    for (at, told, why) in rows {
        let (io, mut segment) = (Faulty::new(), Written::new(1));
        let name = large(&io, &mut segment, "/large", 5, &body);
        segment.write(&io, true);
        let inspection = Inspection::of(&io).unwrap();
        let stats = inspection.stats(NOW);
        assert_eq!((stats.large, stats.files), (Count { responses: 1, bytes: whole }, 1));
        assert_eq!(damages(&io), []);
        io.flip(&name, at * 8 + at % 8);
        let path = Some("/large".to_owned());
        assert_eq!(damages(&io), [(name, told, why.to_owned(), path)], "{at}");
    }
}

#[test]
fn a_body_that_reaches_beyond_its_file_is_reported() {
    let (io, mut segment) = (Faulty::new(), Written::new(1));
    let name = large(&io, &mut segment, "/large", 5, &[1; 1000]);
    let runs = [Run { file: 5, offset: 1, length: 1000 }];
    let meta = Meta { body: Place::Files(runs.into()), ..meta("/large", b"") };
    let offset = segment.response(6, &meta, b"").0;
    segment.write(&io, true);
    let why = format!("its body is longer than what is in {name}");
    assert_eq!(damages(&io), [(names::segment(1), offset, why, Some("/large".to_owned()))]);
}

#[test]
fn parts_are_counted_as_such() {
    let (io, mut segment) = (Faulty::new(), Written::new(1));
    let mut held = Partial { complete_length: Some(10), intervals: Intervals::default() };
    held.intervals.add(Interval { first: 2, last: 4 });
    segment.response(1, &Meta { partial: Some((held, 1)), ..meta("/part", b"abc") }, b"abc");
    segment.write(&io, false);
    let stats = Inspection::of(&io).unwrap().stats(NOW);
    assert_eq!((stats.partial, stats.all()), (Count { responses: 1, bytes: 3 }, stats.partial));
}

#[test]
fn a_torn_tail_is_no_damage() {
    let mut segment = Written::new(1);
    segment.response(1, &meta("/a", b"a"), b"a");
    let whole = segment.bytes.len() as u64;
    segment.response(2, &meta("/b", b"b"), b"b");
    let end = segment.bytes.len() as u64;
    for length in whole..end {
        let io = Faulty::new();
        segment.write(&io, false);
        io.truncate(&names::segment(1), length);
        assert_eq!((listed(&io).len(), damages(&io)), (1, Vec::new()), "{length}");
    }
}

#[test]
fn a_directory_without_a_cache_is_told_from_an_empty_one() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(Inspection::open(dir.path()), Err(OpenError::Empty { .. })));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing was made");
    drop(Directory::open(dir.path(), false).unwrap());
    let inspection = Inspection::open(dir.path()).unwrap();
    assert_eq!(inspection.responses().count(), 0);
    assert_eq!(inspection.stats(NOW), Stats::default());
    drop(inspection);
    let proxy = Directory::open(dir.path(), false).unwrap();
    let pid = std::process::id();
    match Inspection::open(dir.path()) {
        Err(OpenError::InUse { pid: told, .. }) => assert_eq!(told, Some(pid)),
        other => panic!("{other:?}"),
    }
    drop(proxy);
}
