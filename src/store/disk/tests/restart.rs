//! What is found again after a stop, orderly or not.

use std::time::{Duration, Instant};

use super::cast::{ids, is_found, one_of_each, plain};
use crate::store::contract::{body, freshen, head_with, key, response};
use crate::store::disk::io::Io as _;
use crate::store::disk::names;
use crate::store::disk::queue::Press;
use crate::store::disk::scene::{SMALL, Scene};
use crate::store::memory::next_id;
use crate::store::tier::Storage as _;

const ORIGIN: &str = "http://example.org";

#[test]
fn everything_that_was_stored_is_found_again_however_it_ended() {
    let scene = Scene::new(SMALL);
    let mut stored = one_of_each();
    stored.push(plain("/more", 1, 31_000));
    for response in &stored {
        assert!(scene.put(response), "{:?}", response.key());
        assert!(is_found(&scene, response), "{:?}", response.key());
    }
    scene.flush();
    assert!(scene.engine().log.segments() > 1, "it is about several segments, too");
    let killed = scene.killed();
    let closed = killed.closed();
    for (name, scene) in [("killed", &killed), ("closed", &closed), ("killed", &closed.killed())] {
        for response in &stored {
            assert!(is_found(scene, response), "{name}: {:?}", response.key());
        }
        assert_eq!(scene.found.responses, stored.len() as u64, "{name}");
        assert_eq!(scene.usage(), killed.usage());
        assert_eq!(scene.engine().large.count(), 3);
    }
}

#[test]
fn after_an_orderly_stop_no_body_is_read_to_start() {
    let scene = Scene::new(SMALL);
    for n in 0..20 {
        scene.put(&plain(&format!("/{n}"), 1, 20_000));
    }
    scene.put(&plain("/large", 1, 400_000));
    let closed = scene.closed();
    assert_eq!(closed.found.responses, 21);
    assert!(closed.model.bytes_read() < 10_000, "{} bytes were read", closed.model.bytes_read());
    let stored = plain("/last", 1, 20_000);
    closed.put(&stored);
    closed.flush();
    let killed = closed.killed();
    assert!(is_found(&killed, &stored));
    let read = killed.model.bytes_read();
    assert!((20_000..100_000).contains(&read), "the open segment alone is read, not {read} bytes");
}

#[test]
fn a_freshened_head_is_found_again_and_the_body_was_not_written_again() {
    let scene = Scene::new(SMALL);
    for (path, length) in [("/a", 20_000), ("/large", 100_000)] {
        let stored = plain(path, 1, length);
        scene.put(&stored);
        scene.flush();
        let before = scene.model.bytes_written();
        let found = scene.find(&key(path)).iter().next().unwrap().clone();
        let fresh = freshen(&scene, &found, head_with(9, 200, &[("x-new", "1")]));
        scene.flush();
        assert!(scene.model.bytes_written() - before < 2000);
        for scene in [&scene.killed(), &scene.closed()] {
            assert!(is_found(scene, &fresh));
            assert_eq!(ids(scene, &key(path)), [fresh.id()]);
            assert_eq!(body(&fresh), body(&stored));
        }
    }
}

#[test]
fn what_was_invalidated_or_removed_stays_away() {
    let scene = Scene::new(SMALL);
    let stored = one_of_each();
    stored.iter().for_each(|response| assert!(scene.put(response)));
    scene.sync();
    for response in stored.iter().step_by(2) {
        scene.remove(response);
    }
    assert!(scene.invalidate_for_good(&key("/scope")));
    assert!(!scene.invalidate_for_good(&key("/none")) || scene.engine().owed.is_empty());
    scene.flush();
    for scene in [&scene.killed(), &scene.closed()] {
        for (n, response) in stored.iter().enumerate() {
            let stays = n % 2 == 1 && *response.key() != key("/scope");
            assert_eq!(is_found(scene, response), stays, "{:?}", response.key());
        }
    }
}

