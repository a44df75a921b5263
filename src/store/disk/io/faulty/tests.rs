use std::io::ErrorKind;

use rustix::io::Errno;

use super::*;

mod losses;

fn disk() -> Faulty {
    let disk = Faulty::new();
    disk.make_dir("seg").unwrap();
    disk.make_dir("obj/ab").unwrap();
    disk
}

/// A file with its name and its bytes saved.
fn saved(disk: &Faulty, name: &str, bytes: &[u8]) -> Arc<dyn File> {
    let file = disk.create(name).unwrap();
    file.write_at(bytes, 0).unwrap();
    file.sync().unwrap();
    disk.sync_dir(name.rsplit_once('/').unwrap().0).unwrap();
    file
}

fn read(file: &dyn File, offset: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0; length];
    file.read_at(&mut buffer, offset)?;
    Ok(buffer)
}

#[test]
fn what_was_written_is_read_back_and_holes_are_zeros() {
    let disk = disk();
    let file = disk.create("seg/a").unwrap();
    let bytes: Vec<u8> = (0..20_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    file.write_at(&bytes, 9_000).unwrap();
    file.write_at(b"over", 12_286).unwrap();
    let mut expected = [vec![0; 9_000], bytes].concat();
    expected[12_286..12_290].copy_from_slice(b"over");
    assert_eq!(disk.bytes("seg/a").unwrap(), expected);
    assert_eq!(read(&*disk.open("seg/a").unwrap(), 8_999, 5_000).unwrap(), expected[8_999..13_999]);
    assert_eq!((file.len().unwrap(), disk.files()["seg/a"]), (29_000, 29_000));
    assert_eq!(read(&*file, 28_999, 2).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    assert_eq!(read(&*file, u64::MAX, 2).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    file.set_len(12_288).unwrap();
    file.set_len(13_000).unwrap();
    assert_eq!(read(&*file, 12_286, 4).unwrap(), b"ov\0\0", "what was cut off is gone");
    assert_eq!((disk.bytes_written(), disk.calls(Op::Write)), (20_004, 2));
}

#[test]
fn names_are_bound_as_on_a_file_system() {
    let disk = disk();
    let kind = |result: io::Result<Arc<dyn File>>| result.unwrap_err().kind();
    let a = disk.create("seg/a").unwrap();
    assert_eq!(kind(disk.create("seg/a")), ErrorKind::AlreadyExists);
    assert_eq!(kind(disk.create("other/a")), ErrorKind::NotFound);
    assert_eq!(kind(disk.create("../a")), ErrorKind::InvalidInput);
    assert_eq!(kind(disk.open("seg/b")), ErrorKind::NotFound);
    assert_eq!(disk.list("part").unwrap_err().kind(), ErrorKind::NotFound);
    let b = disk.create("obj/ab/b").unwrap();
    assert!(a.is_linked().unwrap() && b.is_linked().unwrap());
    disk.rename("seg/a", "obj/ab/b").unwrap();
    assert!(a.is_linked().unwrap() && !b.is_linked().unwrap());
    assert!(disk.list("seg").unwrap().is_empty() && disk.list("obj").unwrap().is_empty());
    assert_eq!(disk.list("obj/ab").unwrap(), ["b"]);
    disk.remove("obj/ab/b").unwrap();
    assert_eq!(disk.remove("obj/ab/b").unwrap_err().kind(), ErrorKind::NotFound);
    a.write_at(b"goes on", 0).unwrap();
    assert_eq!(read(&*a, 0, 7).unwrap(), b"goes on");
}

#[test]
fn a_tree_that_is_taken_away_is_made_again() {
    let disk = disk();
    let file = saved(&disk, "seg/a", b"hello");
    disk.remove_tree();
    assert!(!file.is_linked().unwrap());
    assert_eq!(read(&*file, 0, 5).unwrap(), b"hello");
    assert_eq!(disk.create("seg/b").unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(disk.sync_dir("").unwrap_err().kind(), ErrorKind::NotFound);
    assert!(disk.crash(0).files().is_empty() && disk.kill().files().is_empty());
    disk.make_dir("seg").unwrap();
    disk.create("seg/b").unwrap();
}

#[test]
fn operations_fail_as_they_are_told_to() {
    let disk = disk();
    let file = saved(&disk, "seg/a", b"hello");
    let fails = |count: usize| -> Vec<bool> { (0..count).map(|_| file.len().is_err()).collect() };
    let rows = [
        (When::Always, [true, true, true]),
        (When::Nth(2), [false, true, false]),
        (When::Next(2), [true, true, false]),
        (When::After(1), [false, true, true]),
    ];
    for (when, expected) in rows {
        disk.fail(Fault::new(Op::Len, Errno::IO, when));
        assert_eq!(fails(3), expected, "{when:?}");
        disk.clear();
    }
    disk.fail(Fault::new(Op::Create, Errno::NOSPC, When::Always).under("obj/"));
    disk.create("seg/b").unwrap();
    let error = disk.create("obj/ab/b").unwrap_err();
    assert_eq!(error.raw_os_error(), Some(Errno::NOSPC.raw_os_error()));
    disk.fail(Fault::new(Op::Read, ErrorKind::TimedOut, When::Always));
    assert_eq!(read(&*file, 0, 1).unwrap_err().kind(), ErrorKind::TimedOut);
    file.read_now(&mut [0], 0).unwrap_err();
    assert!(disk.kill().open("seg/a").unwrap().read_at(&mut [0], 0).is_ok(), "another disk");
}

#[test]
fn reads_that_do_not_wait_find_what_the_page_cache_has() {
    let disk = disk();
    let file = saved(&disk, "seg/a", b"hello");
    let now = |length| file.read_now(&mut vec![0; length], 0).unwrap();
    assert_eq!((now(5), now(6)), (Now::Read, Now::WouldWait));
    disk.set_page_cache(PageCache::Cold);
    assert_eq!((now(5), now(5)), (Now::WouldWait, Now::WouldWait));
    disk.set_page_cache(PageCache::Mixed);
    assert_ne!(now(5), now(5));
}

#[test]
fn what_is_held_waits() {
    let disk = disk();
    let hold = disk.hold(Op::Write);
    std::thread::scope(|threads| {
        let file = disk.create("seg/a").unwrap();
        let write = threads.spawn(move || file.write_at(b"hello", 0));
        hold.reached(1);
        assert_eq!(disk.bytes("seg/a").unwrap(), b"");
        drop(hold);
        write.join().unwrap().unwrap();
    });
    assert_eq!(disk.bytes("seg/a").unwrap(), b"hello");
}

#[test]
fn damage_is_seen_at_once_and_survives() {
    let disk = disk();
    let a = saved(&disk, "seg/a", b"hello");
    let b = saved(&disk, "seg/b", b"world!");
    b.write_at(b"W", 0).unwrap();
    disk.flip("seg/a", 3);
    disk.flip("seg/b", 15);
    assert_eq!(read(&*a, 0, 5).unwrap(), b"`ello");
    for disk in [disk.crash(1), disk.kill()] {
        assert_eq!(disk.bytes("seg/a").unwrap(), b"`ello");
        assert_eq!(disk.bytes("seg/b").unwrap(), b"W\xefrld!");
    }
    disk.swap("seg/a", "seg/b");
    disk.truncate("seg/a", 3);
    assert_eq!(read(&*a, 0, 3).unwrap(), b"W\xefr");
    assert_eq!(disk.crash(2).files(), BTreeMap::from([("seg/a".into(), 3), ("seg/b".into(), 5)]));
}
