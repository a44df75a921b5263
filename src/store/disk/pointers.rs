//! Which large files the records point to, and in which order these are to go.

use std::collections::{BTreeMap, HashMap};

use parking_lot::Mutex;

use super::index::Known;

/// The pointers, by the generation of the record.
#[derive(Debug, Default)]
pub(super) struct Pointers(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    by_generation: HashMap<u64, Pointer>,
    /// Generations in the order in which they go: by the number of their last chance.
    order: BTreeMap<u64, u64>,
}

#[derive(Debug)]
struct Pointer {
    known: Known,
    files: Box<[u64]>,
    turn: u64,
}

impl Pointers {
    /// A record points to these files. Its turn to go is that of others with this number or less.
    pub(super) fn add(&self, known: Known, files: Box<[u64]>, turn: u64) {
        let mut state = self.0.lock();
        state.order.insert(turn, known.generation);
        state.by_generation.insert(known.generation, Pointer { known, files, turn });
    }

    /// The record is gone: the files that it pointed to.
    pub(super) fn take(&self, generation: u64) -> Option<Box<[u64]>> {
        let mut state = self.0.lock();
        let pointer = state.by_generation.remove(&generation)?;
        state.order.remove(&pointer.turn);
        Some(pointer.files)
    }

    /// The record was copied to another place.
    pub(super) fn relocate(&self, known: Known) {
        if let Some(pointer) = self.0.lock().by_generation.get_mut(&known.generation) {
            pointer.known = known;
        }
    }

    /// The one whose turn is next, and its turn.
    pub(super) fn oldest(&self) -> Option<(u64, Known)> {
        let state = self.0.lock();
        let (turn, generation) = state.order.first_key_value()?;
        Some((*turn, state.by_generation.get(generation)?.known))
    }

    /// It gets another chance, and goes to the end.
    pub(super) fn spare(&self, generation: u64, turn: u64) {
        let mut state = self.0.lock();
        let state = &mut *state;
        if let Some(pointer) = state.by_generation.get_mut(&generation) {
            state.order.remove(&pointer.turn);
            pointer.turn = turn;
            state.order.insert(turn, generation);
        }
    }

    /// The records that point to a file.
    pub(super) fn naming(&self, file: u64) -> Vec<Known> {
        let state = self.0.lock();
        let pointers = state.by_generation.values();
        pointers
            .filter(|pointer| pointer.files.contains(&file))
            .map(|pointer| pointer.known)
            .collect()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.lock().by_generation.len()
    }

    /// Forgets all; returns the files that they named, each as often as it was named.
    pub(super) fn clear(&self) -> Vec<u64> {
        let state = std::mem::take(&mut *self.0.lock());
        state.by_generation.into_values().flat_map(|pointer| pointer.files).collect()
    }
}
