//! A cache directory that can be opened only later.

use std::path::Path;
use std::time::{Duration, Instant};

use super::*;
use crate::store::contract::{head_with, response, wait};

fn on(dir: &Path) -> Config {
    let disk =
        DiskConfig { dir: dir.to_owned(), budget: 64 << 20, reset: false, write_behind_rate: 0 };
    Config { memory: 8 << 20, disk: Some(disk), ..Config::default() }
}

fn open(dir: &Path) -> Store {
    let store = Store::open(&on(dir)).unwrap();
    wait(store.recovered());
    store
}

fn close(store: &Store) {
    wait(store.close(Instant::now() + Duration::from_secs(10)));
}

fn put(store: &Store, path: &str, groups: &str, body: &[u8]) -> StoredResponse {
    let head = head_with(1, 200, &[("cache-groups", groups)]);
    let announced = store.announce(key(path));
    let stored = response(key(path), head, body);
    store.shared.publish(&stored, announced.ticket());
    stored
}

struct Broken {
    dir: tempfile::TempDir,
    latest: u64,
}

/// A directory with these responses, which cannot be used for now.
fn broken(paths: &[&str]) -> Broken {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut latest = 0;
    for path in paths {
        // Numbers that this run cannot reach: an earlier one has stored more.
        let stored = response(key(path), head_with(1, 200, &[("cache-groups", "\"g\"")]), b"old");
        let stored = stored.with_head((1 << 50) + stored.id(), stored.head().clone());
        latest = stored.id();
        store.shared.publish(&stored, &under_way::Ticket::default());
    }
    close(&store);
    drop(store);
    std::fs::rename(dir.path().join("part"), dir.path().join("part.away")).unwrap();
    std::fs::write(dir.path().join("part"), b"").unwrap();
    Broken { dir, latest }
}

/// It can be used again, and is found to be so.
fn mend(Broken { dir, latest }: &Broken, store: &Store) {
    // As the names of the segments say after so many responses.
    memory::raise_ids(latest + 1);
    std::fs::remove_file(dir.path().join("part")).unwrap();
    store.shared.open_disk().unwrap();
    assert!(store.has_disk());
    wait(store.recovered());
}

fn bodies(store: &Store, path: &str) -> Vec<Vec<u8>> {
    wait(store.find(&key(path))).iter().map(body).collect()
}

#[test]
fn what_was_invalidated_before_the_directory_opened_stays_away() {
    let broken = broken(&["/a", "/b"]);
    let store = Store::open(&on(broken.dir.path())).unwrap();
    assert!(!store.has_disk());
    wait(store.invalidate(&key("/a")));
    mend(&broken, &store);
    assert!(bodies(&store, "/a").is_empty(), "it was invalidated");
    assert_eq!(bodies(&store, "/b"), [b"old"]);
    close(&store);
    drop(store);
    let store = open(broken.dir.path());
    assert!(bodies(&store, "/a").is_empty(), "at the next start, too");
    assert_eq!(bodies(&store, "/b"), [b"old"]);
}

#[test]
fn groups_invalidated_before_the_directory_opened_stay_away() {
    let broken = broken(&["/a"]);
    let store = Store::open(&on(broken.dir.path())).unwrap();
    wait(store.invalidate_groups("http://example.org", &["g"]));
    mend(&broken, &store);
    assert!(bodies(&store, "/a").is_empty());
    close(&store);
    drop(store);
    assert!(bodies(&open(broken.dir.path()), "/a").is_empty(), "at the next start, too");
}

#[test]
fn what_was_stored_before_the_directory_opened_is_newer() {
    let broken = broken(&["/a", "/b", "/c"]);
    let store = Store::open(&on(broken.dir.path())).unwrap();
    put(&store, "/a", "", b"new");
    let under_way = store.announce(key("/b"));
    mend(&broken, &store);
    assert_eq!(bodies(&store, "/a"), [b"new"]);
    assert!(bodies(&store, "/b").is_empty(), "something newer is on its way");
    assert_eq!(bodies(&store, "/c"), [b"old"]);
    let writer = under_way.begin(head_with(2, 200, &[]), Scope::Public, None).unwrap();
    assert!(wait(writer.finish(None)).is_ok());
    close(&store);
    drop(store);
    let store = open(broken.dir.path());
    assert_ne!(bodies(&store, "/a"), [b"old"]);
    assert_ne!(bodies(&store, "/b"), [b"old"]);
}

#[test]
fn where_too_much_has_happened_the_directory_is_emptied() {
    let broken = broken(&["/a", "/b"]);
    let store = Store::open(&on(broken.dir.path())).unwrap();
    store.shared.early.note(&key(&"/".repeat(17 << 20)));
    mend(&broken, &store);
    assert!(bodies(&store, "/b").is_empty());
}

#[test]
fn a_closed_directory_is_another_s() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    put(&store, "/a", "\"g\"", b"old");
    put(&store, "/large", "", &vec![b'x'; 3 << 20]);
    close(&store);
    let segments = || std::fs::read_dir(dir.path().join("seg")).unwrap().count();
    let before = segments();
    wait(store.invalidate(&key("/a")));
    wait(store.invalidate_groups("http://example.org", &["g"]));
    wait(store.find(&key("/large")));
    put(&store, "/b", "", b"new");
    assert_eq!(segments(), before, "a new segment was begun");
    assert_eq!(store.disk_events().unwrap().volatile, 0);
    let other = open(dir.path());
    assert_eq!(bodies(&other, "/a"), [b"old"]);
    assert_eq!(bodies(&other, "/large").len(), 1);
    assert!(bodies(&other, "/b").is_empty());
    wait(store.close(Instant::now() + Duration::from_secs(10)));
    drop(store);
    assert_eq!(bodies(&other, "/a"), [b"old"]);
}
