use std::collections::BTreeSet;
use std::os::unix::fs::symlink;

use super::*;

fn root() -> (tempfile::TempDir, PathBuf) {
    let parent = tempfile::tempdir().unwrap();
    let root = parent.path().join("cache");
    (parent, root)
}

/// All files and links below a directory, with what they hold.
fn tree(root: &Path) -> BTreeSet<(String, String)> {
    let (mut found, mut directories) = (BTreeSet::new(), vec![root.to_owned()]);
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                directories.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                let text = fs::read_to_string(&path).unwrap_or_default();
                found
                    .insert((name, if entry.file_name() == "LOCK" { String::new() } else { text }));
            }
        }
    }
    found
}

fn write(root: &Path, name: &str, text: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

const SEGMENT: &str = "seg/0000002a.seg";
const LARGE: &str = "obj/ab/ab0102030405060708090a0b0c0d0e0f-0000000000000007";
const PART: &str = "part/0000000000000008";

#[test]
fn what_is_missing_is_made_and_found_again() {
    let (_parent, root) = root();
    let directory = Directory::open(&root, false).unwrap();
    assert_eq!(directory.path(), root);
    let names: Vec<String> = tree(&root).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["LOCK", "README.md", "VERSION"]);
    assert_eq!(fs::read_to_string(root.join("VERSION")).unwrap(), VERSION);
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    for word in
        ["VERSION", "LOCK", "seg/", "obj/", "part/", "cache ls", "cache stats", "cache verify"]
    {
        assert!(readme.contains(word), "{word}");
    }
    let io = directory.io();
    io.create(SEGMENT).unwrap().write_at(b"hello", 0).unwrap();
    io.make_dir("obj/ab").unwrap();
    io.create(PART).unwrap();
    drop(directory);
    let before = tree(&root);
    Directory::open(&root, false).unwrap();
    assert_eq!(tree(&root), before);
}

#[test]
fn a_second_process_is_told_which_is_the_first() {
    let (_parent, root) = root();
    let first = Directory::open(&root, false).unwrap();
    for error in [
        Directory::open(&root, false).unwrap_err(),
        Directory::open(&root, true).unwrap_err(),
        Directory::look(&root).unwrap_err(),
    ] {
        assert!(
            matches!(error, OpenError::InUse { pid: Some(pid), .. } if pid == std::process::id())
        );
        let text = error.to_string();
        let process = format!("(process {})", std::process::id());
        assert!(text.contains(&process) && text.contains(root.to_str().unwrap()), "{text}");
    }
    drop(first);
    Directory::open(&root, false).unwrap();
}

#[test]
fn one_who_looks_makes_nothing_and_keeps_the_proxy_out() {
    let (_parent, root) = root();
    assert!(matches!(Directory::look(&root).unwrap_err(), OpenError::Empty { .. }));
    assert!(!root.exists());
    drop(Directory::open(&root, false).unwrap());
    let before = tree(&root);
    let looking = Directory::look(&root).unwrap();
    assert_eq!(tree(&root), before);
    assert!(matches!(Directory::open(&root, false).unwrap_err(), OpenError::InUse { .. }));
    drop(looking);
    fs::remove_file(root.join("LOCK")).unwrap();
    Directory::look(&root).unwrap();
    assert!(!root.join("LOCK").exists());
}

#[test]
fn a_readme_that_is_there_stays() {
    let (_parent, root) = root();
    write(&root, "README.md", "mine");
    write(&root, ".gitignore", "*");
    for reset in [false, true] {
        Directory::open(&root, reset).unwrap();
        assert_eq!(fs::read_to_string(root.join("README.md")).unwrap(), "mine");
        assert!(root.join(".gitignore").exists());
    }
}

#[test]
fn what_is_not_ours_or_of_another_format_is_not_touched() {
    let rows: &[(&str, &[(&str, &str)], &str)] = &[
        ("newer", &[("VERSION", "larder cache format 2\n"), (SEGMENT, "x")], "cache format 2"),
        ("odd", &[("VERSION", "larder cache format \u{1b}[31m\n")], "\\u{1b}[31m"),
        ("segments without VERSION", &[(SEGMENT, "x")], "no VERSION file"),
        ("empty VERSION", &[("VERSION", "\n"), (LARGE, "x")], "no VERSION file"),
        ("another program's VERSION", &[("VERSION", "1.2.3")], "not written by larder"),
        ("another program's LOCK", &[("LOCK", "{}")], "not written by larder"),
    ];
    for (name, files, words) in rows {
        let (_parent, root) = root();
        files.iter().for_each(|(file, text)| write(&root, file, text));
        let before = tree(&root);
        let error = Directory::open(&root, false).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(words) && text.contains("--cache-dir"), "{name}: {text}");
        assert!(!text.contains('\u{1b}'), "{name}");
        assert_eq!(tree(&root), before, "{name}");
        let is_unknown = matches!(error, OpenError::UnknownVersion { .. });
        assert_eq!(Directory::open(&root, true).is_ok(), is_unknown, "{name}");
        if !is_unknown {
            assert_eq!(tree(&root), before, "{name}: even with --reset-cache");
        }
    }
}

