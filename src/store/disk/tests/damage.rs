//! Whatever is damaged: no wrong byte, no panic, no hang, and the others are found.

use std::collections::HashMap;

use super::cast::plain;
use super::stage::text;
use crate::policy::CacheKey;
use crate::store::contract::{freshen, head_with, key, read};
use crate::store::disk::io::faulty::Faulty;
use crate::store::disk::scene::{SMALL, Scene};
use crate::store::stored::StoredResponse;
use crate::store::tier::Storage as _;

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
        let mut found = 0;
        for (key, allowed) in &self.0 {
            for response in scene.find(key).iter() {
                let Ok(body) = read(response.reader()) else { continue };
                let mut head = Vec::new();
                response.head().encode(&mut head);
                let is_it = allowed.iter().any(|(h, b)| *h == head && *b == body);
                assert!(is_it, "{}: {key:?} is not what was stored", what());
                found += 1;
            }
        }
        found
    }
}

/// 64 KiB of records in all, in segments of 64 KiB.
fn filled() -> (Scene, Allowed) {
    let (scene, mut allowed) = (Scene::new(SMALL), Allowed::default());
    for (n, length) in [0, 10, 900, 3000, 7000, 20_000, 24_000].into_iter().enumerate() {
        let stored = plain(&format!("/{n}"), n as u64, length);
        assert!(scene.put(&stored));
        allowed.add(&stored, text(length));
    }
    let old = scene.find(&key("/2")).iter().next().unwrap().clone();
    let fresh = freshen(&scene, &old, head_with(9, 200, &[("x-new", "1")]));
    allowed.add(&fresh, text(900));
    scene.invalidate(&key("/1"));
    scene.flush();
    (scene, allowed)
}

fn started(model: Faulty) -> Scene {
    let (scene, adopted) = Scene::opened(model, SMALL);
    scene.recover_records(&adopted);
    scene
}

/// Turns bit `i % 8` of every byte `i` in turn.
fn flip_each(scene: &Scene, allowed: &Allowed) {
    for (name, length) in scene.model.files() {
        for byte in 0..length {
            let model = scene.model.kill();
            model.flip(&name, byte * 8 + byte % 8);
            let found = allowed.check(&started(model), || format!("{name}, byte {byte}"));
            let most = if byte < 64 { 0 } else { 5 };
            assert!(found >= most, "{name}, byte {byte}: only {found} are found");
        }
    }
}

#[test]
fn each_bit_that_is_turned_in_a_segment_without_a_footer_costs_one_response_at_most() {
    let (scene, allowed) = filled();
    assert_eq!(allowed.check(&scene, String::new), 6);
    flip_each(&scene, &allowed);
}

#[test]
fn each_bit_that_is_turned_in_a_segment_with_a_footer_costs_one_response_at_most() {
    let (scene, allowed) = filled();
    scene.close();
    flip_each(&scene, &allowed);
}
