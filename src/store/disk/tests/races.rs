//! What happens while something else is half done.

use std::sync::Arc;
use std::thread;

use super::cast::plain;
use crate::store::contract::key;
use crate::store::disk::io::faulty::Op;
use crate::store::disk::scene::{SMALL, Scene};

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
