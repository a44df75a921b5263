use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::stage::{DIGEST, ID, LAST, PART, Shelf, all, on_system, read, text};
use crate::store::Damaged;
use crate::store::disk::checksum::BLOCK;
use crate::store::disk::dense::CHUNK;
use crate::store::disk::io::faulty::{Op, PageCache};
use crate::store::disk::large::UNWRITTEN;

#[tokio::test]
async fn a_growing_file_is_read_as_far_as_it_is_written_and_no_further() {
    for page_cache in [PageCache::Warm, PageCache::Mixed] {
        let shelf = Shelf::new();
        shelf.disk.set_page_cache(page_cache);
        let body = text(5 * CHUNK + 12_345);
        let (mut writer, growing) = shelf.files.begin(ID, DIGEST, None);
        assert!(growing.reader(0, 0).is_none(), "nothing is there yet");
        let mut seen = 0;
        // Frames of all sizes, cut anywhere.
        for frame in [1, 70_000, 13, 300_000, 65_536, 1000].into_iter().cycle() {
            let at = writer.length() as usize;
            let end = (at + frame).min(body.len());
            writer.write(Bytes::copy_from_slice(&body[at..end])).await.unwrap();
            shelf.crew.rest().await;
            let written = growing.written();
            assert!(written <= end as u64 && written.is_multiple_of(BLOCK as u64));
            assert!(end as u64 - written < CHUNK as u64);
            if written > seen {
                let first = (seen / 2).min(written - 1);
                let reader = growing.reader(first, written - 1).unwrap();
                let read = all(reader).await.unwrap();
                assert!(read == body[first as usize..written as usize], "{first}-{written}");
                seen = written;
            }
            assert!(growing.reader(0, written).is_none());
            if end == body.len() {
                break;
            }
        }
        assert_eq!(shelf.names(), [PART]);
        let dense = writer.finish().await.unwrap();
        assert_eq!(growing.written(), body.len() as u64);
        let end = body.len() as u64 - 1;
        assert!(all(growing.reader(0, end).unwrap()).await.unwrap() == body);
        assert!(read(&dense).await.unwrap() == body);
        assert!(shelf.disk.bytes(PART).unwrap().starts_with(&body));
        assert_eq!(shelf.files.bytes(), shelf.disk.files()[PART]);
    }
}

#[tokio::test]
async fn bodies_of_all_lengths_come_back() {
    for length in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, CHUNK, CHUNK + BLOCK, 2 * CHUNK + 1] {
        for expected in [None, Some(length as u64)] {
            let shelf = Shelf::new();
            let body = text(length);
            let (mut writer, _) = shelf.files.begin(ID, DIGEST, expected);
            for frame in body.chunks(BLOCK - 1) {
                writer.write(Bytes::copy_from_slice(frame)).await.unwrap();
            }
            let dense = writer.finish().await.unwrap();
            assert_eq!(dense.length(), length as u64);
            shelf.files.settle(ID).unwrap();
            shelf.files.retain(ID, DIGEST, length as u64);
            drop(dense);
            let dense = shelf.files.open(ID, DIGEST).unwrap();
            assert_eq!(dense.length(), length as u64);
            if length > 0 {
                assert!(read(&dense).await.unwrap() == body, "{length}");
            }
        }
    }
}

#[tokio::test]
async fn a_reader_behind_the_writer_finds_damage() {
    let shelf = Shelf::new();
    let (mut writer, growing) = shelf.files.begin(ID, DIGEST, None);
    writer.write(text(2 * CHUNK).into()).await.unwrap();
    shelf.crew.rest().await;
    shelf.disk.flip(PART, 8 * (CHUNK + BLOCK) as u64);
    let reader = growing.reader(0, 2 * CHUNK as u64 - 1).unwrap();
    assert_eq!(all(reader).await, Err(Damaged::Content));
    let noted = (PART.to_owned(), (CHUNK + BLOCK) as u64);
    assert_eq!(*shelf.crew.notes.damaged.lock(), [noted]);
}

#[tokio::test]
async fn no_more_waits_to_be_written_than_may() {
    let shelf = Shelf::new();
    let held = shelf.disk.hold(Op::Write);
    let (mut writer, growing) = shelf.files.begin(ID, DIGEST, None);
    let frame = Bytes::from(text(100_000));
    let mut context = Context::from_waker(Waker::noop());
    loop {
        let is_full = {
            let write = pin!(writer.write(frame.clone()));
            write.poll(&mut context).is_pending()
        };
        if is_full {
            break;
        }
        assert!(writer.length() <= UNWRITTEN, "it does not wait");
    }
    assert!(writer.length() > UNWRITTEN && growing.written() == 0);
    drop(held);
    // What was taken before somebody had to wait is written.
    let dense = writer.finish().await.unwrap();
    assert_eq!(dense.length() % 100_000, 0);
    assert!(read(&dense).await.unwrap().chunks(100_000).all(|frame| *frame == text(100_000)));
}

