//! One source file, taken apart as far as the rules need it.

use std::ops::Range;

use super::lexer;

/// A file with its paths, its member accesses, and which parts of it are tests.
pub struct Source {
    /// The path from the root of the repository.
    pub path: String,
    /// Physical lines.
    pub lines: usize,
    /// Every path in the code, groups of `use` taken apart.
    pub paths: Vec<Path>,
    /// What stands behind a dot.
    pub members: Vec<Member>,
    /// What is declared: `(keyword, name)`, as in `struct Proxy`.
    pub declared: Vec<(Place, String, String)>,
    /// Modules in files of their own that exist for tests only.
    pub test_modules: Vec<String>,
    /// Whether the whole file is for tests.
    pub only_tests: bool,
    code: String,
    tokens: Vec<Range<usize>>,
    tests: Vec<Range<usize>>,
    expected: Vec<Range<usize>>,
}

/// Where something stands: the number of its first token.
pub type Place = usize;

/// A path. `crate`, `super` and `self` are resolved: such a path begins with `crate`.
pub struct Path {
    /// Where it begins.
    pub at: Place,
    /// Its segments, generic arguments left out.
    pub segments: Vec<String>,
    /// Whether it is called: `path(`.
    pub called: bool,
    /// Whether it is a macro's: `path!`.
    pub is_macro: bool,
}

/// `.name`.
pub struct Member {
    /// Where the name stands.
    pub at: Place,
    /// The name.
    pub name: String,
    /// Whether it is called.
    pub called: bool,
}

/// The lints whose `#[expect]` says that a panic cannot happen.
const PANIC_LINTS: [&str; 4] = ["unwrap_used", "expect_used", "panic", "unreachable"];

impl Source {
    /// Takes a file apart.
    pub fn new(path: &str, text: &str) -> Self {
        let code = lexer::blank(text);
        let tokens = lexer::tokens(&code);
        let mut source = Self {
            path: path.into(),
            lines: text.lines().count(),
            paths: Vec::new(),
            members: Vec::new(),
            declared: Vec::new(),
            test_modules: Vec::new(),
            only_tests: is_test_file(path),
            code,
            tokens,
            tests: Vec::new(),
            expected: Vec::new(),
        };
        source.read_attributes();
        source.read_names();
        source
    }

    /// The modules that lead to this file; none for the roots of a crate.
    pub fn module(&self) -> Vec<String> {
        let inner = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let inner = inner.trim_end_matches(".rs");
        let inner = inner.strip_suffix("/mod").unwrap_or(inner);
        if matches!(inner, "lib" | "main") {
            return Vec::new();
        }
        inner.split('/').map(str::to_owned).collect()
    }

    /// Whether a place is in test code.
    pub fn is_test(&self, at: Place) -> bool {
        self.only_tests || self.tests.iter().any(|range| range.contains(&at))
    }

    /// Whether an `#[expect]` with its reason stands above a place where a panic is written.
    pub fn is_expected(&self, at: Place) -> bool {
        self.expected.iter().any(|range| range.contains(&at))
    }

    /// Whether a place is inside the item that begins with these words.
    pub fn is_inside(&self, at: Place, words: &[&str]) -> bool {
        let starts = (0..=at).filter(|start| self.reads(*start, words));
        starts.into_iter().any(|start| at < self.item_end(start))
    }

    /// The line of a place, from 1.
    pub fn line(&self, at: Place) -> usize {
        let end = self.tokens.get(at).map_or(self.code.len(), |token| token.start);
        self.code[..end].matches('\n').count() + 1
    }

    fn word(&self, at: Place) -> &str {
        self.tokens.get(at).map_or("", |token| &self.code[token.clone()])
    }

