//! A disk in trouble: full, read-only, failing, out of inodes, deleted, forbidden, out of descriptors.

use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::cast::{ids, is_found, plain};
use super::log::said;
use crate::store::contract::{key, read};
use crate::store::disk::io::faulty::{Fault, Op, When};
use crate::store::disk::names;
use crate::store::disk::scene::{SMALL, Scene};
use crate::store::tier::Storage as _;

/// Longer than the first pause of the breaker.
const LATER: Duration = Duration::from_secs(11);

fn later(pauses: u32) -> Instant {
    Instant::now() + LATER * pauses
}

/// What the writer and the syncer do.
fn work(scene: &Scene) {
    scene.drain();
    scene.engine().flush_if_due(Instant::now() + Duration::from_secs(1));
    scene.engine().sync();
}

#[test]
fn trouble_with_writing_is_said_once_and_stored_things_go_on_answering() {
    let rows: &[(&str, &[Op], Errno, &str)] = &[
        ("full", &[Op::Write], Errno::NOSPC, "free space"),
        (
            "full, seen when a segment is begun",
            &[Op::Reserve, Op::Create],
            Errno::NOSPC,
            "free space",
        ),
        ("out of inodes", &[Op::Create], Errno::NOSPC, "df -i"),
        ("read-only", &[Op::Write, Op::Create, Op::Remove, Op::Sync], Errno::ROFS, "read-only"),
        ("failing writes", &[Op::Write], Errno::IO, "device fails"),
        ("failing syncs", &[Op::Sync], Errno::IO, "device fails"),
        ("forbidden", &[Op::Create, Op::Open, Op::Remove], Errno::ACCESS, "chown"),
        ("out of descriptors", &[Op::Create, Op::Open], Errno::MFILE, "ulimit -n"),
        ("over quota", &[Op::Write], Errno::DQUOT, "quota"),
    ];
    for (name, ops, errno, remedy) in rows {
        let scene = Scene::new(SMALL);
        let before: Vec<_> = (0..3).map(|n| plain(&format!("/{n}"), 1, 9000)).collect();
        before.iter().for_each(|stored| assert!(scene.put(stored)));
        scene.sync();
        for op in *ops {
            scene.model.fail(Fault::new(*op, *errno, When::Always));
        }
        let lines = said(|| {
            for n in 0..40 {
                scene.put(&plain(&format!("/during/{n}"), 1, 9000));
                work(&scene);
            }
            assert!(!scene.engine().is_trusted(), "{name}");
            assert!(before.iter().all(|stored| is_found(&scene, stored)), "{name}");
            for pauses in [1, 3] {
                scene.engine().retry_if_due(later(pauses));
                scene.put(&plain("/again", 1, 9000));
                work(&scene);
                assert!(!scene.engine().is_trusted(), "{name}");
            }
        });
        let warnings: Vec<_> = lines.iter().filter(|line| line.contains("WARN")).collect();
        assert!(matches!(&warnings[..], [one] if one.contains(remedy)), "{name}: {lines:#?}");
        assert!(scene.disk.events().unwritable > 0 && scene.disk.events().refused > 0, "{name}");

        scene.model.clear();
        scene.engine().retry_if_due(later(10));
        assert!(scene.engine().is_trusted(), "{name}");
        let after = plain("/after", 1, 9000);
        assert!(scene.put(&after));
        scene.sync();
        let killed = scene.killed();
        for stored in before.iter().chain([&after]) {
            assert!(is_found(&scene, stored) && is_found(&killed, stored), "{name}");
        }
        let crashed = Scene::on(scene.model.crash(7), SMALL);
        assert!(is_found(&crashed, &after), "{name}");
    }
}

