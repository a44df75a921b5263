//! Interim responses (RFC 9110 §15.2): passed on to clients that know them, in their place.

use crate::support::client::request;
use crate::support::gate::{Gate, not_yet};
use crate::support::message::Response;
use crate::support::origin::{Origin, Reply};
use crate::support::proxy::Proxy;

const HINT: (&str, &str) = ("Link", "</style.css>; rel=preload");

fn statuses(response: &Response) -> Vec<u16> {
    response.interim.iter().map(|head| head.status().unwrap()).collect()
}

#[tokio::test]
async fn an_early_hint_reaches_the_client_before_the_final_head_exists() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let gate = Gate::new();
    let hop = [HINT, ("Link", "</b.js>"), ("Connection", "X-Hop"), ("X-Hop", "1")];
    origin.route("/through", Reply::ok("page").interim(103, &hop).after(&gate));
    origin.route("/stored", Reply::cacheable(60, "page").interim(103, &hop).after(&gate));
    for (path, passed) in [("/through", 1), ("/stored", 1)] {
        let mut client = proxy.client().await;
        client.send(request("GET", &origin.url(path), &[])).await;
        let hint = client.head().await;
        assert_eq!(hint.status(), Ok(103));
        assert_eq!(hint.fields.all("link"), [HINT.1, "</b.js>"]);
        assert!(!hint.fields.has("x-hop") && !hint.fields.has("connection"));
        gate.pass(passed);
        let response = client.response().await;
        assert_eq!((response.status, response.text()), (200, "page"));
        assert!(!response.fields.has("link"), "a hint is no field of the answer");
    }
}

#[tokio::test]
async fn several_interim_responses_come_in_their_order() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let reply = Reply::ok("page").interim(102, &[]).interim(103, &[("Link", "</1>")]);
    origin.route("/a", reply.interim(103, &[("Link", "</2>")]).interim(199, &[]));
    let response = proxy.get(&origin.url("/a")).await;
    assert_eq!(statuses(&response), [102, 103, 103, 199]);
    assert_eq!(response.interim[2].fields.get("link"), Some("</2>"));
    assert_eq!(response.text(), "page");
}

#[tokio::test]
async fn an_upload_gets_its_early_hint_too() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::ok("thanks").interim(103, &[HINT]));
    let response = proxy.client().await.post(&origin.url("/a"), "body").await;
    assert_eq!((statuses(&response), response.text()), (vec![103], "thanks"));
}

#[tokio::test]
async fn pipelined_answers_have_their_own_hints_before_them() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    for (path, link) in [("/1", "</1>"), ("/2", "</2>"), ("/3", "</3>")] {
        let reply = Reply::ok(path).interim(103, &[("Link", link)]);
        origin.route(path, reply.interim(103, &[("Link", link)]));
    }
    let mut client = proxy.client().await;
    let requests = ["/1", "/2", "/3"].map(|path| request("GET", &origin.url(path), &[]));
    client.send(requests.concat()).await;
    for (path, link) in [("/1", "</1>"), ("/2", "</2>"), ("/3", "</3>")] {
        let response = client.response().await;
        let links: Vec<_> = response.interim.iter().map(|head| head.fields.get("link")).collect();
        assert_eq!((response.text(), &*links), (path, &[Some(link), Some(link)][..]));
    }
}

#[tokio::test]
async fn an_http_1_0_client_gets_no_interim_response() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::ok("page").interim(103, &[HINT]));
    let mut client = proxy.client().await;
    client.send(format!("GET {} HTTP/1.0\r\n\r\n", origin.url("/a"))).await;
    let response = client.response().await;
    assert_eq!((statuses(&response), response.text()), (vec![], "page"));
}

#[tokio::test]
async fn what_is_read_from_the_cache_has_no_hints() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::cacheable(60, "page").interim(103, &[HINT]));
    let mut client = proxy.client().await;
    assert_eq!(statuses(&client.get(&origin.url("/a")).await), [103]);
    let second = client.get(&origin.url("/a")).await;
    assert_eq!((statuses(&second), second.text()), (vec![], "page"));
    assert_eq!(second.cache_status(), "larder; hit; ttl=60");
    origin.only_request();
}

#[tokio::test]
async fn a_follower_gets_no_hint_and_the_leader_does() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let (head, body) = (Gate::new(), Gate::new());
    let reply = Reply::cacheable(60, "page").after(&head).interim(103, &[HINT]);
    origin.route("/a", reply.body_after(&body));
    let (mut leader, mut follower) = (proxy.client().await, proxy.client().await);
    leader.send(request("GET", &origin.url("/a"), &[])).await;
    head.reached(1).await;
    follower.send(request("GET", &origin.url("/a"), &[])).await;
    not_yet("an answer", follower.some()).await;
    head.open();
    body.reached(1).await;
    body.open();
    let (led, followed) = (leader.response().await, follower.response().await);
    assert_eq!((statuses(&led), led.text()), (vec![103], "page"));
    assert_eq!((statuses(&followed), followed.text()), (vec![], "page"));
    assert_eq!(followed.cache_status(), "larder; fwd=uri-miss; collapsed");
    origin.only_request();
}
