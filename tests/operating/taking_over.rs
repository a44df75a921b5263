//! SIGUSR2: the program is started again and takes over, or does not, and nobody outside notices.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::Value;
use tempfile::TempDir;

use super::File;
use crate::support::binary::Binary;
use crate::support::client::{Client, get, request};
use crate::support::gate::{Gate, eventually};
use crate::support::origin::{Origin, Reply};

/// The process that took over: not our child, and ended all the same.
struct Heir(u64);

impl Heir {
    fn signal(&self, name: &str) -> bool {
        let kill = format!("kill -{name} {} 2>/dev/null", self.0);
        std::process::Command::new("sh").args(["-c", &kill]).status().unwrap().success()
    }
}

impl Drop for Heir {
    fn drop(&mut self) {
        self.signal("KILL");
    }
}

/// A proxy with a disk tier, and where that is.
async fn serve(more: &[&str]) -> (Binary, SocketAddr, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap().to_owned();
    let (binary, address) = Binary::serve(&[&["--cache-dir", &path], more].concat()).await;
    (binary, address, directory)
}

/// The next line with this message, of whichever of the two processes: they write to one output.
async fn said(larder: &mut Binary, message: &str) -> Value {
    let line = larder.line(message, |line| line.contains(&format!("\"{message}"))).await;
    serde_json::from_str(&line).unwrap()
}

/// Has it taken over from; the process that did.
async fn hand_over(larder: &mut Binary) -> Heir {
    larder.signal("USR2");
    taken_over_by(larder).await
}

/// The process that says that it takes over.
async fn taken_over_by(larder: &mut Binary) -> Heir {
    let taking = said(larder, "Taking over").await;
    Heir(taking["process"].as_u64().unwrap())
}

/// A start of its own on this directory.
async fn other_start_on(directory: &Path) -> Option<i32> {
    let path = directory.to_str().unwrap();
    let arguments = ["--listen", "127.0.0.1:0", "--cache-dir", path];
    // The variable alone does not make it wait.
    let other = Binary::start_with(&arguments, &[("LARDER_TAKEOVER", "1")]);
    other.exit().await.status.code()
}

