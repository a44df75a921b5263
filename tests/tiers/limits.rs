//! The memory tier is weighed in bytes: what is over its budget goes, what is too large never comes.

use crate::support::gate::eventually;
use crate::support::origin::{Origin, Reply};
use crate::support::proxy::Proxy;

const MIB: u64 = 1 << 20;

/// A proxy with `memory` bytes and an origin with twenty responses of 100 KiB.
async fn twenty(memory: u64) -> (Origin, Proxy) {
    let origin = Origin::start().await;
    let proxy = Proxy::with(|config| config.store.memory = memory).await;
    for n in 0..20 {
        origin.route(&format!("/{n}"), Reply::cacheable(60, "").pattern(100 << 10));
    }
    (origin, proxy)
}

async fn settled(proxy: &Proxy, memory: u64) {
    let fits = || (proxy.usage().bytes <= memory).then_some(());
    eventually("the memory tier to come back to its budget", fits).await;
}

#[tokio::test]
async fn what_is_over_the_budget_goes_and_the_newest_stay() {
    let (origin, proxy) = twenty(MIB).await;
    for n in 0..20 {
        proxy.get(&origin.url(&format!("/{n}"))).await;
    }
    settled(&proxy, MIB).await;

    let stored = proxy.usage().responses;
    assert!((8..=10).contains(&stored), "{stored} of 100 KiB in a MiB");
    assert_eq!(proxy.get(&origin.url("/19")).await.cache_status(), "larder; hit; ttl=60");
    assert_eq!(proxy.get(&origin.url("/0")).await.cache_status(), "larder; fwd=uri-miss; stored");
    origin.wait_for_requests(21).await;
}

#[tokio::test]
async fn what_is_used_stays_longer_than_what_is_not() {
    let (origin, proxy) = twenty(MIB).await;
    let path = |n: usize| origin.url(&format!("/{n}"));
    // From now on the tier is full, and each response that is stored makes another one go.
    for n in 0..13 {
        proxy.get(&path(n)).await;
    }
    for n in (13..20).chain(0..12) {
        settled(&proxy, MIB).await;
        assert_eq!(proxy.get(&path(12)).await.cache_status(), "larder; hit; ttl=60", "before {n}");
        proxy.get(&path(n)).await;
    }
    assert_eq!(origin.wait_for_requests(32).await.iter().filter(|r| r.target == "/12").count(), 1);
}

#[tokio::test]
async fn a_budget_that_is_not_reached_evicts_nothing() {
    let (origin, proxy) = twenty(3 * MIB).await;
    for _ in 0..2 {
        for n in 0..20 {
            assert_eq!(proxy.get(&origin.url(&format!("/{n}"))).await.body.len(), 100 << 10);
        }
    }
    origin.wait_for_requests(20).await;
    let usage = proxy.usage();
    assert_eq!(usage.responses, 20);
    assert!(usage.bytes > 2_000_000, "bodies are weighed: {usage:?}");
}

#[tokio::test]
async fn heads_are_weighed_too() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::cacheable(60, "").field("X-Long", &"x".repeat(30_000)));
    proxy.get(&origin.url("/a")).await;
    assert!(proxy.usage().bytes > 30_000, "{:?}", proxy.usage());
}

#[tokio::test]
async fn a_response_that_announces_too_much_is_passed_through() {
    let origin = Origin::start().await;
    let proxy = Proxy::with(|config| config.store.memory = MIB).await;
    // An eighth of the memory is the most.
    origin.route("/fits", Reply::cacheable(60, "").pattern(MIB / 8));
    origin.route("/large", Reply::cacheable(60, "").pattern(MIB / 8 + 1));

    for status in ["larder; fwd=uri-miss; stored", "larder; hit; ttl=60"] {
        assert_eq!(proxy.get(&origin.url("/fits")).await.cache_status(), status);
    }
    for _ in 0..2 {
        let large = proxy.get(&origin.url("/large")).await;
        assert_eq!(large.body.len() as u64, MIB / 8 + 1);
        assert_eq!(large.cache_status(), "larder; fwd=uri-miss; detail=too-large");
    }
    origin.wait_for_requests(3).await;
    let lines = proxy.log().wait_for_exchanges(4).await;
    assert_eq!((&lines[3]["cache"], &lines[3]["reason"]), (&"miss".into(), &"too-large".into()));
}

#[tokio::test]
async fn a_response_above_max_object_is_passed_through() {
    let origin = Origin::start().await;
    let proxy = Proxy::with(|config| config.store.max_object = 4).await;
    origin.route("/a", Reply::cacheable(60, "hello"));
    let response = proxy.get(&origin.url("/a")).await;
    assert_eq!(response.text(), "hello");
    assert_eq!(response.cache_status(), "larder; fwd=uri-miss; detail=too-large");
    assert_eq!(proxy.usage().responses, 0);
}

#[tokio::test]
async fn a_response_that_outgrows_what_can_be_stored_is_passed_through_whole() {
    let origin = Origin::start().await;
    let proxy = Proxy::with(|config| config.store.memory = MIB).await;
    origin.route("/a", Reply::cacheable(60, "").chunked().pattern(MIB));
    for _ in 0..2 {
        assert_eq!(proxy.get(&origin.url("/a")).await.body.len() as u64, MIB);
    }
    assert_eq!(proxy.usage().responses, 0);
    origin.wait_for_requests(2).await;
}
