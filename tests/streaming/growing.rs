//! Bodies that are too long for memory: they grow in a file, and whoever comes reads along.

use std::time::Duration;

use super::begin;
use crate::support::client::{Client, request};
use crate::support::damage::below;
use crate::support::gate::{Gate, eventually};
use crate::support::origin::{Origin, Received, Reply};
use crate::support::pattern;
use crate::support::proxy::ProxyWithDisk;
use crate::support::wire::Body;

const MIB: u64 = 1 << 20;
const LENGTH: u64 = 40 * MIB;

/// A proxy with little memory, and not a byte for bodies under way beyond what the file takes late.
async fn proxy() -> ProxyWithDisk {
    ProxyWithDisk::with(|config| {
        config.store.memory = 4 * MIB;
        config.proxy.fill.spool_budget = 2 * MIB;
    })
    .await
}

/// Files below `part/` and `obj/`.
fn files(proxy: &ProxyWithDisk) -> [usize; 2] {
    ["part", "obj"].map(|name| below(&proxy.directory().join(name)).len())
}

async fn read_up_to(client: &mut Client, body: &mut Body, count: u64) -> u64 {
    let bytes = client.at_least(body, usize::try_from(count).unwrap()).await;
    pattern::check(0, &bytes);
    bytes.len() as u64
}

/// Reads and checks the rest of a body of which so much has been read.
async fn rest(client: &mut Client, body: &mut Body, mut at: u64) -> u64 {
    while let Some(piece) = client.piece(body).await.expect("it does not break off") {
        pattern::check(at, &piece);
        at += piece.len() as u64;
    }
    at
}

#[tokio::test]
async fn whoever_comes_while_it_grows_gets_every_byte_of_one_fetch() {
    for reply in [Reply::cacheable(60, ""), Reply::cacheable(60, "").chunked()] {
        let (origin, proxy, pace) = (Origin::start().await, proxy().await, Gate::new());
        origin.route("/a", reply.pattern(LENGTH).paced(&pace, MIB as usize));
        let url = origin.url("/a");
        let mut first = proxy.client().await;
        let mut body = begin(&mut first, &url).await;
        pace.pass(12);
        let read = read_up_to(&mut first, &mut body, 12 * MIB).await;
        let mut late = proxy.client().await;
        let mut late_body = begin(&mut late, &url).await;
        let late_read = read_up_to(&mut late, &mut late_body, 12 * MIB).await;
        assert_eq!(files(&proxy), [1, 0]);
        // This one reads nothing before the end.
        let mut lazy = proxy.client().await;
        let mut lazy_body = begin(&mut lazy, &url).await;
        pace.open();
        assert_eq!(rest(&mut first, &mut body, read).await, LENGTH);
        assert_eq!(rest(&mut late, &mut late_body, late_read).await, LENGTH);
        assert_eq!(lazy.pattern(&mut lazy_body).await, Ok(LENGTH));

        let mut again = proxy.client().await;
        again.send(request("GET", &url, &[])).await;
        let head = again.head().await;
        assert_eq!(head.fields.get("cache-status"), Some("larder; hit; ttl=60"));
        let mut body = again.body_of(&head);
        assert_eq!(again.pattern(&mut body).await, Ok(LENGTH));
        origin.only_request();
        eventually("the file to have its name", || (files(&proxy) == [0, 1]).then_some(())).await;
        assert!(proxy.usage().bytes < MIB, "{:?}", proxy.usage());
    }
}

/// A range of the pattern, as the client got it.
async fn ranged(proxy: &ProxyWithDisk, url: &str, first: u64, last: u64) -> String {
    let range = format!("bytes={first}-{last}");
    let response = proxy.get_with(url, &[("Range", &range)]).await;
    assert_eq!(response.status, 206, "{range}");
    assert_eq!(response.field("content-range"), Some(&*format!("bytes {first}-{last}/{LENGTH}")));
    assert_eq!(response.body.len() as u64, last - first + 1);
    pattern::check(first, &response.body);
    response.cache_status().to_owned()
}

#[tokio::test]
async fn a_range_goes_alone_while_it_grows_and_comes_out_of_it_afterwards() {
    let (origin, proxy, pace) = (Origin::start().await, proxy().await, Gate::new());
    let held = pace.clone();
    origin.route_with("/a", move |request: &Received| {
        let reply = match request.field("range") {
            None => Reply::cacheable(60, "").pattern(LENGTH).paced(&held, MIB as usize),
            Some(range) => {
                let (first, last) = range["bytes=".len()..].split_once('-').unwrap();
                let (first, last) = (first.parse().unwrap(), last.parse::<u64>().unwrap());
                let count = usize::try_from(last - first + 1).unwrap();
                let part = Reply::new(206).body(pattern::bytes(first, count));
                let part = part.field("Content-Range", &format!("bytes {first}-{last}/{LENGTH}"));
                part.field("Cache-Control", "max-age=60")
            }
        };
        reply.field("ETag", "\"1\"")
    });
    let url = origin.url("/a");
    let mut first = proxy.client().await;
    let mut body = begin(&mut first, &url).await;
    pace.pass(20);
    let read = read_up_to(&mut first, &mut body, 20 * MIB).await;
    for (from, to) in [(0, 99), (19 * MIB, 21 * MIB - 1), (30 * MIB, 36 * MIB - 1)] {
        let status = ranged(&proxy, &url, from, to).await;
        assert!(status.starts_with("larder; fwd="), "{status}");
    }
    pace.open();
    assert_eq!(rest(&mut first, &mut body, read).await, LENGTH);
    for (from, to) in [(0, 0), (65_535, 65_536), (30 * MIB - 7, 31 * MIB), (LENGTH - 1, LENGTH - 1)]
    {
        assert_eq!(ranged(&proxy, &url, from, to).await, "larder; hit; ttl=60");
    }
    origin.wait_for_requests(4).await;
    // The parts went when the whole came.
    eventually("one file", || (files(&proxy) == [0, 1]).then_some(())).await;
}

