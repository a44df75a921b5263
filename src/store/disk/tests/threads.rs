//! Several threads at a tier with threads of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::cast::plain;
use super::chance::Chance;
use super::stage::text;
use crate::store::contract::{head_with, key, read, wait};
use crate::store::disk::engine::{Limits, Resident};
use crate::store::disk::io::Io as _;
use crate::store::disk::io::faulty::{Faulty, Op, PageCache};
use crate::store::disk::names;
use crate::store::disk::scene::{SMALL, Scene, restore};
use crate::store::disk::tier::{Above, Disk};
use crate::store::memory::next_id;
use crate::store::stored::StoredResponse;
use crate::store::tier::Storage as _;
use crate::store::under_way::{Ticket, UnderWay};

const KEYS: u64 = 12;

fn opened(model: &Faulty, limits: Limits) -> Disk {
    opened_below(model, limits, Box::new(|_, _| false))
}

fn opened_below(model: &Faulty, limits: Limits, is_resident: Resident) -> Disk {
    for directory in names::DIRECTORIES {
        model.make_dir(directory).unwrap();
    }
    let above = Above { epochs: Arc::default(), queries: Arc::default(), is_resident };
    Disk::with_io(Arc::new(model.clone()), limits, above, restore(model)).unwrap()
}

/// What is found under a key: every number that it has, its body read.
fn found(disk: &Disk, path: &str) -> Vec<StoredResponse> {
    let all = wait(disk.find(&key(path), &[])).candidates;
    for response in all.iter() {
        if let Ok(body) = read(response.reader()) {
            assert!(body == text(body.len()) && body.len() as u64 == response.length());
        }
    }
    all.iter().cloned().collect()
}

/// As the store does it: what is announced before an invalidation is not let in after it.
fn work(disk: &Disk, under_way: &UnderWay, floors: &[AtomicU64], seed: u64, steps: u64) {
    let mut chance = Chance::new(seed);
    for second in 0..steps {
        let n = chance.below(KEYS);
        let path = format!("/{n}");
        let floor = &floors[usize::try_from(n).unwrap()];
        match chance.below(10) {
            0..=3 => {
                let length = if chance.below(6) == 0 { 50_000 } else { chance.below(8000) };
                let ticket = under_way.enter(&key(&path));
                let stored = plain(&path, second, usize::try_from(length).unwrap());
                disk.publish(&stored, &ticket);
                under_way.leave(&ticket);
            }
            4 => {
                if let Some(old) = found(disk, &path).first() {
                    let head = head_with(second, 200, &[("x-new", "1")]);
                    let fresh = old.with_head(next_id(), head);
                    disk.replace(old, &fresh, &Ticket::default());
                }
            }
            5 => {
                let below = next_id();
                under_way.cancel(&key(&path));
                let (_, durable) = disk.invalidate_key(&key(&path));
                wait(disk.await_durable(durable));
                floor.fetch_max(below, Ordering::AcqRel);
            }
            6 => found(disk, &path).iter().for_each(|stored| disk.used(stored)),
            7 => found(disk, &path).iter().take(1).for_each(|stored| disk.remove(stored)),
            _ => {
                let below = floor.load(Ordering::Acquire);
                for stored in found(disk, &path) {
                    let lineage = stored.lineage();
                    assert!(lineage >= below, "{path}: {lineage} was invalidated before {below}");
                }
            }
        }
    }
}

#[test]
fn whatever_several_do_at_once_nothing_invalidated_is_found_and_nobody_waits_for_ever() {
    for (round, page_cache) in [PageCache::Warm, PageCache::Mixed].into_iter().enumerate() {
        let model = Faulty::new();
        model.set_page_cache(page_cache);
        let limits = Limits { budget: 512 << 10, ..SMALL };
        let disk = opened(&model, limits);
        wait(disk.recovered());
        let floors: Vec<AtomicU64> = (0..KEYS).map(|_| AtomicU64::new(0)).collect();
        let under_way = UnderWay::default();
        thread::scope(|scope| {
            for worker in 0..6 {
                let (disk, under_way, floors) = (&disk, &under_way, &floors);
                scope
                    .spawn(move || work(disk, under_way, floors, round as u64 * 100 + worker, 150));
            }
        });
        // What was invalidated for good does not come back when power is lost, or the process killed.
        let (crashed, killed) = (model.crash(round as u64), model.kill());
        for scene in [Scene::on(crashed, limits), Scene::on(killed, limits)] {
            for n in 0..KEYS {
                let below = floors[usize::try_from(n).unwrap()].load(Ordering::Acquire);
                for stored in scene.find(&key(&format!("/{n}"))).iter() {
                    assert!(stored.lineage() >= below, "/{n} came back");
                }
            }
        }
        assert_eq!(disk.close(Instant::now() + Duration::from_secs(10)), 0);
        let closed = Scene::on(model.kill(), limits);
        assert_eq!(closed.usage().responses, disk.usage().responses);
    }
}

