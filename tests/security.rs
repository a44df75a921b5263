//! The page of promises, checked: each of them names tests, and every test that it names is there.

use std::path::Path;

use crate::conformance::{everything, named};

/// What is wrong with a promise; none for a line that is no promise.
fn wrong(line: &str, is_test: impl Fn(&str) -> bool) -> Option<String> {
    let (_, shown) = line.strip_prefix("| ")?.split_once(" | ")?;
    let shown = named(shown);
    match shown.iter().find(|path| !is_test(path)) {
        Some(path) => Some(format!("no {path}")),
        None => shown.is_empty().then(|| "held by nothing".to_owned()),
    }
}

/// The lines of tables whose second column says what holds the first.
fn promises(text: &str) -> impl Iterator<Item = &str> {
    let mut held = false;
    text.lines().filter(move |line| {
        held = line.starts_with('|') && (held || line.ends_with("| held by |"));
        held && !line.ends_with("| held by |") && !line.starts_with("| ---")
    })
}

#[test]
fn every_promise_names_tests_that_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (_, tests) = everything(root);
    let page = std::fs::read_to_string(root.join("SECURITY.md")).unwrap();
    let violations: Vec<_> = promises(&page)
        .filter_map(|line| {
            wrong(line, |path| tests.contains(path)).map(|what| format!("{what}: {line}"))
        })
        .collect();
    assert!(violations.is_empty(), "{}", violations.join("\n"));
    assert!(promises(&page).count() > 20, "the tables were not found");
}

#[test]
fn a_promise_that_nothing_holds_is_found() {
    let page = "| who | what |\n| --- | --- |\n| a | b |\n\n| promise | held by |\n| --- | --- |\n\
                | x | `a::b` |\n| y | `a::c` |\n| z | nothing |\n";
    let said: Vec<_> = promises(page).map(|line| wrong(line, |path| path == "a::b")).collect();
    assert_eq!(said, [None, Some("no a::c".to_owned()), Some("held by nothing".to_owned())]);
}
