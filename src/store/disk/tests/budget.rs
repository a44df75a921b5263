//! Bytes on disk stay within the budget and one segment; what was used stays longer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::cast::{ids, is_found, plain};
use super::stage::{ByHand as Lanes, text};
use crate::net::Scope;
use crate::policy::Partial;
use crate::store::contract::{freshen, head_with, key, wait};
use crate::store::disk::bodies::Bodies;
use crate::store::disk::dense::CHUNK;
use crate::store::disk::engine::{Limits, Resident};
use crate::store::disk::io::Io as _;
use crate::store::disk::io::faulty::{Faulty, Op};
use crate::store::disk::names;
use crate::store::disk::observer::Observer;
use crate::store::disk::scene::{SMALL, Scene, restore};
use crate::store::disk::tier::{Above, Disk, engine};
use crate::store::memory::next_id;
use crate::store::sink::LargeBodies as _;
use crate::store::stored::{Parts, StoredResponse};
use crate::store::tier::Storage as _;
use crate::store::under_way::Ticket;

/// What is on the model disk.
fn bytes(scene: &Scene) -> u64 {
    scene.model.files().values().sum()
}

fn check(scene: &Scene, what: &str) {
    let Limits { budget, segment, .. } = scene.engine().limits;
    // A footer is 40 bytes for each record; they are counted.
    assert!(scene.engine().bytes() <= budget + segment, "{what}: {}", scene.engine().bytes());
    assert!(bytes(scene) <= budget + segment, "{what}: {}", bytes(scene));
}

#[test]
fn thousands_of_responses_stay_within_the_budget() {
    let scene = Scene::new(SMALL);
    for n in 0..3000_usize {
        let length = if n % 50 == 0 { 100_000 } else { n * 7 % 4000 };
        assert!(scene.put(&plain(&format!("/{}", n % 1000), 1, length)));
        if n % 16 == 0 {
            scene.flush();
            check(&scene, &format!("{n}"));
        }
        if n % 700 == 0 {
            scene.invalidate(&key(&format!("/{}", n % 1000)));
        }
    }
    scene.flush();
    assert!(bytes(&scene) > SMALL.budget / 2, "it is not empty either");
    let killed = scene.killed();
    check(&killed, "after a start");
    assert_eq!(killed.usage().responses, scene.usage().responses);
}

#[test]
fn what_was_used_stays_and_what_was_not_goes_first() {
    let scene = Scene::new(SMALL);
    for n in 0..30 {
        assert!(scene.put(&plain(&format!("/{n}"), 1, 2000)));
    }
    let used =
        [2, 7, 11].map(|n| scene.find(&key(&format!("/{n}"))).iter().next().unwrap().clone());
    used.iter().for_each(|used| scene.used(used));
    let spared = |scene: &Scene| scene.disk.events().spared;
    let mut n = 0;
    while spared(&scene) == 0 {
        assert!(scene.put(&plain(&format!("/more/{n}"), 1, 8000)));
        n += 1;
    }
    for n in 0..20 {
        let stays = used.iter().any(|used| *used.key() == key(&format!("/{n}")));
        assert_eq!(!ids(&scene, &key(&format!("/{n}"))).is_empty(), stays, "{n}");
    }
    scene.flush();
    let killed = scene.killed();
    assert!(used.iter().all(|used| is_found(&scene, used) && is_found(&killed, used)));
    // The second chance is the last one.
    for n in 0..400 {
        assert!(scene.put(&plain(&format!("/again/{n}"), 1, 8000)));
    }
    assert!(used.iter().all(|used| !is_found(&scene, used)));
}

#[test]
fn large_bodies_alone_stay_within_the_budget_and_what_was_used_stays() {
    let scene = Scene::new(SMALL);
    let kept = plain("/kept", 1, 90_000);
    assert!(scene.put(&kept));
    for n in 0..60 {
        assert!(scene.put(&plain(&format!("/{n}"), 1, 100_000)));
        let found = scene.find(&key("/kept")).iter().next().cloned();
        found.iter().for_each(|found| scene.used(found));
        check(&scene, &format!("{n}"));
        assert!(!ids(&scene, &key(&format!("/{n}"))).is_empty());
    }
    assert!(is_found(&scene, &kept));
    assert!(ids(&scene, &key("/0")).is_empty() && scene.engine().large.count() < 12);
    scene.flush();
    let killed = scene.killed();
    assert!(is_found(&killed, &kept));
    assert_eq!(killed.usage().responses, scene.usage().responses);
    assert_eq!(killed.engine().large.count(), scene.engine().large.count());
}

#[test]
fn a_smaller_budget_is_kept_after_the_next_start() {
    let scene = Scene::new(SMALL);
    for n in 0..200 {
        let length = if n % 20 == 0 { 60_000 } else { 4000 };
        assert!(scene.put(&plain(&format!("/{n}"), 1, length)));
    }
    scene.close();
    for budget in [256 << 10, 64 << 10, 0] {
        let limits = Limits { budget, ..SMALL };
        let again = Scene::on(scene.model.kill(), limits);
        again.engine().keep_within_budget();
        check(&again, "smaller");
        if budget > 200_000 {
            assert!(!ids(&again, &key("/199")).is_empty(), "the newest stay");
        }
        let _ = again.put(&plain("/new", 1, 4000));
        again.flush();
        check(&again.killed(), "and again");
    }
}

