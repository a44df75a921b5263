//! Readers of one spool: while it may be joined, and when it is a window that all of them share.

use std::time::Duration;

use super::begin;
use crate::support::client::{Client, request};
use crate::support::gate::{Gate, not_yet};
use crate::support::origin::{Origin, Reply};
use crate::support::proxy::Proxy;
use crate::support::wire::{Body, Broken};

/// More than the system buffers for a client that does not read.
const LENGTH: u64 = 40 << 20;

/// Two clients of one response: both have read its head.
async fn two(proxy: &Proxy, origin: &Origin) -> [(Client, Body); 2] {
    let (mut slow, mut fast) = (proxy.client().await, proxy.client().await);
    let slow_body = begin(&mut slow, &origin.url("/a")).await;
    let fast_body = begin(&mut fast, &origin.url("/a")).await;
    [(slow, slow_body), (fast, fast_body)]
}

#[tokio::test]
async fn while_it_may_be_joined_a_slow_reader_holds_nobody_up() {
    let origin = Origin::start().await;
    let proxy = Proxy::with(|config| {
        config.store.memory = 1 << 30;
        config.proxy.fill.slow_reader_wait = Duration::ZERO;
    })
    .await;
    let gate = Gate::new();
    origin.route("/a", Reply::cacheable(60, "").pattern(LENGTH).body_after(&gate));

    let [(mut slow, mut slow_body), (mut fast, mut fast_body)] = two(&proxy, &origin).await;
    gate.open();
    assert_eq!(fast.pattern(&mut fast_body).await, Ok(LENGTH));
    assert_eq!(proxy.usage().responses, 1, "it is stored at the pace of the fastest");
    assert_eq!(slow.pattern(&mut slow_body).await, Ok(LENGTH));
    origin.only_request();
}

#[tokio::test]
async fn the_readers_of_a_window_go_at_the_pace_of_the_slowest() {
    let origin = Origin::start().await;
    let proxy = Proxy::with(|config| config.proxy.fill.spool_budget = 1 << 20).await;
    let gate = Gate::new();
    origin.route("/a", Reply::cacheable(60, "").chunked().pattern(LENGTH).body_after(&gate));

    let [(mut slow, mut slow_body), (mut fast, mut fast_body)] = two(&proxy, &origin).await;
    gate.open();
    let mut fast = tokio::spawn(async move { fast.pattern(&mut fast_body).await });
    for _ in 0..4 {
        not_yet("the fast reader left the slow one behind", &mut fast).await;
    }
    assert!(origin.body_bytes_sent() < LENGTH, "the origin was held up");
    assert_eq!(slow.pattern(&mut slow_body).await, Ok(LENGTH));
    assert_eq!(fast.await.unwrap(), Ok(LENGTH));
    origin.only_request();
}

#[tokio::test]
async fn a_reader_that_holds_the_others_up_is_cut_off_and_they_get_every_byte() {
    let origin = Origin::start().await;
    let proxy = Proxy::with(|config| {
        config.proxy.fill.spool_budget = 1 << 20;
        config.proxy.fill.slow_reader_wait = Duration::from_millis(150);
    })
    .await;
    let gate = Gate::new();
    origin.route("/a", Reply::cacheable(60, "").chunked().pattern(LENGTH).body_after(&gate));

    let [(mut slow, mut slow_body), (mut fast, mut fast_body)] = two(&proxy, &origin).await;
    gate.open();
    assert_eq!(fast.pattern(&mut fast_body).await, Ok(LENGTH));
    let cut = slow.pattern(&mut slow_body).await.expect_err("the slow reader is cut off");
    assert!(matches!(cut, Broken::Closed | Broken::Failed(_)), "{cut:?}");

    let lines = proxy.log().wait_for_exchanges(2).await;
    let errors: Vec<_> = lines.iter().filter_map(|line| line["error"].as_str()).collect();
    assert_eq!(errors.len(), 1, "{lines:#?}");
    assert!(errors[0].contains("read too slowly"), "{errors:?}");
    origin.only_request();
}

#[tokio::test]
async fn a_slow_reader_that_holds_nobody_up_is_never_cut_off() {
    let origin = Origin::start().await;
    let proxy = Proxy::with(|config| {
        config.proxy.fill.spool_budget = 1 << 20;
        config.proxy.fill.slow_reader_wait = Duration::from_millis(5);
    })
    .await;
    origin.route("/a", Reply::cacheable(60, "").chunked().pattern(LENGTH));

    let mut client = proxy.client().await;
    let mut body = begin(&mut client, &origin.url("/a")).await;
    not_yet("the origin was not held up", origin.wait_for_closed(1)).await;
    assert_eq!(client.pattern(&mut body).await, Ok(LENGTH));
}

