//! A socket to an origin: plain or TLS, counted, with a limit on how long a write may stand still.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::origin::Permit;
use super::patience::Patience;

/// The bytes below HTTP.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// What is known about a socket from outside, while hyper owns it.
#[derive(Debug, Default)]
pub(super) struct Meter {
    received: AtomicU64,
    left_http: AtomicBool,
}

impl Meter {
    /// Bytes received so far, above TLS.
    pub(super) fn received(&self) -> u64 {
        self.received.load(Ordering::Acquire)
    }

    /// The connection speaks another protocol now: its new owner limits the waits.
    pub(super) fn leave_http(&self) {
        self.left_http.store(true, Ordering::Release);
    }
}

/// A socket that counts as one of its origin's connections until it is dropped.
pub(super) struct Socket {
    stream: Stream,
    meter: Arc<Meter>,
    stall: Patience,
    _permit: Permit,
}

impl Socket {
    /// `write_wait` bounds how long the origin may refuse to take bytes.
    pub(super) fn new(stream: Stream, write_wait: Duration, permit: Permit) -> Self {
        let stall = Patience::new(write_wait);
        Self { stream, meter: Arc::default(), stall, _permit: permit }
    }

    pub(super) fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.meter)
    }

    fn stream(&mut self) -> Pin<&mut (dyn Duplex + Send)> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream),
            Stream::Tls(stream) => Pin::new(&mut **stream),
        }
    }

    /// Turns a write that stands still for too long into an error.
    fn watch<T>(&mut self, cx: &mut Context<'_>, step: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if step.is_ready() {
            self.stall.rest();
        } else if !self.meter.left_http.load(Ordering::Acquire)
            && self.stall.poll_end(cx).is_ready()
        {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        step
    }
}

trait Duplex: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Duplex for T {}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = self.stream().poll_read(cx, buffer);
        let count = u64::try_from(buffer.filled().len() - before).unwrap_or(u64::MAX);
        if count > 0 {
            self.meter.received.fetch_add(count, Ordering::AcqRel);
        }
        read
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let step = self.stream().poll_write(cx, bytes);
        self.watch(cx, step)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let step = self.stream().poll_write_vectored(cx, slices);
        self.watch(cx, step)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let step = self.stream().poll_flush(cx);
        self.watch(cx, step)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let step = self.stream().poll_shutdown(cx);
        self.watch(cx, step)
    }
}
