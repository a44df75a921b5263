//! A leader that fails answers its followers with the same failure: one attempt, not one each.

use std::time::Duration;

use larder::cli::serve::Config;

use crate::support::gate::Gate;
use crate::support::listener::Deaf;
use crate::support::origin::{Origin, Reply};
use crate::support::proxy::Proxy;

/// Three clients share a fetch that fails with `status`.
async fn everybody_is_told_the_same(
    change: impl FnOnce(&mut Config),
    failing: impl FnOnce(&Gate) -> Reply,
    status: u16,
    words: &str,
) {
    let (origin, proxy) = (Origin::start().await, Proxy::with(change).await);
    let gate = Gate::new();
    origin.script("/a", [failing(&gate), Reply::cacheable(60, "well again")]);

    let clients = [(); 3].map(|()| proxy.ask(&origin.url("/a")));
    proxy.wait_for_in_flight(3).await;
    origin.wait_for_requests(1).await;
    gate.open();
    let mut answers = Vec::new();
    for client in clients {
        let response = client.response().await;
        assert_eq!(response.status, status);
        assert!(response.text().contains(words), "{}", response.text());
        assert_eq!(response.field("cache-control"), Some("no-store"));
        answers
            .push((response.text().to_owned(), response.field("proxy-status").map(str::to_owned)));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    origin.only_request();
    // A failure is neither stored nor held against the key.
    assert_eq!(proxy.get(&origin.url("/a")).await.text(), "well again");
    let lines = proxy.log().wait_for_exchanges(4).await;
    assert_eq!(lines.iter().filter(|line| line["cache"] == "error").count(), 3);
}

#[tokio::test]
async fn an_origin_that_resets_is_asked_once_for_all() {
    // Whatever is sent after the gate is cut at once.
    let failing = |gate: &Gate| Reply::reset().after(gate);
    everybody_is_told_the_same(|_| {}, failing, 502, "closed").await;
}

#[tokio::test]
async fn an_origin_that_answers_garbage_is_asked_once_for_all() {
    let failing = |gate: &Gate| Reply::raw("what?\r\n\r\n").after(gate);
    everybody_is_told_the_same(|_| {}, failing, 502, "").await;
}

#[tokio::test]
async fn an_origin_that_never_answers_is_asked_once_for_all() {
    let impatient =
        |config: &mut Config| config.upstream.response_wait = Duration::from_millis(500);
    everybody_is_told_the_same(impatient, |_| Reply::never(), 504, "").await;
}

#[tokio::test]
async fn an_origin_that_accepts_no_connection_is_everybody_s() {
    let deaf = Deaf::start().await;
    let proxy = Proxy::with(|config| {
        config.upstream.connect_wait = Duration::from_millis(150);
        config.upstream.connect_total_wait = Duration::from_millis(150);
    })
    .await;
    let url = format!("http://{}/a", deaf.address());
    let clients = [(); 3].map(|()| proxy.ask(&url));
    proxy.wait_for_in_flight(3).await;
    for client in clients {
        assert_eq!(client.response().await.status, 504);
    }
}

#[tokio::test]
async fn a_refused_connection_is_everybody_s() {
    let refusing = crate::support::listener::Refusing::start();
    let proxy = Proxy::start().await;
    let url = format!("http://{}/a", refusing.address());
    let clients = [(); 3].map(|()| proxy.ask(&url));
    let mut texts = Vec::new();
    for client in clients {
        let response = client.response().await;
        assert_eq!(response.status, 502);
        texts.push(response.text().to_owned());
    }
    assert!(texts[0].contains("refused"), "{texts:?}");
    assert!(texts.iter().all(|text| *text == texts[0]), "{texts:?}");
}
