//! The cache directory, as whoever runs the program sees it: what it says at the start and at the end, who
//! may use it, and `larder cache`.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::{File, json};
use crate::support::binary::{Binary, Exit};
use crate::support::client::{Client, get};
use crate::support::gate::eventually;
use crate::support::origin::{Origin, Reply};
use crate::support::pattern;

/// A proxy on a free port with this cache directory; its `Ready to serve`, and where it listens.
async fn start(directory: &Path, more: &[&str]) -> (Binary, Value, SocketAddr) {
    let directory = directory.to_str().unwrap();
    let always = ["--listen", "127.0.0.1:0", "--log-format", "json", "--cache-dir", directory];
    let mut larder = Binary::start(&[&always[..], more].concat());
    let ready = json(&mut larder).await;
    assert_eq!(ready["message"], "Ready to serve", "{ready}");
    let address = ready["listen"].as_str().unwrap().parse().unwrap();
    (larder, ready, address)
}

/// Stops it in order; its last line.
async fn stop(larder: Binary) -> Value {
    larder.signal("TERM");
    let exit = larder.exit().await;
    assert_eq!(exit.status.code(), Some(0), "{exit:?}");
    let stopped: Value = serde_json::from_str(exit.stdout.last().unwrap()).unwrap();
    assert_eq!(stopped["message"], "Stopped", "{exit:?}");
    stopped
}

/// `larder cache` with this directory.
async fn cache(directory: &Path, words: &[&str]) -> Exit {
    let directory = directory.to_str().unwrap();
    Binary::start(&[&["cache", "--cache-dir", directory], words].concat()).exit().await
}

#[tokio::test]
async fn what_only_memory_had_is_there_after_a_stop_in_order() {
    let (origin, directory) = (Origin::start().await, tempfile::tempdir().unwrap());
    // So slow that only the first response is written before the end.
    let file = File::new("write_behind_rate = \"1\"\n");
    let (larder, _, address) = start(directory.path(), &["--config", &file.path]).await;
    for n in 0..40 {
        origin.route(&format!("/{n}"), Reply::cacheable(60, format!("page {n}")));
        get(address, &origin.url(&format!("/{n}"))).await;
    }
    let stopped = stop(larder).await;
    assert_eq!(stopped["unspilled"], 0, "{stopped}");
    assert!(stopped["spilled"].as_u64().is_some_and(|count| count >= 39), "{stopped}");
    let (larder, ready, address) = start(directory.path(), &[]).await;
    assert_eq!(ready["disk_responses"], 40);
    for n in 0..40 {
        let hit = get(address, &origin.url(&format!("/{n}"))).await;
        assert_eq!(hit.text(), format!("page {n}"));
        assert!(hit.cache_status().starts_with("larder; hit"), "{}", hit.cache_status());
    }
    origin.wait_for_requests(40).await;
    stop(larder).await;
}

/// Asks for pages and for long files, all of them new; none of them may fail.
async fn requests_go_on(origin: &Origin, client: &mut Client, name: &str) {
    for (n, size) in [5, 70_000, 3 << 20].into_iter().cycle().take(9).enumerate() {
        let path = format!("/{name}/{n}");
        origin.route(&path, Reply::cacheable(60, "").pattern(size));
        for _ in 0..2 {
            let response = client.get(&origin.url(&path)).await;
            assert_eq!((response.status, response.body.len() as u64), (200, size), "{path}");
            pattern::check(0, &response.body);
        }
    }
}

#[tokio::test]
async fn requests_go_on_when_the_directory_is_deleted_and_it_is_made_again() {
    let (origin, parent) = (Origin::start().await, tempfile::tempdir().unwrap());
    let directory = parent.path().join("cache");
    let (mut larder, _, address) = start(&directory, &["--memory", "1MiB"]).await;
    let mut client = Client::connect(address).await;
    requests_go_on(&origin, &mut client, "before").await;
    // It may write there while we delete.
    eventually("it to be gone", || std::fs::remove_dir_all(&directory).ok()).await;
    requests_go_on(&origin, &mut client, "without").await;
    let what = |line: &str| line.contains("\"warn\"");
    let warning: Value = serde_json::from_str(&larder.line("a warning", what).await).unwrap();
    let text = warning["message"].as_str().unwrap();
    assert!(text.contains("cache directory") || text.contains("cache_dir"), "{warning}");
    eventually("a new directory", || directory.join("seg").is_dir().then_some(())).await;
    requests_go_on(&origin, &mut client, "after").await;
    stop(larder).await;
}

