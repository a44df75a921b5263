//! What happens while something else is half done.

use std::sync::Arc;
use std::thread;

use super::cast::{ids, plain};
use crate::store::contract::{head_with, key};
use crate::store::disk::index::Tag;
use crate::store::disk::io::faulty::Op;
use crate::store::disk::scene::{SMALL, Scene};
use crate::store::memory::next_id;
use crate::store::tier::Storage as _;
use crate::store::under_way::Ticket;

#[test]
fn a_copy_that_comes_behind_a_tombstone_goes_with_it() {
    let scene = Scene::new(SMALL);
    let stored = plain("/a", 1, 9000);
    assert!(scene.put(&stored));
    scene.disk.touch(&stored);
    let engine = Arc::clone(&scene.disk.engine);
    // The second segment is open, and has no room for another nine thousand bytes.
    for n in 0.. {
        if engine.log.segments() == 2 && !engine.log.has_room(10_000) {
            break;
        }
        scene.put(&plain(&format!("/fill/{n}"), 1, 9000));
    }
    scene.sync();
    let one_step = || engine.limits.budget - engine.bytes() + 1;
    let hold = scene.model.hold(Op::Create);
    let (worker, wanted) = (Arc::clone(&engine), one_step());
    let reclaiming = thread::spawn(move || worker.make_room(wanted));
    hold.reached(1);
    // While the copy waits for its new segment the tombstone goes into the one before.
    assert_eq!(scene.disk.invalidate_key(&key("/a")).0, 1);
    drop(hold);
    reclaiming.join().unwrap().unwrap();
    assert!(engine.sync() && scene.find(&key("/a")).is_empty());
    assert!(scene.killed().find(&key("/a")).is_empty(), "that tombstone is still there");
    engine.make_room(one_step()).unwrap();
    assert!(engine.sync() && scene.find(&key("/a")).is_empty());
    assert!(scene.killed().find(&key("/a")).is_empty(), "it came back");
}

#[test]
fn an_invalidation_takes_what_got_its_number_while_it_came() {
    for is_written in [true, false] {
        let scene = Scene::new(SMALL);
        let stored = plain("/a", 1, 900);
        assert!(scene.put(&stored));
        // As if another thread had been given its number after this one.
        let fresh = stored.with_head(next_id() + 1_000_000, head_with(9, 200, &[]));
        assert!(scene.disk.replace(&stored, &fresh, &Ticket::default()));
        if is_written {
            scene.drain();
        }
        assert_eq!(ids(&scene, &key("/a")), [fresh.id()]);
        assert_eq!(scene.disk.invalidate(&key("/a")), 1 + usize::from(!is_written));
        assert!(ids(&scene, &key("/a")).is_empty());
        scene.sync();
        assert!(ids(&scene.killed(), &key("/a")).is_empty());
    }
}

#[test]
fn a_file_goes_though_its_record_was_taken_out_before_it_was_known_to_name_it() {
    let scene = Scene::new(SMALL);
    let stored = plain("/large", 1, 90_000);
    assert!(scene.put(&stored));
    let (engine, tag) = (scene.engine(), Tag::of(&stored));
    let known = engine.index.at(tag).unwrap();
    // As it was before that was known: the file is named once.
    let files = engine.pointers.take(known.generation).unwrap().into_vec();
    scene.disk.invalidate(&key("/large"));
    assert_eq!(engine.large.count(), 1);
    engine.point(tag, known.generation, files);
    assert_eq!((engine.large.count(), engine.pointers.len()), (0, 0));
}

#[test]
fn what_is_superseded_does_not_wait_to_be_written_any_more() {
    let scene = Scene::new(SMALL);
    let (old, other) = (plain("/a", 1, 900), plain("/b", 1, 900));
    assert!(scene.disk.publish(&old, &Ticket::default()));
    assert!(scene.disk.publish(&other, &Ticket::default()));
    assert_eq!(ids(&scene, &key("/a")), [old.id()]);
    scene.disk.supersede(&plain("/a", 2, 901));
    assert!(ids(&scene, &key("/a")).is_empty());
    scene.sync();
    assert!(ids(&scene, &key("/a")).is_empty() && ids(&scene.killed(), &key("/a")).is_empty());
    assert_eq!(ids(&scene, &key("/b")), [other.id()]);
}

#[test]
fn a_record_that_a_later_one_hides_is_not_there() {
    let scene = Scene::new(SMALL);
    let [first, second] = [1, 2].map(|second| plain("/a", second, 900));
    assert!(scene.put(&first) && scene.disk.has(&first));
    assert!(scene.disk.publish(&second, &Ticket::default()));
    assert!(!scene.disk.has(&first), "the later one waits to be written");
    scene.drain();
    assert!(scene.disk.has(&second) && !scene.disk.has(&first));
    scene.disk.supersede(&plain("/a", 3, 900));
    assert!(!scene.disk.has(&second));
}
