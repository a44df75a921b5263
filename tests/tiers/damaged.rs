//! What is on disk is damaged: the request is fetched anew, as if nothing were stored, or the client's
//! connection breaks off.

use std::time::Duration;

use crate::support::client::request;
use crate::support::damage::{below, damage};
use crate::support::gate::{Gate, eventually};
use crate::support::message::Response;
use crate::support::origin::{Origin, Received, Reply};
use crate::support::proxy::{ProxyOnDisk, ProxyWithDisk};

const ANEW: &str = "larder; fwd=miss; stored; detail=damaged";

/// A body that is too long to be read at once: its first bytes are read when it is known to answer.
const LENGTH: usize = 100_000;

fn text(word: &str) -> String {
    format!("{word}456789{}", ".".repeat(LENGTH - 9))
}

fn old() -> Reply {
    Reply::cacheable(10, text("old")).field("ETag", "\"1\"").close()
}

fn new() -> Reply {
    Reply::cacheable(10, text("new")).field("ETag", "\"2\"").close()
}

/// A response is stored and its first byte is damaged, and the origin goes on with these.
async fn damaged(first: Reply, replies: impl IntoIterator<Item = Reply>) -> (Origin, ProxyOnDisk) {
    let (origin, proxy) = (Origin::start().await, ProxyOnDisk::start().await);
    origin.script("/a", [first].into_iter().chain(replies));
    proxy.get(&origin.url("/a")).await;
    // Now all of it is in its file.
    let proxy = proxy.restarted().await;
    damage(proxy.directory(), "old456789", 0).await;
    (origin, proxy)
}

async fn is_gone(proxy: &ProxyOnDisk, stored: u64) {
    proxy.wait_for_stored(stored).await;
    let events = proxy.disk_events();
    assert_eq!(events.damaged, 1, "{events:?}");
}

#[track_caller]
fn is_anew(response: &Response) {
    assert_eq!((response.status, response.body.len()), (200, LENGTH));
    assert!(response.body.starts_with(b"new456789"));
    assert_eq!(response.cache_status(), ANEW);
}

#[tokio::test]
async fn a_hit_becomes_a_miss_that_says_so_and_is_stored() {
    let (origin, proxy) = damaged(old(), [new()]).await;
    let url = origin.url("/a");
    is_anew(&proxy.get(&url).await);
    is_gone(&proxy, 1).await;
    let hit = proxy.get(&url).await;
    assert_eq!((hit.text(), hit.cache_status()), (&*text("new"), "larder; hit; ttl=10"));
    let requests = origin.wait_for_requests(2).await;
    assert_eq!(requests[1].field("if-none-match"), None);
    let lines = proxy.log().wait_for_exchanges(3).await;
    assert_eq!((&lines[1]["cache"], &lines[1]["reason"]), (&"miss".into(), &"damaged".into()));
    assert_eq!((&lines[1]["tier"], &lines[2]["tier"]), (&"origin".into(), &"disk".into()));
}

#[tokio::test]
async fn what_is_read_with_its_head_is_simply_not_there() {
    for (word, after) in [("hello", 0), ("text/x-damaged", 3)] {
        let (origin, proxy) = (Origin::start().await, ProxyOnDisk::start().await);
        let reply = |body| Reply::cacheable(10, body).field("Content-Type", "text/x-damaged");
        origin.script("/a", [reply("hello"), reply("again")]);
        proxy.get(&origin.url("/a")).await;
        let proxy = proxy.restarted().await;
        damage(proxy.directory(), word, after).await;
        let response = proxy.get(&origin.url("/a")).await;
        assert_eq!((response.status, response.text()), (200, "again"));
        assert_eq!(response.cache_status(), "larder; fwd=uri-miss; stored");
        is_gone(&proxy, 1).await;
        origin.wait_for_requests(2).await;
    }
}

#[tokio::test]
async fn it_does_not_come_back_after_a_restart() {
    let (origin, proxy) = damaged(old(), [Reply::ok("not stored")]).await;
    proxy.get(&origin.url("/a")).await;
    is_gone(&proxy, 0).await;
    let proxy = proxy.restarted().await;
    proxy.wait_for_stored(0).await;
}

