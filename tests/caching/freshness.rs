//! How long a stored response is fresh, and how old it is (RFC 9111 §4.2).

use super::{Proxy, date, seconds};
use crate::support::gate::Gate;
use crate::support::origin::{Origin, Reply};

fn reply(fields: &[(&str, &str)]) -> Reply {
    fields.iter().fold(Reply::ok("body"), |reply, (name, value)| reply.field(name, value))
}

#[tokio::test]
async fn each_way_to_say_a_lifetime_counts_to_the_second() {
    let (now, soon, later) = (date(0), date(10), date(40));
    let modified = date(-1000);
    let rows: &[(&[(&str, &str)], u64)] = &[
        (&[("Cache-Control", "max-age=60, s-maxage=30")], 30),
        (&[("Cache-Control", "max-age=60"), ("Cache-Control", "s-maxage=90")], 90),
        (&[("Cache-Control", "max-age=60"), ("Date", &now), ("Expires", &soon)], 60),
        (&[("Date", &now), ("Expires", &later)], 40),
        (&[("Date", &now), ("Last-Modified", &modified)], 100),
        (&[("Cache-Control", "max-age=60"), ("Age", "20")], 40),
    ];
    for (fields, lifetime) in rows {
        let (origin, proxy) = (Origin::start().await, Proxy::start().await);
        origin.route("/a", reply(fields));
        let url = origin.url("/a");

        proxy.get(&url).await;
        proxy.advance(seconds(lifetime - 1));
        let last_moment = proxy.get(&url).await;
        origin.only_request();
        proxy.advance(seconds(1));
        let stale = proxy.get(&url).await;

        assert_eq!(last_moment.cache_status(), "larder; hit; ttl=1", "{fields:?}");
        assert!(stale.cache_status().starts_with("larder; fwd=stale"), "{fields:?}: {stale:?}");
        assert_eq!(origin.requests().len(), 2, "{fields:?}");
    }
}

#[tokio::test]
async fn a_heuristic_lifetime_ends_after_a_day() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", reply(&[("Date", &date(0)), ("Last-Modified", &date(-1_000_000_000))]));
    proxy.get(&origin.url("/a")).await;
    let hit = proxy.get(&origin.url("/a")).await;
    assert_eq!(hit.cache_status(), "larder; hit; ttl=86400");
}

#[tokio::test]
async fn an_expires_that_is_no_date_is_a_lifetime_of_nothing() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route(
        "/a",
        reply(&[("Expires", "0"), ("ETag", "\"v1\""), ("Last-Modified", &date(-1000))]),
    );
    proxy.get(&origin.url("/a")).await;
    let second = proxy.get(&origin.url("/a")).await;
    assert!(second.cache_status().starts_with("larder; fwd=stale"), "{second:?}");
    let requests = origin.wait_for_requests(2).await;
    assert_eq!(requests[1].field("if-none-match"), Some("\"v1\""));
}

#[tokio::test]
async fn age_is_what_the_response_brings_and_then_follows_the_clock() {
    let earlier = date(-20);
    let rows: &[(&[(&str, &str)], u64)] = &[
        (&[], 0),
        (&[("Age", "10")], 10),
        (&[("Date", &earlier)], 20),
        (&[("Date", &earlier), ("Age", "10")], 20),
        (&[("Date", &earlier), ("Age", "30")], 30),
        (&[("Age", "soon")], 0),
    ];
    for (fields, age) in rows {
        let (origin, proxy) = (Origin::start().await, Proxy::start().await);
        origin.route("/a", reply(fields).field("Cache-Control", "max-age=100"));
        let first = proxy.get(&origin.url("/a")).await;
        for elapsed in [0, 5] {
            proxy.advance(seconds(elapsed));
            let hit = proxy.get(&origin.url("/a")).await;
            assert_eq!(hit.field("age"), Some(&*(age + elapsed).to_string()), "{fields:?}");
            let expected = format!("larder; hit; ttl={}", 100 - age - elapsed);
            assert_eq!(hit.cache_status(), expected, "{fields:?}");
            assert_eq!(hit.field("date"), first.field("date"));
        }
        origin.only_request();
    }
}

#[tokio::test]
async fn the_time_that_an_answer_takes_counts_as_age() {
    let (origin, proxy, gate) = (Origin::start().await, Proxy::start().await, Gate::new());
    origin.route("/a", Reply::cacheable(60, "late").field("Age", "10").after(&gate));
    let url = origin.url("/a");

    let mut client = proxy.client().await;
    client.send(crate::support::client::request("GET", &url, &[])).await;
    gate.reached(1).await;
    proxy.advance(seconds(3));
    gate.open();
    client.response().await;
    let hit = proxy.get(&url).await;

    assert_eq!(hit.field("age"), Some("13"));
    assert_eq!(hit.cache_status(), "larder; hit; ttl=47");
}

#[tokio::test]
async fn a_response_that_is_already_too_old_when_it_comes_is_validated_at_once() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::cacheable(60, "old").field("Age", "60").field("ETag", "\"v1\""));
    proxy.get(&origin.url("/a")).await;
    proxy.get(&origin.url("/a")).await;
    let requests = origin.wait_for_requests(2).await;
    assert_eq!(requests[1].field("if-none-match"), Some("\"v1\""));
}