#[tokio::test]
async fn when_the_first_client_leaves_the_others_read_on() {
    let (origin, proxy, pace) = (Origin::start().await, proxy().await, Gate::new());
    origin.route("/a", Reply::cacheable(60, "").pattern(LENGTH).paced(&pace, MIB as usize));
    let url = origin.url("/a");
    let (mut first, mut other) = (proxy.client().await, proxy.client().await);
    let mut body = begin(&mut first, &url).await;
    pace.pass(6);
    read_up_to(&mut first, &mut body, 6 * MIB).await;
    let mut other_body = begin(&mut other, &url).await;
    first.reset();
    pace.open();
    assert_eq!(other.pattern(&mut other_body).await, Ok(LENGTH));
    assert_eq!(proxy.get_with(&url, &[("Range", "bytes=0-0")]).await.status, 206);
    origin.only_request();
}

#[tokio::test]
async fn when_nobody_is_left_the_file_goes() {
    let (origin, proxy, pace) = (Origin::start().await, proxy().await, Gate::new());
    let held = Reply::cacheable(60, "").pattern(LENGTH).paced(&pace, MIB as usize);
    origin.script("/a", [held, Reply::cacheable(60, "short")]);
    let url = origin.url("/a");
    let mut first = proxy.client().await;
    let mut body = begin(&mut first, &url).await;
    pace.pass(6);
    read_up_to(&mut first, &mut body, 6 * MIB).await;
    assert_eq!(files(&proxy), [1, 0]);
    first.reset();
    pace.open();
    eventually("the file to go", || (files(&proxy) == [0, 0]).then_some(())).await;
    let next = proxy.get(&url).await;
    assert_eq!((next.text(), next.cache_status()), ("short", "larder; fwd=uri-miss; stored"));
    origin.wait_for_requests(2).await;
}

#[tokio::test]
async fn when_the_origin_breaks_off_all_readers_see_it_and_nothing_is_stored() {
    let broken = |reply: Reply| reply.pattern(LENGTH).cut_after(10 * MIB);
    for reply in [Reply::cacheable(60, ""), Reply::cacheable(60, "").chunked()] {
        let (origin, proxy, gate) = (Origin::start().await, proxy().await, Gate::new());
        origin.script("/a", [broken(reply).body_after(&gate), Reply::cacheable(60, "whole")]);
        let url = origin.url("/a");
        let mut readers = Vec::new();
        for _ in 0..3 {
            let mut client = proxy.client().await;
            let body = begin(&mut client, &url).await;
            readers.push((client, body));
        }
        gate.open();
        for (mut client, mut body) in readers {
            assert!(
                client.pattern(&mut body).await.is_err(),
                "it must not end as if it were whole"
            );
        }
        eventually("the file to go", || (files(&proxy) == [0, 0]).then_some(())).await;
        let next = proxy.get(&url).await;
        assert_eq!((next.text(), next.cache_status()), ("whole", "larder; fwd=uri-miss; stored"));
        origin.wait_for_requests(2).await;
    }
}

#[tokio::test]
async fn what_is_longer_than_may_be_stored_is_passed_through_and_leaves_no_file() {
    let origin = Origin::start().await;
    let proxy = ProxyWithDisk::with(|config| {
        (config.store.memory, config.store.max_object) = (4 * MIB, 8 * MIB);
        config.proxy.fill.slow_reader_wait = Duration::from_secs(5);
    })
    .await;
    origin.route("/length", Reply::cacheable(60, "").pattern(LENGTH));
    origin.route("/chunked", Reply::cacheable(60, "").pattern(LENGTH).chunked());
    for path in ["/length", "/chunked"] {
        let mut client = proxy.client().await;
        let mut body = begin(&mut client, &origin.url(path)).await;
        assert_eq!(client.pattern(&mut body).await, Ok(LENGTH));
        let line = proxy.log().wait_for(|line| line["bytes"] == LENGTH).await;
        assert_eq!((&line["cache"], &line["reason"]), (&"miss".into(), &"too-large".into()));
        eventually("no file", || (files(&proxy) == [0, 0]).then_some(())).await;
    }
}