#[tokio::test]
async fn requests_go_on_when_the_directory_may_not_be_written() {
    let (origin, directory) = (Origin::start().await, tempfile::tempdir().unwrap());
    let (larder, _, address) = start(directory.path(), &["--memory", "1MiB"]).await;
    let mut client = Client::connect(address).await;
    requests_go_on(&origin, &mut client, "before").await;
    let may = |mode| {
        for name in ["", "seg", "obj", "part"] {
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(directory.path().join(name), permissions).unwrap();
        }
    };
    // Not for whoever may everything: there, nothing changes.
    may(0o500);
    requests_go_on(&origin, &mut client, "without").await;
    may(0o700);
    stop(larder).await;
}

/// An origin with three pages and a larger file, all of them in this directory's cache.
async fn filled() -> (Origin, TempDir) {
    let (origin, directory) = (Origin::start().await, tempfile::tempdir().unwrap());
    let (larder, _, address) = start(directory.path(), &[]).await;
    for (path, size) in [("/a", 5), ("/b/1", 100), ("/b/2", 70_000), ("/large", 3 << 20)] {
        origin.route(path, Reply::cacheable(60, "").pattern(size));
        get(address, &origin.url(path)).await;
    }
    let stopped = stop(larder).await;
    assert_eq!((&stopped["exchanges"], &stopped["unspilled"]), (&4.into(), &0.into()));
    (origin, directory)
}

#[tokio::test]
async fn without_a_cache_there_is_nothing_to_look_into() {
    let directory = tempfile::tempdir().unwrap();
    for words in [&["ls"][..], &["verify"], &["stats"], &["ls", "http://a.test/"]] {
        let exit = cache(directory.path(), words).await;
        assert_eq!((exit.status.code(), exit.stdout.len()), (Some(2), 0), "{exit:?}");
        assert_eq!(exit.stderr.len(), 1, "{exit:?}");
        assert!(exit.stderr[0].starts_with("there is no cache in "), "{exit:?}");
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "nothing was made");
}

#[tokio::test]
async fn without_a_disk_tier_nothing_is_said_of_it_and_nothing_is_made() {
    let directory = tempfile::tempdir().unwrap();
    let (larder, ready, _) = start(directory.path(), &["--disk", "0"]).await;
    assert_eq!((&ready["memory_responses"], &ready["disk_responses"]), (&0.into(), &Value::Null));
    let stopped = stop(larder).await;
    assert_eq!(stopped["spilled"], Value::Null, "{stopped}");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_restart_says_what_it_found() {
    let (origin, directory) = filled().await;
    let (larder, ready, address) = start(directory.path(), &[]).await;
    assert_eq!((&ready["disk_responses"], &ready["disk_dropped"]), (&4.into(), &0.into()));
    assert!(ready["disk_bytes"].as_u64().is_some_and(|bytes| bytes > 3 << 20), "{ready}");
    assert!(ready["disk_ms"].as_u64().is_some(), "{ready}");
    let again = get(address, &origin.url("/large")).await;
    assert_eq!(again.cache_status(), "larder; hit; ttl=60");
    origin.wait_for_requests(4).await;
    // Nothing is new, so nothing is written.
    assert_eq!(stop(larder).await["spilled"], 0);
}

#[tokio::test]
async fn a_second_process_on_one_directory_is_told_who_has_it() {
    let directory = tempfile::tempdir().unwrap();
    let (larder, _, _) = start(directory.path(), &[]).await;
    let path = directory.path().to_str().unwrap();
    let second = Binary::start(&["--listen", "127.0.0.1:0", "--cache-dir", path]).exit().await;
    assert_eq!((second.status.code(), second.stdout.len()), (Some(2), 0), "{second:?}");
    let process = format!("process {}", larder.id());
    assert!(second.stderr[0].contains(path) && second.stderr[0].contains(&process), "{second:?}");
    let looking = cache(directory.path(), &["ls"]).await;
    assert_eq!(looking.status.code(), Some(2), "{looking:?}");
    assert_eq!(looking.stderr, [format!("{path} is in use by {process}; stop the proxy first")]);
    stop(larder).await;
}

#[tokio::test]
async fn an_unknown_format_is_left_alone_unless_it_is_reset() {
    let (_origin, directory) = filled().await;
    let version = directory.path().join("VERSION");
    std::fs::write(&version, "larder cache format 999\n").unwrap();
    let before = names(directory.path());
    let path = directory.path().to_str().unwrap();
    let arguments = ["--listen", "127.0.0.1:0", "--cache-dir", path];
    let exit = Binary::start(&arguments).exit().await;
    assert_eq!((exit.status.code(), exit.stdout.len()), (Some(2), 0), "{exit:?}");
    assert!(exit.stderr[0].contains("--reset-cache"), "{exit:?}");
    assert_eq!(names(directory.path()), before, "nothing was destroyed");
    std::fs::write(directory.path().join("notes.txt"), "mine").unwrap();
    let (larder, ready, _) = start(directory.path(), &["--reset-cache"]).await;
    assert_eq!(ready["disk_responses"], 0);
    stop(larder).await;
    assert_eq!(std::fs::read(directory.path().join("notes.txt")).unwrap(), b"mine");
}

/// The names of all files below a directory.
fn names(directory: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            names.extend(self::names(&path));
        } else {
            names.push(path.to_str().unwrap().to_owned());
        }
    }
    names.sort();
    names
}