#[test]
fn a_body_whose_head_was_freshened_goes_along_with_it() {
    let scene = Scene::new(SMALL);
    assert!(scene.put(&plain("/a", 1, 3000)) && scene.put(&plain("/b", 1, 3000)));
    let mut fresh = Vec::new();
    for path in ["/a", "/b"] {
        let found = scene.find(&key(path)).iter().next().unwrap().clone();
        fresh.push(freshen(&scene, &found, head_with(2, 200, &[("x-new", "1")])));
    }
    // The new heads are in another segment than the bodies.
    for n in 0..12 {
        assert!(scene.put(&plain(&format!("/more/{n}"), 1, 8000)));
    }
    let fresh: Vec<_> = fresh
        .iter()
        .map(|old| freshen(&scene, old, head_with(3, 200, &[("x-new", "2")])))
        .collect();
    let used = scene.find(&key("/a")).iter().next().unwrap().clone();
    scene.used(&used);
    let mut n = 0;
    while scene.disk.events().spared == 0 {
        assert!(scene.put(&plain(&format!("/even/{n}"), 1, 8000)));
        n += 1;
    }
    scene.flush();
    for scene in [&scene, &scene.killed(), &scene.closed()] {
        assert!(is_found(scene, &fresh[0]), "head and body are one record now");
        assert!(ids(scene, &key("/b")).is_empty(), "the head goes with its body");
    }
}

#[test]
fn a_tier_of_no_size_keeps_nothing_and_hangs_nowhere() {
    let scene = Scene::new(Limits { budget: 0, ..SMALL });
    for n in 0..50 {
        scene.put(&plain(&format!("/{n}"), 1, 40_000));
        scene.put(&plain(&format!("/small/{n}"), 1, 9000));
        scene.engine().keep_within_budget();
    }
    assert!(scene.engine().is_trusted());
    check(&scene, "no size");
}

#[test]
fn what_memory_still_has_was_used() {
    let resident = Arc::new(AtomicU64::new(u64::MAX));
    let model = Scene::new(SMALL).model;
    let known = Arc::clone(&resident);
    let is_resident: Resident = Box::new(move |_, id| id == known.load(Ordering::Relaxed));
    let above = Above { epochs: Arc::default(), queries: Arc::default(), is_resident };
    let (scene, adopted) = Scene::under(model, SMALL, above);
    scene.recover(adopted);
    let (kept, other) = (plain("/kept", 1, 2000), plain("/other", 1, 2000));
    assert!(scene.put(&kept) && scene.put(&other));
    resident.store(kept.id(), Ordering::Relaxed);
    for n in 0..300 {
        assert!(scene.put(&plain(&format!("/{n}"), 1, 8000)));
    }
    assert!(is_found(&scene, &kept) && !is_found(&scene, &other));
}

#[test]
fn what_a_segment_that_cannot_be_read_holds_is_given_up_without_it() {
    let scene = Scene::new(SMALL);
    let first = plain("/first", 1, 2000);
    assert!(scene.put(&first));
    for n in 0..20 {
        assert!(scene.put(&plain(&format!("/{n}"), 1, 8000)));
    }
    scene.flush();
    scene.used(&scene.find(&key("/first")).iter().next().unwrap().clone());
    scene.model.truncate("seg/00000000.seg", 100);
    for n in 0..300 {
        assert!(scene.put(&plain(&format!("/more/{n}"), 1, 8000)));
    }
    assert!(scene.engine().is_trusted() && scene.disk.events().reclaimed > 3);
    assert!(!scene.model.files().contains_key("seg/00000000.seg"));
    assert!(ids(&scene, &key("/first")).is_empty());
    let found = (0..20).filter(|n| !ids(&scene, &key(&format!("/{n}"))).is_empty()).count();
    assert_eq!(found, 0);
    scene.flush();
    assert_eq!(scene.killed().usage().responses, scene.usage().responses);
}

fn bodies(scene: &Scene) -> Bodies {
    let (engine, observer) = (Arc::clone(&scene.disk.engine), Arc::clone(&scene.disk.observer));
    Bodies { engine, observer }
}

#[test]
fn large_bodies_that_grow_together_keep_the_budget() {
    let scene = Scene::new(SMALL);
    let bodies = bodies(&scene);
    let most = SMALL.budget - SMALL.budget / 8;
    let growing: Vec<_> = (1..=10).map(|n| wait(bodies.begin(next_id(), n, Some(most)))).collect();
    assert_eq!(growing.iter().filter(|one| one.is_ok()).count(), 1);
    check(&scene, "begun");
    drop(growing);
    assert!(wait(bodies.begin(next_id(), 1, Some(most))).is_ok(), "there is room again");
    assert!(wait(bodies.begin(next_id(), 2, Some(most))).is_ok());
    assert_eq!(scene.engine().large.bytes(), 0);
}

