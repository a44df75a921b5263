//! Connections that authenticate speak for one client.

use http_body_util::BodyExt;

use super::support::*;
use crate::net::ConnectionHandle;

/// Asks for a proof on every new connection, then answers with the connection's number.
async fn ntlm() -> Origin {
    Origin::start(|mut peer| async move {
        peer.head().await;
        let ask = "WWW-Authenticate: Basic realm=\"a\", NTLM\r\nContent-Length: 0\r\n\r\n";
        peer.send(&format!("HTTP/1.1 401 Unauthorized\r\n{ask}")).await;
        peer.answer_all().await;
    })
    .await
}

#[tokio::test]
async fn a_connection_that_authenticates_serves_only_its_client() {
    let origin = ntlm().await;
    let upstream = upstream(&config());
    let (one, other) = (client(), client());
    let first = get(&origin.target()).for_client(&one).send(&upstream).await.unwrap();
    assert_eq!(first.response.status(), 401);
    soon(first.response.into_body().collect()).await.unwrap();
    // Another client, and a fetch for several clients, get connections of their own.
    for stranger in [Some(&other), None] {
        let mut ask = get(&origin.target());
        ask.client = stranger;
        let reply = ask.send(&upstream).await.unwrap();
        assert_eq!((reply.response.status().as_u16(), reply.reused), (401, false));
    }
    for _ in 0..2 {
        let ask = get(&origin.target()).for_client(&one).field("authorization", "NTLM TlRM");
        assert_eq!(ask.text(&upstream).await, ("connection 0".to_owned(), true));
    }
    // Without the field too: the connection is what is authenticated.
    let ask = get(&origin.target()).for_client(&one);
    assert_eq!(ask.text(&upstream).await, ("connection 0".to_owned(), true));
}

#[tokio::test]
async fn a_pinned_connection_survives_a_visit_elsewhere_and_ends_with_its_client() {
    let origin = ntlm().await;
    let elsewhere = Origin::start(Peer::answer_all).await;
    let upstream = upstream(&config());
    let one: ConnectionHandle = client();
    let first = get(&origin.target()).for_client(&one).send(&upstream).await.unwrap();
    drop(first);
    get(&elsewhere.target()).for_client(&one).text(&upstream).await;
    let ask = get(&origin.target()).for_client(&one);
    assert_eq!(ask.text(&upstream).await, ("connection 0".to_owned(), true));
    let name = origin.target().as_str().trim_end_matches('/').to_owned();
    let pool = upstream.pool.origin(&name);
    assert_eq!((pool.open(), pool.resting()), (1, 0));
    drop(one);
    until(|| pool.open() == 0).await;
}

#[tokio::test]
async fn a_proof_sent_on_a_pooled_connection_takes_it_out_of_the_pool() {
    let origin = Origin::start(Peer::answer_all).await;
    let upstream = upstream(&config());
    get(&origin.target()).text(&upstream).await;
    let one = client();
    let ask = get(&origin.target()).for_client(&one).field("authorization", "Negotiate YII");
    assert_eq!(ask.text(&upstream).await, ("connection 0".to_owned(), true));
    assert_eq!(get(&origin.target()).text(&upstream).await.0, "connection 1");
    // For nobody in particular it is closed.
    let ask = get(&origin.target()).field("authorization", "Negotiate YII");
    assert_eq!(ask.text(&upstream).await.0, "connection 1");
    assert_eq!(get(&origin.target()).text(&upstream).await.0, "connection 2");
}
