//! Memory and disk as one store, on a model disk whose steps the tests take.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::stage::text;
use crate::net::Scope;
use crate::policy::Interval;
use crate::store::contract::{head_with, key, response, wait};
use crate::store::disk::engine::Engine;
use crate::store::disk::io::Io as _;
use crate::store::disk::io::faulty::Faulty;
use crate::store::disk::names;
use crate::store::disk::recovery::Adopted;
use crate::store::disk::scene::{SMALL, Scene};
use crate::store::disk::tier::Above;
use crate::store::shared::{Published, Shared};
use crate::store::stored::StoredResponse;
use crate::store::tier::Storage as _;
use crate::store::under_way::Ticket;
use crate::store::{Config, DiskConfig, NotStored, Store};

const IGNORES_UTM: (&str, &str) = ("no-vary-search", "params=(\"utm\")");

/// A store whose disk tier has no threads.
struct Stage {
    store: Store,
    engine: Arc<Engine>,
    model: Faulty,
}

impl Stage {
    fn new(memory: u64) -> Self {
        let model = Faulty::new();
        names::DIRECTORIES.iter().for_each(|directory| model.make_dir(directory).unwrap());
        let (stage, adopted) = Self::opened(model, memory);
        stage.engine.recover(adopted, &AtomicBool::new(false));
        stage
    }

    /// On what is there, before it is found. Bodies of more than one KiB are for the disk.
    fn opened(model: Faulty, memory: u64) -> (Self, Adopted) {
        let disk =
            DiskConfig { dir: "x".into(), budget: 1 << 20, reset: false, write_behind_rate: 0 };
        let config =
            Config { memory, max_memory_object: 1 << 10, disk: Some(disk), ..Config::default() };
        let shared = Arc::new(Shared::new(&config));
        let above = Above {
            epochs: Arc::clone(&shared.epochs),
            queries: Arc::clone(&shared.queries),
            is_resident: Box::new(|_, _| false),
        };
        let (Scene { disk, model, .. }, adopted) = Scene::under(model, SMALL, above);
        let engine = Arc::clone(&disk.engine);
        assert!(shared.disk.set(disk).is_ok());
        (Self { store: Store { shared }, engine, model }, adopted)
    }

    fn put(&self, stored: &StoredResponse) {
        let ticket = self.store.announce(stored.key().clone());
        assert_eq!(self.store.shared.publish(stored, ticket.ticket()), Published::Stored);
    }

    /// Writes all that waits.
    fn sync(&self) {
        while let Some((job, _)) = self.engine.queue.pop(true, Duration::ZERO) {
            self.engine.write(&job.response);
        }
        self.engine.log.flush().unwrap();
        assert!(self.engine.sync());
    }

    fn invalidate(&self, path: &str) {
        drop(self.store.shared.invalidate(&key(path)));
        self.engine.sync();
    }

    fn find(&self, path: &str) -> Vec<u64> {
        wait(self.store.find(&key(path))).iter().map(StoredResponse::length).collect()
    }

    /// A read fails: for ten seconds nothing is read.
    fn fail(&self) {
        self.engine.unread(&io::ErrorKind::Other.into());
        assert!(!self.engine.is_readable());
    }

    fn recover(&self) {
        self.engine.retry_if_due(Instant::now() + Duration::from_secs(11));
        assert!(self.engine.is_readable());
    }
}

#[test]
fn beside_something_on_disk_that_was_invalidated_nothing_is_stored() {
    let stage = Stage::new(0);
    stage.put(&response(key("/a"), head_with(1, 200, &[]), b"old"));
    stage.sync();
    let found = wait(stage.store.find(&key("/a"))).iter().next().unwrap().clone();
    let announced = stage.store.announce(key("/a"));
    announced.beside(&found, head_with(2, 200, &[]));
    assert_eq!(stage.find("/a").len(), 1, "it takes its place");
    let found = wait(stage.store.find(&key("/a"))).iter().next().unwrap().clone();
    stage.invalidate("/a");
    announced.beside(&found, head_with(3, 200, &[]));
    stage.store.announce(key("/a")).beside(&found, head_with(4, 200, &[]));
    assert!(stage.find("/a").is_empty(), "it was invalidated");
}

#[test]
fn equivalents_go_even_when_the_disk_cannot_be_read() {
    let stage = Stage::new(0);
    stage.put(&response(key("/a?utm=1"), head_with(1, 200, &[IGNORES_UTM]), b"old"));
    stage.sync();
    assert_eq!(wait(stage.store.equivalents(&key("/a?utm=2"))).len(), 1);
    stage.fail();
    stage.invalidate("/a?utm=2");
    stage.recover();
    assert!(wait(stage.store.equivalents(&key("/a?utm=3"))).is_empty(), "it was invalidated");
    assert!(stage.find("/a?utm=1").is_empty());
}