#[test]
fn large_bodies_of_unknown_length_that_grow_together_keep_the_budget() {
    let scene = Scene::new(SMALL);
    let bodies = bodies(&scene);
    let begin = |n| wait(bodies.begin(next_id(), n, None)).unwrap();
    let (mut one, mut two) = (begin(1), begin(2));
    let mut broken = false;
    for _ in 0..8 {
        for sink in [&mut one, &mut two] {
            broken |= wait(sink.write(text(CHUNK).into())).is_err();
        }
        check(&scene, "growing");
    }
    assert!(broken && scene.engine().is_trusted(), "that is not the disk's fault");
    drop((one, two));
    assert_eq!(scene.engine().large.bytes(), 0);
}

/// An engine on a model disk, whose threads do nothing until they are told to.
fn by_hand() -> (Faulty, Arc<Lanes>, Bodies) {
    let model = Faulty::new();
    for directory in names::DIRECTORIES {
        model.make_dir(directory).unwrap();
    }
    let notes = Arc::new(Lanes::default());
    let observer = Observer::with(Box::new(Arc::clone(&notes)), Box::new(Arc::clone(&notes)));
    let is_resident: Resident = Box::new(|_, _| false);
    let above = Above { epochs: Arc::default(), queries: Arc::default(), is_resident };
    let io = Arc::new(model.clone());
    let (engine, observer) = engine(io, SMALL, above, restore(&model), observer);
    engine.recover(engine.adopt().unwrap(), &AtomicBool::new(false));
    (model, notes, Bodies { engine, observer })
}

#[test]
fn a_large_body_waits_for_no_room_before_its_first_byte() {
    let (_, notes, bodies) = by_hand();
    let mut sink = wait(bodies.begin(next_id(), 1, Some(200_000))).unwrap();
    assert_eq!(notes.waiting(), 1, "room is made behind it");
    wait(sink.write(text(1000).into())).unwrap();
    while notes.step() {}
    assert!(bodies.engine.is_trusted());
}

#[test]
fn who_writes_waits_for_no_large_file_to_last() {
    let (model, notes, bodies) = by_hand();
    let (id, length) = (next_id(), 200_000);
    let mut sink = wait(bodies.begin(id, key("/a").digest(), Some(length))).unwrap();
    wait(sink.write(text(200_000).into())).unwrap();
    let finishing = std::thread::spawn(move || wait(sink.finish(Partial::whole(length))).unwrap());
    while !finishing.is_finished() {
        notes.step();
    }
    let content = finishing.join().unwrap();
    let head = head_with(1, 200, &[]);
    let parts =
        Parts { key: key("/a"), head, whence: Scope::Public.into(), trailers: None, content };
    let stored = StoredResponse::new(id, parts);
    let disk = Disk::still(Arc::clone(&bodies.engine), Arc::clone(&bodies.observer));
    while notes.step() {}
    let syncs = model.calls(Op::Sync);
    assert!(disk.publish(&stored, &Ticket::default()));
    let engine = &bodies.engine;
    assert!(engine.queue.pop(true, Duration::ZERO).is_none() && engine.queue.len() == 1);
    engine.queue.stop();
    assert!(!engine.queue.is_stopped(), "it comes yet");
    while notes.step() {}
    assert_eq!(model.calls(Op::Sync), syncs + 1);
    let (job, _) = engine.queue.pop(true, Duration::ZERO).unwrap();
    engine.write(&job.response);
    assert_eq!(model.calls(Op::Sync), syncs + 1);
    assert!(engine.queue.is_stopped() && is_found_on(&disk, &stored));
}

fn is_found_on(disk: &Disk, stored: &StoredResponse) -> bool {
    disk.candidates(stored.key()).iter().any(|found| found.id() == stored.id())
}

#[test]
fn two_that_make_room_at_once_do_not_give_up_twice_as_much() {
    let scene = Scene::new(SMALL);
    for n in 0..40 {
        assert!(scene.put(&plain(&format!("/{n}"), 1, 8000)));
    }
    scene.sync();
    let engine = &scene.disk.engine;
    let wanted = engine.limits.budget - engine.bytes() + 1;
    let hold = scene.model.hold(Op::Remove);
    std::thread::scope(|scope| {
        let one = scope.spawn(|| engine.make_room(wanted));
        hold.reached(1);
        let two = scope.spawn(|| engine.make_room(wanted));
        drop(hold);
        one.join().unwrap().unwrap();
        two.join().unwrap().unwrap();
    });
    assert_eq!(scene.disk.events().reclaimed, 1);
}

#[test]
fn many_short_runs_leave_no_more_segments_than_are_of_use_and_lose_nothing() {
    let mut scene = Scene::new(SMALL);
    let most = SMALL.most_segments();
    for n in 0..most + 10 {
        assert!(scene.put(&plain(&format!("/{n}"), 1, 100)));
        scene = scene.closed();
        assert!(scene.engine().log.segments() <= most + 1, "{n}");
    }
    for n in 0..most + 10 {
        assert!(!ids(&scene, &key(&format!("/{n}"))).is_empty(), "{n}");
    }
}
