//! Clients that ask and leave, by a reset, at every moment of an exchange. Twenty thousand of them; more with
//! `LARDER_LEAVING=1000000` in the environment.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Held, all_are_closed, reset};
use crate::support::binary::Binary;
use crate::support::client::request;
use crate::support::gate::within_span;
use crate::support::origin::{Origin, Reply};
use crate::support::{client, gate};

/// URLs of each kind, a number that has no factor in common with the number of moments.
const KINDS: usize = 25;
/// So many are there at once.
const AT_ONCE: usize = 64;
/// What memory may have grown by: buffers and the allocator's own, whatever the number of clients.
const MOST_GROWN_KIB: u64 = 96 << 10;

fn clients() -> usize {
    let asked = std::env::var("LARDER_LEAVING").ok();
    asked.map_or(20_000, |number| number.parse().expect("LARDER_LEAVING is a number"))
}

/// One client: what it sends, and whether it waits for the first byte of the answer, depends on its number.
async fn come_and_leave(proxy: SocketAddr, origin: &str, nth: usize) {
    let mut stream = TcpStream::connect(proxy).await.expect("there is room for a client");
    let url = |path: &str| format!("{origin}{path}");
    let get = |path: &str| request("GET", &url(path), &[]);
    let (text, reads) = match nth % 8 {
        0 => (String::new(), false),
        1 => (get("/stored").split_at(20).0.to_owned(), false),
        2 => (get("/stored"), false),
        3 => (get("/stored"), true),
        4 => (get(&format!("/silent?{}", nth % KINDS)), false),
        5 => (get(&format!("/large?{}", nth % KINDS)), true),
        6 => (get("/passing"), true),
        _ => (request("POST", &url("/upload"), &[("Content-Length", "1000000")]), false),
    };
    // It may be gone already: nobody is told.
    stream.write_all(text.as_bytes()).await.ok();
    if reads {
        stream.read_exact(&mut [0; 100]).await.ok();
    }
    reset(&stream);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_ask_and_leave_leave_nothing_behind() {
    let origin = Origin::start().await;
    origin.route("/stored", Reply::cacheable(3600, vec![b's'; 64 << 10]));
    for kind in 0..KINDS {
        origin.route(&format!("/silent?{kind}"), Reply::never());
        origin.route(&format!("/large?{kind}"), Reply::cacheable(3600, vec![b'l'; 256 << 10]));
    }
    origin.route("/passing", Reply::ok(vec![b'p'; 256 << 10]));
    origin.route("/upload", Reply::never());
    let directory = tempfile::tempdir().unwrap();
    let settings = directory.path().join("larder.toml");
    std::fs::write(
        &settings,
        "response_wait = \"1s\"\nmemory = \"16MiB\"\nupstream_idle_wait = \"1s\"\n",
    )
    .unwrap();
    let (mut program, proxy) =
        Binary::serve(&["--config", settings.to_str().unwrap(), "--disk", "0"]).await;
    let conclusion = program.conclusion();
    let url: Arc<str> = origin.url("").into();
    assert_eq!(client::get(proxy, &format!("{url}/stored")).await.status, 200);
    gate::moment(gate::QUIET).await;
    let before = Held::by(&program);

    let next = Arc::new(AtomicUsize::new(0));
    let crowd: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let (next, url) = (Arc::clone(&next), Arc::clone(&url));
            tokio::spawn(async move {
                loop {
                    let nth = next.fetch_add(1, Ordering::Relaxed);
                    if nth >= clients() {
                        return;
                    }
                    come_and_leave(proxy, &url, nth).await;
                }
            })
        })
        .collect();
    let span = std::time::Duration::from_secs(60 + clients() as u64 / 500);
    for one in crowd {
        within_span(span, "the clients to come and leave", one).await.unwrap();
    }

    all_are_closed(&program, &before).await;
    let after = Held::by(&program);
    assert!(after.threads <= before.threads + 2, "{} threads", after.threads);
    let grown = after.resident_kib.saturating_sub(before.resident_kib);
    assert!(grown < MOST_GROWN_KIB, "{grown} KiB more are resident");
    assert_eq!(client::get(proxy, &format!("{url}/stored")).await.body.len(), 64 << 10);
    program.signal("TERM");
    let said = gate::within("the program to end", conclusion).await.unwrap();
    let stopped = said.last().expect("it says that it has stopped");
    assert!(stopped.contains("\"Stopped\""), "{said:?}");
    assert!(!said.iter().any(|line| line.contains("panicked")), "{said:?}");
}
