//! Happy eyeballs (RFC 8305): one address after the other with a stagger, the first that answers wins.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

/// How long an attempt may take before the next one starts beside it (RFC 8305 §5).
const STAGGER: Duration = Duration::from_millis(250);

/// Why none of the addresses could be connected to.
#[derive(Debug)]
pub(super) enum ConnectFailure {
    /// The first address that failed outright, and how.
    Refused { address: SocketAddr, kind: io::ErrorKind },
    /// Nobody answered within this time.
    Timeout(Duration),
}

type Attempt<'a> = Pin<Box<dyn Future<Output = (usize, io::Result<TcpStream>)> + Send + 'a>>;

/// Connects to the first of `addresses` that answers, with its index; `each` bounds one attempt and
/// `total` all of them. Losing attempts are dropped, which closes their sockets.
pub(super) async fn connect(
    addresses: &[SocketAddr],
    each: Duration,
    total: Duration,
) -> Result<(usize, TcpStream), ConnectFailure> {
    match timeout(total, race(addresses, each)).await {
        Ok(outcome) => outcome,
        Err(_elapsed) => Err(ConnectFailure::Timeout(total)),
    }
}

async fn race(
    addresses: &[SocketAddr],
    each: Duration,
) -> Result<(usize, TcpStream), ConnectFailure> {
    let mut waiting = addresses.iter().copied().enumerate();
    let mut running: Vec<Attempt<'_>> = Vec::with_capacity(addresses.len());
    let mut failure = ConnectFailure::Timeout(each);
    loop {
        if let Some((index, address)) = waiting.next() {
            running.push(Box::pin(async move { (index, dial(address, each).await) }));
        } else if running.is_empty() {
            return Err(failure);
        }
        let more = waiting.len() > 0;
        let stagger = Instant::now() + STAGGER;
        // One turn ends when an attempt failed or the stagger is over: then the next may start.
        loop {
            tokio::select! {
                biased;
                (index, outcome) = first(&mut running) => match outcome {
                    Ok(stream) => return Ok((index, stream)),
                    Err(error) => {
                        note(&mut failure, addresses.get(index), &error);
                        if more || running.is_empty() {
                            break;
                        }
                    }
                },
                () = sleep_until(stagger), if more => break,
            }
        }
    }
}

/// One attempt, bounded.
async fn dial(address: SocketAddr, limit: Duration) -> io::Result<TcpStream> {
    let stream = timeout(limit, TcpStream::connect(address))
        .await
        .unwrap_or_else(|_elapsed| Err(io::ErrorKind::TimedOut.into()))?;
    // Heads and bodies are written in whole pieces: waiting for more would only delay them.
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The first attempt that ends; it is removed.
async fn first(running: &mut Vec<Attempt<'_>>) -> (usize, io::Result<TcpStream>) {
    poll_fn(|cx| {
        for place in 0..running.len() {
            if let Some(attempt) = running.get_mut(place)
                && let Poll::Ready(outcome) = attempt.as_mut().poll(cx)
            {
                drop(running.swap_remove(place));
                return Poll::Ready(outcome);
            }
        }
        Poll::Pending
    })
    .await
}

/// The first outright failure is the one to report: it names a cause, a timeout does not.
fn note(failure: &mut ConnectFailure, address: Option<&SocketAddr>, error: &io::Error) {
    if let (ConnectFailure::Timeout(_), Some(address)) = (&*failure, address)
        && error.kind() != io::ErrorKind::TimedOut
    {
        *failure = ConnectFailure::Refused { address: *address, kind: error.kind() };
    }
}