#[test]
fn trouble_with_reading_makes_misses_until_it_is_over() {
    let scene = Scene::new(SMALL);
    let (small, large) = (plain("/small", 1, 9000), plain("/large", 1, 90_000));
    assert!(scene.put(&small) && scene.put(&large));
    for path in ["/0", "/1", "/2"] {
        assert!(scene.put(&plain(path, 1, 100)));
    }
    scene.sync();
    scene.model.fail(Fault::new(Op::Read, Errno::IO, When::Always));
    for path in ["/0", "/1", "/0", "/1"] {
        assert!(ids(&scene, &key(path)).is_empty() && scene.engine().is_readable(), "it alone");
    }
    let lines = said(|| {
        assert!(ids(&scene, &key("/2")).is_empty() && !scene.engine().is_readable());
        for _ in 0..3 {
            assert!(
                ids(&scene, &key("/small")).is_empty() && ids(&scene, &key("/large")).is_empty()
            );
        }
        scene.engine().retry_if_due(later(1));
        assert!(ids(&scene, &key("/small")).is_empty());
    });
    assert_eq!(lines.iter().filter(|line| line.contains("WARN")).count(), 1, "{lines:#?}");
    assert_eq!(scene.disk.events().unreadable, 3);
    scene.model.clear();
    scene.engine().retry_if_due(later(10));
    assert!(is_found(&scene, &small) && is_found(&scene, &large));
}

#[test]
fn a_bad_place_is_one_miss_and_what_is_there_goes() {
    let scene = Scene::new(SMALL);
    let stored = ["/bad", "/good", "/large"].map(|path| plain(path, 1, 1000));
    stored.iter().for_each(|stored| assert!(scene.put(stored)));
    let large = plain("/large", 2, 90_000);
    assert!(scene.put(&large));
    scene.sync();
    let reader = scene.find(&key("/large")).iter().next().unwrap().reader();
    scene.model.fail(Fault::new(Op::Read, Errno::IO, When::Next(1)));
    assert!(ids(&scene, &key("/bad")).is_empty());
    assert!(is_found(&scene, &stored[1]) && scene.engine().is_trusted());
    scene.model.fail(Fault::new(Op::Read, Errno::IO, When::Always));
    assert!(read(reader).is_err());
    scene.model.clear();
    assert!(is_found(&scene, &stored[1]) && scene.engine().is_trusted());
    for path in ["/bad", "/large"] {
        assert!(ids(&scene, &key(path)).is_empty(), "{path}: it is fetched anew");
    }
    assert_eq!(scene.disk.events().unreadable, 2);
}

#[test]
fn an_invalidation_that_the_full_disk_does_not_take_is_written_over_the_record() {
    for errno in [Errno::NOSPC, Errno::IO] {
        let scene = Scene::new(SMALL);
        let (older, stored) = (plain("/a", 1, 3000), plain("/a", 2, 3000));
        let other = plain("/b", 1, 3000);
        assert!(scene.put(&older) && scene.put(&stored) && scene.put(&other));
        scene.sync();
        // Nothing can be appended any more.
        scene.model.fail(Fault::new(Op::Write, errno, When::Next(1)));
        scene.put(&plain("/c", 1, 100));
        work(&scene);
        assert!(!scene.engine().is_trusted());
        assert!(scene.invalidate_for_good(&key("/a")));
        for after in [scene.killed(), Scene::on(scene.model.crash(3), SMALL)] {
            assert!(ids(&after, &key("/a")).is_empty(), "neither it nor the one before");
            assert!(is_found(&after, &other));
            let closed = after.closed();
            assert!(ids(&closed, &key("/a")).is_empty() && is_found(&closed, &other));
        }
    }
}

#[test]
fn an_invalidation_that_cannot_be_written_at_all_is_written_when_the_disk_works_again() {
    let scene = Scene::new(SMALL);
    let (one, two) = (plain("/a", 1, 3000), plain("/b", 1, 3000));
    assert!(scene.put(&one) && scene.put(&two));
    scene.sync();
    for op in [Op::Write, Op::Sync, Op::Create] {
        scene.model.fail(Fault::new(op, Errno::IO, When::Always));
    }
    assert!(!scene.invalidate_for_good(&key("/a")), "the caller counts it");
    let noted = scene.engine().epochs.invalidate("http://example.org", &["g"]);
    drop(scene.disk.bury_groups(&noted));
    assert!(!scene.invalidate_for_good(&key("/a")), "nor is it when somebody else asks");
    assert!(ids(&scene, &key("/a")).is_empty());
    scene.model.clear();
    scene.engine().retry_if_due(later(10));
    for after in [scene.killed(), Scene::on(scene.model.crash(1), SMALL)] {
        assert!(ids(&after, &key("/a")).is_empty() && is_found(&after, &two));
        assert!(after.engine().epochs.are_over(&[noted[0].0], one.id()));
    }
}

