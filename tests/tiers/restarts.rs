//! What is on disk is there again after a restart, as the last client would have found it.

use std::time::Duration;

use crate::support::client::request;
use crate::support::gate::{Gate, eventually};
use crate::support::origin::{Origin, Received, Reply};
use crate::support::proxy::{InBoth, OnDisk, ProxyOnDisk, ProxyWithDisk, Tested, Tiers};

const HIT: &str = "larder; hit; ttl=60";

#[tokio::test]
async fn what_memory_held_is_read_from_disk_after_a_restart() {
    let (origin, proxy) = (Origin::start().await, ProxyWithDisk::start().await);
    let sizes = [0, 1, 4096, 70_000, (1 << 20) - 1, (1 << 20) + 1, 5 << 20];
    for size in sizes {
        let reply = Reply::cacheable(60, "").pattern(size).field("X-Size", &size.to_string());
        origin.route(&format!("/{size}"), reply);
    }
    let mut first = Vec::new();
    for size in sizes {
        first.push(proxy.get(&origin.url(&format!("/{size}"))).await);
    }
    let proxy = proxy.restarted().await;
    for (size, before) in sizes.into_iter().zip(first) {
        let after = proxy.get(&origin.url(&format!("/{size}"))).await;
        assert_eq!((after.status, after.cache_status()), (200, HIT), "{size}");
        assert_eq!(after.field("x-size"), before.field("x-size"));
        assert!(after.body == before.body, "other bytes: {size}");
    }
    origin.wait_for_requests(sizes.len()).await;
    let lines = proxy.log().wait_for_exchanges(2 * sizes.len()).await;
    for line in &lines[sizes.len()..] {
        assert_eq!((&line["message"], &line["tier"]), (&"Read from cache".into(), &"disk".into()));
    }
}

#[tokio::test]
async fn head_trailers_and_variants_are_the_same_after_a_restart() {
    let (origin, proxy) = (Origin::start().await, ProxyWithDisk::start().await);
    let reply = Reply::new(404).reason("Gone Fishing").body("hello");
    let reply = reply.field("Cache-Control", "max-age=60").field("X-Twice", "one");
    let reply = reply.field("X-Twice", "two").field("X-Bytes", "caf\u{e9}");
    origin.route("/head", reply);
    origin.route(
        "/trailer",
        Reply::cacheable(60, "sum").field("Trailer", "Sum").trailer("Sum", "42"),
    );
    origin.route_with("/language", |request: &Received| {
        let language = request.field("accept-language").unwrap_or("none").to_owned();
        Reply::cacheable(60, language).field("Vary", "Accept-Language")
    });
    let takes = [("TE", "trailers"), ("Connection", "TE")];
    proxy.get(&origin.url("/head")).await;
    proxy.get_with(&origin.url("/trailer"), &takes).await;
    for language in ["de", "en"] {
        proxy.get_with(&origin.url("/language"), &[("Accept-Language", language)]).await;
    }
    let proxy = proxy.restarted().await;
    let head = proxy.get(&origin.url("/head")).await;
    assert_eq!((head.status, head.reason.as_str(), head.text()), (404, "Gone Fishing", "hello"));
    assert_eq!(head.fields.all("x-twice"), ["one", "two"]);
    assert_eq!(head.field("x-bytes"), Some("caf\u{e9}"));
    let trailer = proxy.get_with(&origin.url("/trailer"), &takes).await;
    assert_eq!((trailer.text(), trailer.trailers.get("sum")), ("sum", Some("42")));
    for language in ["de", "en"] {
        let variant =
            proxy.get_with(&origin.url("/language"), &[("Accept-Language", language)]).await;
        assert_eq!((variant.text(), variant.cache_status()), (language, HIT));
    }
    origin.wait_for_requests(4).await;
}

#[tokio::test]
async fn age_goes_on_while_the_proxy_is_stopped() {
    let (origin, proxy) = (Origin::start().await, ProxyWithDisk::start().await);
    origin.route("/a", Reply::cacheable(60, "hello"));
    proxy.get(&origin.url("/a")).await;
    let proxy = proxy.restarted().await;
    proxy.advance(Duration::from_secs(20));
    let hit = proxy.get(&origin.url("/a")).await;
    assert_eq!((hit.cache_status(), hit.field("age")), ("larder; hit; ttl=40", Some("20")));
    origin.only_request();
}

#[tokio::test]
async fn an_invalidated_response_does_not_come_back() {
    let (origin, proxy) = (Origin::start().await, ProxyOnDisk::start().await);
    origin.script("/a", [Reply::cacheable(60, "old"), Reply::ok(""), Reply::cacheable(60, "new")]);
    let url = origin.url("/a");
    proxy.get(&url).await;
    let proxy = proxy.restarted().await;
    proxy.client().await.post(&url, "change").await;
    let proxy = proxy.restarted().await;
    let next = proxy.get(&url).await;
    assert_eq!((next.text(), next.cache_status()), ("new", "larder; fwd=uri-miss; stored"));
    origin.wait_for_requests(3).await;
}

#[tokio::test]
async fn an_invalidated_group_does_not_come_back() {
    let (origin, proxy) = (Origin::start().await, ProxyOnDisk::start().await);
    let of_group = |body| Reply::cacheable(60, body).field("Cache-Groups", "\"g\"");
    origin.script("/a", [of_group("old"), of_group("new")]);
    origin.route("/form", Reply::ok("").field("Cache-Group-Invalidation", "\"g\""));
    let url = origin.url("/a");
    proxy.get(&url).await;
    let proxy = proxy.restarted().await;
    proxy.client().await.post(&origin.url("/form"), "change").await;
    let proxy = proxy.restarted().await;
    assert_eq!(proxy.get(&url).await.text(), "new");
    assert_eq!(proxy.restarted().await.get(&url).await.cache_status(), HIT);
    origin.wait_for_requests(3).await;
}