#[test]
fn an_empty_version_of_a_new_cache_is_written_again() {
    let (_parent, root) = root();
    write(&root, "VERSION", "");
    Directory::open(&root, false).unwrap();
    assert_eq!(fs::read_to_string(root.join("VERSION")).unwrap(), VERSION);
}

#[test]
fn a_reset_removes_what_larder_made_and_nothing_else() {
    for version in [VERSION, "larder cache format 99\n", ""] {
        let (_parent, root) = root();
        for name in [SEGMENT, LARGE, PART] {
            write(&root, name, "ours");
        }
        write(&root, "VERSION", version);
        let readme = format!("{}\nof an older larder", README.lines().next().unwrap());
        write(&root, "README.md", &readme);
        let others = [
            "notes.txt",
            "seg/0000002A.seg",
            "seg/notes.txt",
            "seg/below/0000002a.seg",
            "obj/ab/notes.txt",
            "obj/abc/ab0102030405060708090a0b0c0d0e0f-0000000000000007",
            "part/notes.txt",
            "VERSION.bak",
        ];
        others.iter().for_each(|name| write(&root, name, "theirs"));
        Directory::open(&root, true).unwrap();
        let left = tree(&root);
        let mut expected: BTreeSet<(String, String)> =
            others.map(|name| (name.to_owned(), "theirs".to_owned())).into();
        expected.insert(("LOCK".to_owned(), String::new()));
        expected.insert(("VERSION".to_owned(), VERSION.to_owned()));
        expected.insert(("README.md".to_owned(), README.to_owned()));
        assert_eq!(left, expected, "{version}");
    }
}

#[test]
fn a_reset_deletes_nothing_behind_a_link() {
    let (parent, root) = root();
    let outside = parent.path().join("outside");
    write(&outside, "0000002a.seg", "theirs");
    write(&outside, "ab0102030405060708090a0b0c0d0e0f-0000000000000007", "theirs");
    drop(Directory::open(&root, false).unwrap());
    write(&root, SEGMENT, "ours");
    symlink(&outside, root.join("obj/cd")).unwrap();
    symlink(outside.join("0000002a.seg"), root.join("seg/00000001.seg")).unwrap();
    let before = tree(&outside);
    drop(Directory::open(&root, true).unwrap());
    assert_eq!(tree(&outside), before);
    assert!(!root.join(SEGMENT).exists() && root.join("obj/cd").is_symlink());
    fs::remove_dir_all(root.join("seg")).unwrap();
    symlink(&outside, root.join("seg")).unwrap();
    let error = Directory::open(&root, true).unwrap_err();
    assert!(error.to_string().contains("its seg is a link"), "{error}");
    assert_eq!(tree(&outside), before);
}

#[test]
fn a_directory_that_was_deleted_is_made_again_and_is_still_ours() {
    let (_parent, root) = root();
    let directory = Directory::open(&root, false).unwrap();
    directory.restore().unwrap();
    fs::remove_dir_all(&root).unwrap();
    directory.restore().unwrap();
    let names: Vec<String> = tree(&root).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["LOCK", "README.md", "VERSION"]);
    directory.io().create(SEGMENT).unwrap();
    assert!(matches!(Directory::open(&root, false).unwrap_err(), OpenError::InUse { .. }));
    fs::remove_dir_all(&root).unwrap();
    let other = Directory::open(&root, false).unwrap();
    assert!(matches!(directory.restore().unwrap_err(), OpenError::InUse { .. }));
    drop(other);
}

#[test]
fn what_the_system_refuses_is_said_with_a_remedy() {
    let (parent, root) = root();
    fs::write(&root, "a file").unwrap();
    let error = Directory::open(&root, false).unwrap_err();
    assert!(error.to_string().contains("it is no directory"), "{error}");
    let below = parent.path().join("cache/below");
    let error = Directory::open(&below, false).unwrap_err();
    assert!(matches!(error, OpenError::Io { .. }));
    let text = error.to_string();
    assert!(text.contains(below.to_str().unwrap()) && text.ends_with('.'), "{text}");
}
