//! Names and directories now, and after a loss of power.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::sync::Arc;

use parking_lot::Mutex;

use super::chance::Chance;
use super::content::Content;

/// A file, with or without a name.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) content: Mutex<Content>,
}

/// What a name is bound to: what is saved, and each change since, with its number.
#[derive(Clone, Debug, Default)]
struct Name {
    saved: Option<Arc<Node>>,
    changes: Vec<(u64, Option<Arc<Node>>)>,
}

impl Name {
    fn now(&self) -> Option<&Arc<Node>> {
        self.changes.last().map_or(&self.saved, |(_, node)| node).as_ref()
    }

    /// What it is bound to when the changes up to `last` are kept.
    fn after(&self, last: u64) -> Option<&Arc<Node>> {
        let kept = self.changes.iter().rev().find(|(number, _)| *number <= last);
        kept.map_or(&self.saved, |(_, node)| node).as_ref()
    }

    fn save(&mut self, last: u64) {
        self.saved = self.after(last).cloned();
        self.changes.retain(|(number, _)| *number > last);
    }
}

#[derive(Clone, Debug)]
struct Rename {
    number: u64,
    from: String,
    to: String,
}

/// All names of a disk.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    /// That of the tree itself is empty.
    directories: BTreeSet<String>,
    names: BTreeMap<String, Name>,
    /// Those that are not saved at both ends.
    renames: Vec<Rename>,
    changes: u64,
}

impl Default for Tree {
    fn default() -> Self {
        let directories = BTreeSet::from([String::new()]);
        Self { directories, names: BTreeMap::new(), renames: Vec::new(), changes: 0 }
    }
}

fn split(name: &str) -> (&str, &str) {
    name.rsplit_once('/').unwrap_or(("", name))
}

fn is_refused(name: &str) -> bool {
    name.split('/').any(|part| matches!(part, "" | "." | ".."))
}

impl Tree {
    /// The names that are bound, with their files.
    pub(super) fn files(&self) -> impl Iterator<Item = (&str, &Arc<Node>)> {
        self.names.iter().filter_map(|(name, bound)| Some((name.as_str(), bound.now()?)))
    }

    pub(super) fn find(&self, name: &str) -> io::Result<Arc<Node>> {
        let bound = self.names.get(name).and_then(Name::now);
        bound.cloned().ok_or_else(|| ErrorKind::NotFound.into())
    }

    pub(super) fn create(&mut self, name: &str) -> io::Result<Arc<Node>> {
        self.check(name)?;
        if self.find(name).is_ok() || self.directories.contains(name) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let node = Arc::new(Node::default());
        self.bind(name, Some(Arc::clone(&node)));
        Ok(node)
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let node = self.find(from)?;
        self.check(to)?;
        if self.directories.contains(to) {
            return Err(ErrorKind::IsADirectory.into());
        }
        if from != to {
            self.bind(from, None);
            // Both ends are one change.
            self.changes -= 1;
            self.bind(to, Some(node));
            let (from, to) = (from.to_owned(), to.to_owned());
            self.renames.push(Rename { number: self.changes, from, to });
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, name: &str) -> io::Result<()> {
        self.find(name)?;
        self.bind(name, None);
        Ok(())
    }

    /// In an order that is neither that of the names nor that of their making.
    pub(super) fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        self.find_dir(directory)?;
        let within = self.files().map(|(name, _)| split(name)).filter(|(at, _)| *at == directory);
        let mut names: Vec<String> = within.map(|(_, name)| name.to_owned()).collect();
        names.sort_by_cached_key(|name| Chance::new(0, name).next());
        Ok(names)
    }

    pub(super) fn make_dir(&mut self, directory: &str) -> io::Result<()> {
        self.directories.insert(String::new());
        if directory.is_empty() {
            return Ok(());
        }
        if is_refused(directory) {
            return Err(ErrorKind::InvalidInput.into());
        }
        let ends = directory.match_indices('/').map(|(end, _)| end).chain([directory.len()]);
        for above in ends.map(|end| &directory[..end]) {
            if self.find(above).is_ok() {
                return Err(ErrorKind::NotADirectory.into());
            }
            self.directories.insert(above.to_owned());
        }
        Ok(())
    }

