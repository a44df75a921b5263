//! The rules of the house, checked: who imports whom, what is pure, who dials, accepts, spawns and
//! answers, how long files are. Each rule has a fixture that must fail (`fixtures`).

mod check;
mod fixtures;
mod lexer;
mod rules;
mod source;

use std::path::Path;

use check::check;

#[test]
fn the_code_keeps_the_rules_of_the_house() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "tests"] {
        collect(root, &root.join(folder), &mut files);
    }
    assert!(files.iter().any(|(path, _)| path == "src/lib.rs"), "the code was not found");
    let violations = check(&files);
    let lines: Vec<String> = violations.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "{} violations:\n{}", lines.len(), lines.join("\n"));
}

/// Reads all text files below a folder; paths are relative to `root`, with `/`.
pub fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else if let Ok(text) = String::from_utf8(std::fs::read(&path).unwrap()) {
            let name = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
            files.push((name, text));
        }
    }
    files.sort();
}
