//! Happy eyeballs (RFC 8305): one address after the other with a stagger, the first that answers wins.

use std::collections::VecDeque;
use std::future::{pending, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

use super::address::DeniedReason;
use super::late::Late;
use crate::net::Scope;

/// How long an attempt may take before the next one starts beside it (RFC 8305 §5).
const STAGGER: Duration = Duration::from_millis(250);

/// An address that may be dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) address: SocketAddr,
    pub(super) scope: Scope,
}

/// Why none of the addresses could be connected to.
#[derive(Debug)]
pub(super) enum ConnectFailure {
    /// The first address that failed outright, and how.
    Refused { address: SocketAddr, kind: io::ErrorKind },
    /// Nobody answered within this time.
    Timeout(Duration),
    /// This address must not be dialled, nor any other of its host.
    Denied { address: SocketAddr, why: DeniedReason },
}

/// What comes of the addresses that are still being looked up.
pub(super) type More = Result<Vec<Candidate>, ConnectFailure>;

type Attempt = Pin<Box<dyn Future<Output = (Candidate, io::Result<TcpStream>)> + Send>>;

/// Connects to the first of `candidates` that answers; those of `late` join them when they come.
/// `each` bounds one attempt and `total` all of them. Losing attempts are dropped, which closes their
/// sockets.
pub(super) async fn connect(
    candidates: Vec<Candidate>,
    late: Option<impl Future<Output = More> + Unpin>,
    each: Duration,
    total: Duration,
) -> Result<(Candidate, TcpStream), ConnectFailure> {
    match timeout(total, race(candidates.into(), late, each)).await {
        Ok(outcome) => outcome,
        Err(_elapsed) => Err(ConnectFailure::Timeout(total)),
    }
}

/// Sees a look-up through that the race did not need: the next one finds the answer. It ends with the
/// wait for name servers, and there are only so many.
pub(super) fn remember(late: Late) {
    if let Some(rest) = late.rest() {
        // Owner: the resolver, which bounds their number and their time.
        tokio::spawn(rest);
    }
}

async fn race(
    mut waiting: VecDeque<Candidate>,
    mut late: Option<impl Future<Output = More> + Unpin>,
    each: Duration,
) -> Result<(Candidate, TcpStream), ConnectFailure> {
    let mut running: Vec<Attempt> = Vec::with_capacity(waiting.len());
    let mut failure = ConnectFailure::Timeout(each);
    let mut turn = Instant::now();
    loop {
        if turn <= Instant::now()
            && let Some(candidate) = waiting.pop_front()
        {
            running.push(Box::pin(async move { (candidate, dial(candidate.address, each).await) }));
            turn = Instant::now() + STAGGER;
        }
        if running.is_empty() && waiting.is_empty() && late.is_none() {
            return Err(failure);
        }
        // The next may start when an attempt failed or the stagger is over.
        tokio::select! {
            biased;
            (candidate, outcome) = first(&mut running), if !running.is_empty() => match outcome {
                Ok(stream) => return Ok((candidate, stream)),
                Err(error) => {
                    note(&mut failure, candidate.address, &error);
                    turn = Instant::now();
                }
            },
            more = arrival(&mut late), if late.is_some() => {
                late = None;
                waiting = alternate(more?, waiting);
            }
            () = sleep_until(turn), if !waiting.is_empty() => {}
        }
    }
}

async fn arrival(late: &mut Option<impl Future<Output = More> + Unpin>) -> More {
    match late {
        Some(late) => late.await,
        None => pending().await,
    }
}

/// One of each in turn: what came late is of the family that has not been tried (RFC 8305 §4).
fn alternate(late: Vec<Candidate>, waiting: VecDeque<Candidate>) -> VecDeque<Candidate> {
    let (mut late, mut waiting) = (late.into_iter(), waiting.into_iter());
    let mut all = VecDeque::with_capacity(late.len() + waiting.len());
    while late.len() + waiting.len() > 0 {
        all.extend(late.next());
        all.extend(waiting.next());
    }
    all
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
async fn first(running: &mut Vec<Attempt>) -> (Candidate, io::Result<TcpStream>) {
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
fn note(failure: &mut ConnectFailure, address: SocketAddr, error: &io::Error) {
    if matches!(failure, ConnectFailure::Timeout(_)) && error.kind() != io::ErrorKind::TimedOut {
        *failure = ConnectFailure::Refused { address, kind: error.kind() };
    }
}