#[test]
fn groups_and_rules_of_queries_are_known_again() {
    let scene = Scene::new(SMALL);
    let stored = one_of_each();
    stored.iter().for_each(|response| assert!(scene.put(response)));
    let noted = scene.engine().epochs.invalidate(ORIGIN, &["g"]);
    drop(scene.disk.bury_groups(&noted));
    scene.flush();
    for scene in [&scene.killed(), &scene.closed()] {
        assert_eq!(scene.engine().queries.like(&key("/rule?x=2")), [key("/rule?x=1")]);
        for response in &stored {
            let is_over = !response.groups().is_empty();
            assert_eq!(scene.engine().epochs.are_over_for(response), is_over);
        }
    }
}

#[test]
fn numbers_stay_larger_than_those_on_disk() {
    let scene = Scene::new(SMALL);
    let stored = plain("/a", 1, 10);
    scene.put(&stored);
    scene.close();
    let seq = scene.engine().log.segments() as u64;
    let again = scene.killed();
    let next = next_id();
    assert!(next > stored.id() && next >= seq << 40, "{next:x}");
    let newer = plain("/a", 2, 11);
    assert!(again.put(&newer));
    assert_eq!(ids(&again.closed(), &key("/a")), [newer.id()]);
}

#[test]
fn unfinished_files_go_and_so_do_files_that_no_record_names() {
    let scene = Scene::new(SMALL);
    let large = plain("/large", 1, 100_000);
    scene.put(&large);
    scene.flush();
    let model = scene.model.kill();
    let orphan = names::large(7, 9);
    model.make_dir(&names::large_directory(7)).unwrap();
    for name in [names::part(77), orphan.clone(), "seg/not-ours".to_owned(), names::segment(900)] {
        model.create(&name).unwrap().write_at(b"x", 0).unwrap();
    }
    let again = Scene::on(model, SMALL);
    let files = again.model.files();
    assert!(!files.contains_key(&names::part(77)) && !files.contains_key(&orphan));
    assert!(files.contains_key("seg/not-ours") && !files.contains_key(&names::segment(900)));
    assert!(is_found(&again, &large));
    assert_eq!(again.found.dropped, 3);
}

#[test]
fn what_comes_while_records_are_found_beats_whatever_is_found() {
    let first = Scene::new(SMALL);
    let stored = one_of_each();
    stored.iter().for_each(|response| assert!(first.put(response)));
    first.close();

    let (scene, adopted) = Scene::opened(first.model.kill(), SMALL);
    assert!(stored.iter().all(|response| !is_found(&scene, response)), "not found yet: a miss");
    assert!(scene.invalidate_for_good(&key("/plain")));
    scene.remove(&stored[2]);
    let newer = plain("/large", 9, 50);
    assert!(scene.put(&newer));
    let noted = scene.engine().epochs.invalidate(ORIGIN, &["g"]);
    drop(scene.disk.bury_groups(&noted));
    scene.disk.supersede(&plain("/scope", 3, 1));
    scene.recover(adopted);
    let check = |scene: &Scene, superseded: bool| {
        for path in ["/plain", "/long"] {
            assert!(ids(scene, &key(path)).is_empty(), "{path}");
        }
        assert_eq!(ids(scene, &key("/large")), [newer.id()]);
        assert_eq!(ids(scene, &key("/scope")).is_empty(), superseded);
        assert!(scene.engine().epochs.are_over(&[noted[0].0], stored[13].id()));
        for n in [4, 5, 6, 12, 13] {
            assert!(is_found(scene, &stored[n]), "{:?}", stored[n].key());
        }
    };
    check(&scene, true);
    scene.flush();
    check(&scene.killed(), false);
    check(&scene.closed(), false);
}

