//! The IO wrapper between hyper and the socket: the one place that repairs hyper's gaps.
//!
//! It replays what the sniffer read, counts and times reads and writes, writes interim responses where
//! no other response can be cut in two, and keeps back what hyper answers by itself. After an upgrade
//! it only passes bytes on.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use ::http::StatusCode;
use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::exchange::Exchanges;
use super::spliced::Spliced;
use crate::net::accept::Seat;
use crate::net::connection::ExchangeId;

/// What hyper writes when the body of a request that expects it is first polled.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A client's socket as hyper sees it.
#[derive(Debug)]
pub(super) struct Wire<S> {
    stream: S,
    /// What was read before hyper came.
    prefix: Bytes,
    exchanges: Arc<Exchanges>,
    run: Run,
    /// An interim response of which this much is still to be written.
    interim: Bytes,
    /// Field lines that hyper does not see, and where in what it writes they go.
    spliced: Spliced,
    /// The exchange whose final head was begun last.
    responded: Option<ExchangeId>,
    /// Whether the last write was blocked, and whether any was since this answer began.
    blocked: bool,
    was_blocked: bool,
    /// Bytes written since this answer began.
    written: u64,
    /// The place under the connection limits, kept as long as the socket, upgrades included.
    seat: Option<Seat>,
}

/// What hyper has written since the last completed flush, when its buffer was empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Run {
    /// Nothing: here, and only here, may interim responses go before the final head.
    Boundary,
    /// Its own `100 Continue`, of which this many bytes are left.
    Continue(usize),
    /// The final response.
    Response,
    /// Its own answer, which is kept back.
    OwnAnswer,
}

impl<S> Wire<S> {
    pub(super) fn new(
        stream: S,
        prefix: Bytes,
        exchanges: Arc<Exchanges>,
        seat: Option<Seat>,
    ) -> Self {
        Self {
            stream,
            prefix,
            exchanges,
            run: Run::Boundary,
            interim: Bytes::new(),
            spliced: Spliced::default(),
            responded: None,
            blocked: false,
            was_blocked: false,
            written: 0,
            seat,
        }
    }

    /// Whether the exchange that is open has yet to be given the head of its response.
    fn awaits_response(&self) -> bool {
        let handle = &self.exchanges.handle;
        handle.exchange_open() && self.responded != Some(handle.current_exchange())
    }

    /// `head` is what hyper is about to write, from the status line on.
    fn response_begins(&mut self, head: &[IoSlice<'_>]) {
        self.spliced.begin(head);
        self.run = Run::Response;
        self.written = 0;
        if std::mem::take(&mut self.was_blocked) {
            self.exchanges.write_begins();
        }
        self.responded = Some(self.exchanges.handle.current_exchange());
    }

    /// Whether nothing is half written.
    pub(super) fn is_at_boundary(&self) -> bool {
        matches!(self.run, Run::Boundary | Run::OwnAnswer)
            && self.interim.is_empty()
            && self.spliced.is_done()
    }

    /// The socket, and the place under the limits that goes with it.
    pub(super) fn into_parts(self) -> (S, Option<Seat>) {
        (self.stream, self.seat)
    }
}

impl<S: AsyncWrite + Unpin> Wire<S> {
    /// Writes the interim responses that are waiting.
    fn poll_interim(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            while !self.interim.is_empty() {
                let n = ready!(self.poll_write_some(cx, &[], true))?;
                if n == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                self.interim.advance(n);
            }
            match self.exchanges.handle.take_interim(cx.waker()) {
                Some(next) => self.interim = next,
                None => return Poll::Ready(Ok(())),
            }
        }
    }

    /// Writes a part of `bufs`, or of the interim response, and keeps the clocks.
    fn poll_write_some(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
        interim: bool,
    ) -> Poll<io::Result<usize>> {
        let stream = Pin::new(&mut self.stream);
        let written = match bufs {
            _ if interim => stream.poll_write(cx, &self.interim),
            [one] => stream.poll_write(cx, one),
            many => stream.poll_write_vectored(cx, many),
        };
        // The clocks need to be told of changes only.
        match &written {
            Poll::Ready(Ok(_)) if self.blocked => self.exchanges.write_goes_on(),
            Poll::Pending if !self.blocked => {
                self.was_blocked = true;
                self.exchanges.write_waits(self.written);
            }
            _ => {}
        }
        if let Poll::Ready(Ok(n)) = written {
            self.written = self.written.saturating_add(n as u64);
        }
        self.blocked = written.is_pending();
        written
    }

