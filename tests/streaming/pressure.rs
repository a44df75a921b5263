//! Back-pressure: a download of any size through a slow client does not grow memory.

use larder::cli::serve::Config;

use super::begin;
use crate::support::client::Client;
use crate::support::gate::{eventually, not_yet};
use crate::support::origin::{Origin, Reply};
use crate::support::pattern;
use crate::support::proxy::Proxy;
use crate::support::wire::Body;

const LENGTH: u64 = 256 << 20;
/// What may be under way: the spool's budget and the system's buffers of both connections.
const UNDER_WAY: u64 = 36 << 20;
const STEP: u64 = 1 << 20;
/// More than the system buffers for a client that does not read, and less than what is stored.
const STORABLE: u64 = 30 << 20;

/// Reads until `got` is at least `until`, and checks each byte.
async fn read_up_to(client: &mut Client, body: &mut Body, got: &mut u64, until: u64) {
    while *got < until {
        let piece = client.piece(body).await.expect("the body goes on").expect("the body goes on");
        pattern::check(*got, &piece);
        *got += piece.len() as u64;
    }
}

async fn the_origin_waits_for_a_client_that_does_not_read(
    change: impl FnOnce(&mut Config),
    reply: Reply,
) {
    let origin = Origin::start().await;
    let proxy = Proxy::with(|config| {
        config.proxy.fill.spool_budget = 4 << 20;
        change(config);
    })
    .await;
    origin.route("/a", reply.pattern(LENGTH));
    let mut client = proxy.client().await;

    let (mut body, mut got) = (begin(&mut client, &origin.url("/a")).await, 0);
    for step in 1..=2 {
        read_up_to(&mut client, &mut body, &mut got, step * STEP).await;
        let most = got + UNDER_WAY;
        let too_much = || (origin.body_bytes_sent() > most).then_some(());
        not_yet("the origin sent more than may be under way", eventually("that", too_much)).await;
    }
    read_up_to(&mut client, &mut body, &mut got, LENGTH).await;

    assert_eq!(got, LENGTH);
    assert_eq!(client.piece(&mut body).await, Ok(None));
    assert_eq!(proxy.usage().responses, 0, "it was larger than what may be under way");
    origin.only_request();
}

#[tokio::test]
async fn a_storable_download_larger_than_the_budget_goes_at_the_client_s_pace() {
    let large = |config: &mut Config| config.store.memory = 8 << 30;
    the_origin_waits_for_a_client_that_does_not_read(large, Reply::cacheable(60, "")).await;
}

#[tokio::test]
async fn a_download_of_unknown_length_goes_at_the_client_s_pace() {
    let reply = Reply::cacheable(60, "").chunked();
    the_origin_waits_for_a_client_that_does_not_read(|_| {}, reply).await;
}

#[tokio::test]
async fn an_unstorable_download_goes_at_the_client_s_pace() {
    let reply = Reply::ok("").field("Cache-Control", "no-store");
    the_origin_waits_for_a_client_that_does_not_read(|_| {}, reply).await;
}

/// Until what is under way leaves no room for a body that is not small.
async fn wait_until_no_room_is_left(proxy: &Proxy, origin: &Origin) {
    for number in 0..1000 {
        let (path, before) = (format!("/medium/{number}"), proxy.usage().responses);
        origin.route(&path, Reply::cacheable(60, "").pattern(300 << 10));
        proxy.get(&origin.url(&path)).await;
        if proxy.usage().responses == before {
            return;
        }
    }
    panic!("there is always room");
}

#[tokio::test]
async fn downloads_that_nobody_reads_do_not_stop_small_responses_from_being_stored() {
    let (origin, budget) = (Origin::start().await, 4 << 20);
    let proxy = Proxy::with(|config| config.proxy.fill.spool_budget = budget).await;
    let mut stalled = Vec::new();
    for number in 0..20 {
        let path = format!("/large/{number}");
        let reply = Reply::cacheable(60, "").pattern(STORABLE);
        origin.route(&path, if number % 2 == 0 { reply } else { reply.chunked() });
        let mut client = proxy.client().await;
        let body = begin(&mut client, &origin.url(&path)).await;
        stalled.push((client, body));
    }
    wait_until_no_room_is_left(&proxy, &origin).await;
    let before = proxy.usage().responses;
    for number in 0..10 {
        let path = format!("/small/{number}");
        let reply = Reply::cacheable(60, "").pattern(2000);
        origin.route(&path, if number % 2 == 0 { reply } else { reply.chunked() });
        assert_eq!(proxy.get(&origin.url(&path)).await.body.len(), 2000);
        let again = proxy.get(&origin.url(&path)).await;
        assert_eq!(again.cache_status(), "larder; hit; ttl=60", "{path}");
    }
    assert_eq!(proxy.usage().responses, before + 10);
    drop(stalled);
}
