//! One reader of a spool.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::Shared;
use super::state::{Next, Step};
use crate::body::{BodyError, at_least};
use crate::store::Reader;

/// Reads a spool from the first byte. Dropping it frees what it held back.
#[derive(Debug)]
pub struct SpoolReader {
    shared: Arc<Shared>,
    seat: usize,
    read: u64,
    /// What it reads of the file, while it is behind what the spool holds.
    file: Option<Reader>,
}

impl SpoolReader {
    pub(super) fn new(shared: Arc<Shared>, seat: usize) -> Self {
        Self { shared, seat, read: 0, file: None }
    }

    /// Leaves out what comes before `offset`, as far as the spool does not hold it in memory: nobody
    /// reads a file only to throw it away. Returns how many bytes it left out.
    pub fn skip(&mut self, offset: u64) -> u64 {
        let (skipped, waker) = self.shared.state.lock().skip(self.seat, offset);
        if let Some(waker) = waker {
            waker.wake();
        }
        self.file = None;
        self.read += skipped;
        skipped
    }

    /// The next bytes out of the file; none when they have all been read.
    fn poll_file(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        let Some(file) = &mut self.file else { return Poll::Ready(None) };
        if self.shared.state.lock().is_cut(self.seat) {
            self.file = None;
            return Poll::Ready(None);
        }
        let next = ready!(file.poll_next(cx));
        let bytes = match next {
            Some(Ok(bytes)) if !bytes.is_empty() => bytes,
            None if file.remaining() == 0 => {
                self.file = None;
                return Poll::Ready(None);
            }
            _ => return Poll::Ready(Some(Err(self.lost()))),
        };
        let waker = self.shared.state.lock().advance(self.seat, bytes.len() as u64);
        if let Some(waker) = waker {
            waker.wake();
        }
        Poll::Ready(Some(Ok(bytes)))
    }

    /// What the file had cannot be read any more.
    fn lost(&mut self) -> BodyError {
        self.file = None;
        self.shared.state.lock().close(self.seat);
        BodyError::Damaged
    }
}

impl Body for SpoolReader {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Next {
        loop {
            if let Some(next) = ready!(self.poll_file(cx)) {
                self.read += next.as_ref().map_or(0, Bytes::len) as u64;
                return Poll::Ready(Some(next.map(Frame::data)));
            }
            let (step, waker) = self.shared.state.lock().read(self.seat, cx.waker());
            if let Some(waker) = waker {
                waker.wake();
            }
            match step {
                Step::Take(next) => {
                    if let Poll::Ready(Some(Ok(frame))) = &next {
                        self.read += frame.data_ref().map_or(0, Bytes::len) as u64;
                    }
                    return next;
                }
                Step::ReadFile { file, first, last } => match file.reader(first, last) {
                    Some(reader) if reader.remaining() > 0 => self.file = Some(reader),
                    _ => return Poll::Ready(Some(Err(self.lost()))),
                },
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.shared.state.lock().is_over(self.seat)
    }

    fn size_hint(&self) -> SizeHint {
        match self.shared.state.lock().length() {
            Some(length) => SizeHint::with_exact(length.saturating_sub(self.read)),
            None => at_least(0),
        }
    }
}

impl Drop for SpoolReader {
    fn drop(&mut self) {
        let wakers = self.shared.state.lock().leave(self.seat);
        for waker in wakers.into_iter().flatten() {
            waker.wake();
        }
    }
}
