//! Connecting: several addresses, refusals, tunnels.

use std::future::{Ready, ready};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::support::*;
use crate::http::{Scheme, TargetUri};
use crate::net::Scope;
use crate::upstream::connect::{Candidate, ConnectFailure, More, connect};
use crate::upstream::{Config, DeniedReason, UpstreamError};

const LIMIT: Duration = Duration::from_secs(10);

/// An address that answers nothing: the queue of its listener is full.
struct Silent {
    address: SocketAddr,
    _listener: Socket,
    _queued: Vec<Socket>,
}

fn silent() -> Silent {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let queued = (0..4)
        .map(|_| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            // In progress, or refused by the full queue: both are what is wanted.
            drop(socket.connect(&address));
            socket
        })
        .collect();
    Silent { address: address.as_socket().unwrap(), _listener: listener, _queued: queued }
}

/// An address where nobody listens.
async fn dead() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    listener.local_addr().unwrap()
}

fn candidates(addresses: &[SocketAddr]) -> Vec<Candidate> {
    addresses.iter().map(|&address| Candidate { address, scope: Scope::Loopback }).collect()
}

/// Nothing comes later.
fn nothing() -> Option<Ready<More>> {
    None
}

#[tokio::test]
async fn a_dead_first_address_does_not_matter() {
    let alive = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let addresses = [dead().await, dead().await, alive.local_addr().unwrap()];
    let race = connect(candidates(&addresses), nothing(), LIMIT, LIMIT);
    assert_eq!(soon(race).await.unwrap().0.address, addresses[2]);
}

#[tokio::test]
async fn a_silent_first_address_costs_one_stagger() {
    let silent = silent();
    let alive = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let addresses = [silent.address, alive.local_addr().unwrap()];
    // A limit per address far above the deadline: only the stagger can start the second.
    let limit = Duration::from_secs(100);
    let race = connect(candidates(&addresses), nothing(), limit, limit);
    assert_eq!(soon(race).await.unwrap().0.address, addresses[1]);
}

#[tokio::test]
async fn silence_everywhere_is_a_timeout_and_a_refusal_names_the_address() {
    let silent = silent();
    let limit = Duration::from_millis(50);
    let race = |addresses: &[SocketAddr], each, total| {
        soon(connect(candidates(addresses), nothing(), each, total))
    };
    let failure = race(&[silent.address], limit, LIMIT).await.unwrap_err();
    assert!(matches!(failure, ConnectFailure::Timeout(waited) if waited == limit), "{failure:?}");
    let failure = race(&[silent.address], LIMIT, limit).await.unwrap_err();
    assert!(matches!(failure, ConnectFailure::Timeout(waited) if waited == limit), "{failure:?}");
    let refused = dead().await;
    let failure = race(&[silent.address, refused], limit, LIMIT).await.unwrap_err();
    let ConnectFailure::Refused { address, kind } = failure else { panic!("{failure:?}") };
    assert_eq!((address, kind), (refused, io::ErrorKind::ConnectionRefused));
}

#[tokio::test]
async fn an_address_that_comes_late_joins_the_race() {
    let (silent, refused) = (silent(), dead().await);
    let alive = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let alive = alive.local_addr().unwrap();
    let limit = Duration::from_secs(100);
    // Those before it are refused, or are silent.
    for early in [vec![refused], vec![silent.address], vec![silent.address, refused, refused]] {
        let (tell, told) = oneshot::channel::<Vec<Candidate>>();
        let late = Box::pin(async { Ok(told.await.unwrap()) });
        let mut race = pin!(connect(candidates(&early), Some(late), limit, limit));
        assert!(tokio::time::timeout(GLANCE, race.as_mut()).await.is_err(), "{early:?}");
        tell.send(candidates(&[alive])).unwrap();
        assert_eq!(soon(race).await.unwrap().0.address, alive, "{early:?}");
    }
    // Nothing comes after all.
    let race = connect(candidates(&[refused]), Some(ready(Ok(Vec::new()))), limit, limit);
    let failure = soon(race).await.unwrap_err();
    assert!(matches!(failure, ConnectFailure::Refused { .. }), "{failure:?}");
}

#[tokio::test]
async fn a_refused_connection_is_said_in_one_sentence() {
    let address = dead().await;
    let target = TargetUri::new(Scheme::Http, "localhost", address.port(), "/");
    let error = get(&target).send(&upstream(&config())).await.unwrap_err();
    let said = error.to_string();
    let host = target.authority();
    assert_eq!(said, format!("cannot connect to {host} ({address}): connection refused"));
}

#[tokio::test]
async fn localhost_reaches_either_family() {
    let origin = Origin::start(Peer::answer_all).await;
    for host in ["localhost", "app.localhost", "LOCALHOST", "localhost.", "127.0.0.1"] {
        let target = TargetUri::new(Scheme::Http, host, origin.address.port(), "/");
        let reply = get(&target).send(&upstream(&config())).await.unwrap();
        assert_eq!(reply.peer, origin.address, "{host}");
        assert_eq!(reply.whence, Scope::Loopback.into(), "{host}");
    }
}

#[tokio::test]
async fn our_own_listener_is_refused_to_everybody() {
    let origin = Origin::start(Peer::answer_all).await;
    let upstream = upstream(&config());
    upstream.own_listeners(vec![origin.address]);
    for host in ["localhost", "127.0.0.1"] {
        let target = TargetUri::new(Scheme::Http, host, origin.address.port(), "/");
        let error = get(&target).send(&upstream).await.unwrap_err();
        let UpstreamError::Denied { why, .. } = error else { panic!("{error}") };
        assert_eq!(why, DeniedReason::Myself);
    }
    assert_eq!(origin.connections(), 0);
}

#[tokio::test]
async fn a_tunnel_is_dialled_by_the_same_rules() {
    let origin = Origin::start(|mut peer| async move { peer.send("hello").await }).await;
    let upstream = upstream(&Config { connections_per_origin: 1, ..config() });
    let port = origin.address.port();
    let (mut stream, scope, peer) = soon(upstream.dial("localhost", port, &NEAR)).await.unwrap();
    assert_eq!((scope, peer), (Scope::Loopback, origin.address));
    let mut said = String::new();
    soon(stream.read_to_string(&mut said)).await.unwrap();
    assert_eq!(said, "hello");
    let error = soon(upstream.dial("[::ffff:127.0.0.1]", port, &FAR)).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Denied { .. }), "{error}");
}
