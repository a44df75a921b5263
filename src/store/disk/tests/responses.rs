use std::sync::Arc;

use super::stage::{Stage, drain};
use crate::net::Scope;
use crate::policy::{Interval, Partial};
use crate::store::contract::{body, head_with, key, response};
use crate::store::disk::checksum::BLOCK;
use crate::store::disk::dense::CHUNK;
use crate::store::disk::extents::Extents;
use crate::store::flags::OnDisk;
use crate::store::stored::{Content, Extent, Parts, StoredResponse};
use crate::store::tier::Tier;

fn spilled(id: u64, extents: &Arc<Extents>) -> StoredResponse {
    let (head, content) = (head_with(1, 200, &[]), Content::Spilled(Arc::clone(extents)));
    let parts =
        Parts { key: key("/"), head, whence: Scope::Public.into(), trailers: None, content };
    StoredResponse::new(id, parts)
}

#[test]
fn a_response_whose_body_is_on_disk_is_read_from_there() {
    let stage = Stage::new(CHUNK + 5, 64);
    let stored = spilled(20, &stage.extents);
    assert_eq!(stored.extent(), Extent::Whole);
    assert_eq!(stored.length(), stage.body.len() as u64);
    assert_eq!(stored.held(), *stage.extents.partial());
    assert_eq!((stored.id(), stored.begun(), stored.lineage()), (20, 9, 7));
    assert_eq!(stored.tier(), Tier::Disk);
    assert!(stored.segments().is_none());
    assert!(body(&stored) == stage.body);
    let mut range = stored.reader_range(BLOCK as u64, BLOCK as u64 + 9).unwrap();
    assert_eq!(drain(&mut range, &stage.notes).0, stage.body[BLOCK..BLOCK + 10]);
    assert!(stored.reader_range(0, stored.length()).is_none());
    assert!(stored.reader_range(1, 0).is_none());
    assert!((stored.units() as usize) < 64, "the body is not in memory");
}

#[test]
fn a_part_on_disk_has_no_whole_to_be_read() {
    let stage = Stage::new(BLOCK, 0);
    let mut partial = Partial { complete_length: None, ..Partial::default() };
    partial.intervals.add(Interval { first: 500, last: 500 + BLOCK as u64 - 1 });
    let extents = Extents::new(7, 9, partial.clone(), vec![stage.run(0, BLOCK as u64)]).unwrap();
    let stored = spilled(20, &Arc::new(extents));
    assert_eq!(stored.extent(), Extent::Part(&partial));
    assert_eq!(stored.reader().remaining(), 0);
    let mut range = stored.reader_range(501, 509).unwrap();
    assert_eq!(drain(&mut range, &stage.notes).0, stage.body[1..10]);
    assert!(stored.reader_range(499, 509).is_none());
}

#[test]
fn an_empty_body_on_disk_is_whole() {
    let stage = Stage::new(0, 64);
    let stored = spilled(20, &stage.extents);
    assert_eq!((stored.extent(), stored.length()), (Extent::Whole, 0));
    assert_eq!(body(&stored), b"");
}

#[test]
fn a_new_head_keeps_the_body_and_its_lineage() {
    let stage = Stage::new(BLOCK + 1, 64);
    for first in [response(key("/"), head_with(1, 200, &[]), b"x"), spilled(20, &stage.extents)] {
        first.invalidate();
        let fresh = first.with_head(first.id() + 1, head_with(2, 200, &[]));
        assert!(fresh.continues(&first) && first.continues(&fresh));
        assert_eq!(fresh.lineage(), first.lineage());
        assert_eq!(fresh.tier(), first.tier());
        assert_eq!(body(&fresh), body(&first));
        assert!(!fresh.is_void() && fresh.on_disk() == OnDisk::No);
    }
    let one = response(key("/"), head_with(1, 200, &[]), b"x");
    assert!(!one.continues(&response(key("/"), head_with(1, 200, &[]), b"x")));
}

#[test]
fn what_was_read_from_disk_is_not_written_again_and_memory_may_keep_it() {
    let made = response(key("/"), head_with(1, 200, &[]), b"hello");
    assert_eq!((made.tier(), made.on_disk()), (Tier::Memory, OnDisk::No));
    assert!(made.change_on_disk(OnDisk::No, OnDisk::Queued));
    assert!(!made.change_on_disk(OnDisk::No, OnDisk::Queued));
    let content = Content::whole(crate::store::blocks::Blocks::compact(vec!["hello".into()]));
    let head = head_with(1, 200, &[]);
    let parts =
        Parts { key: key("/"), head, whence: Scope::Public.into(), trailers: None, content };
    let read = StoredResponse::of_disk(8, 5, parts);
    assert_eq!((read.tier(), read.on_disk()), (Tier::Disk, OnDisk::Written));
    let kept = read.promoted();
    assert_eq!((kept.id(), kept.lineage()), (8, 5));
    assert_eq!((kept.tier(), kept.on_disk()), (Tier::Memory, OnDisk::Written));
    assert_eq!(body(&kept), b"hello");
    let fresh = read.with_head(11, head_with(2, 200, &[]));
    assert_eq!(fresh.tier(), Tier::Disk, "its body was read there");
    fresh.count(true);
    assert_eq!(fresh.tier(), Tier::Memory, "from now on memory has it");
    assert!(read.extents().is_none() && spilled(1, &Stage::new(9, 0).extents).extents().is_some());
}
