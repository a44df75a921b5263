use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use super::stage::{Stage, Tape, dense, drain, text};
use crate::policy::{Interval, Partial};
use crate::store::Damaged;
use crate::store::contract::wait;
use crate::store::disk::checksum::BLOCK;
use crate::store::disk::dense::CHUNK;
use crate::store::disk::extents::{Extents, Run};
use crate::store::disk::waiting::wait_for;
use crate::store::reader::Reader;

const EDGES: [usize; 7] = [1, BLOCK - 1, BLOCK, BLOCK + 1, CHUNK, CHUNK + 1, 3 * CHUNK + 5];

fn reader(extents: &Arc<Extents>, first: u64, last: u64) -> Reader {
    Reader::of_disk(extents.reader(Interval { first, last }).unwrap())
}

fn all(stage: &Stage) -> Reader {
    reader(&stage.extents, 0, stage.body.len() as u64 - 1)
}

fn poll(reader: &mut Reader) -> Poll<Option<Result<Bytes, Damaged>>> {
    reader.poll_next(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn what_is_read_is_what_was_written() {
    for length in EDGES {
        for cold in [false, true] {
            let stage = Stage::new(length, 192);
            stage.tape.set_cold(cold);
            let mut reader = all(&stage);
            assert_eq!(reader.remaining(), length as u64);
            let (read, end) = drain(&mut reader, &stage.notes);
            assert!(read == stage.body && end.is_ok(), "{length} {cold}");
            assert_eq!(reader.remaining(), 0);
            assert_eq!(stage.blocks_read().len(), length.div_ceil(BLOCK), "each block once");
        }
    }
}

#[test]
fn what_is_in_memory_takes_no_thread() {
    let stage = Stage::new(3 * CHUNK, 0);
    let mut reader = all(&stage);
    while let Poll::Ready(Some(_)) = poll(&mut reader) {
        assert_eq!(stage.notes.reads.waiting(), 0);
    }
    assert_eq!(reader.remaining(), 0);
}

#[test]
fn a_range_reads_only_the_blocks_that_it_needs() {
    let stage = Stage::new(10 * BLOCK + 100, 64);
    let end = stage.body.len() - 1;
    let edges = [0, 1, BLOCK - 1, BLOCK, 3 * BLOCK + 7, 8 * BLOCK, 10 * BLOCK, end - 1, end];
    for first in edges {
        for last in edges.into_iter().filter(|last| *last >= first) {
            for cold in [false, true] {
                stage.tape.set_cold(cold);
                let mut reader = reader(&stage.extents, first as u64, last as u64);
                assert_eq!(reader.remaining(), (last - first + 1) as u64);
                let (read, end) = drain(&mut reader, &stage.notes);
                assert!(read == stage.body[first..=last] && end.is_ok(), "{first}-{last}");
                let needed: Vec<usize> = (first / BLOCK..=last / BLOCK).collect();
                assert_eq!(stage.blocks_read(), needed, "{first}-{last}");
            }
        }
    }
    let beyond = Interval { first: 0, last: stage.body.len() as u64 };
    assert!(stage.extents.reader(beyond).is_none());
}

#[test]
fn no_byte_of_a_damaged_block_leaves() {
    let blocks = 9;
    for damaged in 0..blocks {
        for cold in [false, true] {
            let stage = Stage::new(blocks * BLOCK - 10, 64);
            stage.tape.set_cold(cold);
            let place = damaged * BLOCK + 77 * damaged;
            stage.tape.bytes.lock()[64 + place] ^= 1 << (damaged % 8);
            let mut reader = all(&stage);
            let (read, end) = drain(&mut reader, &stage.notes);
            assert_eq!(end, Err(Damaged::Content));
            assert!(read.len() <= damaged * BLOCK && read == stage.body[..read.len()]);
            let offset = (64 + damaged * BLOCK) as u64;
            assert_eq!(*stage.notes.damaged.lock(), [("seg/0000012a.seg".to_owned(), offset)]);
            assert!(matches!(poll(&mut reader), Poll::Ready(None)), "nothing follows");
            assert_eq!(reader.remaining(), 0);
        }
    }
}

#[test]
fn damage_outside_of_a_range_is_not_noticed() {
    let stage = Stage::new(9 * BLOCK, 0);
    stage.tape.bytes.lock()[0] ^= 1;
    let first = BLOCK as u64;
    let (read, end) = drain(&mut reader(&stage.extents, first, first + 9), &stage.notes);
    assert_eq!((read.as_slice(), end), (&stage.body[BLOCK..BLOCK + 10], Ok(())));
}

#[test]
fn a_file_that_is_too_short_is_damaged() {
    for cold in [false, true] {
        let stage = Stage::new(CHUNK + BLOCK, 64);
        stage.tape.set_cold(cold);
        stage.tape.bytes.lock().truncate(64 + CHUNK + 1);
        let (read, end) = drain(&mut all(&stage), &stage.notes);
        assert_eq!((read.len(), end), (CHUNK, Err(Damaged::Content)));
        let offset = (64 + CHUNK) as u64;
        assert_eq!(*stage.notes.damaged.lock(), [("seg/0000012a.seg".to_owned(), offset)]);
    }
}

#[test]
fn an_error_of_the_device_is_not_damage() {
    for cold in [false, true] {
        let stage = Stage::new(CHUNK, 0);
        stage.tape.set_cold(cold);
        *stage.tape.broken.lock() = Some(ErrorKind::Other);
        assert_eq!(drain(&mut all(&stage), &stage.notes).1, Err(Damaged::Unreadable));
        assert!(stage.notes.damaged.lock().is_empty());
        let failed = ("seg/0000012a.seg".to_owned(), ErrorKind::Other);
        assert_eq!(*stage.notes.failed.lock(), [failed]);
    }
}

#[test]
fn priming_keeps_the_first_bytes() {
    let stage = Stage::new(2 * CHUNK, 0);
    let mut reader = all(&stage);
    wait(reader.prime()).unwrap();
    wait(reader.prime()).unwrap();
    assert_eq!(stage.blocks_read().len(), CHUNK / BLOCK);
    assert_eq!(reader.remaining(), 2 * CHUNK as u64);
    *stage.tape.broken.lock() = Some(ErrorKind::Other);
    let first = wait(reader.next()).unwrap().unwrap();
    assert!(first == stage.body[..CHUNK]);
    assert_eq!(wait(reader.next()), Some(Err(Damaged::Unreadable)));
}

#[test]
fn priming_finds_damage_before_a_head_goes_out() {
    let stage = Stage::new(2 * CHUNK, 0);
    stage.tape.bytes.lock()[5] ^= 1;
    let mut reader = all(&stage);
    assert_eq!(wait(reader.prime()), Err(Damaged::Content));
    assert_eq!(wait(reader.next()), None);
}

#[test]
fn the_next_chunk_is_read_early_when_the_last_had_to_be_waited_for() {
    let stage = Stage::new(3 * CHUNK, 0);
    stage.tape.set_cold(true);
    let mut reader = all(&stage);
    assert!(poll(&mut reader).is_pending());
    assert!(poll(&mut reader).is_pending());
    assert_eq!(stage.notes.reads.waiting(), 1, "asked for once");
    assert!(stage.notes.reads.step());
    assert!(poll(&mut reader).is_ready());
    assert_eq!(stage.notes.reads.waiting(), 1, "before anybody wants it");
    // The system reads ahead too: when it has the bytes, threads are not needed any more.
    stage.tape.set_cold(false);
    assert!(stage.notes.reads.step());
    assert!(poll(&mut reader).is_ready());
    assert_eq!(stage.notes.reads.waiting(), 0);
    assert!(poll(&mut reader).is_ready());
    assert_eq!(reader.remaining(), 0);
}

#[test]
fn a_read_that_nobody_waits_for_any_more_is_not_made() {
    let stage = Stage::new(CHUNK, 0);
    stage.tape.set_cold(true);
    let mut reader = all(&stage);
    assert!(poll(&mut reader).is_pending());
    drop(reader);
    assert!(stage.notes.reads.step());
    assert!(stage.blocks_read().is_empty());
}

#[test]
fn nobody_waits_for_threads_that_are_gone_or_have_no_time() {
    let stage = Stage::new(CHUNK, 0);
    stage.tape.set_cold(true);
    stage.notes.reads.full.store(true, Ordering::Relaxed);
    assert_eq!(wait(all(&stage).prime()), Err(Damaged::Unreadable), "a miss is faster");
    assert_eq!(stage.notes.failed.lock()[0].1, ErrorKind::ResourceBusy);
    stage.notes.reads.full.store(false, Ordering::Relaxed);
    let mut reader = all(&stage);
    assert!(poll(&mut reader).is_pending());
    stage.notes.reads.drop_all();
    assert_eq!(wait(reader.next()), Some(Err(Damaged::Unreadable)), "the job was lost");
    let (mut reader, tape) = (all(&stage), Arc::clone(&stage.tape));
    drop(stage);
    tape.set_cold(true);
    assert_eq!(wait(reader.next()), Some(Err(Damaged::Unreadable)), "the store is closed");
}

#[tokio::test]
async fn a_body_on_its_way_waits_a_while_for_a_free_thread() {
    for frees in [true, false] {
        let stage = Stage::new(2 * CHUNK, 0);
        let mut reader = all(&stage);
        reader.next().await.unwrap().unwrap();
        stage.tape.set_cold(true);
        stage.notes.reads.full.store(true, Ordering::Relaxed);
        assert!(poll(&mut reader).is_pending());
        if frees {
            stage.tape.set_cold(false);
            assert!(reader.next().await.unwrap().is_ok());
        } else {
            assert_eq!(reader.next().await, Some(Err(Damaged::Unreadable)));
        }
    }
}

#[test]
fn a_thread_without_a_runtime_waits_a_while_too() {
    let stage = Stage::new(2 * CHUNK, 0);
    let mut reader = all(&stage);
    wait_for(reader.next()).unwrap().unwrap();
    stage.tape.set_cold(true);
    stage.notes.reads.full.store(true, Ordering::Relaxed);
    assert_eq!(wait_for(reader.next()), Some(Err(Damaged::Unreadable)));
}

#[test]
fn runs_in_several_files_are_one_body_within_an_interval() {
    let stage = Stage::new(4 * BLOCK, 0);
    let other = text(7 * BLOCK)[3..].to_vec();
    let tape = Tape::new(other.clone());
    let dense = Arc::new(dense(&tape, 0, &other, &stage.notes));
    let mut partial = Partial { complete_length: Some(1 << 20), ..Partial::default() };
    let (kib, mib) = (1000, 1 << 20);
    partial.intervals.add(Interval { first: 100, last: 100 + 150 * kib - 1 });
    partial.intervals.add(Interval { first: mib - 50 * kib, last: mib - 1 });
    // The first interval is in two files, and the second run goes on into the second interval.
    let runs = || {
        vec![
            stage.run(10, 90 * kib),
            Run { dense: Arc::clone(&dense), first: 500, length: 110 * kib },
        ]
    };
    let extents = Arc::new(Extents::new(7, 9, partial.clone(), runs()).unwrap());
    let held = [&stage.body[10..10 + 90_000], &other[500..500 + 110_000]].concat();
    for cold in [false, true] {
        stage.tape.set_cold(cold);
        for (first, last) in [(0, 149_999), (89_999, 90_000), (70_000, 130_000), (0, 0)] {
            let mut reader = reader(&extents, 100 + first, 100 + last);
            let (read, end) = drain(&mut reader, &stage.notes);
            assert!(end.is_ok() && read == held[first as usize..=last as usize]);
        }
        let mut second = reader(&extents, mib - 50 * kib, mib - 1);
        assert!(drain(&mut second, &stage.notes).0 == held[150_000..]);
    }
    for (first, last) in
        [(0, 100), (100, 100 + 150 * kib), (200 * kib, 200 * kib), (150 * kib, mib)]
    {
        assert!(extents.reader(Interval { first, last }).is_none(), "{first}-{last}");
    }
    assert!(Extents::new(7, 9, partial.clone(), runs()[..1].to_vec()).is_none(), "too few bytes");
    let mut beyond = runs();
    beyond[0].first = 4 * BLOCK as u64 - 90 * kib + 1;
    assert!(Extents::new(7, 9, partial, beyond).is_none(), "the file does not have them");
}
