//! Power is lost at any moment: nothing wrong is served, nothing invalidated comes back, and nothing that
//! was stored more than five seconds before is missing.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::cast::plain;
use super::chance::Chance;
use super::stage::text;
use crate::store::contract::{freshen, head_with, key, read};
use crate::store::disk::engine::Limits;
use crate::store::disk::scene::{SMALL, Scene};
use crate::store::memory::next_id;
use crate::store::stored::StoredResponse;
use crate::store::tier::Storage as _;

/// How often the threads look after what is written: see `threads.rs`.
const TICK: Duration = Duration::from_millis(100);
const SYNC: Duration = Duration::from_secs(2);
const LOST: Duration = Duration::from_secs(5);

/// What is known of a key.
#[derive(Debug, Default)]
struct Past {
    /// What was stored: number, when, head, length.
    stored: Vec<(u64, Instant, Vec<u8>, usize)>,
    /// All below is gone for good.
    floor: u64,
    /// When something last happened that makes it right to find nothing.
    gone: Option<Instant>,
}

fn head_of(response: &StoredResponse) -> Vec<u8> {
    let mut head = Vec::new();
    response.head().encode(&mut head);
    head
}

/// A tier as its threads serve it, on a clock of its own.
struct Run {
    scene: Scene,
    now: Instant,
    synced: Instant,
    past: HashMap<String, Past>,
    chance: Chance,
    second: u64,
}

impl Run {
    fn new(seed: u64, limits: Limits) -> Self {
        let now = Instant::now();
        let (scene, chance) = (Scene::new(limits), Chance::new(seed));
        Self { scene, now, synced: now, past: HashMap::new(), chance, second: 0 }
    }

    /// Time goes by.
    fn pass(&mut self) {
        let ticks = 1 + self.chance.below(8);
        for _ in 0..ticks {
            self.now += TICK;
            self.scene.engine().flush_if_due(self.now);
            if self.now - self.synced >= SYNC {
                self.synced = self.now;
                assert!(self.scene.engine().sync());
            }
        }
        self.scene.engine().keep_within_budget();
    }

    fn put(&mut self, path: &str) {
        self.second += 1;
        let length = match self.chance.below(8) {
            0 => 40_000 + self.chance.below(60_000),
            1 => 0,
            _ => self.chance.below(9000),
        };
        let length = usize::try_from(length).unwrap();
        let stored = plain(path, self.second, length);
        assert!(self.scene.put(&stored));
        let past = self.past.entry(path.to_owned()).or_default();
        past.stored.push((stored.id(), self.now, head_of(&stored), length));
    }

    fn step(&mut self) {
        let path = format!("/{}", self.chance.below(24));
        let key = key(&path);
        match self.chance.below(12) {
            0..=5 => self.put(&path),
            6 | 7 => {
                let found = self.scene.find(&key).iter().next().cloned();
                let Some(found) = found else { return };
                self.second += 1;
                let fields = [("content-type", "text/plain")];
                let fresh = freshen(&self.scene, &found, head_with(self.second, 200, &fields));
                let length = usize::try_from(fresh.length()).unwrap();
                let past = self.past.entry(path).or_default();
                past.stored.push((fresh.id(), self.now, head_of(&fresh), length));
            }
            8 => {
                let found = self.scene.find(&key).iter().next().cloned();
                let Some(found) = found else { return };
                self.scene.remove(&found);
                self.past.entry(path).or_default().gone = Some(self.now);
            }
            9 => {
                assert!(self.scene.invalidate_for_good(&key));
                let past = self.past.entry(path).or_default();
                past.floor = next_id();
                past.gone = Some(self.now);
            }
            10 => {
                let found = self.scene.find(&key).iter().next().cloned();
                found.iter().for_each(|found| self.scene.used(found));
            }
            _ => self.pass(),
        }
    }

    /// Looks at what is left after a loss of power.
    fn check(&self, seed: u64, may_reclaim: bool) {
        let scene = Scene::on(self.scene.model.crash(seed), self.scene.engine().limits);
        let mut missing = 0;
        for (path, past) in &self.past {
            let mut latest = None;
            for response in scene.find(&key(path)).iter() {
                let Ok(body) = read(response.reader()) else { continue };
                let known = past.stored.iter().find(|(id, ..)| *id == response.id());
                let Some((id, _, head, length)) = known else {
                    panic!("seed {seed}: {path} has a number that nothing was stored under");
                };
                assert!(*id >= past.floor, "seed {seed}: {path} was invalidated");
                assert!(body == text(*length), "seed {seed}: {path} has another body");
                assert!(head_of(response) == *head, "seed {seed}: {path} has another head");
                latest = latest.max(Some(*id));
            }
            let is_old = |at: &Instant| self.now - *at > LOST;
            let due = past.stored.iter().filter(|(id, at, ..)| *id >= past.floor && is_old(at));
            let due = due.map(|(id, ..)| *id).max();
            // What was removed, and not for good, may be there or not.
            let is_due = due > latest && past.gone.is_none();
            assert!(!is_due || may_reclaim, "seed {seed}: {path} is missing, {due:?}");
            missing += usize::from(is_due);
        }
        let all = self.past.len();
        assert!(missing <= all * 3 / 4, "seed {seed}: {missing} of {all} are missing");
    }
}

#[test]
fn nothing_wrong_comes_out_of_a_loss_of_power() {
    for seed in 0..200 {
        let limits = Limits { budget: 8 << 20, ..SMALL };
        let mut run = Run::new(seed, limits);
        for _ in 0..60 + run.chance.below(40) {
            run.step();
        }
        assert_eq!(run.scene.disk.events().reclaimed, 0);
        run.check(seed, false);
    }
}

#[test]
fn nothing_wrong_comes_out_of_a_loss_of_power_amid_reclaim() {
    for seed in 0..100 {
        let limits = Limits { budget: 384 << 10, ..SMALL };
        let mut run = Run::new(seed, limits);
        for _ in 0..200 {
            run.step();
        }
        run.check(seed, true);
    }
}