/// Stores the first ten bytes of a body.
fn put_part(stage: &Stage, path: &str, length: usize) -> Result<StoredResponse, NotStored> {
    let part = Interval { first: 0, last: 9 };
    let head = head_with(2, 206, &[("etag", "\"x\"")]);
    let announced = stage.store.announce(key(path));
    let writer = announced.begin_part(head, Scope::Public, part, Some(length as u64), None);
    let mut writer = writer.unwrap();
    wait(writer.write(text(10).into())).unwrap();
    wait(writer.finish(None))
}

#[test]
fn a_part_does_not_take_the_place_of_a_whole_that_cannot_be_read_now() {
    let stage = Stage::new(1 << 20);
    stage.put(&response(key("/a"), head_with(1, 200, &[("etag", "\"x\"")]), &text(20_000)));
    stage.sync();
    assert_eq!(stage.find("/a"), [20_000]);
    stage.fail();
    assert_eq!(put_part(&stage, "/a", 20_000).unwrap_err(), NotStored::Unknown);
    stage.recover();
    stage.sync();
    assert_eq!(stage.find("/a"), [20_000]);
    assert!(put_part(&stage, "/a", 20_000).is_ok());
    assert_eq!(stage.find("/a"), [20_000], "it was put together with the whole");
    assert!(put_part(&stage, "/other", 20_000).is_ok());
}

#[test]
fn a_part_is_not_stored_alone_before_everything_was_found() {
    let stage = Stage::new(1 << 20);
    stage.put(&response(key("/a"), head_with(1, 200, &[("etag", "\"x\"")]), &text(20_000)));
    stage.sync();
    let (stage, adopted) = Stage::opened(stage.model.kill(), 1 << 20);
    assert_eq!(put_part(&stage, "/a", 20_000).unwrap_err(), NotStored::Unknown);
    stage.engine.recover(adopted, &AtomicBool::new(false));
    assert_eq!(stage.find("/a"), [20_000]);
}

#[test]
fn a_part_takes_the_place_of_nothing_that_came_after_the_look() {
    let stage = Stage::new(1 << 20);
    let seen = wait(stage.store.find(&key("/a")));
    let part = response(key("/a"), head_with(2, 206, &[("etag", "\"x\"")]), &text(10));
    let whole = response(key("/a"), head_with(1, 200, &[("etag", "\"x\"")]), &text(20_000));
    stage.put(&whole);
    let ticket = stage.store.announce(key("/a"));
    let publish = |seen| stage.store.shared.publish_part(&part, ticket.ticket(), seen);
    assert_eq!(publish(&seen), Published::Refused);
    stage.sync();
    assert_eq!(publish(&seen), Published::Refused);
}

#[test]
fn what_is_replaced_on_disk_goes_from_memory_too() {
    let stage = Stage::new(1 << 20);
    stage.put(&response(key("/a"), head_with(1, 200, &[]), b"old"));
    stage.sync();
    let memory = &stage.store.shared.memory;
    memory.invalidate(&key("/a"));
    let found = wait(stage.store.find(&key("/a"))).iter().next().unwrap().clone();
    // Another request puts it into memory at the moment when a 304 comes.
    assert!(memory.publish(&found.promoted(), &Ticket::default()));
    let disk = stage.store.shared.disk().unwrap();
    assert!(disk.has(&found));
    let fresh = stage.store.announce(key("/a")).freshen(&found, head_with(2, 200, &[]));
    assert!(!disk.has(&found), "a newer one waits to be written");
    let resident = memory.candidates(&key("/a"));
    assert!(resident.iter().all(|stored| stored.id() == fresh.id()));
    let found = wait(stage.store.find(&key("/a")));
    assert_eq!(found.iter().map(StoredResponse::id).collect::<Vec<_>>(), [fresh.id()]);
}

#[test]
fn what_found_no_room_to_wait_is_written_later() {
    let stage = Stage::new(1 << 20);
    let paths: Vec<_> = (0..100).map(|n| format!("/{n}")).collect();
    let breaker = |error: io::ErrorKind| stage.engine.failed(&error.into());
    breaker(io::ErrorKind::StorageFull);
    for path in &paths {
        stage.put(&response(key(path), head_with(1, 200, &[]), b"kept"));
    }
    while let Some((job, _)) = stage.engine.queue.pop(true, Duration::ZERO) {
        stage.engine.write(&job.response);
    }
    assert_eq!(stage.engine.index.len(), 0, "the disk takes nothing");
    stage.store.maintain();
    assert_eq!(stage.engine.queue.len(), 0, "nor is it asked to");
    stage.engine.retry_if_due(Instant::now() + Duration::from_secs(11));
    for _ in 0..1000 {
        stage.store.maintain();
        stage.sync();
    }
    assert_eq!(stage.engine.index.len(), 100);
    assert_eq!(stage.engine.counters.now().written, 100, "each once");
}
