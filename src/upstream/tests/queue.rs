//! The cap on connections to one origin, and the queue in front of it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::support::*;
use crate::upstream::origin::Acquired;
use crate::upstream::{Config, Upstream, UpstreamError};

/// An origin that answers a request for each permit.
async fn gated() -> (Origin, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let kept = Arc::clone(&gate);
    let origin = Origin::start(move |mut peer| {
        let gate = Arc::clone(&kept);
        async move {
            while let Some(head) = peer.head().await {
                gate.acquire().await.unwrap().forget();
                let name = head.split(' ').nth(1).unwrap().to_owned();
                let length = name.len();
                peer.send(&format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{name}"))
                    .await;
            }
        }
    })
    .await;
    (origin, gate)
}

fn at(origin: &Origin, path: &str) -> Ask<'static> {
    let address = origin.address;
    let target = crate::http::TargetUri::new(
        crate::http::Scheme::Http,
        &address.ip().to_string(),
        address.port(),
        path,
    );
    get(&target)
}

fn name(origin: &Origin) -> String {
    origin.target().as_str().trim_end_matches('/').to_owned()
}

/// Sends in a task, and says which request was answered.
fn start(
    upstream: &Arc<Upstream>,
    ask: Ask<'static>,
    order: &tokio::sync::mpsc::UnboundedSender<String>,
) -> tokio::task::JoinHandle<()> {
    let (upstream, order) = (Arc::clone(upstream), order.clone());
    tokio::spawn(async move {
        let (text, _) = ask.text(&upstream).await;
        order.send(text).unwrap();
    })
}

