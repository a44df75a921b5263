//! Bytes both ways between two streams, each direction closed on its own (RFC 9110 §9.3.6).

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep_until};

const SMALL: usize = 16 * 1024;
const LARGE: usize = 64 * 1024;

/// How long a relay may live.
#[derive(Clone, Copy, Debug)]
pub struct RelayLimits {
    /// Without a byte in either direction.
    pub idle: Duration,
    /// In all.
    pub lifetime: Duration,
}

/// Bytes relayed so far; may be read while the relay runs.
#[derive(Debug, Default)]
pub struct RelayCounts {
    /// From the first stream to the second.
    pub up: AtomicU64,
    /// From the second stream to the first.
    pub down: AtomicU64,
}

/// Why a relay ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayClose {
    /// Both sides closed.
    Finished,
    /// Nothing moved for [`RelayLimits::idle`].
    Idle,
    /// [`RelayLimits::lifetime`] is over.
    Lifetime,
    /// `stop` resolved.
    Stopped,
    /// Reading or writing failed.
    Failed(io::ErrorKind),
}

/// What a relay came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayEnd {
    /// Bytes written to the second stream.
    pub up: u64,
    /// Bytes written to the first stream.
    pub down: u64,
    /// Why it ended.
    pub why: RelayClose,
}

/// Relays `a` to `b` (up) and `b` to `a` (down) until both have closed, a limit is reached, or `stop`
/// resolves. The end of one direction is passed on as a half-close; the other goes on.
pub async fn relay<A, B>(
    a: A,
    b: B,
    limits: RelayLimits,
    stop: impl Future<Output = ()>,
    counts: &RelayCounts,
) -> RelayEnd
where
    A: AsyncRead + AsyncWrite,
    B: AsyncRead + AsyncWrite,
{
    let (mut a, mut b, mut stop) = (pin!(a), pin!(b), pin!(stop));
    let started = Instant::now();
    let over = far(started, limits.lifetime);
    let mut moved = started;
    // Set late and lazily: traffic only notes the time.
    let mut timer = pin!(sleep_until(far(moved, limits.idle).min(over)));
    let (mut up, mut down) = (Direction::new(&counts.up), Direction::new(&counts.down));
    let why = poll_fn(|cx| {
        let before = up.total + down.total;
        let up_end = up.poll(cx, a.as_mut(), b.as_mut());
        let down_end = down.poll(cx, b.as_mut(), a.as_mut());
        if up.total + down.total > before {
            moved = Instant::now();
        }
        match (up_end, down_end) {
            (Poll::Ready(Err(error)), _) | (_, Poll::Ready(Err(error))) => {
                return Poll::Ready(RelayClose::Failed(error.kind()));
            }
            (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => return Poll::Ready(RelayClose::Finished),
            _ => {}
        }
        if stop.as_mut().poll(cx).is_ready() {
            return Poll::Ready(RelayClose::Stopped);
        }
        while timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            let idle = far(moved, limits.idle);
            if now >= over {
                return Poll::Ready(RelayClose::Lifetime);
            }
            if now >= idle {
                return Poll::Ready(RelayClose::Idle);
            }
            timer.as_mut().reset(idle.min(over));
        }
        Poll::Pending
    })
    .await;
    RelayEnd { up: up.total, down: down.total, why }
}

fn far(from: Instant, wait: Duration) -> Instant {
    // A year stands for "never" where the sum does not exist.
    from.checked_add(wait).unwrap_or(from + Duration::from_secs(365 * 24 * 3600))
}

struct Direction<'a> {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    stage: Stage,
    total: u64,
    count: &'a AtomicU64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Open,
    Closing,
    Closed,
}

impl<'a> Direction<'a> {
    fn new(count: &'a AtomicU64) -> Self {
        Self { buffer: Vec::new(), start: 0, end: 0, stage: Stage::Open, total: 0, count }
    }

    /// Ready once the reader has ended and the writer was closed.
    fn poll<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        mut reader: Pin<&mut R>,
        mut writer: Pin<&mut W>,
    ) -> Poll<io::Result<()>>
    where
        R: AsyncRead + ?Sized,
        W: AsyncWrite + ?Sized,
    {
        loop {
            while let Some(rest) = self.buffer.get(self.start..self.end).filter(|r| !r.is_empty()) {
                let n = ready!(writer.as_mut().poll_write(cx, rest))?;
                if n == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                self.start += n;
                let n = u64::try_from(n).unwrap_or(u64::MAX);
                self.total += n;
                self.count.fetch_add(n, Ordering::Relaxed);
            }
            match self.stage {
                Stage::Closed => return Poll::Ready(Ok(())),
                Stage::Closing => {
                    match ready!(writer.as_mut().poll_shutdown(cx)) {
                        // The other side has closed altogether: that is no failure of ours.
                        Err(error) if error.kind() != io::ErrorKind::NotConnected => {
                            return Poll::Ready(Err(error));
                        }
                        _ => self.stage = Stage::Closed,
                    }
                }
                Stage::Open => {
                    let Poll::Ready(read) = self.fill(cx, reader.as_mut()) else {
                        ready!(writer.as_mut().poll_flush(cx))?;
                        return Poll::Pending;
                    };
                    read?;
                }
            }
        }
    }

    fn fill<R: AsyncRead + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        reader: Pin<&mut R>,
    ) -> Poll<io::Result<()>> {
        // A small buffer until the first large read shows that it pays.
        let wanted = if self.end >= SMALL { LARGE } else { SMALL };
        if self.buffer.len() < wanted {
            self.buffer.resize(wanted, 0);
        }
        let mut into = ReadBuf::new(&mut self.buffer);
        ready!(reader.poll_read(cx, &mut into))?;
        (self.start, self.end) = (0, into.filled().len());
        if self.end == 0 {
            self.stage = Stage::Closing;
            self.buffer = Vec::new();
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
#[path = "relay_tests.rs"]
mod tests;
