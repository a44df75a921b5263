//! Random histories, with starts in between, against a model of what may be found.

use std::collections::HashMap;

use super::cast::Likeness;
use super::cast::{likeness, part, plain};
use super::chance::Chance;
use super::stage::text;
use crate::http::{Scheme, TargetUri};
use crate::policy::CacheKey;
use crate::store::contract::{freshen, head, head_with, key, request, response};
use crate::store::disk::engine::Limits;
use crate::store::disk::scene::{SMALL, Scene};
use crate::store::stored::StoredResponse;
use crate::store::tier::Storage as _;

const KEYS: u64 = 16;
const LANGUAGES: [&str; 3] = ["de", "en", "fr"];

/// What may be found: of each variant of each key the latest, unless it is gone.
#[derive(Default)]
struct Model(HashMap<(CacheKey, Vec<u8>), Option<Likeness>>);

fn place(response: &StoredResponse) -> (CacheKey, Vec<u8>) {
    (response.key().clone(), response.head().nominated.as_bytes().to_vec())
}

impl Model {
    fn put(&mut self, response: &StoredResponse) {
        self.0.insert(place(response), Some(likeness(response)));
    }

    fn gone(&mut self, is_meant: impl Fn(&(CacheKey, Vec<u8>)) -> bool) {
        self.0.iter_mut().filter(|(place, _)| is_meant(place)).for_each(|(_, known)| *known = None);
    }

    /// Looks at every key; with `all`, everything has to be there.
    fn check(&mut self, scene: &Scene, all: bool, what: &str) {
        for n in 0..KEYS {
            let found = scene.find(&path(n));
            let mut seen = Vec::new();
            for response in found.iter() {
                let place = place(response);
                let known = self.0.get(&place).and_then(Option::as_ref);
                let known = known.unwrap_or_else(|| panic!("{what}: {place:?} is gone for good"));
                assert_eq!(likeness(response), *known, "{what}");
                assert!(!seen.contains(&place), "{what}: {place:?} is there twice");
                seen.push(place);
            }
            for (place, known) in self.0.iter_mut().filter(|(place, _)| place.0 == path(n)) {
                if !seen.contains(place) {
                    assert!(!all || known.is_none(), "{what}: {place:?} is missing");
                    // What was given up stays away.
                    *known = None;
                }
            }
        }
    }
}

fn path(n: u64) -> CacheKey {
    let text = format!("/{}", n / 2);
    match n % 2 {
        0 => key(&text),
        _ => CacheKey::head(TargetUri::new(Scheme::Http, "example.org", 80, &text)),
    }
}

fn made(chance: &mut Chance, second: u64) -> StoredResponse {
    let (n, body) = (chance.below(KEYS), text(usize::try_from(chance.below(6000)).unwrap()));
    match chance.below(6) {
        0 => plain(&format!("/{}", n / 2), second, 33_000 + body.len() * 10),
        1 if body.len() > 20 => part(&format!("/{}", n / 2), &body, &[(0, 5), (7, body.len())]),
        2 | 3 => {
            let language = LANGUAGES[usize::try_from(chance.below(3)).unwrap()];
            let vary = [http::header::ACCEPT_LANGUAGE];
            response(path(n), head(second, &vary, &request(language)), &body)
        }
        _ => response(path(n), head_with(second, 200, &[("x-a", "b")]), &body),
    }
}

fn run(seed: u64, limits: Limits) -> u64 {
    let (mut scene, mut model, mut chance) =
        (Scene::new(limits), Model::default(), Chance::new(seed));
    // Enough for all that is ever written.
    let keeps_all = limits.budget > 4 << 20;
    for second in 0..50 + chance.below(100) {
        let what = format!("seed {seed}, step {second}");
        match chance.below(20) {
            0..=8 => {
                let stored = made(&mut chance, second);
                assert!(scene.put(&stored), "{what}");
                model.put(&stored);
            }
            step @ 9..=14 => {
                let found = scene.find(&path(chance.below(KEYS)));
                let Some(found) = found.iter().next().cloned() else { continue };
                match step {
                    9..=11 => {
                        let fresh = freshen(&scene, &found, found.head().clone());
                        model.put(&fresh);
                    }
                    12 => scene.used(&found),
                    _ => {
                        scene.remove(&found);
                        let gone = place(&found);
                        model.gone(|place| *place == gone);
                    }
                }
            }
            15 | 16 => {
                let key = path(chance.below(KEYS));
                assert!(scene.invalidate_for_good(&key), "{what}");
                model.gone(|place| place.0 == key);
            }
            17 => {
                model.check(&scene, keeps_all, &what);
                scene.flush();
                scene = scene.killed();
                model.check(&scene, keeps_all, &what);
            }
            18 => {
                scene.close();
                let (again, adopted) = Scene::opened(scene.model.kill(), limits);
                // While the records are found.
                let key = path(chance.below(KEYS));
                assert!(again.invalidate_for_good(&key), "{what}");
                model.gone(|place| place.0 == key);
                let stored = made(&mut chance, second);
                assert!(again.put(&stored), "{what}");
                model.put(&stored);
                again.recover(adopted);
                scene = again;
                model.check(&scene, keeps_all, &what);
            }
            _ => {
                scene.engine().keep_within_budget();
                model.check(&scene, keeps_all, &what);
            }
        }
    }
    model.check(&scene, keeps_all, &format!("seed {seed}, at the end"));
    scene.engine().bytes()
}

#[test]
fn what_is_found_is_what_was_stored_last_whatever_happened() {
    for seed in 0..120 {
        run(seed, Limits { budget: 64 << 20, ..SMALL });
    }
}

#[test]
fn what_is_found_is_what_was_stored_last_where_room_is_short() {
    for seed in 1000..1100 {
        let budget = 192 << 10;
        let bytes = run(seed, Limits { budget, ..SMALL });
        assert!(bytes <= budget + SMALL.segment + 100_000, "seed {seed}: {bytes}");
    }
}
