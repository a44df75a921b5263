//! Whatever is damaged: no wrong byte, no panic, no hang, and the others are found.

use std::collections::HashMap;

use super::cast::plain;
use super::stage::text;
use crate::policy::CacheKey;
use crate::store::contract::{freshen, head_with, key, read};
use crate::store::disk::index::Known;
use crate::store::disk::io::Io as _;
use crate::store::disk::io::faulty::Faulty;
use crate::store::disk::names;
use crate::store::disk::record::{self, Header};
use crate::store::disk::scene::{SMALL, Scene};
use crate::store::disk::segment::{self, Head, scan};
use crate::store::stored::StoredResponse;
use crate::store::tier::Storage as _;

const SEGMENT: &str = "seg/00000000.seg";

/// What may be answered: by key, each body with the status and the second under which it was stored.
#[derive(Debug, Default)]
struct Allowed(HashMap<CacheKey, Vec<(Vec<u8>, Vec<u8>)>>);

impl Allowed {
    fn add(&mut self, response: &StoredResponse, body: Vec<u8>) {
        let mut head = Vec::new();
        response.head().encode(&mut head);
        self.0.entry(response.key().clone()).or_default().push((head, body));
    }

    /// Looks every key up and reads what is found; how many were found, whole.
    fn check(&self, scene: &Scene, what: impl Fn() -> String) -> usize {
        self.0.keys().map(|key| self.check_one(scene, key, &what)).sum()
    }

    /// The same for one key.
    fn check_one(&self, scene: &Scene, key: &CacheKey, what: impl Fn() -> String) -> usize {
        let mut found = 0;
        for response in scene.find(key).iter() {
            let Ok(body) = read(response.reader()) else { continue };
            let mut head = Vec::new();
            response.head().encode(&mut head);
            let is_it = self.0[key].iter().any(|(h, b)| *h == head && *b == body);
            assert!(is_it, "{}: {key:?} is not what was stored", what());
            found += 1;
        }
        found
    }
}

/// 64 KiB of records in all, in segments of 64 KiB.
fn filled() -> (Scene, Allowed) {
    let (scene, mut allowed) = (Scene::new(SMALL), Allowed::default());
    for (n, length) in [0, 10, 900].into_iter().chain([4100; 12]).enumerate() {
        let stored = plain(&format!("/{n}"), n as u64, length);
        assert!(scene.put(&stored));
        allowed.add(&stored, text(length));
    }
    let old = scene.find(&key("/2")).iter().next().unwrap().clone();
    let fresh = freshen(&scene, &old, head_with(9, 200, &[("x-new", "1")]));
    allowed.add(&fresh, text(900));
    scene.invalidate(&key("/1"));
    scene.flush();
    assert_eq!(allowed.check(&scene, String::new), 14);
    assert_eq!(scene.engine().log.segments(), 1);
    (scene, allowed)
}

fn started(model: Faulty) -> Scene {
    let (scene, adopted) = Scene::opened(model, SMALL);
    scene.recover_records(&adopted);
    scene
}

/// The records of the only segment: header, where it begins, where its body begins.
fn records(model: &Faulty) -> Vec<(Header, u64, u64)> {
    let file = model.open(SEGMENT).unwrap();
    let mut head = [0; segment::HEAD];
    file.read_at(&mut head, 0).unwrap();
    let head = Head::decode(&head).unwrap();
    let entries = scan::scan(&*file, head, u64::MAX).entries.into_iter();
    let records = entries.map(|entry| {
        let mut bytes = [0; record::HEADER];
        file.read_at(&mut bytes, entry.offset).unwrap();
        let header = record::open(&bytes, head).unwrap();
        (header, entry.offset, entry.offset + record::HEADER as u64 + u64::from(header.meta_len))
    });
    records.collect()
}

#[test]
fn each_bit_that_is_turned_in_a_body_costs_that_response_alone() {
    let (scene, allowed) = filled();
    for (header, offset, begin) in records(&scene.model) {
        let scene = started(scene.model.kill());
        let stored = allowed.0.keys().find(|key| key.digest() == header.digest).unwrap();
        for byte in begin..begin + u64::from(header.body_len) {
            let what = || format!("byte {byte}");
            let known = scene.engine().index.look(header.digest).records;
            scene.model.flip(SEGMENT, byte * 8 + byte % 8);
            assert_eq!(scene.find(stored).iter().count(), 0, "{}", what());
            scene.model.flip(SEGMENT, byte * 8 + byte % 8);
            // As another start would find it.
            for known in known {
                let Known { tag, spot, generation, is_update, .. } = known;
                scene.engine().index.recover(tag, spot, generation, is_update).unwrap();
            }
            if byte % 512 == 0 {
                assert_eq!(allowed.check(&scene, what), 14, "{}", what());
            }
        }
        assert!(offset < begin);
    }
}

