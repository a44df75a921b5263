//! Once the leader's `Vary` is known, followers that differ go alone, and each gets what is for it.

use crate::support::gate::Gate;
use crate::support::origin::{Origin, Received, Reply};
use crate::support::proxy::Proxy;

use super::{JOINED, LED};

const GERMAN: &[(&str, &str)] = &[("Accept-Language", "de")];
const ENGLISH: &[(&str, &str)] = &[("Accept-Language", "en")];

fn by_language(request: &Received) -> Reply {
    let text = if request.field("accept-language") == Some("de") { "Hallo" } else { "Hello" };
    Reply::cacheable(60, text).field("Vary", "Accept-Language")
}

#[tokio::test]
async fn followers_with_the_leader_s_nominated_fields_share_and_the_others_go_alone() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let (gate, held) = (Gate::new(), Gate::new());
    let (first, others) = (gate.clone(), held.clone());
    origin.route_with("/a", move |request| {
        let german = request.field("accept-language") == Some("de");
        by_language(request).after(if german { &first } else { &others })
    });

    let url = origin.url("/a");
    let leader = proxy.ask_with(&url, GERMAN);
    gate.reached(1).await;
    let same = [(); 2].map(|()| proxy.ask_with(&url, GERMAN));
    let different = [(); 2].map(|()| proxy.ask_with(&url, ENGLISH));
    proxy.wait_for_in_flight(5).await;
    origin.only_request();
    gate.open();
    held.reached(2).await;
    held.open();

    let led = leader.response().await;
    assert_eq!((led.text(), led.cache_status()), ("Hallo", LED));
    for client in same {
        let response = client.response().await;
        assert_eq!((response.text(), response.cache_status()), ("Hallo", JOINED));
    }
    for client in different {
        let response = client.response().await;
        assert_eq!(response.text(), "Hello");
        assert!(!response.cache_status().contains("collapsed"), "{}", response.cache_status());
    }
    // All of it is stored, each for those whom it is for.
    for (fields, text) in [(GERMAN, "Hallo"), (ENGLISH, "Hello")] {
        let response = proxy.get_with(&url, fields).await;
        assert_eq!((response.text(), response.cache_status()), (text, "larder; hit; ttl=60"));
    }
    origin.wait_for_requests(3).await;
}

#[tokio::test]
async fn who_joins_late_and_differs_goes_alone() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let body = Gate::new();
    let german = Reply::cacheable(60, "Hallo").field("Vary", "Accept-Language");
    let english = Reply::cacheable(60, "Hello").field("Vary", "Accept-Language");
    origin.script("/a", [german.body_after(&body), english]);

    let url = origin.url("/a");
    let leader = proxy.ask_with(&url, GERMAN);
    body.reached(1).await;
    assert_eq!(proxy.get_with(&url, ENGLISH).await.text(), "Hello");
    assert_eq!(proxy.get_with(&url, ENGLISH).await.cache_status(), "larder; hit; ttl=60");
    let late = proxy.ask_with(&url, GERMAN);
    proxy.wait_for_in_flight(2).await;
    body.open();
    assert_eq!(late.response().await.text(), "Hallo");
    assert_eq!(leader.response().await.text(), "Hallo");
    origin.wait_for_requests(2).await;
}

#[tokio::test]
async fn a_field_that_is_absent_differs_from_one_that_is_there() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let gate = Gate::new();
    let opened = gate.clone();
    origin.route_with("/a", move |request| by_language(request).after(&opened));

    let url = origin.url("/a");
    let leader = proxy.ask_with(&url, GERMAN);
    gate.reached(1).await;
    let without = proxy.ask(&url);
    proxy.wait_for_in_flight(2).await;
    gate.open();
    assert_eq!(leader.response().await.text(), "Hallo");
    assert_eq!(without.response().await.text(), "Hello");
    origin.wait_for_requests(2).await;
}
