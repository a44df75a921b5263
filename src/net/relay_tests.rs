use std::future::pending;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;

const SOON: Duration = Duration::from_secs(10);
const LONG: RelayLimits =
    RelayLimits { idle: Duration::from_secs(300), lifetime: Duration::from_secs(86_400) };

/// The two outer ends of a running relay.
struct Running {
    client: DuplexStream,
    origin: DuplexStream,
    end: JoinHandle<RelayEnd>,
    counts: Arc<RelayCounts>,
}

fn running(limits: RelayLimits, stop: impl Future<Output = ()> + Send + 'static) -> Running {
    let (client, a) = duplex(1024);
    let (origin, b) = duplex(1024);
    let counts = Arc::new(RelayCounts::default());
    let end = tokio::spawn({
        let counts = Arc::clone(&counts);
        async move { relay(a, b, limits, stop, &counts).await }
    });
    Running { client, origin, end, counts }
}

impl Running {
    async fn end(self) -> RelayEnd {
        timeout(SOON, self.end).await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn bytes_go_both_ways_and_each_direction_closes_on_its_own() {
    let mut relay = running(LONG, pending());
    relay.client.write_all(b"question").await.unwrap();
    relay.client.shutdown().await.unwrap();
    let mut asked = String::new();
    relay.origin.read_to_string(&mut asked).await.unwrap();
    assert_eq!(asked, "question");
    // The client has closed its side; the answer still arrives.
    relay.origin.write_all(b"the answer").await.unwrap();
    relay.origin.shutdown().await.unwrap();
    let mut answer = String::new();
    relay.client.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "the answer");
    assert_eq!(relay.counts.down.load(Ordering::Relaxed), 10);
    assert_eq!(relay.end().await, RelayEnd { up: 8, down: 10, why: RelayClose::Finished });
}

#[tokio::test]
async fn a_mebibyte_arrives_whole_in_both_directions_at_once() {
    let relay = running(LONG, pending());
    let bytes: Vec<u8> = (0..1_u32 << 20).map(|n| (n % 251) as u8).collect();
    let (client_read, mut client_write) = tokio::io::split(relay.client);
    let (origin_read, mut origin_write) = tokio::io::split(relay.origin);
    let read = async |mut from: tokio::io::ReadHalf<DuplexStream>| {
        let mut all = Vec::new();
        from.read_to_end(&mut all).await.unwrap();
        all
    };
    let (.., down, up) = timeout(SOON, async {
        tokio::join!(
            async {
                client_write.write_all(&bytes).await.unwrap();
                client_write.shutdown().await.unwrap();
            },
            async {
                origin_write.write_all(&bytes).await.unwrap();
                origin_write.shutdown().await.unwrap();
            },
            read(client_read),
            read(origin_read)
        )
    })
    .await
    .unwrap();
    assert!(up == bytes && down == bytes);
    let end = timeout(SOON, relay.end).await.unwrap().unwrap();
    assert_eq!(end, RelayEnd { up: 1 << 20, down: 1 << 20, why: RelayClose::Finished });
}

#[tokio::test]
async fn a_quiet_relay_is_closed_with_what_it_has_moved() {
    let limits = RelayLimits { idle: Duration::from_millis(50), ..LONG };
    let mut relay = running(limits, pending());
    relay.origin.write_all(b"x").await.unwrap();
    let mut byte = [0];
    relay.client.read_exact(&mut byte).await.unwrap();
    let Running { client: _client, origin: _origin, end, .. } = relay;
    let end = timeout(SOON, end).await.unwrap().unwrap();
    assert_eq!(end, RelayEnd { up: 0, down: 1, why: RelayClose::Idle });
}

#[tokio::test]
async fn a_relay_has_a_lifetime_however_busy_it_is() {
    let limits = RelayLimits { lifetime: Duration::from_millis(100), ..LONG };
    let mut relay = running(limits, pending());
    let mut byte = [0];
    let busy = async {
        while relay.client.write_all(b"x").await.is_ok() {
            if relay.origin.read_exact(&mut byte).await.is_err() {
                break;
            }
        }
    };
    timeout(SOON, busy).await.unwrap();
    let end = timeout(SOON, relay.end).await.unwrap().unwrap();
    assert_eq!(end.why, RelayClose::Lifetime);
    assert!(end.up > 0);
}

#[tokio::test]
async fn stop_ends_it() {
    let (stop, stopped) = oneshot::channel::<()>();
    let mut relay = running(LONG, async move { drop(stopped.await) });
    relay.client.write_all(b"abc").await.unwrap();
    let mut got = [0; 3];
    relay.origin.read_exact(&mut got).await.unwrap();
    stop.send(()).unwrap();
    assert_eq!(relay.end().await, RelayEnd { up: 3, down: 0, why: RelayClose::Stopped });
}

#[tokio::test]
async fn writing_to_a_side_that_is_gone_is_a_failure_with_its_kind() {
    let mut relay = running(LONG, pending());
    drop(relay.origin);
    relay.client.write_all(b"abc").await.unwrap();
    let end = timeout(SOON, relay.end).await.unwrap().unwrap();
    assert_eq!(end.why, RelayClose::Failed(io::ErrorKind::BrokenPipe));
}