#[tokio::test]
async fn what_was_written_is_made_to_last_now_and_then() {
    let shelf = Shelf::new();
    let (mut writer, growing) = shelf.files.begin(ID, DIGEST, None);
    for _ in 0..12 {
        writer.write(text(CHUNK).into()).await.unwrap();
        shelf.crew.rest().await;
    }
    assert_eq!(shelf.disk.calls(Op::Sync), 3, "after each MiB, in tests");
    assert_eq!(growing.written(), 12 * CHUNK as u64);
}

#[tokio::test]
async fn a_dropped_writer_leaves_no_file() {
    let shelf = Shelf::new();
    drop(shelf.files.begin(ID, DIGEST, Some(1000)));
    shelf.crew.rest().await;
    assert_eq!(shelf.disk.calls(Op::Create), 0, "it was never needed");
    assert_eq!((shelf.files.bytes(), shelf.files.count()), (0, 0));

    let (mut writer, growing) = shelf.files.begin(ID, DIGEST, Some(1 << 20));
    assert!(shelf.files.bytes() > 1 << 20, "its room counts from the start");
    let body = text(2 * CHUNK);
    writer.write(body.clone().into()).await.unwrap();
    shelf.crew.rest().await;
    assert_eq!(shelf.names(), [PART]);
    // One that is at work may still write; the file goes when it is done.
    let held = shelf.disk.hold(Op::Write);
    writer.write(body.clone().into()).await.unwrap();
    held.reached(1);
    drop(writer);
    drop(held);
    shelf.crew.rest().await;
    assert!(shelf.names().is_empty());
    assert_eq!((shelf.files.bytes(), shelf.files.count()), (0, 0));
    let reader = growing.reader(0, 2 * CHUNK as u64 - 1).unwrap();
    assert!(all(reader).await.unwrap() == body, "who reads it reads on");
}

#[tokio::test]
async fn a_finish_that_nobody_waits_for_leaves_no_file() {
    let shelf = Shelf::new();
    let held = shelf.disk.hold(Op::Write);
    let (mut writer, _) = shelf.files.begin(ID, DIGEST, None);
    writer.write(text(CHUNK).into()).await.unwrap();
    {
        let finish = pin!(writer.finish());
        assert!(finish.poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    drop(held);
    shelf.crew.rest().await;
    assert!(shelf.names().is_empty());
    assert_eq!(shelf.files.count(), 0);
}

#[tokio::test]
async fn a_store_that_is_closed_leaves_no_file_either() {
    let Shelf { disk, crew, files } = Shelf::new();
    let (mut writer, _) = files.begin(ID, DIGEST, None);
    writer.write(text(CHUNK).into()).await.unwrap();
    crew.rest().await;
    assert_eq!(Arc::strong_count(&crew), 1);
    drop(crew);
    drop(writer);
    assert!(disk.files().is_empty());
}

#[tokio::test]
async fn a_file_that_is_settled_survives_a_loss_of_power() {
    let body = text(3 * CHUNK + 5);
    let shelf = Shelf::settled(&body).await;
    assert_eq!(shelf.names(), [LAST]);
    shelf.files.settle(ID).unwrap();
    for seed in 0..50 {
        let left = Shelf::on(shelf.disk.crash(seed));
        left.files.retain(ID, DIGEST, body.len() as u64);
        assert_eq!(left.files.bytes(), shelf.files.bytes());
        let dense = left.files.open(ID, DIGEST).unwrap();
        assert!(read(&dense).await.unwrap() == body, "{seed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_files_grow_at_once_while_others_read_behind_on_a_real_disk() {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("part")).unwrap();
    let (crew, files) = on_system(root.path());
    let tasks: Vec<_> = (1..=6)
        .map(|id| {
            let files = files.clone();
            tokio::spawn(async move {
                let body = text(9 * CHUNK + 1000 * id as usize);
                let (mut writer, growing) = files.begin(id, DIGEST, Some(body.len() as u64));
                let (copy, file) = (body.clone(), Arc::clone(&growing));
                let behind = tokio::spawn(async move {
                    let mut at = 0;
                    while at < copy.len() as u64 {
                        let written = file.written();
                        if let Some(reader) = file.reader(at, written.saturating_sub(1)) {
                            let read = all(reader).await.unwrap();
                            assert!(read == copy[at as usize..written as usize]);
                            at = written;
                        }
                        tokio::task::yield_now().await;
                    }
                });
                for frame in body.chunks(30_011) {
                    writer.write(Bytes::copy_from_slice(frame)).await.unwrap();
                }
                let dense = writer.finish().await.unwrap();
                behind.await.unwrap();
                files.settle(id).unwrap();
                files.retain(id, DIGEST, dense.length());
                drop((dense, growing));
                let dense = files.open(id, DIGEST).unwrap();
                assert!(read(&dense).await.unwrap() == body);
                files.release(id);
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    crew.rest().await;
    files.tidy();
    assert_eq!((files.bytes(), files.count()), (0, 0));
    let count = |name| std::fs::read_dir(root.path().join(name)).unwrap().count();
    let deadline = Instant::now() + Duration::from_secs(10);
    // One thread removes them all, and may be at the last.
    while (count("obj/ab"), count("part")) != (0, 0) {
        assert!(Instant::now() < deadline, "they are still there");
        tokio::task::yield_now().await;
    }
}