/// A body outgrows its limit after both first clients have joined: who comes then fetches anew.
async fn who_comes_later_fetches_anew(proxy: Proxy, reply: Reply, length: u64) {
    let origin = Origin::start().await;
    let (first, second) = (Gate::new(), Gate::new());
    let paced = reply.pattern(length).paced(&first, 1 << 20);
    let again = paced.clone().paced(&second, 1 << 20);
    origin.script("/a", [paced, again]);

    let [(mut one, mut one_body), (mut two, mut two_body)] = two(&proxy, &origin).await;
    first.pass(3);
    let half = 3 << 20;
    let ahead = one.at_least(&mut one_body, half);
    let (ahead, beside) = tokio::join!(ahead, two.at_least(&mut two_body, half));
    assert_eq!(ahead.len().min(half), beside.len().min(half));

    let mut late = proxy.client().await;
    let mut late_body = begin(&mut late, &origin.url("/a")).await;
    origin.wait_for_requests(2).await;
    first.open();
    second.open();
    let rest = |count: usize| length - count as u64;
    let drain = async |client: &mut Client, body: &mut Body| {
        let mut count = 0;
        while let Some(piece) = client.piece(body).await.expect("a clean end") {
            count += piece.len() as u64;
        }
        count
    };
    let done = tokio::join!(
        drain(&mut one, &mut one_body),
        drain(&mut two, &mut two_body),
        late.pattern(&mut late_body),
    );
    assert_eq!(done, (rest(ahead.len()), rest(beside.len()), Ok(length)));
    assert_eq!(proxy.usage().responses, 0, "what is not whole in memory is not stored");
}

#[tokio::test]
async fn a_body_that_outgrows_the_budget_of_the_spools_stops_being_joinable() {
    let proxy = Proxy::with(|config| config.proxy.fill.spool_budget = 2 << 20).await;
    who_comes_later_fetches_anew(proxy, Reply::cacheable(60, ""), 6 << 20).await;
}

#[tokio::test]
async fn a_body_that_outgrows_what_can_be_stored_stops_being_joinable() {
    let proxy = Proxy::with(|config| config.store.memory = 16 << 20).await;
    who_comes_later_fetches_anew(proxy, Reply::cacheable(60, "").chunked(), 6 << 20).await;
}

#[tokio::test]
async fn a_late_joiner_starts_from_the_first_byte_while_the_spool_holds_it() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let pace = Gate::new();
    origin.route("/a", Reply::cacheable(60, "abcdef").paced(&pace, 3));

    let mut early = proxy.client().await;
    let mut early_body = begin(&mut early, &origin.url("/a")).await;
    pace.pass(1);
    assert_eq!(early.at_least(&mut early_body, 3).await, b"abc");
    let mut late = proxy.client().await;
    late.send(request("GET", &origin.url("/a"), &[])).await;
    let head = late.head().await;
    let mut late_body = late.body_of(&head);
    assert_eq!(late.at_least(&mut late_body, 3).await, b"abc");
    pace.open();
    assert_eq!(late.at_least(&mut late_body, 3).await, b"def");
    assert_eq!(early.at_least(&mut early_body, 3).await, b"def");

    assert_eq!(head.fields.get("cache-status"), Some("larder; fwd=uri-miss; collapsed"));
    assert_eq!(head.fields.get("content-length"), Some("6"));
    origin.only_request();
}

#[tokio::test]
async fn bodies_under_way_give_their_budget_back() {
    // Each takes most of the budget: a body whose bytes were not given back would let the next one
    // outgrow it, and that one would not be stored.
    let origin = Origin::start().await;
    let proxy = Proxy::with(|config| config.proxy.fill.spool_budget = 1 << 20).await;
    for round in 0..4_u64 {
        let path = format!("/{round}");
        let gate = Gate::new();
        let reply = Reply::cacheable(60, "").pattern(850 << 10).body_after(&gate);
        origin.route(&path, if round % 2 == 0 { reply } else { reply.chunked() });
        let url = origin.url(&path);
        let clients = [proxy.ask(&url), proxy.ask(&url), proxy.ask(&url)];
        proxy.wait_for_in_flight(3).await;
        gate.open();
        for client in clients {
            assert_eq!(client.response().await.body.len(), 850 << 10);
        }
        assert_eq!(proxy.usage().responses, round + 1);
    }
    // One that breaks off, and one whose client leaves, give theirs back too.
    origin.route("/cut", Reply::cacheable(60, "").pattern(1 << 20).cut_after(850 << 10));
    assert!(proxy.ask(&origin.url("/cut")).any().await.broken.is_some());
    let pace = Gate::new();
    pace.pass(9);
    let left = Reply::cacheable(60, "").chunked().pattern(LENGTH).paced(&pace, 100 << 10);
    origin.route("/left", left);
    let mut client = proxy.client().await;
    let mut body = begin(&mut client, &origin.url("/left")).await;
    client.at_least(&mut body, 850 << 10).await;
    client.reset();
    pace.open();
    proxy.wait_for_in_flight(0).await;
    origin.route("/last", Reply::cacheable(60, "").pattern(850 << 10));
    assert_eq!(proxy.get(&origin.url("/last")).await.body.len(), 850 << 10);
    assert_eq!(proxy.usage().responses, 5);
}
