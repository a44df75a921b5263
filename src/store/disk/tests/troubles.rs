use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::stage::{DIGEST, ID, LAST, Notes, PART, Shelf, text};
use crate::store::disk::dense::CHUNK;
use crate::store::disk::io::Io;
use crate::store::disk::io::faulty::{Fault, Faulty, Op, When};
use crate::store::disk::large::{Broken, LargeFiles};
use crate::store::disk::waiting::write_file;
use crate::store::disk::witness::Witness;

#[tokio::test]
async fn a_file_that_breaks_is_told_of_once_and_goes() {
    let rows = [
        (Op::Create, When::Always, ErrorKind::PermissionDenied),
        (Op::Reserve, When::Always, ErrorKind::StorageFull),
        (Op::Write, When::Nth(1), ErrorKind::StorageFull),
        (Op::Write, When::Nth(3), ErrorKind::Other),
        (Op::Sync, When::Nth(1), ErrorKind::Other),
    ];
    for (op, when, kind) in rows {
        let shelf = Shelf::new();
        shelf.disk.fail(Fault::new(op, kind, when));
        let (mut writer, growing) = shelf.files.begin(ID, DIGEST, Some(1 << 30));
        let mut broken = false;
        for _ in 0..16 {
            broken |= writer.write(text(CHUNK).into()).await.is_err();
            shelf.crew.rest().await;
        }
        assert!(broken, "{op:?}");
        assert!(growing.written() < 16 * CHUNK as u64);
        assert_eq!(writer.finish().await.unwrap_err(), Broken);
        shelf.crew.rest().await;
        assert_eq!(*shelf.crew.notes.failed.lock(), [(PART.to_owned(), kind)], "{op:?}");
        assert!(shelf.names().is_empty(), "{op:?}");
        assert_eq!((shelf.files.bytes(), shelf.files.count()), (0, 0), "{op:?}");
    }
}

#[tokio::test]
async fn the_end_of_a_file_can_fail_too() {
    let shelf = Shelf::new();
    shelf.disk.fail(Fault::new(Op::Write, ErrorKind::StorageFull, When::Nth(2)));
    let (mut writer, _) = shelf.files.begin(ID, DIGEST, None);
    writer.write(text(100).into()).await.unwrap();
    assert_eq!(writer.finish().await.unwrap_err(), Broken);
    shelf.crew.rest().await;
    assert!(shelf.names().is_empty());
}

#[tokio::test]
async fn a_file_that_cannot_be_settled_is_tried_again_or_goes() {
    for (op, again) in
        [(Op::Sync, false), (Op::Rename, true), (Op::MakeDir, true), (Op::SyncDir, true)]
    {
        let shelf = Shelf::new();
        let dense = shelf.finished(&text(CHUNK)).await;
        shelf.disk.fail(Fault::new(op, ErrorKind::Other, When::Nth(1)));
        assert!(shelf.files.settle(ID).is_err(), "{op:?}");
        assert_eq!(shelf.files.settle(ID).is_ok(), again, "{op:?}: what a sync lost is lost");
        if again {
            assert_eq!(shelf.names(), [LAST]);
            assert!(shelf.disk.crash(1).bytes(LAST).is_some());
        }
        drop(dense);
        shelf.crew.rest().await;
        assert!(shelf.names().is_empty(), "{op:?}");
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_removed_is_removed_later() {
    let shelf = Shelf::settled(&text(CHUNK)).await;
    shelf.disk.fail(Fault::new(Op::Remove, ErrorKind::Other, When::Nth(1)));
    shelf.files.release(ID);
    shelf.crew.rest().await;
    assert_eq!(shelf.names(), [LAST]);
    shelf.files.tidy();
    assert!(shelf.names().is_empty());
}

/// Large files whose threads do what the test says.
fn by_hand() -> (Faulty, Arc<Notes>, LargeFiles) {
    let (disk, notes) = (Faulty::new(), Arc::new(Notes::default()));
    disk.make_dir("part").unwrap();
    let witness = Arc::clone(&notes) as Arc<dyn Witness>;
    let files = LargeFiles::new(Arc::new(disk.clone()), Arc::downgrade(&witness));
    (disk, notes, files)
}

#[tokio::test]
async fn a_writer_that_no_thread_has_time_for_gives_up() {
    let (_, notes, files) = by_hand();
    notes.writes.full.store(true, Ordering::Relaxed);
    let (mut writer, _) = files.begin(ID, DIGEST, None);
    writer.write(text(4 << 20).into()).await.unwrap();
    assert_eq!(writer.write(text(1).into()).await, Err(Broken));
    assert_eq!(*notes.failed.lock(), [(PART.to_owned(), ErrorKind::ResourceBusy)]);
}

#[test]
fn a_thread_without_a_runtime_waits_for_a_free_thread_and_gives_up_too() {
    let (_, notes, files) = by_hand();
    notes.writes.full.store(true, Ordering::Relaxed);
    let frames = vec![text(5 << 20).into()];
    let done =
        std::thread::spawn(move || write_file(&files, (ID, DIGEST), 5 << 20, frames).is_err());
    assert!(done.join().unwrap());
    assert_eq!(*notes.failed.lock(), [(PART.to_owned(), ErrorKind::ResourceBusy)]);
}

#[tokio::test]
async fn files_that_go_take_one_thread_only() {
    let (disk, notes, files) = by_hand();
    let mut writers = Vec::new();
    for id in 1..=9 {
        let (mut writer, _) = files.begin(id, DIGEST, None);
        writer.write(text(CHUNK).into()).await.unwrap();
        writers.push(writer);
    }
    while notes.writes.step() {}
    assert_eq!(disk.files().len(), 9);
    drop(writers);
    assert_eq!(notes.writes.waiting(), 1);
    assert!(notes.writes.step());
    assert!(disk.files().is_empty());
    // And the next one is asked again.
    let (mut writer, _) = files.begin(ID, DIGEST, None);
    writer.write(text(CHUNK).into()).await.unwrap();
    while notes.writes.step() {}
    drop(writer);
    while notes.writes.step() {}
    assert!(disk.files().is_empty());
}

#[tokio::test]
async fn a_writer_that_was_refused_goes_on_when_a_thread_is_free() {
    let (disk, notes, files) = by_hand();
    notes.writes.full.store(true, Ordering::Relaxed);
    let (mut writer, growing) = files.begin(ID, DIGEST, None);
    writer.write(text(CHUNK).into()).await.unwrap();
    notes.writes.full.store(false, Ordering::Relaxed);
    writer.write(text(10).into()).await.unwrap();
    assert_eq!(notes.writes.waiting(), 1);
    assert!(notes.writes.step());
    assert_eq!(growing.written(), CHUNK as u64);
    assert!(disk.bytes(PART).unwrap() == text(CHUNK));
}

#[tokio::test]
async fn a_job_that_is_lost_breaks_the_file_and_hangs_nobody() {
    let (disk, notes, files) = by_hand();
    let (mut writer, _) = files.begin(ID, DIGEST, None);
    writer.write(text(CHUNK).into()).await.unwrap();
    assert_eq!(notes.writes.waiting(), 1);
    notes.writes.drop_all();
    assert_eq!(writer.finish().await.unwrap_err(), Broken);
    assert!(disk.files().is_empty());
    assert_eq!(files.count(), 0);
}
