//! What happens when the last reader leaves: what is nearly done is finished, the rest is stopped.

use crate::support::client::{Client, request};
use crate::support::gate::{Gate, not_yet};
use crate::support::origin::{Origin, Reply};
use crate::support::proxy::Proxy;

const PIECE: usize = 256 << 10;
/// Much, and yet what could be stored.
const LENGTH: u64 = 80 * PIECE as u64;

/// Asks, lets `read` pieces come, and leaves.
async fn read_and_leave(proxy: &Proxy, url: &str, pace: &Gate, read: usize) {
    let mut client: Client = proxy.client().await;
    client.send(request("GET", url, &[])).await;
    let head = client.head().await;
    let mut body = client.body_of(&head);
    pace.pass(read);
    client.at_least(&mut body, read * PIECE).await;
    client.reset();
}

#[tokio::test]
async fn a_body_that_is_nearly_done_is_finished_and_stored() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let pace = Gate::new();
    // 1 MiB is left when the only client leaves, and no more than that is finished.
    let reply = Reply::cacheable(60, "").pattern(5 * PIECE as u64).paced(&pace, PIECE);
    origin.route("/a", reply);
    let url = origin.url("/a");

    read_and_leave(&proxy, &url, &pace, 1).await;
    pace.open();
    let again = proxy.get(&url).await;
    assert_eq!(again.body.len(), 5 * PIECE);
    proxy.wait_for_in_flight(0).await;
    assert_eq!(proxy.get(&url).await.cache_status(), "larder; hit; ttl=60");
    origin.only_request();
}

#[tokio::test]
async fn a_body_of_which_much_is_left_is_stopped_and_not_stored() {
    let origin = Origin::start().await;
    let proxy = Proxy::with(|config| config.proxy.fill.finish_within = 1000).await;
    let pace = Gate::new();
    let long = Reply::cacheable(60, "").pattern(LENGTH).paced(&pace, PIECE);
    origin.script("/a", [long, Reply::cacheable(60, "again")]);
    let url = origin.url("/a");

    read_and_leave(&proxy, &url, &pace, 1).await;
    pace.open();
    origin.wait_for_closed(1).await;
    proxy.wait_for_in_flight(0).await;
    assert!(origin.body_bytes_sent() < LENGTH);
    assert_eq!(proxy.usage().responses, 0);
    let again = proxy.get(&url).await;
    assert_eq!((again.text(), again.cache_status()), ("again", super::LED));
    origin.wait_for_requests(2).await;
}

#[tokio::test]
async fn a_body_of_unknown_length_is_stopped() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let pace = Gate::new();
    let long = Reply::cacheable(60, "").chunked().pattern(LENGTH).paced(&pace, PIECE);
    origin.route("/a", long);

    read_and_leave(&proxy, &origin.url("/a"), &pace, 1).await;
    pace.open();
    origin.wait_for_closed(1).await;
    proxy.wait_for_in_flight(0).await;
    assert_eq!(proxy.usage().responses, 0);
}

#[tokio::test]
async fn as_long_as_one_reads_the_fill_goes_on() {
    let origin = Origin::start().await;
    let proxy = Proxy::with(|config| config.proxy.fill.finish_within = 0).await;
    let pace = Gate::new();
    let length = 8 * PIECE;
    origin.route("/a", Reply::cacheable(60, "").pattern(length as u64).paced(&pace, PIECE));
    let url = origin.url("/a");

    let stays = proxy.ask(&url);
    proxy.wait_for_in_flight(1).await;
    read_and_leave(&proxy, &url, &pace, 1).await;
    read_and_leave(&proxy, &url, &pace, 0).await;
    pace.open();
    assert_eq!(stays.response().await.body.len(), length);
    origin.only_request();
    assert_eq!(proxy.usage().responses, 1);
}

#[tokio::test]
async fn an_unstorable_body_ends_with_its_client() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let pace = Gate::new();
    let reply = Reply::ok("").field("Cache-Control", "no-store").pattern(LENGTH);
    origin.route("/a", reply.paced(&pace, PIECE));

    read_and_leave(&proxy, &origin.url("/a"), &pace, 1).await;
    pace.open();
    origin.wait_for_closed(1).await;
    assert!(origin.body_bytes_sent() < LENGTH);
}

#[tokio::test]
async fn a_drain_lets_a_fill_finish_that_nobody_reads_any_more() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let pace = Gate::new();
    let length = 4 * PIECE as u64;
    origin.route("/a", Reply::cacheable(60, "").pattern(length).paced(&pace, PIECE));

    read_and_leave(&proxy, &origin.url("/a"), &pace, 1).await;
    // The second piece tells that the client has gone.
    pace.pass(1);
    pace.reached(3).await;
    let mut stopped = tokio::spawn(proxy.stop());
    not_yet("it stopped although a fill was under way", &mut stopped).await;
    pace.open();
    stopped.await.unwrap();
    assert_eq!(origin.body_bytes_sent(), length);
}

#[tokio::test]
async fn a_drain_lets_a_fetch_and_all_who_wait_for_it_finish() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let (head, body) = (Gate::new(), Gate::new());
    origin.route("/a", Reply::cacheable(60, "hello").after(&head).body_after(&body));
    let clients = [(); 3].map(|()| proxy.ask(&origin.url("/a")));
    head.reached(1).await;
    proxy.wait_for_in_flight(3).await;
    let mut stopped = tokio::spawn(proxy.stop());
    not_yet("it stopped although requests were in flight", &mut stopped).await;
    head.open();
    body.open();
    for client in clients {
        assert_eq!(client.response().await.text(), "hello");
    }
    stopped.await.unwrap();
    origin.only_request();
}

#[tokio::test]
async fn a_small_response_whose_client_left_before_its_head_came_is_stored() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let head = Gate::new();
    origin.route("/a", Reply::cacheable(60, "hello").after(&head));
    let url = origin.url("/a");
    let mut client = proxy.client().await;
    client.send(request("GET", &url, &[])).await;
    head.reached(1).await;
    client.reset();
    head.open();
    proxy.wait_for_in_flight(0).await;
    let again = proxy.get(&url).await;
    assert!(!again.cache_status().ends_with("stored"), "{}", again.cache_status());
    assert_eq!(again.text(), "hello");
    origin.only_request();
}

#[tokio::test]
async fn a_follower_that_leaves_disturbs_nobody() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let (head, body) = (Gate::new(), Gate::new());
    origin.route("/a", Reply::cacheable(60, "hello").after(&head).body_after(&body));
    let url = origin.url("/a");
    let leader = proxy.ask(&url);
    head.reached(1).await;
    let mut leaves = proxy.client().await;
    leaves.send(request("GET", &url, &[])).await;
    let stays = proxy.ask(&url);
    proxy.wait_for_in_flight(3).await;
    leaves.reset();
    head.open();
    body.open();
    for client in [leader, stays] {
        assert_eq!(client.response().await.text(), "hello");
    }
    origin.only_request();
    assert_eq!(proxy.usage().responses, 1);
}
