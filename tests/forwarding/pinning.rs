//! Connections that authenticate (NTLM, Negotiate): they speak for one client and for nobody else.

use crate::support::client::Client;
use crate::support::origin::{Origin, Received, Reply};
use crate::support::proxy::Proxy;

/// Asks every connection once for its proof, and then knows who it is.
async fn authenticating(scheme: &'static str, answer: fn() -> Reply) -> Origin {
    let origin = Origin::start().await;
    let proven = std::sync::Mutex::new(std::collections::HashSet::new());
    origin.route_with("/a", move |seen: &Received| {
        let mut proven = proven.lock().unwrap();
        if seen.field("authorization").is_some_and(|proof| proof.starts_with(scheme)) {
            proven.insert(seen.connection);
        }
        if !proven.contains(&seen.connection) {
            let challenge = Reply::new(401).field("WWW-Authenticate", "Basic realm=\"x\"");
            return challenge.field("WWW-Authenticate", scheme).body("who are you?");
        }
        answer().body(format!("for connection {}", seen.connection))
    });
    origin.route("/b", Reply::ok("public"));
    origin
}

async fn authenticate(client: &mut Client, origin: &Origin, scheme: &str) -> String {
    let url = origin.url("/a");
    assert_eq!(client.get(&url).await.status, 401);
    let proof = format!("{scheme} TlRMTVNTUAAD");
    let response = client.get_with(&url, &[("Authorization", &proof)]).await;
    assert_eq!(response.status, 200);
    response.text().to_owned()
}

#[tokio::test]
async fn a_connection_that_authenticated_serves_its_client_and_nobody_else() {
    for scheme in ["NTLM", "Negotiate"] {
        let origin = authenticating(scheme, || Reply::new(200)).await;
        let proxy = Proxy::start().await;
        let (mut one, mut other) = (proxy.client().await, proxy.client().await);
        assert_eq!(authenticate(&mut one, &origin, scheme).await, "for connection 0");
        // The connection is what is known: the field need not come again.
        assert_eq!(one.get(&origin.url("/a")).await.text(), "for connection 0");

        assert_eq!(other.get(&origin.url("/a")).await.status, 401);
        assert_eq!(other.get(&origin.url("/b")).await.text(), "public");
        assert_eq!(proxy.get(&origin.url("/a")).await.status, 401);
        assert_eq!(authenticate(&mut other, &origin, scheme).await, "for connection 1");
        assert_eq!(one.get(&origin.url("/a")).await.text(), "for connection 0");
        assert_eq!(one.post(&origin.url("/a"), "up").await.text(), "for connection 0");
        let strangers = |seen: &Received| seen.connection == 0 && seen.target == "/b";
        assert!(!origin.requests().iter().any(strangers));
    }
}

#[tokio::test]
async fn it_is_closed_with_its_client() {
    let origin = authenticating("NTLM", || Reply::new(200)).await;
    let proxy = Proxy::start().await;
    let mut client = proxy.client().await;
    authenticate(&mut client, &origin, "NTLM").await;
    assert_eq!(origin.open_connections(), 1);
    drop(client);
    origin.wait_for_closed(1).await;
    assert_eq!(proxy.get(&origin.url("/a")).await.status, 401);
    assert_eq!(origin.requests().last().unwrap().connection, 1);
}

#[tokio::test]
async fn what_came_over_it_is_neither_stored_nor_shared() {
    // The answer allows everything: it does not know who else is behind the proxy.
    let answer = || Reply::new(200).field("Cache-Control", "max-age=60");
    let origin = authenticating("NTLM", answer).await;
    let proxy = Proxy::start().await;
    let mut client = proxy.client().await;
    authenticate(&mut client, &origin, "NTLM").await;
    let response = client.get(&origin.url("/a")).await;
    assert_eq!(response.text(), "for connection 0");
    assert_eq!(response.cache_status(), "larder; fwd=uri-miss; detail=authorization");
    assert_eq!(proxy.get(&origin.url("/a")).await.status, 401, "a stranger was given it");
}

#[tokio::test]
async fn a_proof_takes_a_connection_out_of_the_pool_and_so_does_a_challenge() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/b", Reply::ok("public"));
    origin.route("/challenge", Reply::new(407).field("Proxy-Authenticate", "Basic, NTLM"));
    let urls = ["/b", "/challenge"].map(|path| origin.url(path));
    let mut clients = Vec::new();
    for (url, fields) in
        [(&urls[0], &[("Authorization", "Negotiate YIIB")][..]), (&urls[1], &[]), (&urls[0], &[])]
    {
        let mut client = proxy.client().await;
        // This one goes over whatever rests in the pool.
        client.get(&urls[0]).await;
        client.get_with(url, fields).await;
        clients.push(client);
    }
    let seen = origin.wait_for_requests(6).await;
    let places: Vec<_> = seen.iter().map(|request| request.connection).collect();
    assert_eq!(places, [0, 0, 1, 1, 2, 2]);
}

#[tokio::test]
async fn basic_authentication_pins_nothing() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::ok("hello").field("WWW-Authenticate", "Basic realm=\"NTLM\""));
    for proof in ["Basic bWU6c2VjcmV0", "Bearer NTLM"] {
        let mut client = proxy.client().await;
        client.get_with(&origin.url("/a"), &[("Authorization", proof)]).await;
        drop(client);
    }
    proxy.get(&origin.url("/a")).await;
    assert_eq!(origin.connections(), 1);
}