#[tokio::test]
async fn a_directory_that_cannot_be_used_costs_the_disk_tier_and_one_warning() {
    let (origin, directory) = (Origin::start().await, tempfile::tempdir().unwrap());
    origin.route("/a", Reply::cacheable(60, "hello"));
    // Names are no longer than 255 bytes, whoever asks.
    let path = directory.path().join("x".repeat(300));
    let (path, format) = (path.to_str().unwrap(), ["--log-format", "json"]);
    let arguments = ["--listen", "127.0.0.1:0", "--cache-dir", path];
    let mut larder = Binary::start(&[&arguments[..], &format].concat());
    let warning = json(&mut larder).await;
    assert_eq!(warning["message"], "Without a disk tier for now", "{warning}");
    assert!(warning["error"].as_str().unwrap().contains("`cache_dir`"), "no remedy: {warning}");
    assert_eq!(warning["level"], "warn");
    let ready = json(&mut larder).await;
    assert_eq!(
        (&ready["message"], &ready["disk_responses"]),
        (&"Ready to serve".into(), &Value::Null)
    );
    let mut client = Client::connect(ready["listen"].as_str().unwrap().parse().unwrap()).await;
    client.get(&origin.url("/a")).await;
    assert_eq!(client.get(&origin.url("/a")).await.cache_status(), "larder; hit; ttl=60");
    stop(larder).await;
}

#[tokio::test]
async fn what_is_stored_is_listed_verified_and_counted() {
    let (origin, directory) = filled().await;
    let listed = cache(directory.path(), &["ls"]).await;
    assert_eq!((listed.status.code(), listed.stdout.len()), (Some(0), 4), "{listed:?}");
    let columns: Vec<Vec<_>> =
        listed.stdout.iter().map(|line| line.split_whitespace().collect()).collect();
    for (row, (path, size)) in
        columns.iter().zip([("/a", "5"), ("/b/1", "100"), ("/b/2", "70000"), ("/large", "3145728")])
    {
        assert_eq!(row[..4], ["GET", &origin.url(path), "200", size], "{listed:?}");
        assert!(row[4].ends_with('Z') && row[5].ends_with('Z'), "{listed:?}");
    }
    let some = cache(directory.path(), &["ls", &origin.url("/b/")]).await;
    assert_eq!(some.stdout.len(), 2, "{some:?}");
    let verified = cache(directory.path(), &["verify"]).await;
    assert_eq!(verified.status.code(), Some(0), "{verified:?}");
    assert!(verified.stdout[0].ends_with(": no damage"), "{verified:?}");
    assert!(verified.stderr.is_empty(), "no bar but on a terminal: {verified:?}");
    let counted = cache(directory.path(), &["stats"]).await;
    let bytes = 5 + 100 + 70_000 + (3 << 20);
    let all = counted.stdout.iter().find(|line| line.starts_with("responses")).unwrap();
    assert!(all.contains("4, ") && all.contains(&format!("({bytes})")), "{counted:?}");
}

#[tokio::test]
async fn damage_is_reported_with_file_and_url_and_is_exit_code_1() {
    let (origin, directory) = filled().await;
    let files = names(directory.path());
    let large = files.iter().find(|name| name.contains("/obj/")).unwrap();
    let mut bytes = std::fs::read(large).unwrap();
    bytes[1 << 20] ^= 1;
    std::fs::write(large, bytes).unwrap();
    let exit = cache(directory.path(), &["verify"]).await;
    assert_eq!((exit.status.code(), exit.stdout.len()), (Some(1), 2), "{exit:?}");
    let url = origin.url("/large");
    assert!(exit.stdout[0].starts_with("obj/") && exit.stdout[0].ends_with(&url), "{exit:?}");
    assert!(exit.stdout[0].contains(&format!(" at {}: ", 1 << 20)), "{exit:?}");
    assert!(exit.stdout[1].ends_with(": 1 damage"), "{exit:?}");
}