/// A response is stored and freshened, with a restart in between or not, and found after another.
async fn freshened<T: Tiers>(is_read_from_disk: bool) {
    let (origin, mut proxy) = (Origin::start().await, Tested::<T>::start().await);
    let first = Reply::cacheable(10, "hello").field("ETag", "\"1\"").field("X-Round", "first");
    let second = Reply::new(304).field("ETag", "\"1\"").field("X-Round", "second");
    origin.script("/a", [first, second.field("Cache-Control", "max-age=60")]);
    let url = origin.url("/a");
    proxy.get(&url).await;
    if is_read_from_disk {
        proxy = proxy.restarted().await;
    }
    proxy.advance(Duration::from_secs(10));
    proxy.get(&url).await;
    for _ in 0..2 {
        proxy = proxy.restarted().await;
        let hit = proxy.get(&url).await;
        assert_eq!(
            (hit.text(), hit.field("x-round"), hit.cache_status()),
            ("hello", Some("second"), HIT)
        );
    }
    origin.wait_for_requests(2).await;
}

#[tokio::test]
async fn a_head_that_a_304_has_freshened_is_the_one_that_is_found() {
    for is_read_from_disk in [false, true] {
        freshened::<OnDisk>(is_read_from_disk).await;
        freshened::<InBoth>(is_read_from_disk).await;
    }
}

#[tokio::test]
async fn parts_are_found_again_and_completed() {
    let (origin, proxy) = (Origin::start().await, ProxyOnDisk::start().await);
    let part = |range: &str, body: &str| {
        let reply = Reply::new(206).field("Content-Range", range).body(body.to_owned());
        reply.field("ETag", "\"1\"").field("Cache-Control", "max-age=60")
    };
    origin.script("/a", [part("bytes 0-1/5", "he"), part("bytes 2-4/5", "llo")]);
    let url = origin.url("/a");
    proxy.get_with(&url, &[("Range", "bytes=0-1")]).await;
    let proxy = proxy.restarted().await;
    let again = proxy.get_with(&url, &[("Range", "bytes=0-1")]).await;
    assert_eq!((again.status, again.text(), again.cache_status()), (206, "he", HIT));
    assert_eq!(proxy.get(&url).await.text(), "hello");
    let proxy = proxy.restarted().await;
    let whole = proxy.get(&url).await;
    assert_eq!((whole.text(), whole.cache_status()), ("hello", HIT));
    assert_eq!(origin.wait_for_requests(2).await[1].field("range"), Some("bytes=2-"));
}

#[tokio::test]
async fn what_was_not_complete_is_not_there() {
    let (origin, gate) = (Origin::start().await, Gate::new());
    let proxy = ProxyOnDisk::with(|config| config.server.drain_wait = Duration::ZERO).await;
    let held = Reply::cacheable(60, "").pattern(8 << 20).paced(&gate, 4 << 20);
    origin.script("/a", [held, Reply::cacheable(60, "whole")]);
    let url = origin.url("/a");
    let mut client = proxy.client().await;
    client.send(request("GET", &url, &[])).await;
    gate.reached(1).await;
    gate.pass(1);
    let head = client.head().await;
    let mut body = client.body_of(&head);
    client.at_least(&mut body, 1 << 20).await;
    let proxy = proxy.restarted().await;
    let next = proxy.get(&url).await;
    assert_eq!((next.text(), next.cache_status()), ("whole", "larder; fwd=uri-miss; stored"));
    origin.wait_for_requests(2).await;
}

#[tokio::test]
async fn a_smaller_budget_is_honoured_at_the_next_start() {
    let (origin, proxy) = (Origin::start().await, ProxyOnDisk::start().await);
    for n in 0..24 {
        origin.route(&format!("/{n}"), Reply::cacheable(60, "").pattern(1 << 20));
        proxy.get(&origin.url(&format!("/{n}"))).await;
    }
    let budget = 16 << 20;
    let proxy =
        proxy.restarted_with(|config| config.store.disk.as_mut().unwrap().budget = budget).await;
    let fits = || {
        let folders = ["seg", "obj"].map(|name| size_of_files(&proxy.directory().join(name)));
        (folders.iter().sum::<u64>() <= budget + (2 << 20)).then_some(())
    };
    eventually("the files to be within the budget", fits).await;
    assert_eq!(proxy.get(&origin.url("/23")).await.cache_status(), HIT, "the newest stay");
}

/// Bytes of all files below a directory.
fn size_of_files(directory: &std::path::Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(directory) else { return 0 };
    let sizes = entries.map(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() { size_of_files(&path) } else { path.metadata().map_or(0, |it| it.len()) }
    });
    sizes.sum()
}

#[tokio::test]
async fn a_reset_starts_with_nothing_and_spares_what_larder_did_not_make() {
    let (origin, proxy) = (Origin::start().await, ProxyOnDisk::start().await);
    origin.route("/a", Reply::cacheable(60, "hello"));
    proxy.get(&origin.url("/a")).await;
    std::fs::write(proxy.directory().join("notes.txt"), "mine").unwrap();
    let proxy =
        proxy.restarted_with(|config| config.store.disk.as_mut().unwrap().reset = true).await;
    proxy.wait_for_stored(0).await;
    proxy.get(&origin.url("/a")).await;
    origin.wait_for_requests(2).await;
    assert_eq!(std::fs::read(proxy.directory().join("notes.txt")).unwrap(), b"mine");
}