#[tokio::test]
async fn under_load_no_connection_is_refused_and_no_request_lost() {
    let origin = Origin::start().await;
    origin.route("/page", Reply::cacheable(600, "page"));
    origin.route("/new", Reply::ok("new"));
    let (mut larder, address, _directory) = serve(&[]).await;
    let (stop, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut load = Vec::new();
    for nth in 0..8 {
        let (stop, served) = (Arc::clone(&stop), Arc::clone(&served));
        let url = origin.url(if nth % 2 == 0 { "/page" } else { "/new" });
        load.push(tokio::spawn(async move {
            // A connection each: each is accepted by one of the two, and its request is answered or the
            // connection closed before it was begun.
            let (mut answered, mut closed) = (0, 0);
            while !stop.load(Ordering::Acquire) {
                let mut client = Client::connect(address).await;
                client.send(request("GET", &url, &[("Connection", "close")])).await;
                match client.some().await {
                    Ok(bytes) if !bytes.is_empty() => {
                        assert!(bytes.starts_with(b"HTTP/1.1 200 "), "{bytes:?}");
                        answered += 1;
                        served.fetch_add(1, Ordering::AcqRel);
                    }
                    _ => closed += 1,
                }
            }
            (answered, closed)
        }));
    }
    let more = |count: usize| {
        let goal = served.load(Ordering::Acquire) + count;
        let served = Arc::clone(&served);
        eventually("more to be served", move || {
            (served.load(Ordering::Acquire) >= goal).then_some(())
        })
    };
    more(50).await;
    let heir = hand_over(&mut larder).await;
    let stopped = said(&mut larder, "Stopped").await;
    assert_eq!(stopped["cut"], 0, "{stopped}");
    more(50).await;
    stop.store(true, Ordering::Release);
    let (mut answered, mut closed) = (0, 0);
    for client in load {
        let (of_it, not) = client.await.unwrap();
        (answered, closed) = (answered + of_it, closed + not);
    }
    assert!(answered >= 100 && closed <= 8, "{answered} answered, {closed} closed");
    assert!(heir.signal("TERM"));
    let exit = larder.exit().await;
    assert_eq!(exit.status.code(), Some(0), "{exit:?}");
}

#[tokio::test]
async fn the_new_process_has_what_the_old_one_stored_and_the_old_one_ends_its_requests() {
    let (origin, gate) = (Origin::start().await, Gate::new());
    origin.route("/page", Reply::cacheable(600, "page"));
    origin.route("/slow", Reply::ok("slow but whole").body_after(&gate));
    let (mut larder, address, directory) = serve(&[]).await;
    get(address, &origin.url("/page")).await;
    let mut busy = Client::connect(address).await;
    busy.send(request("GET", &origin.url("/slow"), &[])).await;
    let head = busy.head().await;

    let heir = hand_over(&mut larder).await;
    // It is ready once it has the directory, while the old one still drains.
    let ready = said(&mut larder, "Ready to serve").await;
    assert_eq!(
        (&ready["listen"], &ready["disk_responses"]),
        (&address.to_string().into(), &1.into(),)
    );
    let again = get(address, &origin.url("/page")).await;
    assert!(again.field("cache-status").unwrap().contains("; hit"), "{again:?}");
    assert_eq!(other_start_on(directory.path()).await, Some(2));
    gate.open();
    let mut body = busy.body_of(&head);
    assert_eq!(busy.at_least(&mut body, 14).await, b"slow but whole");
    let stopped = said(&mut larder, "Stopped").await;
    assert_eq!((&stopped["cut"], &stopped["exchanges"]), (&0.into(), &2.into()));
    // Nothing was asked for twice.
    assert_eq!(origin.requests().len(), 2);

    // And once more: the one that took over can be taken over from.
    assert!(heir.signal("USR2"));
    let last = taken_over_by(&mut larder).await;
    said(&mut larder, "Ready to serve").await;
    let again = get(address, &origin.url("/page")).await;
    assert!(again.field("cache-status").unwrap().contains("; hit"), "{again:?}");
    assert!(last.signal("TERM"));
    let exit = larder.exit().await;
    assert_eq!(exit.status.code(), Some(0), "{exit:?}");
    drop(heir);
}

#[tokio::test]
async fn a_new_process_that_fails_leaves_the_old_one_serving_and_it_can_be_tried_again() {
    let origin = Origin::start().await;
    origin.route("/page", Reply::cacheable(600, "page"));
    let file = File::new("");
    let (mut larder, address, directory) = serve(&["--config", &file.path]).await;
    let mut kept = Client::connect(address).await;
    kept.get(&origin.url("/page")).await;
    std::fs::write(&file.path, "workers = \"many\"\n").unwrap();
    larder.signal("USR2");
    let line = said(&mut larder, "Not taken over").await;
    assert_eq!(line["level"], "error", "{line}");
    assert!(line["reason"].as_str().unwrap().contains("exit status: 2"), "{line}");
    let again = kept.get(&origin.url("/page")).await;
    assert!(again.field("cache-status").unwrap().contains("; hit"), "{again:?}");
    assert_eq!(other_start_on(directory.path()).await, Some(2));

    std::fs::write(&file.path, "").unwrap();
    let heir = hand_over(&mut larder).await;
    said(&mut larder, "Ready to serve").await;
    kept.expect_close().await;
    let again = get(address, &origin.url("/page")).await;
    assert!(again.field("cache-status").unwrap().contains("; hit"), "{again:?}");
    assert!(heir.signal("TERM"));
    assert_eq!(larder.exit().await.status.code(), Some(0));
}

#[tokio::test]
async fn a_start_on_a_directory_in_use_ends_with_exit_code_2() {
    let (_larder, _, directory) = serve(&[]).await;
    assert_eq!(other_start_on(directory.path()).await, Some(2));
}
