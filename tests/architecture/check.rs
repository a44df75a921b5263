//! Reads the files and says where they break which rule.

use std::fmt;

use super::rules::{BANS, Ban, EMPTY_WORDS, FILE_USERS, ROWS, Rule, SPAWNERS};
use super::source::{Path, Place, Source};

const LONGEST: usize = 500;
const LONGEST_MEDIAN: usize = 200;

/// A rule that is broken, and where.
#[derive(Debug)]
pub struct Violation {
    /// The rule.
    pub rule: Rule,
    /// `path:line`, or the path where the whole file is meant.
    pub place: String,
    what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.place, self.rule, self.what)
    }
}

/// Checks `(path, text)` against all rules.
pub fn check(files: &[(String, String)]) -> Vec<Violation> {
    let mut found = Vec::new();
    for (path, text) in files {
        length(path, text.lines().count(), &mut found);
    }
    let is_rust = |(path, _): &&(String, String)| path.ends_with(".rs");
    let sources = files.iter().filter(is_rust).map(|(path, text)| Source::new(path, text));
    let mut sources: Vec<Source> = sources.collect();
    mark_tests(&mut sources);
    median(&sources, &mut found);
    for source in &sources {
        for ban in BANS {
            banned(ban, source, &mut found);
        }
        wall_clock(source, &mut found);
        if source.path.starts_with("src/") {
            imports(source, &mut found);
            names(source, &mut found);
        }
    }
    found
}

fn violation(rule: Rule, source: &Source, at: Place, what: String) -> Violation {
    Violation { rule, place: format!("{}:{}", source.path, source.line(at)), what }
}

fn length(path: &str, lines: usize, found: &mut Vec<Violation>) {
    let is_table = path.starts_with("tests/") && path.ends_with(".toml");
    if lines > LONGEST && !is_table {
        let what = format!("{lines} lines; split it: {LONGEST} is the most");
        found.push(Violation { rule: Rule::Length, place: path.to_owned(), what });
    }
}

fn median(sources: &[Source], found: &mut Vec<Violation>) {
    let in_src = sources.iter().filter(|source| source.path.starts_with("src/"));
    let mut lengths: Vec<usize> = in_src.map(|source| source.lines).collect();
    lengths.sort_unstable();
    let median = lengths.get(lengths.len() / 2).copied().unwrap_or_default();
    if median >= LONGEST_MEDIAN {
        let what = format!("the median file has {median} lines; it is to be below 200");
        found.push(Violation { rule: Rule::Median, place: "src".to_owned(), what });
    }
}

/// A module that is declared for tests only makes its file, and those below it, test code.
fn mark_tests(sources: &mut [Source]) {
    let mut below = Vec::new();
    for source in &*sources {
        for name in &source.test_modules {
            below.push([source.module(), vec![name.clone()]].concat());
        }
    }
    for source in sources.iter_mut().filter(|source| source.path.starts_with("src/")) {
        let module = source.module();
        source.only_tests |= below.iter().any(|test| module.starts_with(test));
    }
}

fn banned(ban: &Ban, source: &Source, found: &mut Vec<Violation>) {
    let begins = |starts: &[&str]| starts.iter().any(|start| source.path.starts_with(start));
    let only = if ban.only.is_empty() { &["src/"] } else { ban.only };
    let exceptions: &[(&str, &str)] = match ban.rule {
        Rule::Spawning => &SPAWNERS,
        Rule::Files => &FILE_USERS,
        _ => &[],
    };
    let excepted = exceptions.iter().any(|(start, _)| source.path.starts_with(start));
    if !begins(only) || begins(ban.except) || excepted {
        return;
    }
    let free = |at| {
        ban.tests_are_free && source.is_test(at)
            || ban.rule == Rule::Panics && source.is_expected(at)
    };
    for word in ban.words {
        for at in places(source, word).into_iter().filter(|at| !free(*at)) {
            let what = format!("`{word}` has no place here; {}", ban.instead);
            found.push(violation(ban.rule, source, at, what));
        }
    }
}

/// Where a file has what a [`Ban`] names.
fn places(source: &Source, word: &str) -> Vec<Place> {
    let paths = |wanted: &dyn Fn(&Path) -> bool| {
        source.paths.iter().filter(|path| wanted(path)).map(|path| path.at).collect()
    };
    if let Some(member) = word.strip_prefix('.') {
        let (name, called) = member.strip_suffix("()").map_or((member, false), |name| (name, true));
        let same = source.members.iter().filter(|member| member.name == name);
        return same.filter(|member| member.called || !called).map(|member| member.at).collect();
    }
    if let Some(name) = word.strip_suffix('!') {
        let is_it = |last: Option<&String>| last.is_some_and(|last| last == name);
        return paths(&|path| path.is_macro && is_it(path.segments.last()));
    }
    if let Some(name) = word.strip_suffix("()") {
        return paths(&|path| path.called && path.segments == [name]);
    }
    let run: Vec<&str> = word.split("::").collect();
    paths(&|path| path.segments.windows(run.len()).any(|window| window == run))
}

fn wall_clock(source: &Source, found: &mut Vec<Violation>) {
    if source.path != "src/time.rs" {
        return;
    }
    for at in places(source, "SystemTime::now") {
        if !source.is_inside(at, &["impl", "Clock", "for", "SystemClock"]) {
            let what = "only SystemClock reads the wall clock".to_owned();
            found.push(violation(Rule::WallClock, source, at, what));
        }
    }
}

fn imports(source: &Source, found: &mut Vec<Violation>) {
    let row = |module: &str| ROWS.iter().find(|(name, _)| *name == module).map(|(_, row)| *row);
    let module = source.module();
    // The roots: lib.rs declares, main.rs sees the library from outside.
    let Some(own) = module.first() else { return };
    let Some(own_row) = row(own) else {
        let what = format!("`{own}` has no row in the import table");
        found.push(violation(Rule::Imports, source, 0, what));
        return;
    };
    for path in &source.paths {
        let [root, other, ..] = path.segments.as_slice() else { continue };
        if root != "crate" || other == own {
            continue;
        }
        let what = match row(other) {
            Some(other_row) if own == "cli" || other_row < own_row => continue,
            Some(other_row) => {
                format!("{own} (row {own_row}) does not import from {other} (row {other_row})")
            }
            None => format!("`{other}` has no row in the import table"),
        };
        found.push(violation(Rule::Imports, source, path.at, what));
    }
}

fn names(source: &Source, found: &mut Vec<Violation>) {
    let says_nothing = |name: &str| {
        let spaced: String = name
            .chars()
            .flat_map(|c| c.is_uppercase().then_some('_').into_iter().chain(c.to_lowercase()))
            .collect();
        spaced.split('_').any(|word| EMPTY_WORDS.contains(&word))
    };
    for name in source.module().iter().filter(|name| says_nothing(name)) {
        let what = format!("`{name}` does not say what is in the file");
        found.push(Violation { rule: Rule::Names, place: source.path.clone(), what });
    }
    for (at, keyword, name) in &source.declared {
        let getter = keyword == "fn" && name.starts_with("get_");
        let empty = keyword != "fn" && says_nothing(name);
        let is_the_trait = keyword == "trait" && name == "Handler";
        if (getter || empty && !is_the_trait) && !source.is_test(*at) {
            let what = format!("`{keyword} {name}`: say what it is");
            found.push(violation(Rule::Names, source, *at, what));
        }
    }
}