#[tokio::test]
async fn ranges_are_asked_of_the_origin() {
    for range in ["bytes=4-5", "bytes=0-1,4-5"] {
        let (origin, proxy) = damaged(old(), [new()]).await;
        let response = proxy.get_with(&origin.url("/a"), &[("Range", range)]).await;
        is_anew(&response);
        assert_eq!(origin.wait_for_requests(2).await[1].field("range"), Some(range));
    }
}

#[tokio::test]
async fn what_a_range_does_not_read_does_not_matter() {
    let (origin, proxy) = damaged(old(), []).await;
    let response = proxy.get_with(&origin.url("/a"), &[("Range", "bytes=-5")]).await;
    assert_eq!((response.status, response.text()), (206, "....."));
    origin.only_request();
}

#[tokio::test]
async fn no_body_is_no_damage() {
    let (origin, proxy) = damaged(old(), []).await;
    let url = origin.url("/a");
    let mut client = proxy.client().await;
    client.send(request("HEAD", &url, &[])).await;
    let head = client.response_to("HEAD").await;
    assert_eq!((head.status, head.cache_status()), (200, "larder; hit; ttl=10"));
    let unchanged = proxy.get_with(&url, &[("If-None-Match", "\"1\"")]).await;
    assert_eq!((unchanged.status, unchanged.cache_status()), (304, "larder; hit; ttl=10"));
    let beyond = proxy.get_with(&url, &[("Range", "bytes=200000-")]).await;
    assert_eq!(beyond.status, 416);
    origin.only_request();
}

#[tokio::test]
async fn only_if_cached_is_504() {
    let (origin, proxy) = damaged(old(), []).await;
    let fields = [("Cache-Control", "only-if-cached")];
    let response = proxy.get_with(&origin.url("/a"), &fields).await;
    assert_eq!(response.status, 504);
    origin.only_request();
    assert_eq!(proxy.log().wait_for_exchanges(2).await[1]["reason"], "only-if-cached");
}

#[tokio::test]
async fn after_a_304_it_is_asked_for_again() {
    for fields in [&[][..], &[("Range", "bytes=4-5")]] {
        let unchanged = Reply::new(304).field("ETag", "\"1\"");
        let (origin, proxy) = damaged(old(), [unchanged, new()]).await;
        proxy.advance(Duration::from_secs(12));
        is_anew(&proxy.get_with(&origin.url("/a"), fields).await);
        let requests = origin.wait_for_requests(3).await;
        assert_eq!(requests[1].field("if-none-match"), Some("\"1\""));
        assert_eq!(requests[2].field("if-none-match"), None);
    }
}

#[tokio::test]
async fn stale_on_error_is_the_error() {
    let (origin, proxy) = damaged(old(), [Reply::reset(), Reply::reset(), Reply::reset()]).await;
    proxy.advance(Duration::from_secs(12));
    let response = proxy.get(&origin.url("/a")).await;
    assert_eq!(response.status, 502);
    let line = &proxy.log().wait_for_exchanges(2).await[1];
    assert_eq!((&line["cache"], &line["reason"]), (&"error".into(), &"damaged".into()), "{line}");
}

#[tokio::test]
async fn stale_if_error_is_asked_for_again() {
    let first = old().field("Cache-Control", "stale-if-error=100");
    let no = |text| Reply::new(503).body(text).close();
    let (origin, proxy) = damaged(first, [no("no"), no("still no")]).await;
    proxy.advance(Duration::from_secs(12));
    let response = proxy.get(&origin.url("/a")).await;
    assert_eq!((response.status, response.text()), (503, "still no"));
    assert!(response.cache_status().starts_with("larder; fwd=miss"));
}

#[tokio::test]
async fn stale_while_revalidate_is_fetched_and_not_validated() {
    let first = old().field("Cache-Control", "stale-while-revalidate=100");
    let (origin, proxy) = damaged(first, [new()]).await;
    proxy.advance(Duration::from_secs(12));
    is_anew(&proxy.get(&origin.url("/a")).await);
    assert_eq!(origin.wait_for_requests(2).await[1].field("if-none-match"), None);
}

