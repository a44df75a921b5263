//! What happens while something else is half done.

use std::sync::Arc;
use std::thread;

use super::cast::{ids, plain};
use crate::store::contract::{head_with, key};
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
