use super::*;

fn system() -> (tempfile::TempDir, System) {
    let directory = tempfile::tempdir().unwrap();
    let system = System::new(directory.path().to_owned());
    system.make_dir("seg").unwrap();
    (directory, system)
}

#[test]
fn what_was_written_is_read_back() {
    let (_directory, system) = system();
    let file = system.create("seg/a").unwrap();
    file.reserve(1 << 20).unwrap();
    assert_eq!(file.len().unwrap(), 0, "room is no length");
    file.write_at(b"hello, world", 4090).unwrap();
    file.sync().unwrap();
    system.sync_dir("seg").unwrap();
    let again = system.open("seg/a").unwrap();
    let mut buffer = [0; 12];
    again.read_at(&mut buffer, 4090).unwrap();
    assert_eq!(&buffer, b"hello, world");
    assert_eq!(again.len().unwrap(), 4102);
    again.forget(0, 4102);
    again.forget(0, 0);
    again.set_len(5).unwrap();
    assert_eq!(file.len().unwrap(), 5);
}

#[test]
fn the_end_of_a_file_is_an_error_for_a_read_beyond_it() {
    let (_directory, system) = system();
    let file = system.create("seg/a").unwrap();
    file.write_at(b"hello", 0).unwrap();
    let error = file.read_at(&mut [0; 6], 0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    assert_eq!(file.read_now(&mut [0; 6], 0).unwrap(), Now::WouldWait);
    assert_eq!(file.read_now(&mut [0; 1], 5).unwrap(), Now::WouldWait);
}

#[test]
fn what_was_just_written_is_read_at_once_or_not_at_all() {
    let (_directory, system) = system();
    let file = system.create("seg/a").unwrap();
    let bytes: Vec<u8> = (0..100_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    file.write_at(&bytes, 0).unwrap();
    let mut buffer = vec![0; 90_000];
    // Not every file system can: then it says so, and is not asked again.
    match file.read_now(&mut buffer, 10_000).unwrap() {
        Now::Read => assert_eq!(buffer, bytes[10_000..]),
        Now::WouldWait => file.read_at(&mut buffer, 10_000).unwrap(),
    }
    assert_eq!(buffer, bytes[10_000..]);
}

#[test]
fn reads_that_do_not_wait_are_off_for_all_files_once_they_failed() {
    let (_directory, system) = system();
    let (a, b) = (system.create("seg/a").unwrap(), system.create("seg/b").unwrap());
    a.write_at(b"a", 0).unwrap();
    b.write_at(b"b", 0).unwrap();
    system.tries_now.store(false, Ordering::Relaxed);
    assert_eq!(a.read_now(&mut [0], 0).unwrap(), Now::WouldWait);
    assert_eq!(b.read_now(&mut [0], 0).unwrap(), Now::WouldWait);
}

#[test]
fn names_that_lead_out_are_refused() {
    let (_directory, system) = system();
    for name in ["../a", "seg/../../a", "/etc/passwd", "seg/..", "./a"] {
        assert_eq!(system.open(name).unwrap_err().kind(), ErrorKind::InvalidInput, "{name}");
        assert_eq!(system.create(name).unwrap_err().kind(), ErrorKind::InvalidInput, "{name}");
        assert_eq!(system.remove(name).unwrap_err().kind(), ErrorKind::InvalidInput, "{name}");
        assert_eq!(system.rename("a", name).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(system.make_dir(name).unwrap_err().kind(), ErrorKind::InvalidInput, "{name}");
    }
}

#[test]
fn a_link_is_neither_listed_nor_opened() {
    let (directory, system) = system();
    let outside = tempfile::NamedTempFile::new().unwrap();
    std::os::unix::fs::symlink(outside.path(), directory.path().join("seg/link")).unwrap();
    system.create("seg/file").unwrap();
    system.make_dir("seg/below/further").unwrap();
    assert_eq!(system.list("seg").unwrap(), ["file"]);
    system.open("seg/link").unwrap_err();
}

#[test]
fn a_file_is_made_once_and_renamed_over_another() {
    let (_directory, system) = system();
    let (a, b) = (system.create("seg/a").unwrap(), system.create("seg/b").unwrap());
    assert_eq!(system.create("seg/a").unwrap_err().kind(), ErrorKind::AlreadyExists);
    a.write_at(b"a", 0).unwrap();
    system.rename("seg/a", "seg/b").unwrap();
    assert!(a.is_linked().unwrap() && !b.is_linked().unwrap());
    assert_eq!(system.list("seg").unwrap(), ["b"]);
    system.remove("seg/b").unwrap();
    assert!(!a.is_linked().unwrap());
    let mut buffer = [0];
    a.read_at(&mut buffer, 0).unwrap();
    assert_eq!(&buffer, b"a", "an open file goes on");
    assert_eq!(system.open("seg/b").unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn what_is_stored_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;

    let (directory, system) = system();
    system.create("seg/a").unwrap();
    let mode = |name| directory.path().join(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("seg"), mode("seg/a")), (0o700, 0o600));
}

#[test]
fn a_directory_that_was_deleted_is_made_again() {
    let (directory, system) = system();
    fs::remove_dir_all(directory.path()).unwrap();
    assert_eq!(system.create("seg/a").unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(system.list("seg").unwrap_err().kind(), ErrorKind::NotFound);
    system.make_dir("seg").unwrap();
    system.create("seg/a").unwrap();
}
