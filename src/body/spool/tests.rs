mod backed;
mod ends;
mod pace;

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use bytes::Bytes;
use http_body::Body as _;
use http_body_util::BodyExt;
use tokio::time::timeout;

use super::{Abandoned, Budget, Pushed, Spool, SpoolConfig, SpoolReader, SpoolWriter, spool};
use crate::body::BodyError;

const PLENTY: u64 = 1 << 30;
const DEADLINE: Duration = Duration::from_secs(10);

fn config(read_ahead: u64) -> SpoolConfig {
    SpoolConfig { read_ahead, cutoff: Duration::from_secs(3600) }
}

fn with_budget(read_ahead: u64, limit: u64) -> (SpoolWriter, Arc<Spool>, Arc<Budget>) {
    let budget = Arc::new(Budget::new(limit));
    let (writer, spool) = spool(config(read_ahead), Arc::clone(&budget));
    (writer, spool, budget)
}

fn frame(byte: u8, length: usize) -> Bytes {
    vec![byte; length].into()
}

/// Polls once, woken by nobody.
fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// A waker that remembers whether it was woken.
#[derive(Clone, Default)]
struct Woken(Arc<WokenFlag>);

#[derive(Default)]
struct WokenFlag(AtomicBool);

impl Wake for WokenFlag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

impl Woken {
    fn poll<F: Future>(&self, future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(&Waker::from(Arc::clone(&self.0))))
    }

    /// Whether it was woken since this was last asked.
    fn take(&self) -> bool {
        self.0.0.swap(false, Ordering::AcqRel)
    }
}

/// A push that must not wait.
fn push(writer: &mut SpoolWriter, bytes: Bytes) -> Result<Pushed, Abandoned> {
    match poll(pin!(writer.push(bytes))) {
        Poll::Ready(pushed) => pushed,
        Poll::Pending => panic!("the push waits"),
    }
}

fn has_room(writer: &mut SpoolWriter) -> bool {
    match poll(pin!(writer.room())) {
        Poll::Ready(room) => {
            room.unwrap();
            true
        }
        Poll::Pending => false,
    }
}

/// Pushes frames of 10 bytes until there is no room; returns the bytes.
fn fill(writer: &mut SpoolWriter) -> u64 {
    let mut pushed = 0;
    while has_room(writer) {
        push(writer, frame(b'x', 10)).unwrap();
        pushed += 10;
        assert!(pushed < 1 << 20, "there is always room");
    }
    pushed
}

/// What a reader has now: bytes of the next frame, or nothing yet.
fn next(reader: &mut SpoolReader) -> Option<Result<Bytes, BodyError>> {
    match Pin::new(reader).poll_frame(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Some(next)) => Some(next.map(|frame| frame.into_data().unwrap())),
        Poll::Ready(None) => panic!("the body has ended"),
        Poll::Pending => None,
    }
}

fn read(reader: &mut SpoolReader, frames: usize) {
    for _ in 0..frames {
        next(reader).unwrap().unwrap();
    }
}

async fn collect(reader: SpoolReader) -> Result<Bytes, BodyError> {
    let collected = timeout(DEADLINE, reader.collect()).await.expect("the body ends");
    Ok(collected?.to_bytes())
}