#[tokio::test]
async fn followers_of_a_validation_go_alone() {
    let gate = Gate::new();
    let unchanged = Reply::new(304).field("ETag", "\"1\"").field("Cache-Control", "max-age=60");
    let replies = [unchanged.after(&gate)].into_iter().chain([(); 4].map(|()| new()));
    let (origin, proxy) = damaged(old(), replies).await;
    proxy.advance(Duration::from_secs(70));
    let url = origin.url("/a");
    let clients = [(); 4].map(|()| proxy.ask(&url));
    gate.reached(1).await;
    proxy.wait_for_in_flight(4).await;
    gate.open();
    for client in clients {
        is_anew(&client.response().await);
    }
    origin.wait_for_requests(6).await;
}

#[tokio::test]
async fn parts_that_were_to_be_completed_are_left_out() {
    let (origin, proxy) = (Origin::start().await, ProxyOnDisk::start().await);
    let part = |body: &str, range: &'static str| {
        let part = Reply::new(206).body(body.to_owned()).field("Content-Range", range);
        part.field("Cache-Control", "max-age=60").field("ETag", "\"1\"")
    };
    origin.route_with("/a", move |request: &Received| match request.field("range") {
        Some("bytes=0-99999") => part(&text("old"), "bytes 0-99999/100004"),
        Some("bytes=100000-") => part("more", "bytes 100000-100003/100004"),
        None => new(),
        other => panic!("{other:?}"),
    });
    let url = origin.url("/a");
    proxy.get_with(&url, &[("Range", "bytes=0-99999")]).await;
    let proxy = proxy.restarted().await;
    damage(proxy.directory(), "old456789", 0).await;
    is_anew(&proxy.get(&url).await);
    origin.wait_for_requests(3).await;
}

/// A body in a segment, or longer in a file of its own, with some words behind what is read at first.
fn long(size: usize) -> String {
    let mut body = ".".repeat(size);
    body.replace_range(400_000..400_009, "some word");
    body
}

#[tokio::test]
async fn damage_behind_the_first_byte_breaks_the_connection_off_and_the_response_goes() {
    for (size, folder) in [(600_000, "seg"), (3 << 20, "obj")] {
        let (origin, proxy) = (Origin::start().await, ProxyWithDisk::start().await);
        origin.route("/a", Reply::cacheable(60, long(size)));
        let url = origin.url("/a");
        proxy.get(&url).await;
        let proxy = proxy.restarted().await;
        let file = damage(proxy.directory(), "some word", 0).await;
        assert!(file.starts_with(proxy.directory().join(folder)), "{file:?}");

        let broken = proxy.ask(&url).any().await;
        assert_eq!((broken.status, broken.cache_status()), (200, "larder; hit; ttl=60"));
        assert!(broken.broken.is_some(), "it ends as if nothing were wrong");
        assert!(broken.body.len() <= 400_000, "{} bytes", broken.body.len());
        assert!(broken.body.iter().all(|byte| *byte == b'.'), "a wrong byte");
        let line = &proxy.log().wait_for_exchanges(2).await[1];
        assert!(line["error"].as_str().is_some_and(|why| why.contains("damaged")), "{line}");

        let again = proxy.get(&url).await;
        assert_eq!(again.cache_status(), "larder; fwd=uri-miss; stored");
        assert!(again.text() == long(size));
        assert_eq!(proxy.get(&url).await.cache_status(), "larder; hit; ttl=60");
        origin.wait_for_requests(2).await;
        assert_eq!(proxy.disk_events().damaged, 1);
    }
}

#[tokio::test]
async fn a_large_file_that_is_damaged_is_removed() {
    let (origin, proxy) = (Origin::start().await, ProxyOnDisk::start().await);
    origin.script("/a", [Reply::cacheable(60, long(3 << 20)), Reply::ok("not stored")]);
    proxy.get(&origin.url("/a")).await;
    // No restart: it is read from its file as soon as it is there.
    let file = damage(proxy.directory(), "some word", 0).await;
    assert!(proxy.ask(&origin.url("/a")).any().await.broken.is_some());
    assert_eq!(proxy.get(&origin.url("/a")).await.text(), "not stored");
    eventually("the file to go", || (!file.exists()).then_some(())).await;
    assert_eq!(below(&proxy.directory().join("part")).len(), 0);
    is_gone(&proxy, 0).await;
}