#[test]
fn each_bit_that_is_turned_elsewhere_costs_one_response_at_most() {
    let (scene, allowed) = filled();
    let bodies = records(&scene.model);
    let is_in_a_body = |byte: u64| {
        let is_in = |(header, _, at): &(Header, u64, u64)| {
            (*at..*at + u64::from(header.body_len)).contains(&byte)
        };
        bodies.iter().any(is_in)
    };
    let without_footer = scene.model.kill();
    scene.close();
    let with_footer = scene.model.kill();
    let length = with_footer.files()[SEGMENT];
    for byte in (0..length).filter(|byte| !is_in_a_body(*byte)) {
        let is_footer = byte >= without_footer.files()[SEGMENT];
        let models = [(true, &with_footer), (false, &without_footer)];
        for (sealed, model) in models.into_iter().filter(|(sealed, _)| *sealed || !is_footer) {
            let what = || format!("byte {byte}, sealed: {sealed}");
            let model = model.kill();
            model.flip(SEGMENT, byte * 8 + byte % 8);
            let scene = started(model);
            // That record's key always, and all keys now and then: each look-up takes its time.
            let (header, ..) = bodies.iter().rfind(|(_, at, _)| *at <= byte).unwrap_or(&bodies[0]);
            let stored = allowed.0.keys().find(|key| key.digest() == header.digest).unwrap();
            assert!(allowed.check_one(&scene, stored, what) < 2);
            if byte % 8 == 5 {
                let found = allowed.check(&scene, what);
                let least = if byte < segment::HEAD as u64 { 0 } else { 13 };
                assert!(found >= least, "{}: only {found} are found", what());
            } else if byte >= segment::HEAD as u64 {
                assert!(scene.engine().index.len() >= 13, "{}", what());
            }
        }
    }
}

#[test]
fn a_tail_that_is_cut_off_takes_what_was_in_it_and_no_more() {
    let (scene, allowed) = filled();
    scene.put(&plain("/last", 1, 500));
    let mut allowed = allowed;
    allowed.add(&plain("/last", 1, 500), text(500));
    scene.flush();
    let open = scene.model.kill();
    let end = open.files()[SEGMENT];
    let (_, last, _) = *records(&open).last().unwrap();
    scene.close();
    let closed = scene.model.kill();
    let cuts = (last..end).map(|at| (&open, at));
    let cuts = cuts.chain((end..closed.files()[SEGMENT]).map(|at| (&closed, at)));
    for (model, at) in cuts.chain([(&open, 0), (&open, 63), (&open, 64), (&open, 5000)]) {
        let model = model.kill();
        model.truncate(SEGMENT, at);
        let scene = started(model);
        let found = allowed.check(&scene, || format!("cut at {at}"));
        // Only zeros follow the last byte of a body.
        let least = if at < last { 0 } else { 14 };
        assert!((least..=15).contains(&found), "cut at {at}: {found} are found");
        let after = plain("/after", 1, 20);
        assert!(scene.put(&after) && scene.killed().find(&key("/after")).iter().count() < 2);
    }
}

/// Several segments and large files.
fn several() -> (Scene, Allowed) {
    let (scene, mut allowed) = (Scene::new(SMALL), Allowed::default());
    for n in 0..24 {
        let length = if n % 4 == 0 { 80_000 + n } else { 9000 + n };
        let path = format!("/{}", n % 20);
        let stored = plain(&path, n as u64, length);
        assert!(scene.put(&stored));
        allowed.add(&stored, text(length));
    }
    scene.close();
    (scene, allowed)
}

#[test]
fn files_that_are_cut_or_changed_for_others_give_no_wrong_byte() {
    let (scene, allowed) = several();
    let all = allowed.check(&scene, String::new);
    let files = scene.model.files();
    assert!(files.keys().filter(|name| name.starts_with("obj/")).count() >= 5);
    assert!(files.keys().filter(|name| name.starts_with("seg/")).count() >= 3);
    for (name, length) in &files {
        for cut in [0, 1, 64, 4096, length / 2, length - 65, length - 64, length - 1] {
            let model = scene.model.kill();
            model.truncate(name, cut);
            let scene = Scene::on(model, SMALL);
            let found = allowed.check(&scene, || format!("{name}, cut at {cut}"));
            assert!(found >= all / 2, "{name}, cut at {cut}: only {found} are found");
            assert_eq!(allowed.check(&scene.killed(), String::new), found, "what goes stays away");
        }
        for other in files.keys().filter(|other| *other > name) {
            let model = scene.model.kill();
            model.swap(name, other);
            let scene = Scene::on(model, SMALL);
            let found = allowed.check(&scene, || format!("{name} for {other}"));
            assert!(found >= 4, "{name} for {other}: only {found} are found");
            assert!(scene.put(&plain("/new", 1, 100)), "it works on");
        }
    }
}

#[test]
fn damage_is_counted_said_once_and_does_not_come_back() {
    let (scene, allowed) = several();
    let (seq, offset) = {
        let stored = scene.find(&key("/5")).iter().next().unwrap().clone();
        scene.offset_of(&stored)
    };
    let name = names::segment(seq);
    scene.model.flip(&name, (offset + 5000) * 8);
    let before = scene.disk.events().damaged;
    for _ in 0..3 {
        assert!(scene.find(&key("/5")).is_empty());
    }
    assert_eq!(scene.disk.events().damaged, before + 1);
    scene.flush();
    scene.model.flip(&name, (offset + 5000) * 8);
    assert!(scene.killed().find(&key("/5")).is_empty());
    assert!(allowed.check(&scene, String::new) >= 18);
}

#[test]
fn damage_of_a_large_body_is_found_when_it_is_read_and_the_response_goes() {
    let (scene, _) = several();
    let name = scene.model.files().into_keys().find(|name| name.starts_with("obj/")).unwrap();
    scene.model.flip(&name, 70_000 * 8);
    let is_damaged = |path: &str| {
        let found = scene.find(&key(path));
        let stored = found.iter().next().cloned();
        stored.is_some_and(|stored| read(stored.reader()).is_err())
    };
    let damaged: Vec<_> =
        (0..20).map(|n| format!("/{n}")).filter(|path| is_damaged(path)).collect();
    assert_eq!(damaged.len(), 1, "{damaged:?}");
    assert!(scene.find(&key(&damaged[0])).is_empty());
    assert!(!scene.model.files().contains_key(&name), "the file goes, too");
    assert!(scene.killed().find(&key(&damaged[0])).is_empty());
}
