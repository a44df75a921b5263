//! The table of conformance, checked: every function and every test that it names is there, and a row
//! that names none says why.

use std::collections::HashSet;
use std::path::Path;

/// The rows of the tables, each with its number, as the texts of its cells.
fn rows(text: &str) -> impl Iterator<Item = (usize, Vec<&str>)> {
    let lines = text.lines().enumerate().filter(|(_, line)| line.starts_with("| §"));
    lines.map(|(at, line)| {
        let cells = line.trim_matches('|').split(" | ").map(str::trim);
        (at + 1, cells.collect())
    })
}

/// The paths that a cell names between backticks.
pub(crate) fn named(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// What is wrong with a row.
fn wrong(cells: &[&str], functions: &HashSet<String>, tests: &HashSet<String>) -> Option<String> {
    let [_clause, _words, ours, shown] = cells else {
        return Some(format!("{} cells", cells.len()));
    };
    if *ours == "not done" {
        let reason = shown.strip_prefix("because ").is_some_and(|why| !why.is_empty());
        return (!reason).then(|| "not done, but why?".to_owned());
    }
    let (ours, shown) = (named(ours), named(shown));
    if ours.is_empty() || shown.is_empty() {
        return Some("no function, or no test".to_owned());
    }
    let unknown = |paths: &[&str], known: &HashSet<String>| {
        paths.iter().find(|path| !known.contains(**path)).map(|path| format!("no {path}"))
    };
    unknown(&ours, functions).or_else(|| unknown(&shown, tests))
}

/// The functions of a file by their paths, and which of them are tests.
fn declared(path: &str, text: &str, functions: &mut HashSet<String>, tests: &mut HashSet<String>) {
    let Some(path) = path.strip_suffix(".rs") else { return };
    let Some((_, module)) = path.split_once('/') else { return };
    let module = module.strip_suffix("/mod").unwrap_or(module).replace('/', "::");
    let (mut inner, mut is_test) = ("", false);
    for line in text.lines() {
        if line == "mod tests {" {
            inner = "::tests";
        }
        is_test |= line.trim_start().starts_with("#[test]") || line.contains("#[tokio::test");
        let Some((before, after)) = line.split_once("fn ") else { continue };
        if before.contains("//") || before.contains('"') {
            continue;
        }
        let name = after.split(['(', '<']).next().unwrap_or_default();
        let path = format!("{module}{inner}::{name}");
        if std::mem::take(&mut is_test) {
            tests.insert(path.clone());
        }
        functions.insert(path);
    }
}

/// All functions below a root by their paths, and which of them are tests.
pub(crate) fn everything(root: &Path) -> (HashSet<String>, HashSet<String>) {
    let mut files = Vec::new();
    for folder in ["src", "tests"] {
        crate::architecture::collect(root, &root.join(folder), &mut files);
    }
    let (mut functions, mut tests) = (HashSet::new(), HashSet::new());
    for (path, text) in &files {
        declared(path, text, &mut functions, &mut tests);
    }
    (functions, tests)
}

#[test]
fn every_row_of_the_conformance_table_names_what_is_there_or_says_why_not() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (functions, tests) = everything(root);
    let table = std::fs::read_to_string(root.join("docs/CONFORMANCE.md")).unwrap();
    let violations: Vec<_> = rows(&table)
        .filter_map(|(at, cells)| {
            wrong(&cells, &functions, &tests).map(|what| format!("line {at}: {what}"))
        })
        .collect();
    assert!(violations.is_empty(), "{}", violations.join("\n"));
    assert!(rows(&table).count() > 150, "the table was not found");
}

#[test]
fn a_row_is_wrong_when_it_names_nothing_or_what_is_not_there() {
    let (mut functions, mut tests) = (HashSet::new(), HashSet::new());
    let text = "fn made() {}\nmod tests {\n    #[test]\n    fn it_is() {}\n    fn aid() {}\n}";
    declared("src/a/b.rs", text, &mut functions, &mut tests);
    let rows_of = [
        ("| §1 | x | `a::b::made` | `a::b::tests::it_is` |", true),
        ("| §1 | x | not done | because it is not |", true),
        ("| §1 | x | not done | because |", false),
        ("| §1 | x | not done |  |", false),
        ("| §1 | x | `a::b::gone` | `a::b::tests::it_is` |", false),
        ("| §1 | x | `a::b::made` | `a::b::tests::it_was` |", false),
        ("| §1 | x | `a::b::made` | `a::b::tests::aid` |", false),
        ("| §1 | x | `a::b::made` | `a::b::tests::it_is`<br>`a::b::tests::no` |", false),
        ("| §1 | x | `a::b::made` |  |", false),
        ("| §1 | x | made | it_is |", false),
        ("| §1 | `a::b::made` | `a::b::tests::it_is` |", false),
    ];
    for (line, right) in rows_of {
        let (_, cells) = rows(line).next().unwrap();
        assert_eq!(wrong(&cells, &functions, &tests).is_none(), right, "{line}");
    }
}
