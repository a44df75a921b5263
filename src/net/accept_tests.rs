use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::*;

const SOON: Duration = Duration::from_secs(10);

fn os(errno: Errno) -> io::Error {
    io::Error::from_raw_os_error(errno as i32)
}

#[test]
fn running_out_of_descriptors_backs_off_from_10_to_500_ms() {
    for errno in [Errno::EMFILE, Errno::ENFILE, Errno::ENOBUFS, Errno::ENOMEM] {
        let mut pause = None;
        let mut pauses = Vec::new();
        for _ in 0..8 {
            let Retry::After(wait) = after_error(&os(errno), pause) else {
                panic!("{errno} must wait")
            };
            pauses.push(wait.as_millis());
            pause = Some(wait);
        }
        assert_eq!(pauses, [10, 20, 40, 80, 160, 320, 500, 500]);
    }
}

#[test]
fn a_connection_that_was_gone_before_it_was_accepted_stops_nobody() {
    for errno in [Errno::ECONNABORTED, Errno::ECONNRESET, Errno::EINTR, Errno::EPROTO] {
        assert_eq!(after_error(&os(errno), None), Retry::AtOnce);
    }
    assert_eq!(
        after_error(&os(Errno::ECONNABORTED), Some(FIRST_PAUSE)),
        Retry::After(FIRST_PAUSE * 2)
    );
}

#[test]
fn an_unknown_error_never_spins() {
    assert_eq!(after_error(&io::Error::other("?"), None), Retry::After(FIRST_PAUSE));
}

fn permit(gate: &Gate) -> OwnedSemaphorePermit {
    Arc::clone(&gate.permits).try_acquire_owned().unwrap()
}

#[test]
fn one_address_gets_its_share_and_loopback_as_many_as_there_are() {
    let gate = Gate::new(10, 2);
    let far: IpAddr = "192.0.2.7".parse().unwrap();
    let mapped: IpAddr = "::ffff:192.0.2.7".parse().unwrap();
    let first = gate.seat(far, permit(&gate)).unwrap();
    let _second = gate.seat(mapped, permit(&gate)).unwrap();
    assert!(gate.seat(far, permit(&gate)).is_none());
    assert!(gate.seat("192.0.2.8".parse().unwrap(), permit(&gate)).is_some());
    drop(first);
    assert!(gate.seat(far, permit(&gate)).is_some());
    let near: Vec<_> =
        (0..5).map(|_| gate.seat("127.0.0.1".parse().unwrap(), permit(&gate))).collect();
    assert!(near.iter().all(Option::is_some));
}

#[test]
fn an_address_without_connections_is_forgotten() {
    let gate = Gate::new(10, 2);
    drop(gate.seat("192.0.2.7".parse().unwrap(), permit(&gate)));
    assert!(gate.clients.lock().is_empty());
}

#[tokio::test]
async fn no_more_connections_than_permits_are_accepted_and_stop_closes_the_listener() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let (accepted, mut got) = mpsc::unbounded_channel();
    let looping = tokio::spawn(accept_loop(
        listener,
        Arc::new(Gate::new(1, 1)),
        async move { drop(stopped.await) },
        move |connection| accepted.send(connection).unwrap(),
    ));
    let client = TcpStream::connect(address).await.unwrap();
    let _waiting = TcpStream::connect(address).await.unwrap();
    let first = timeout(SOON, got.recv()).await.unwrap().unwrap();
    assert_eq!(first.client, client.local_addr().unwrap());
    assert_eq!(first.local, address);
    assert!(first.stream.nodelay().unwrap());
    tokio::task::yield_now().await;
    assert!(got.try_recv().is_err(), "there was one permit");
    drop(first);
    timeout(SOON, got.recv()).await.unwrap().unwrap();
    stop.send(()).unwrap();
    timeout(SOON, looping).await.unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}
