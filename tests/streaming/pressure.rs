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
