//! Two hundred clients, one response of 20 MiB whose body comes slowly.

use tokio::task::JoinSet;

use crate::support::client::{Client, request};
use crate::support::gate::Gate;
use crate::support::origin::{Origin, Reply};
use crate::support::proxy::Proxy;
use crate::support::wire::Broken;

const CLIENTS: usize = 200;
const LENGTH: u64 = 20 << 20;
const PIECE: usize = 512 << 10;
const PIECES: usize = 40;

/// A crowd: each has read the head of the one response, and reads on as it comes.
async fn crowd(proxy: &Proxy, url: &str, clients: usize) -> JoinSet<Result<u64, Broken>> {
    let heads = Gate::new();
    let mut crowd = JoinSet::new();
    for _ in 0..clients {
        let (address, request, heads) = (proxy.address(), request("GET", url, &[]), heads.clone());
        crowd.spawn(async move {
            let mut client = Client::connect(address).await;
            client.send(request).await;
            let head = client.head().await;
            assert_eq!(head.fields.get("content-length"), Some("20971520"));
            let arrived = tokio::spawn(async move { heads.wait().await });
            let mut body = client.body_of(&head);
            let count = client.pattern(&mut body).await;
            arrived.abort();
            count
        });
    }
    heads.reached(clients).await;
    crowd
}

fn slow() -> (Reply, Gate) {
    let pace = Gate::new();
    (Reply::cacheable(60, "").pattern(LENGTH).paced(&pace, PIECE), pace)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_clients_make_one_request_and_each_gets_every_byte() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let (reply, pace) = slow();
    origin.route("/a", reply);
    let url = origin.url("/a");

    let mut early = crowd(&proxy, &url, CLIENTS / 2).await;
    pace.pass(PIECES / 2);
    pace.reached(PIECES / 2 + 1).await;
    let mut late = crowd(&proxy, &url, CLIENTS / 2).await;
    for _ in 0..PIECES {
        pace.pass(1);
    }
    for crowd in [&mut early, &mut late] {
        while let Some(count) = crowd.join_next().await {
            assert_eq!(count.unwrap(), Ok(LENGTH));
        }
    }
    origin.only_request();
    assert_eq!(origin.body_bytes_sent(), LENGTH);
    assert_eq!(proxy.get(&url).await.cache_status(), "larder; hit; ttl=60");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_client_leaves_half_way_and_the_rest_still_get_it_all() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let (reply, pace) = slow();
    origin.route("/a", reply);
    let url = origin.url("/a");

    let mut first = proxy.client().await;
    first.send(request("GET", &url, &[])).await;
    let head = first.head().await;
    let mut body = first.body_of(&head);
    let mut rest = crowd(&proxy, &url, 20).await;
    pace.pass(PIECES / 2);
    first.at_least(&mut body, (PIECE * PIECES) / 2).await;
    first.reset();
    pace.open();
    while let Some(count) = rest.join_next().await {
        assert_eq!(count.unwrap(), Ok(LENGTH));
    }
    origin.only_request();
    assert_eq!(proxy.get(&url).await.cache_status(), "larder; hit; ttl=60");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_origin_breaks_off_half_way_and_nothing_is_stored() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let (reply, pace) = slow();
    origin.script("/a", [reply.cut_after(LENGTH / 2), Reply::cacheable(60, "whole")]);
    let url = origin.url("/a");

    let mut crowd = crowd(&proxy, &url, 20).await;
    pace.open();
    while let Some(count) = crowd.join_next().await {
        count.unwrap().expect_err("half a body is an error");
    }
    assert_eq!(proxy.usage().responses, 0);
    assert_eq!(proxy.get(&url).await.text(), "whole");
    origin.wait_for_requests(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_storm_on_many_threads_makes_one_request_for_each_key() {
    const KEYS: usize = 40;
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    for key in 0..KEYS {
        origin.route(&format!("/{key}"), Reply::cacheable(60, format!("body of {key}")));
    }
    let mut crowd = JoinSet::new();
    for _ in 0..16 {
        let (address, url) = (proxy.address(), origin.url("/"));
        crowd.spawn(async move {
            let mut client = Client::connect(address).await;
            for key in 0..KEYS {
                let response = client.get(&format!("{url}{key}")).await;
                assert_eq!(response.text(), format!("body of {key}"));
            }
        });
    }
    while let Some(done) = crowd.join_next().await {
        done.unwrap();
    }
    origin.wait_for_requests(KEYS).await;
}
