//! Variants under one key: each for the requests that it is for, the newest where several are.

use std::time::Duration;

use super::Proxy;
use crate::support::origin::{Origin, Received, Reply};

const HIT: &str = "larder; hit; ttl=60";
const VARY_MISS: &str = "larder; fwd=vary-miss; stored";

fn in_language(request: &Received) -> Reply {
    let language = request.field("accept-language").unwrap_or("none").to_owned();
    Reply::cacheable(60, language).field("Vary", "Accept-Language")
}

#[tokio::test]
async fn variants_live_side_by_side_under_one_key() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route_with("/a", in_language);
    let url = origin.url("/a");
    let rounds = [
        ["larder; fwd=uri-miss; stored", VARY_MISS, VARY_MISS], //
        [HIT, HIT, HIT],
    ];
    for round in rounds {
        for (language, status) in ["de", "en", "fr"].into_iter().zip(round) {
            let response = proxy.get_with(&url, &[("Accept-Language", language)]).await;
            assert_eq!((response.text(), response.cache_status()), (language, status));
        }
    }
    origin.wait_for_requests(3).await;
    proxy.wait_for_stored(3).await;
}

#[tokio::test]
async fn the_newest_of_several_variants_that_match_is_used() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let old = Reply::cacheable(60, "old").field("Vary", "Accept-Language");
    let new = Reply::cacheable(60, "new").field("Vary", "X-Kind");
    origin.script("/a", [old, new]);
    let url = origin.url("/a");

    proxy.get_with(&url, &[("Accept-Language", "de"), ("X-Kind", "1")]).await;
    proxy.advance(Duration::from_secs(1));
    proxy.get_with(&url, &[("Accept-Language", "en"), ("X-Kind", "1")]).await;
    // Both are for this one.
    let both = proxy.get_with(&url, &[("Accept-Language", "de"), ("X-Kind", "1")]).await;
    assert_eq!((both.text(), both.cache_status()), ("new", HIT));
    let only_old = proxy.get_with(&url, &[("Accept-Language", "de"), ("X-Kind", "2")]).await;
    assert_eq!((only_old.text(), only_old.cache_status()), ("old", "larder; hit; ttl=59"));
    origin.wait_for_requests(2).await;
}

#[tokio::test]
async fn a_new_response_takes_the_place_of_the_old_one_for_the_same_requests() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let vary = |text| Reply::cacheable(60, text).field("Vary", "Accept-Language");
    origin.script("/a", [vary("one"), vary("other"), vary("two")]);
    let url = origin.url("/a");
    let (de, en) = (("Accept-Language", "de"), ("Accept-Language", "en"));

    proxy.get_with(&url, &[de]).await;
    proxy.get_with(&url, &[en]).await;
    proxy.get_with(&url, &[de, ("Cache-Control", "no-cache")]).await;
    assert_eq!(proxy.get_with(&url, &[de]).await.text(), "two");
    assert_eq!(proxy.get_with(&url, &[en]).await.text(), "other");
    proxy.wait_for_stored(2).await;
    origin.wait_for_requests(3).await;
}

#[tokio::test]
async fn the_variant_stored_first_gives_way_to_the_hundred_and_first() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route_with("/a", in_language);
    let url = origin.url("/a");
    let mut client = proxy.client().await;
    for n in 0..=100 {
        client.get_with(&url, &[("Accept-Language", &format!("l{n}"))]).await;
    }
    let second = client.get_with(&url, &[("Accept-Language", "l1")]).await;
    assert_eq!((second.text(), second.cache_status()), ("l1", HIT));
    let first = client.get_with(&url, &[("Accept-Language", "l0")]).await;
    assert_eq!((first.text(), first.cache_status()), ("l0", VARY_MISS));
    origin.wait_for_requests(102).await;
}

#[tokio::test]
async fn an_invalidation_takes_all_variants() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route_with("/a", in_language);
    let url = origin.url("/a");
    for language in ["de", "en"] {
        proxy.get_with(&url, &[("Accept-Language", language)]).await;
    }
    proxy.wait_for_stored(2).await;
    proxy.client().await.post(&url, "change").await;
    proxy.wait_for_stored(0).await;
    for language in ["de", "en"] {
        let response = proxy.get_with(&url, &[("Accept-Language", language)]).await;
        assert!(response.cache_status().ends_with("; stored"), "{}", response.cache_status());
    }
    origin.wait_for_requests(5).await;
}
