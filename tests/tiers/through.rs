//! What is read from which tier.

use crate::support::gate::eventually;
use crate::support::origin::{Origin, Reply};
use crate::support::pattern;
use crate::support::proxy::{Proxy, ProxyOnDisk, ProxyWithDisk};

const HIT: &str = "larder; hit; ttl=60";
const SIZES: [u64; 7] = [0, 1, 300, 65_536, 65_537, 1 << 20, (1 << 20) + 1];

/// An origin with a response of each size.
async fn sized() -> Origin {
    let origin = Origin::start().await;
    for size in SIZES {
        origin.route(&format!("/{size}"), Reply::cacheable(60, "").pattern(size));
    }
    origin
}

#[tokio::test]
async fn a_proxy_without_memory_reads_every_size_from_disk_every_time() {
    let (origin, proxy) = (sized().await, ProxyOnDisk::start().await);
    for size in SIZES {
        proxy.get(&origin.url(&format!("/{size}"))).await;
    }
    proxy.wait_for_stored(SIZES.len() as u64).await;
    for _ in 0..3 {
        for size in SIZES {
            let hit = proxy.get(&origin.url(&format!("/{size}"))).await;
            assert_eq!((hit.cache_status(), hit.body.len() as u64), (HIT, size));
            pattern::check(0, &hit.body);
        }
    }
    origin.wait_for_requests(SIZES.len()).await;
    let lines = proxy.log().wait_for_exchanges(4 * SIZES.len()).await;
    let read = lines.iter().filter(|line| line["message"] == "Read from cache");
    let tiers: Vec<_> = read.map(|line| line["tier"].as_str().unwrap()).collect();
    assert_eq!(tiers, ["disk"; 3 * SIZES.len()]);
    assert_eq!(proxy.usage().responses, 0);
}

#[tokio::test]
async fn without_a_disk_tier_memory_answers() {
    let (origin, proxy) = (sized().await, Proxy::start().await);
    for _ in 0..2 {
        proxy.get(&origin.url("/300")).await;
    }
    let lines = proxy.log().wait_for_exchanges(2).await;
    assert_eq!(lines[1]["tier"], "memory");
}

#[tokio::test]
async fn with_both_memory_answers_for_what_is_small_and_disk_for_what_is_large() {
    let (origin, proxy) = (sized().await, ProxyWithDisk::start().await);
    for size in SIZES {
        let url = origin.url(&format!("/{size}"));
        proxy.get(&url).await;
        proxy.get(&url).await;
    }
    let lines = proxy.log().wait_for_exchanges(2 * SIZES.len()).await;
    let read = lines.iter().filter(|line| line["message"] == "Read from cache");
    let tiers: Vec<_> = read.map(|line| line["tier"].as_str().unwrap()).collect();
    let mut expected = ["memory"; SIZES.len()];
    expected[SIZES.len() - 1] = "disk";
    assert_eq!(tiers, expected);
}

#[tokio::test]
async fn what_is_small_is_put_into_memory_when_it_is_read_from_disk_the_second_time() {
    let origin = sized().await;
    // What memory has when it stops is put into memory when it is read the first time.
    let first = ProxyWithDisk::with(|config| config.store.memory = 0).await;
    for size in SIZES {
        first.get(&origin.url(&format!("/{size}"))).await;
    }
    let proxy = first.restarted_with(|config| config.store.memory = 64 << 20).await;
    assert_eq!(proxy.usage().responses, 0);
    let mut exchanges = SIZES.len();
    for size in SIZES {
        for _ in 0..3 {
            assert_eq!(proxy.get(&origin.url(&format!("/{size}"))).await.cache_status(), HIT);
        }
        exchanges += 3;
        let lines = proxy.log().wait_for_exchanges(exchanges).await;
        let tiers: Vec<_> =
            lines[exchanges - 3..].iter().map(|line| line["tier"].as_str().unwrap()).collect();
        let third = if size <= 64 << 10 { "memory" } else { "disk" };
        assert_eq!(tiers, ["disk", "disk", third], "{size}");
    }
    origin.wait_for_requests(SIZES.len()).await;
}

#[tokio::test]
async fn what_memory_gives_up_is_read_from_disk() {
    let origin = Origin::start().await;
    let proxy = ProxyWithDisk::with(|config| {
        (config.store.memory, config.store.max_memory_object) = (1 << 20, 128 << 10);
    });
    let proxy = proxy.await;
    for n in 0..40 {
        origin.route(&format!("/{n}"), Reply::cacheable(60, "").pattern(100 << 10));
        proxy.get(&origin.url(&format!("/{n}"))).await;
    }
    let fits = || (proxy.usage().bytes <= 1 << 20).then_some(());
    eventually("the memory tier to come back to its budget", fits).await;
    for n in 0..40 {
        let hit = proxy.get(&origin.url(&format!("/{n}"))).await;
        assert_eq!((hit.cache_status(), hit.body.len()), (HIT, 100 << 10), "{n}");
        pattern::check(0, &hit.body);
    }
    origin.wait_for_requests(40).await;
    let lines = proxy.log().wait_for_exchanges(80).await;
    let from = |tier: &str| lines.iter().filter(|line| line["tier"] == tier).count();
    assert!(from("disk") >= 30, "{} from disk, {} from memory", from("disk"), from("memory"));
}