#[test]
fn a_large_response_that_is_asked_for_before_its_file_is_found_stays() {
    let first = Scene::new(SMALL);
    let stored = plain("/large", 4, 200_000);
    assert!(first.put(&stored));
    first.sync();
    let (scene, adopted) = Scene::opened(first.model.kill(), SMALL);
    // The records are found first, then the files.
    scene.engine().find_records(&adopted.segments, &false.into());
    assert!(scene.find(stored.key()).is_empty(), "not found yet: a miss");
    assert_eq!(scene.disk.events().damaged, 0);
    // Nor where a stop comes between.
    scene.engine().recover(adopted, &true.into());
    assert!(scene.find(stored.key()).is_empty() && scene.disk.events().damaged == 0);
    assert!(is_found(&scene.closed(), &stored));
}

#[test]
fn a_search_that_breaks_off_ends_and_what_it_did_not_find_can_be_invalidated() {
    let first = Scene::new(SMALL);
    let stored = plain("/a", 1, 900);
    assert!(first.put(&stored));
    first.sync();
    let (scene, adopted) = Scene::opened(first.model.kill(), SMALL);
    scene.engine().recover(adopted, &true.into());
    assert!(!scene.engine().meanwhile.is_running(), "room can be made");
    assert!(scene.find(stored.key()).is_empty());
    assert!(scene.invalidate_for_good(stored.key()));
    assert!(ids(&scene.killed(), stored.key()).is_empty());
}

#[test]
fn what_answers_an_invalidated_query_too_is_not_found_any_more() {
    for is_later in [false, true] {
        let first = Scene::new(SMALL);
        let ignores = |value| head_with(1, 200, &[("no-vary-search", value)]);
        let stored = [
            response(key("/a?utm=1"), ignores("params=(\"utm\")"), b"a"),
            response(key("/a?utm=1&x=2"), ignores("params=(\"utm\")"), b"ax"),
            response(key("/b?utm=1"), ignores("params=(\"utm\")"), b"b"),
        ];
        stored.iter().for_each(|stored| assert!(first.put(stored)));
        first.sync();
        let (scene, adopted) = Scene::opened(first.model.kill(), SMALL);
        let invalidate = || assert!(scene.invalidate_for_good(&key("/a?utm=2")));
        if is_later {
            scene.engine().find_records(&adopted.segments, &false.into());
            invalidate();
            scene.engine().meanwhile.end(true);
        } else {
            invalidate();
            scene.recover(adopted);
        }
        scene.sync();
        for scene in [&scene, &scene.killed(), &scene.closed()] {
            assert!(!is_found(scene, &stored[0]), "{is_later}");
            assert!(is_found(scene, &stored[1]) && is_found(scene, &stored[2]), "{is_later}");
        }
    }
}

#[test]
fn what_was_superseded_stays_away_though_its_successor_is_given_up() {
    for is_closed in [false, true] {
        let scene = Scene::new(SMALL);
        let (old, other) = (plain("/a", 1, 900), plain("/b", 1, 900));
        assert!(scene.put(&old) && scene.put(&other));
        scene.sync();
        // As one that memory takes, and evicts when the queue is full.
        let new = plain("/a", 2, 901);
        scene.disk.supersede(&new);
        scene.engine().queue.stop();
        if is_closed {
            scene.disk.close(Instant::now() + Duration::from_secs(9));
        } else {
            assert!(!scene.disk.save(&new, Press::Now));
            // The writer has nothing else to do.
            scene.engine().keep_within_budget();
            scene.sync();
        }
        assert!(ids(&scene, &key("/a")).is_empty());
        let again = Scene::on(scene.model.kill(), SMALL);
        assert!(ids(&again, &key("/a")).is_empty(), "the older one is back");
        assert!(is_found(&again, &other));
    }
}

#[test]
fn a_start_that_is_stopped_early_loses_nothing() {
    let first = Scene::new(SMALL);
    let stored = one_of_each();
    stored.iter().for_each(|response| assert!(first.put(response)));
    first.close();
    let (scene, adopted) = Scene::opened(first.model.kill(), SMALL);
    scene.engine().recover(adopted, &true.into());
    let again = scene.closed();
    assert!(stored.iter().all(|response| is_found(&again, response)));
}