#[tokio::test]
async fn requests_above_the_cap_wait_and_are_served_in_order() {
    let (origin, gate) = gated().await;
    let upstream = Arc::new(upstream(&Config { connections_per_origin: 1, ..config() }));
    let (order, mut served) = tokio::sync::mpsc::unbounded_channel();
    let pool = upstream.pool.origin(&name(&origin));
    start(&upstream, at(&origin, "/0"), &order);
    until(|| pool.open() == 1).await;
    for turn in 1..5 {
        start(&upstream, at(&origin, &format!("/{turn}")), &order);
        until(|| pool.waiting() == turn).await;
    }
    gate.add_permits(5);
    for turn in 0..5 {
        assert_eq!(soon(served.recv()).await.unwrap(), format!("/{turn}"));
    }
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn a_place_goes_to_the_queue_when_a_connection_dies() {
    let origin = Origin::start(|mut peer| async move {
        peer.head().await;
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n").await;
        if peer.number > 0 {
            peer.send("ok").await;
        }
        peer.head().await;
    })
    .await;
    let upstream = Arc::new(upstream(&Config { connections_per_origin: 1, ..config() }));
    let (order, mut served) = tokio::sync::mpsc::unbounded_channel();
    let pool = upstream.pool.origin(&name(&origin));
    let stuck = get(&origin.target()).send(&upstream).await.unwrap();
    start(&upstream, get(&origin.target()), &order);
    until(|| pool.waiting() == 1).await;
    drop(stuck);
    assert_eq!(soon(served.recv()).await.unwrap(), "ok");
    assert_eq!(origin.connections(), 2);
}

#[tokio::test]
async fn a_waiter_that_left_holds_nobody_up() {
    let (origin, gate) = gated().await;
    let upstream = Arc::new(upstream(&Config { connections_per_origin: 1, ..config() }));
    let (order, mut served) = tokio::sync::mpsc::unbounded_channel();
    let pool = upstream.pool.origin(&name(&origin));
    start(&upstream, at(&origin, "/0"), &order);
    until(|| pool.open() == 1).await;
    let gone = start(&upstream, at(&origin, "/gone"), &order);
    until(|| pool.waiting() == 1).await;
    start(&upstream, at(&origin, "/2"), &order);
    until(|| pool.waiting() == 2).await;
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    gate.add_permits(2);
    assert_eq!(soon(served.recv()).await.unwrap(), "/0");
    assert_eq!(soon(served.recv()).await.unwrap(), "/2");
}

#[tokio::test]
async fn a_full_queue_and_a_long_wait_are_errors() {
    let (origin, _gate) = gated().await;
    let upstream = Arc::new(upstream(&Config {
        connections_per_origin: 1,
        queue_per_origin: 1,
        queue_wait: Duration::from_millis(100),
        ..config()
    }));
    let pool = upstream.pool.origin(&name(&origin));
    let (order, _served) = tokio::sync::mpsc::unbounded_channel();
    let first = start(&upstream, at(&origin, "/0"), &order);
    until(|| pool.open() == 1).await;
    let second = tokio::spawn({
        let (upstream, ask) = (Arc::clone(&upstream), at(&origin, "/1"));
        async move { ask.send(&upstream).await.map(drop) }
    });
    until(|| pool.waiting() == 1).await;
    let error = at(&origin, "/2").send(&upstream).await.unwrap_err();
    assert!(matches!(error, UpstreamError::QueueFull { .. }), "{error}");
    let error = second.await.unwrap().unwrap_err();
    assert!(matches!(error, UpstreamError::QueueTimeout { .. }), "{error}");
    first.abort();
}

#[tokio::test]
async fn only_so_many_connections_rest() {
    let (origin, gate) = gated().await;
    for (config, resting) in
        [(Config { idle_per_origin: 2, ..config() }, 2), (Config { idle_total: 1, ..config() }, 1)]
    {
        let upstream = Arc::new(upstream(&config));
        let pool = upstream.pool.origin(&name(&origin));
        let (order, mut served) = tokio::sync::mpsc::unbounded_channel();
        for turn in 0..4 {
            start(&upstream, at(&origin, &format!("/{turn}")), &order);
        }
        until(|| pool.open() == 4).await;
        gate.add_permits(4);
        for _ in 0..4 {
            soon(served.recv()).await.unwrap();
        }
        until(|| pool.open() == resting).await;
        assert_eq!(pool.resting(), resting);
    }
}

#[tokio::test]
async fn an_origin_without_connections_is_forgotten() {
    let origin = Origin::start(Peer::answer_all).await;
    let upstream = upstream(&Config { idle_wait: Duration::from_millis(40), ..config() });
    get(&origin.target()).text(&upstream).await;
    assert_eq!(upstream.pool.origins(), 1);
    until(|| upstream.pool.origins() == 0).await;
}

#[tokio::test]
async fn a_connection_that_the_first_in_the_queue_may_not_use_makes_room_for_one_that_it_may() {
    for (reach, fresh) in [(NEAR, true), (FAR, false)] {
        let (origin, gate) = gated().await;
        let upstream = upstream(&Config { connections_per_origin: 1, ..config() });
        let pool = upstream.pool.origin(&name(&origin));
        let (text, acquired) = tokio::join!(at(&origin, "/0").text(&upstream), async {
            until(|| pool.open() == 1).await;
            let waiting = pool.acquire(&reach, fresh);
            gate.add_permits(1);
            soon(waiting).await.unwrap()
        });
        assert_eq!(text.0, "/0");
        assert!(matches!(acquired, Acquired::Dial(_)));
        drop(acquired);
        assert_eq!((pool.open(), pool.resting()), (0, 0));
    }
}

#[tokio::test]
async fn an_idle_connection_that_a_request_may_not_use_makes_room_at_the_cap() {
    for (reach, fresh) in [(NEAR, true), (FAR, false)] {
        let origin = Origin::start(Peer::answer_all).await;
        let upstream = upstream(&Config { connections_per_origin: 1, ..config() });
        get(&origin.target()).text(&upstream).await;
        let pool = upstream.pool.origin(&name(&origin));
        let acquired = soon(pool.acquire(&reach, fresh)).await.unwrap();
        assert!(matches!(acquired, Acquired::Dial(_)));
    }
}