#[test]
fn an_invalidation_survives_a_sync_that_failed_before_one_that_went_well() {
    for seed in 0..20 {
        let scene = Scene::new(SMALL);
        let stored: Vec<_> = (0..8).map(|n| plain(&format!("/{n}"), 1, 3000)).collect();
        stored.iter().for_each(|stored| assert!(scene.put(stored)));
        scene.sync();
        // That of its tombstone, and that of what is struck out instead.
        scene.model.fail(Fault::new(Op::Sync, Errno::IO, When::Next(2)));
        assert!(!scene.invalidate_for_good(&key("/1")), "it is not known to last");
        scene.engine().retry_if_due(later(1));
        assert!(scene.engine().sync());
        let crashed = Scene::on(scene.model.crash(seed), SMALL);
        assert!(ids(&crashed, &key("/1")).is_empty(), "seed {seed}");
        assert!(is_found(&crashed, &stored[2]), "seed {seed}");
        assert!(scene.put(&plain("/more", 1, 10)));
    }
}

#[test]
fn an_invalidation_waits_for_the_tombstone_of_another() {
    let scene = Scene::new(SMALL);
    let stored = plain("/a", 1, 3000);
    assert!(scene.put(&stored));
    scene.sync();
    scene.remove(&stored);
    let syncs = scene.model.calls(Op::Sync);
    assert!(scene.invalidate_for_good(&key("/a")));
    assert!(scene.model.calls(Op::Sync) > syncs, "what was removed is only now gone for good");
    assert!(scene.invalidate_for_good(&key("/a")));
    assert_eq!(scene.model.calls(Op::Sync), syncs + 1, "there is nothing to wait for");
}

#[test]
fn a_directory_that_is_deleted_is_made_again() {
    for was_open in [true, false] {
        let mut scene = Scene::new(SMALL);
        let stored = plain("/a", 1, 3000);
        assert!(scene.put(&stored) && scene.put(&plain("/large", 1, 90_000)));
        scene.sync();
        if !was_open {
            scene = scene.closed();
        }
        scene.model.remove_tree();
        let lines = said(|| {
            assert!(scene.engine().check_directory());
        });
        assert!(
            lines.iter().any(|line| line.contains("removed while it was in use")),
            "{lines:#?}"
        );
        assert!(ids(&scene, &key("/a")).is_empty());
        assert_eq!((scene.usage().responses, scene.engine().bytes()), (0, 0));
        let after = [plain("/b", 1, 3000), plain("/large", 1, 90_000)];
        for stored in &after {
            assert!(scene.put(stored));
        }
        scene.sync();
        let killed = scene.killed();
        assert!(after.iter().all(|stored| is_found(&scene, stored) && is_found(&killed, stored)));
        assert!(ids(&killed, &key("/a")).is_empty());
    }
}

#[test]
fn a_directory_that_is_deleted_before_anything_was_written_is_made_again() {
    let scene = Scene::new(SMALL);
    scene.model.remove_tree();
    assert!(scene.put(&plain("/a", 1, 3000)));
    assert!(!scene.engine().is_trusted());
    scene.engine().retry_if_due(later(1));
    assert!(scene.engine().is_trusted());
    let after = plain("/b", 1, 3000);
    assert!(scene.put(&after));
    scene.sync();
    assert!(is_found(&scene.killed(), &after));
}

#[test]
fn a_head_that_could_not_be_written_leaves_the_stored_response() {
    let scene = Scene::new(SMALL);
    let stored = plain("/a", 1, 3000);
    assert!(scene.put(&stored));
    scene.sync();
    scene.model.fail(Fault::new(Op::Write, Errno::NOSPC, When::Next(1)));
    scene.put(&plain("/b", 1, 100));
    work(&scene);
    let found = scene.find(&key("/a")).iter().next().unwrap().clone();
    let fresh = found.with_head(crate::store::memory::next_id(), found.head().clone());
    scene.replace(&found, &fresh, &Default::default());
    assert!(is_found(&scene, &stored), "it is as good as before");
}