    /// Writes a part of `bufs` with the lines in their place among them, and says how much of `bufs`.
    fn poll_write_spliced(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            let spliced = std::mem::take(&mut self.spliced);
            let written = {
                let slices = spliced.among(bufs);
                self.poll_write_some(cx, slices.as_slice(), false)
            };
            self.spliced = spliced;
            let n = ready!(written)?;
            let theirs = self.spliced.wrote(n);
            // To have written nothing is an error to hyper: the lines alone are not what it knows of.
            if n == 0 || theirs > 0 {
                return Poll::Ready(Ok(theirs));
            }
        }
    }

    /// hyper is about to write `bufs`: decides what they are, and writes what goes before them.
    fn poll_before_write(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<()>> {
        let total = bufs.iter().map(|buf| buf.len()).sum::<usize>();
        match self.run {
            Run::Response | Run::OwnAnswer => {}
            Run::Continue(left) if total <= left => {}
            Run::Continue(_) => {
                self.exchanges.handle.close_interim();
                self.response_begins(&[]);
            }
            Run::Boundary if !self.exchanges.handle.exchange_open() => {
                self.run = Run::OwnAnswer;
                self.exchanges.note_own_answer(status_of(bufs));
            }
            Run::Boundary if !self.awaits_response() => self.run = Run::Response,
            Run::Boundary => {
                let is_continue =
                    total == CONTINUE.len() && bufs.iter().flat_map(|buf| buf.iter()).eq(CONTINUE);
                loop {
                    ready!(self.poll_interim(cx))?;
                    if is_continue {
                        self.run = Run::Continue(total);
                        break;
                    }
                    if self.exchanges.handle.begin_response(self.spliced.buffer()) {
                        self.response_begins(bufs);
                        break;
                    }
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// The status in a serialised head; 500 when there is none.
fn status_of(bufs: &[IoSlice<'_>]) -> StatusCode {
    let first = bufs.iter().find(|buf| !buf.is_empty());
    first
        .and_then(|buf| buf.get(9..12))
        .and_then(|digits| StatusCode::from_bytes(digits).ok())
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = into.filled().len();
        if this.exchanges.is_upgraded() {
            return Pin::new(&mut this.stream).poll_read(cx, into);
        }
        if this.exchanges.body_is_overdue() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        if !this.prefix.is_empty() {
            let n = this.prefix.len().min(into.remaining());
            into.put_slice(&this.prefix.split_to(n));
            if this.prefix.is_empty() {
                // Even an empty slice would keep the sniffer's buffer.
                this.prefix = Bytes::new();
            }
        } else if Pin::new(&mut this.stream).poll_read(cx, into)?.is_pending() {
            this.exchanges.read_waits();
            return Poll::Pending;
        }
        let read = into.filled().get(before..).unwrap_or_default();
        this.exchanges.read(read, Instant::now());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.exchanges.is_upgraded() && !this.exchanges.handle.exchange_open() {
            return this.poll_write_some(cx, bufs, false);
        }
        ready!(this.poll_before_write(cx, bufs))?;
        if this.run == Run::OwnAnswer {
            return Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()));
        }
        if !this.spliced.is_done() {
            return this.poll_write_spliced(cx, bufs);
        }
        let n = ready!(this.poll_write_some(cx, bufs, false))?;
        if let Run::Continue(left) = &mut this.run {
            *left = left.saturating_sub(n);
        }
        Poll::Ready(Ok(n))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.stream).poll_flush(cx))?;
        if this.run == Run::OwnAnswer {
            return Poll::Ready(Ok(()));
        }
        // hyper calls this only when its buffer is empty.
        this.run = Run::Boundary;
        this.exchanges.flushed();
        if this.awaits_response() { this.poll_interim(cx) } else { Poll::Ready(Ok(())) }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.run == Run::OwnAnswer {
            // Our own page comes first.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }
}
