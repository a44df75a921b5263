use std::sync::Arc;

use super::stage::{DIGEST, ID, LAST, PART, Shelf, read, text};
use crate::store::Damaged;
use crate::store::disk::checksum::BLOCK;
use crate::store::disk::dense::{CHUNK, Why};
use crate::store::disk::io::Io;
use crate::store::disk::io::faulty::{Op, PageCache};

#[tokio::test]
async fn a_file_goes_with_the_last_record_that_names_it() {
    let body = text(CHUNK + 1);
    let shelf = Shelf::settled(&body).await;
    shelf.files.retain(ID, DIGEST, body.len() as u64);
    let dense = shelf.files.open(ID, DIGEST).unwrap();
    shelf.files.release(ID);
    shelf.crew.rest().await;
    assert_eq!(shelf.names(), [LAST], "another record names it");
    shelf.files.release(ID);
    shelf.crew.rest().await;
    assert!(shelf.names().is_empty());
    assert_eq!((shelf.files.bytes(), shelf.files.count()), (0, 0));
    assert!(read(&dense).await.unwrap() == body, "who reads it reads on");
    assert!(shelf.files.open(ID, DIGEST).is_err());
    shelf.files.release(ID);
}

#[tokio::test]
async fn a_finished_file_that_no_record_names_goes_when_nobody_reads_it() {
    for settles in [false, true] {
        let shelf = Shelf::new();
        let dense = shelf.finished(&text(CHUNK)).await;
        if settles {
            shelf.files.settle(ID).unwrap();
        }
        let other = Arc::clone(&dense);
        drop(dense);
        shelf.crew.rest().await;
        assert_eq!(shelf.names(), [if settles { LAST } else { PART }]);
        drop(other);
        shelf.crew.rest().await;
        assert!(shelf.names().is_empty());
        assert_eq!((shelf.files.bytes(), shelf.files.count()), (0, 0));
        assert!(shelf.files.settle(ID).is_err(), "nobody wants it any more");
    }
}

#[tokio::test]
async fn a_file_is_opened_once_for_all_that_read_it() {
    let body = text(2 * CHUNK);
    let shelf = Shelf::settled(&body).await;
    assert!(shelf.files.opened(ID, DIGEST).is_none());
    let one = shelf.files.open(ID, DIGEST).unwrap();
    let other = shelf.files.open(ID, DIGEST).unwrap();
    assert!(Arc::ptr_eq(&one, &other));
    assert!(Arc::ptr_eq(&one, &shelf.files.opened(ID, DIGEST).unwrap()));
    assert_eq!(shelf.disk.calls(Op::Open), 1);
    assert!(shelf.files.open(ID, DIGEST ^ 1).is_err(), "the file of another key");
    assert_eq!(one.checksums().len(), 2 * CHUNK / BLOCK);
}

#[tokio::test]
async fn an_end_that_is_damaged_is_not_believed() {
    let body = text(3 * BLOCK + 1);
    let shelf = Shelf::settled(&body).await;
    let whole = shelf.disk.files()[LAST];
    for byte in body.len() as u64..whole {
        let bit = 8 * byte + byte % 8;
        shelf.disk.flip(LAST, bit);
        let error = shelf.files.open(ID, DIGEST).unwrap_err();
        assert!(matches!(error.why, Why::Damaged) && error.offset >= body.len() as u64, "{byte}");
        shelf.disk.flip(LAST, bit);
    }
    assert!(shelf.files.open(ID, DIGEST).is_ok());
    for length in [whole - 1, whole - 64, body.len() as u64, 63, 0] {
        shelf.disk.truncate(LAST, length);
        let error = shelf.files.open(ID, DIGEST).unwrap_err();
        assert!(matches!(error.why, Why::Damaged), "{length}");
    }
    shelf.disk.remove(LAST).unwrap();
    let error = shelf.files.open(ID, DIGEST).unwrap_err();
    assert!(matches!(error.why, Why::Damaged), "it is gone");
}

#[tokio::test]
async fn a_body_that_is_damaged_is_not_served() {
    let body = text(2 * CHUNK);
    let shelf = Shelf::settled(&body).await;
    shelf.disk.flip(LAST, 8 * (CHUNK + 1) as u64);
    for page_cache in [PageCache::Warm, PageCache::Cold] {
        shelf.disk.set_page_cache(page_cache);
        let dense = shelf.files.open(ID, DIGEST).unwrap();
        assert_eq!(read(&dense).await, Err(Damaged::Content));
        let noted = (LAST.to_owned(), CHUNK as u64);
        assert_eq!(shelf.crew.notes.damaged.lock().pop(), Some(noted));
    }
}

#[tokio::test]
async fn files_that_were_swapped_are_not_taken_for_each_other() {
    let body = text(CHUNK);
    let shelf = Shelf::settled(&body).await;
    let (mut writer, _) = shelf.files.begin(ID + 1, DIGEST, None);
    writer.write(text(CHUNK).into()).await.unwrap();
    let dense = writer.finish().await.unwrap();
    shelf.files.settle(ID + 1).unwrap();
    shelf.files.retain(ID + 1, DIGEST, dense.length());
    drop(dense);
    let names = shelf.names();
    shelf.disk.swap(&names[0], &names[1]);
    for id in [ID, ID + 1] {
        assert!(matches!(shelf.files.open(id, DIGEST).unwrap_err().why, Why::Damaged));
    }
}

#[tokio::test]
async fn what_no_record_names_is_swept_away_and_nothing_else() {
    let shelf = Shelf::settled(&text(CHUNK)).await;
    let ours =
        ["obj/00/00000000000000000000000000000000-0000000000000001", "part/0000000000000001"];
    let later = "obj/00/00000000000000000000000000000000-0000000000000100";
    let others = ["obj/00/notes.txt", "part/0000000000000001.bak", "obj/README"];
    shelf.disk.make_dir("obj/00").unwrap();
    for name in ours.iter().chain([&later]).chain(&others) {
        shelf.disk.create(name).unwrap();
    }
    assert_eq!(shelf.files.clear_parts().unwrap(), 1);
    assert_eq!(shelf.files.sweep(0x100).unwrap(), 1);
    let names = shelf.names();
    assert!(ours.iter().all(|name| !names.iter().any(|other| other == name)));
    for name in others.iter().chain([&later, &LAST]) {
        assert!(names.iter().any(|other| other == name), "{name}");
    }
}