    fn reads(&self, at: Place, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(n, word)| self.word(at + n) == *word)
    }

    /// The place behind the bracket that closes the one at `at`.
    fn closed(&self, at: Place) -> Place {
        let mut depth = 0;
        for place in at..self.tokens.len() {
            match self.word(place) {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return place + 1;
            }
        }
        self.tokens.len()
    }

    /// The place behind the item, statement, field or arm that begins at `at`.
    fn item_end(&self, mut at: Place) -> Place {
        while self.word(at) == "#" {
            at = self.closed(at + 1);
        }
        while self.word(at) == "pub" {
            at += 1;
            if self.word(at) == "(" {
                at = self.closed(at);
            }
        }
        const BLOCKS: [&str; 9] =
            ["fn", "impl", "mod", "struct", "enum", "trait", "async", "unsafe", "extern"];
        const STATEMENTS: [&str; 5] = ["let", "use", "static", "const", "type"];
        let is_function = self.word(at) == "const" && self.word(at + 1) == "fn";
        let is_statement = STATEMENTS.contains(&self.word(at)) && !is_function;
        let is_block = BLOCKS.contains(&self.word(at)) || is_function;
        while at < self.tokens.len() {
            match self.word(at) {
                ";" => return at + 1,
                "," if !is_block && !is_statement => return at + 1,
                ")" | "]" | "}" => return at,
                "{" if !is_statement => return self.closed(at),
                "(" | "[" | "{" => at = self.closed(at),
                _ => at += 1,
            }
        }
        at
    }

    fn read_attributes(&mut self) {
        for at in 0..self.tokens.len() {
            let inner = self.reads(at, &["#", "!", "["]);
            if !inner && !self.reads(at, &["#", "["]) {
                continue;
            }
            let open = if inner { at + 2 } else { at + 1 };
            let end = self.closed(open);
            let covered = if inner { 0..self.tokens.len() } else { at..self.item_end(end) };
            let word = |n| self.word(open + n);
            let is_test = match word(1) {
                "cfg" => word(3) == "test" || (word(3) == "all" && word(5) == "test"),
                "test" => true,
                "tokio" => word(3) == "test",
                _ => false,
            };
            let expects = |place| PANIC_LINTS.contains(&self.word(place));
            if word(1) == "expect" && (open..end).any(expects) {
                self.expected.push(covered);
            } else if is_test && inner {
                self.only_tests = true;
            } else if is_test {
                let module = (end..covered.end).find(|place| self.word(*place) == "mod");
                if let Some(module) = module
                    && self.word(module + 2) == ";"
                {
                    self.test_modules.push(self.word(module + 1).to_owned());
                }
                self.tests.push(covered);
            }
        }
    }

    fn read_names(&mut self) {
        let mut module = self.module();
        let mut inline = Vec::new();
        let mut at = 0;
        while at < self.tokens.len() {
            while inline.last().is_some_and(|end| at >= *end) {
                inline.pop();
                module.pop();
            }
            let word = self.word(at).to_owned();
            let before = at.checked_sub(1).map_or("", |n| self.word(n)).to_owned();
            if !is_identifier(&word) {
                at += 1;
                continue;
            }
            const KEYWORDS: [&str; 5] = ["fn", "mod", "struct", "enum", "trait"];
            if KEYWORDS.contains(&before.as_str()) {
                if before == "mod" && self.word(at + 1) == "{" {
                    module.push(word.clone());
                    inline.push(self.closed(at + 1));
                }
                self.declared.push((at, before, word));
                at += 1;
            } else if before == "." && !self.reads(at.saturating_sub(2), &[".", "."]) {
                let called = matches!(self.word(at + 1), "(" | "::");
                self.members.push(Member { at, name: word, called });
                at += 1;
            } else if before == "::" {
                at += 1;
            } else {
                at = self.read_path(at, Vec::new(), &module).max(at + 1);
            }
        }
    }

    /// Reads the path at `at`, which goes on from `path`; returns the place behind it.
    fn read_path(&mut self, start: Place, mut path: Vec<String>, module: &[String]) -> Place {
        let mut at = start;
        loop {
            match self.word(at) {
                "{" => {
                    let end = self.closed(at);
                    at += 1;
                    while at + 1 < end {
                        at = self.read_path(at, path.clone(), module).max(at + 1);
                    }
                    return end;
                }
                "<" => {
                    at = self.generics_end(at);
                    if self.word(at) != "::" {
                        break;
                    }
                    at += 1;
                    continue;
                }
                word @ ("crate" | "self" | "super") => {
                    if path.is_empty() && self.word(at + 1) != "::" {
                        return at + 1;
                    }
                    if path.is_empty() || word == "crate" {
                        path = vec!["crate".to_owned()];
                        if word != "crate" {
                            path.extend_from_slice(module);
                        }
                    }
                    if word == "super" {
                        path.pop();
                    }
                }
                "*" => path.push("*".to_owned()),
                word if is_identifier(word) => path.push(word.to_owned()),
                _ => return at,
            }
            at += 1;
            if self.word(at) != "::" {
                break;
            }
            at += 1;
        }
        let (called, is_macro) = (self.word(at) == "(", self.word(at) == "!");
        self.paths.push(Path { at: start, segments: path, called, is_macro });
        if self.word(at) == "as" { at + 2 } else { at }
    }

    fn generics_end(&self, at: Place) -> Place {
        let mut depth = 0;
        for place in at..self.tokens.len() {
            match self.word(place) {
                "<" => depth += 1,
                ">" if self.word(place - 1) != "-" => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return place + 1;
            }
        }
        self.tokens.len()
    }
}

/// Whether a file's name says that it holds tests only.
fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.ends_with("_tests.rs") || path.contains("/tests/")
}

fn is_identifier(word: &str) -> bool {
    word.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

#[test]
fn paths_are_resolved_and_groups_taken_apart() {
    let text = "use super::{self, super::http::{list, date as d}};\n\
                use std::{fs, io};\n\
                mod inner { use super::x; fn f() { self::y(); crate::time::now::<T>(); } }\n\
                impl A { fn g(&self) { self.h(); panic!(); Response::<B>::new(0..z::w) } }";
    let source = Source::new("src/proxy/fill.rs", text);
    let paths: Vec<String> = source.paths.iter().map(|path| path.segments.join("::")).collect();
    for wanted in [
        "crate::proxy",
        "crate::http::list",
        "crate::http::date",
        "std::fs",
        "std::io",
        "crate::proxy::fill::x",
        "crate::proxy::fill::inner::y",
        "crate::time::now",
        "Response::new",
        "z::w",
    ] {
        assert!(paths.iter().any(|path| path == wanted), "{wanted} is not among {paths:?}");
    }
    assert!(source.paths.iter().any(|path| path.is_macro && path.segments == ["panic"]));
    assert!(source.members.iter().any(|member| member.called && member.name == "h"));
}

#[test]
fn test_code_is_told_from_the_rest() {
    let text = "#[cfg(test)]\nmod contract;\nfn a() { live() }\n#[cfg(test)]\nmod tests { fn b() { \
                quiet() } }\n#[cfg(test)]\nuse quiet;\nfn c() { #[cfg(test)] quiet(); live() }\n\
                #[tokio::test]\nasync fn d() { quiet() }\nstruct S { #[cfg(test)] quiet: u8, l: \
                live }\n#[cfg(not(test))]\nfn e() { live() }\n";
    let source = Source::new("src/store/mod.rs", text);
    assert_eq!(source.test_modules, ["contract"]);
    let places = |name: &str| -> Vec<bool> {
        let paths = source.paths.iter().filter(|path| path.segments == [name]);
        paths.map(|path| source.is_test(path.at)).collect()
    };
    assert_eq!(places("live"), [false; 4]);
    assert_eq!(places("quiet"), [true; 5]);
}