    pub(super) fn sync_dir(&mut self, directory: &str) -> io::Result<()> {
        self.find_dir(directory)?;
        let is_here = |name: &&String| split(name).0 == directory;
        let here: Vec<String> = self.names.keys().filter(is_here).cloned().collect();
        for name in here {
            self.save(&name, self.changes);
        }
        // An arrival that is saved needs no watching.
        let is_pending = |rename: &Rename| {
            let mut changes = self.names.get(&rename.to).into_iter().flat_map(|to| &to.changes);
            changes.any(|(number, _)| *number == rename.number)
        };
        self.renames.retain(is_pending);
        self.names.retain(|_, bound| bound.saved.is_some() || !bound.changes.is_empty());
        Ok(())
    }

    /// Saves the changes of a name up to a number. What left is saved where it arrived: it is never
    /// nowhere.
    fn save(&mut self, name: &str, last: u64) {
        let Some(bound) = self.names.get_mut(name) else { return };
        if bound.changes.iter().all(|(number, _)| *number > last) {
            return;
        }
        bound.save(last);
        let left = self.renames.iter().filter(|rename| rename.from == name);
        let left: Vec<Rename> = left.filter(|rename| rename.number <= last).cloned().collect();
        for rename in left {
            self.save(&rename.to, rename.number);
        }
    }

    pub(super) fn is_bound(&self, node: &Arc<Node>) -> bool {
        self.files().any(|(_, bound)| Arc::ptr_eq(bound, node))
    }

    pub(super) fn clear(&mut self) {
        *self = Self { directories: BTreeSet::new(), ..Self::default() };
    }

    /// All that is here, synced or not, in files of its own.
    pub(super) fn copy(&self) -> Self {
        let mut copies: Vec<(*const Node, Arc<Node>)> = Vec::new();
        let mut copy = |node: &mut Option<Arc<Node>>| {
            let Some(node) = node else { return };
            let known = copies.iter().find(|(old, _)| *old == Arc::as_ptr(node));
            let new = known.map(|(_, new)| Arc::clone(new)).unwrap_or_else(|| {
                let content = Mutex::new(node.content.lock().clone());
                let new = Arc::new(Node { content });
                copies.push((Arc::as_ptr(node), Arc::clone(&new)));
                new
            });
            *node = new;
        };
        let mut tree = self.clone();
        for bound in tree.names.values_mut() {
            copy(&mut bound.saved);
            bound.changes.iter_mut().for_each(|(_, node)| copy(node));
        }
        tree
    }

    /// What is left after a loss of power.
    pub(super) fn crash(&self, seed: u64) -> Self {
        let mut kept: BTreeMap<&str, u64> = BTreeMap::new();
        for (name, bound) in &self.names {
            let states = [0].into_iter().chain(bound.changes.iter().map(|(number, _)| *number));
            let states: Vec<u64> = states.collect();
            let chosen = Chance::new(seed, name).index(states.len());
            kept.insert(name, states[chosen]);
        }
        // What did not arrive did not leave, either; which may undo another arrival.
        while self.renames.iter().any(|Rename { number, from, to }| {
            let arrives = kept.get(to.as_str()).is_none_or(|last| last >= number);
            let left = kept.get_mut(from.as_str()).filter(|last| **last >= *number && !arrives);
            left.map(|last| *last = number - 1).is_some()
        }) {}
        let mut left = Self { directories: self.directories.clone(), ..Self::default() };
        let mut files: Vec<(*const Node, Arc<Node>)> = Vec::new();
        for (name, bound) in &self.names {
            let Some(node) = kept.get(name.as_str()).and_then(|last| bound.after(*last)) else {
                continue;
            };
            let known = files.iter().find(|(old, _)| *old == Arc::as_ptr(node));
            let new = known.map(|(_, new)| Arc::clone(new)).unwrap_or_else(|| {
                let content = node.content.lock().crash(Chance::new(!seed, name));
                let new = Arc::new(Node { content: Mutex::new(content) });
                files.push((Arc::as_ptr(node), Arc::clone(&new)));
                new
            });
            left.names.insert(name.clone(), Name { saved: Some(new), changes: Vec::new() });
        }
        left
    }

    fn bind(&mut self, name: &str, node: Option<Arc<Node>>) {
        self.changes += 1;
        let bound = self.names.entry(name.to_owned()).or_default();
        bound.changes.push((self.changes, node));
    }

    fn find_dir(&self, directory: &str) -> io::Result<()> {
        let is_there = self.directories.contains(directory);
        if is_there { Ok(()) } else { Err(ErrorKind::NotFound.into()) }
    }

    fn check(&self, name: &str) -> io::Result<()> {
        if is_refused(name) {
            return Err(ErrorKind::InvalidInput.into());
        }
        self.find_dir(split(name).0)
    }
}