#[test]
fn an_invalidation_while_a_response_is_being_written_beats_it() {
    let model = Faulty::new();
    let disk = opened(&model, SMALL);
    wait(disk.recovered());
    let hold = model.hold(Op::Create);
    assert!(disk.publish(&plain("/a", 1, 3000), &Ticket::default()));
    hold.reached(1);
    // Its tombstone needs a segment, too.
    let (count, durable) = thread::scope(|scope| {
        let taken = scope.spawn(|| disk.invalidate_key(&key("/a")));
        let is_taken = || disk.engine.index.look(key("/a").digest()).pending.is_empty();
        let deadline = Instant::now() + Duration::from_secs(10);
        while !is_taken() && Instant::now() < deadline {
            thread::yield_now();
        }
        drop(hold);
        taken.join().unwrap()
    });
    assert_eq!(count, 1);
    wait(disk.await_durable(durable));
    assert!(found(&disk, "/a").is_empty());
    for seed in 0..20 {
        let crashed = Scene::on(model.crash(seed), SMALL);
        assert!(crashed.find(&key("/a")).is_empty(), "seed {seed}");
    }
    assert_eq!(disk.close(Instant::now() + Duration::from_secs(10)), 0);
    assert!(Scene::on(model.kill(), SMALL).find(&key("/a")).is_empty());
}

#[test]
fn look_ups_are_answered_while_the_device_hangs() {
    let model = Faulty::new();
    let disk = opened(&model, SMALL);
    wait(disk.recovered());
    let stored = plain("/a", 1, 3000);
    assert!(disk.publish(&stored, &Ticket::default()));
    let hold = model.hold(Op::Sync);
    hold.reached(1);
    assert_eq!(found(&disk, "/a").len(), 1);
    assert!(disk.publish(&plain("/b", 1, 3000), &Ticket::default()));
    assert_eq!(found(&disk, "/b").len(), 1);
    let (count, durable) = disk.invalidate_key(&key("/a"));
    assert_eq!(count, 1);
    assert!(found(&disk, "/a").is_empty());
    drop(hold);
    wait(disk.await_durable(durable));
}

#[test]
fn the_thread_that_writes_goes_on_after_a_panic() {
    let model = Faulty::new();
    let panics = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&panics);
    let is_resident: Resident = Box::new(move |_, _| {
        assert!(counted.fetch_add(1, Ordering::AcqRel) != 0, "the first one panics");
        false
    });
    let disk = opened_below(&model, SMALL, is_resident);
    wait(disk.recovered());
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut n = 0;
    // Room is made by giving up what memory does not have.
    while panics.load(Ordering::Acquire) < 2 {
        assert!(Instant::now() < deadline, "nothing is written any more");
        n += 1;
        disk.publish(&plain(&format!("/{n}"), 1, 9000), &Ticket::default());
        thread::yield_now();
    }
    let last = plain("/last", 1, 40_000);
    while !disk.publish(&last, &Ticket::default()) {
        thread::yield_now();
    }
    assert_eq!(disk.close(Instant::now() + Duration::from_secs(10)), 0);
    assert_eq!(Scene::on(model, SMALL).find(&key("/last")).len(), 1);
}

#[test]
fn who_waits_for_a_sync_is_told_after_a_panic_too() {
    let model = Faulty::new();
    for directory in names::DIRECTORIES {
        model.make_dir(directory).unwrap();
    }
    let (tries, is_resident) = (Arc::new(AtomicU64::new(0)), Box::new(|_, _| false) as Resident);
    let counted = Arc::clone(&tries);
    let above = Above { epochs: Arc::default(), queries: Arc::default(), is_resident };
    let again = restore(&model);
    let restore = Box::new(move || {
        assert!(counted.fetch_add(1, Ordering::AcqRel) != 0, "the first one panics");
        again()
    });
    let disk = Disk::with_io(Arc::new(model.clone()), SMALL, above, restore).unwrap();
    wait(disk.recovered());
    model.remove_tree();
    let deadline = Instant::now() + Duration::from_secs(20);
    while tries.load(Ordering::Acquire) < 2 {
        assert!(Instant::now() < deadline, "nobody looks after the directory any more");
        thread::yield_now();
    }
    assert!(disk.publish(&plain("/a", 1, 3000), &Ticket::default()));
    let (_, durable) = disk.invalidate_key(&key("/a"));
    wait(disk.await_durable(durable));
    assert_eq!(disk.events().volatile, 0);
}

#[test]
fn an_invalidation_waits_for_no_segment_that_is_begun() {
    let model = Faulty::new();
    let disk = Arc::new(opened(&model, SMALL));
    wait(disk.recovered());
    let hold = model.hold(Op::Create);
    assert!(disk.publish(&plain("/a", 1, 3000), &Ticket::default()));
    hold.reached(1);
    let (tell, told) = std::sync::mpsc::channel();
    let taker = Arc::clone(&disk);
    let taking = thread::spawn(move || tell.send(taker.invalidate_key(&key("/a"))));
    let (count, durable) =
        told.recv_timeout(Duration::from_secs(5)).expect("it waits for a device");
    assert_eq!(count, 1);
    taking.join().unwrap().unwrap();
    drop(hold);
    wait(disk.await_durable(durable));
    assert_eq!(disk.events().volatile, 0);
    for seed in 0..20 {
        let crashed = Scene::on(model.crash(seed), SMALL);
        assert!(crashed.find(&key("/a")).is_empty(), "seed {seed}");
    }
}

#[test]
fn a_stop_waits_no_longer_than_it_may_and_stops_once() {
    let model = Faulty::new();
    let disk = opened(&model, SMALL);
    wait(disk.recovered());
    let hold = model.hold(Op::Create);
    assert!(disk.publish(&plain("/a", 1, 3000), &Ticket::default()));
    hold.reached(1);
    let begun = Instant::now();
    disk.close(Instant::now() + Duration::from_millis(100));
    disk.close(Instant::now() + Duration::from_secs(60));
    assert!(begun.elapsed() < Duration::from_secs(8), "it waits for a device that hangs");
    drop(hold);
}