#[test]
fn a_record_that_fits_nowhere_is_refused_and_is_no_trouble() {
    let scene = Scene::new(SMALL);
    let long = "x".repeat(60_000);
    let head = crate::store::contract::head_with(1, 200, &[("x-long", &long)]);
    scene.put(&crate::store::contract::response(key("/a"), head, b"a"));
    assert!(scene.engine().is_trusted());
    assert!(ids(&scene, &key("/a")).is_empty());
    assert!(scene.engine().log.segments() <= 1, "no segments are begun for it");
    let body = plain("/b", 1, 60_000);
    assert!(scene.put(&body));
    assert!(is_found(&scene, &body), "a long body gets a file");
}

#[test]
fn a_start_that_cannot_read_a_segment_is_no_start_without_it() {
    let scene = Scene::new(SMALL);
    assert!(scene.put(&plain("/a", 1, 3000)));
    scene.close();
    let model = scene.model.kill();
    model.fail(Fault::new(Op::Open, Errno::MFILE, When::Always).under(names::SEGMENTS));
    let failed = Scene::try_opened(model.clone(), SMALL);
    assert_eq!(failed.unwrap_err().raw_os_error(), Some(Errno::MFILE.raw_os_error()));
    model.clear();
    assert_eq!(ids(&Scene::on(model, SMALL), &key("/a")).len(), 1);
}

#[test]
fn a_large_body_that_does_not_fit_leaves_nothing_behind() {
    for op in [Op::Create, Op::Reserve, Op::Write, Op::Sync, Op::Rename, Op::SyncDir] {
        let scene = Scene::new(SMALL);
        let before = plain("/before", 1, 90_000);
        assert!(scene.put(&before));
        scene.sync();
        scene.model.fail(Fault::new(op, Errno::NOSPC, When::Always));
        let lines = said(|| {
            scene.put(&plain("/large", 1, 90_000));
        });
        assert!(ids(&scene, &key("/large")).is_empty() && !scene.engine().is_trusted(), "{op:?}");
        let warnings: Vec<_> = lines.iter().filter(|line| line.contains("WARN")).collect();
        assert!(matches!(&warnings[..], [one] if one.contains("free space")), "{op:?}: {lines:#?}");
        assert!(is_found(&scene, &before), "{op:?}");
        scene.model.clear();
        scene.engine().retry_if_due(later(1));
        scene.engine().large.tidy();
        let files = scene.model.files();
        assert!(!files.keys().any(|name| name.starts_with("part/")), "{op:?}: {files:?}");
        let large = files.keys().filter(|name| name.starts_with("obj/")).count();
        assert_eq!((large, scene.engine().large.count()), (1, 1), "{op:?}");
        let after = plain("/large", 2, 90_000);
        assert!(scene.put(&after) && is_found(&scene, &after), "{op:?}");
    }
}

#[test]
fn a_device_with_room_for_little_and_not_for_a_segment_is_said_to_be_full_once() {
    let scene = Scene::new(SMALL);
    scene.model.fail(Fault::new(Op::Reserve, Errno::NOSPC, When::Always));
    let lines = said(|| {
        for n in 1..6 {
            scene.put(&plain(&format!("/{n}"), 1, 9000));
            scene.engine().sync();
            scene.engine().retry_if_due(later(40 * n));
        }
    });
    assert_eq!(lines.iter().filter(|line| line.contains("WARN")).count(), 1, "{lines:#?}");
}

#[test]
fn the_oldest_segment_gives_way_where_others_have_filled_the_device() {
    let scene = Scene::new(SMALL);
    let first = plain("/first", 1, 9000);
    assert!(scene.put(&first));
    let mut n = 0;
    while scene.engine().log.segments() < 3 || scene.engine().log.has_room(10_000) {
        n += 1;
        assert!(scene.put(&plain(&format!("/{n}"), 1, 9000)));
    }
    scene.sync();
    let before = scene.usage().responses;
    scene.model.fail(Fault::new(Op::Reserve, Errno::NOSPC, When::Next(1)));
    let last = plain("/last", 1, 9000);
    assert!(scene.put(&last) && scene.engine().is_trusted());
    scene.sync();
    for scene in [&scene, &scene.killed()] {
        assert!(is_found(scene, &last) && !is_found(scene, &first));
        assert!(scene.usage().responses > before / 2, "{}", scene.usage().responses);
    }
}
