//! What reaches the socket, call by call, and that short writes cut nothing in two.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use ::http::Response;
use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::super::closing::Reset;
use super::super::connection::Serving;
use super::{Call, Client, Config, Running, SOON, Script, TestBody, ok};
use crate::net::connection::{ConnectionHandle, Dialect};
use crate::net::drain::Drain;

/// A socket that counts the calls that did something, and takes at most `most` bytes at a time.
struct Watched {
    stream: TcpStream,
    most: usize,
    blocked: bool,
    seen: Arc<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    reads: AtomicUsize,
    writes: AtomicUsize,
    vectored: AtomicUsize,
}

impl Seen {
    fn take(&self) -> (usize, usize, usize) {
        let take = |counter: &AtomicUsize| counter.swap(0, Ordering::SeqCst);
        (take(&self.reads), take(&self.writes), take(&self.vectored))
    }
}

impl Reset for Watched {
    fn reset(&self) -> io::Result<()> {
        self.stream.reset()
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, into);
        self.seen.reads.fetch_add(usize::from(read.is_ready()), Ordering::SeqCst);
        read
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.most < usize::MAX {
            // Every other write finds the socket full.
            self.blocked = !self.blocked;
            if self.blocked {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        self.seen.writes.fetch_add(1, Ordering::SeqCst);
        let most = self.most.min(bytes.len());
        Pin::new(&mut self.stream).poll_write(cx, &bytes[..most])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.most < usize::MAX {
            let first = bufs.iter().find(|buf| !buf.is_empty()).unwrap();
            return self.poll_write(cx, first);
        }
        self.seen.vectored.fetch_add(1, Ordering::SeqCst);
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// A connection that is served on a watched socket.
async fn watched(most: usize) -> (Client, Arc<Seen>, mpsc::UnboundedReceiver<Call>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stream, peer) = listener.accept().await.unwrap();
    let (calls, called) = mpsc::unbounded_channel();
    let serving = Serving {
        handler: Arc::new(Script::new(calls)),
        config: Arc::new(Config::default()),
        drain: Drain::new(),
    };
    let handle = Arc::new(ConnectionHandle::new(peer, peer, Dialect::Http));
    let seen = Arc::new(Seen::default());
    let stream = Watched { stream, most, blocked: false, seen: Arc::clone(&seen) };
    tokio::spawn(serving.serve(stream, Bytes::new(), Instant::now(), handle, None));
    (Client(client), seen, called)
}

#[tokio::test]
async fn a_small_answer_costs_one_read_and_one_vectored_write() {
    let (mut client, seen, _calls) = watched(usize::MAX).await;
    for _ in 0..3 {
        client.send("GET /auto HTTP/1.1\r\n\r\n").await;
        client.until(&ok("/auto")).await;
        assert_eq!(seen.take(), (1, 0, 1));
    }
}

#[tokio::test]
async fn pipelined_requests_cost_one_read_and_one_write_each() {
    let (mut client, seen, _calls) = watched(usize::MAX).await;
    client.send("GET /auto HTTP/1.1\r\n\r\n".repeat(5)).await;
    for _ in 0..5 {
        client.until(&ok("/auto")).await;
    }
    assert_eq!(seen.take(), (1, 0, 5));
}

#[tokio::test]
async fn short_and_blocked_writes_mix_nothing_up() {
    const HINTS: &str = "HTTP/1.1 103 Early Hints\r\n\r\n";
    for most in [1, 7, 24, 25, 26] {
        let (mut client, _seen, mut calls) = watched(most).await;
        let put = "PUT /1 HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
        client.send(put).await;
        for _ in 0..3 {
            let call = timeout(SOON, calls.recv()).await.unwrap().unwrap();
            let Call { request, connection, answer } = call;
            let exchange = connection.current_exchange();
            let push = || connection.push_interim(exchange, Bytes::from_static(HINTS.as_bytes()));
            assert!(push() && push());
            // hyper's 100 is written while these wait, and so is what is pushed behind it.
            let body = tokio::spawn(request.into_body().collect());
            let expected = format!("{HINTS}{HINTS}HTTP/1.1 100 Continue\r\n\r\n");
            let mut got = String::new();
            while got.len() < expected.len() {
                got += &client.until("\r\n\r\n").await;
            }
            assert_eq!(got, expected, "{most}");
            assert!(push());
            assert_eq!(client.until("\r\n\r\n").await, HINTS);
            client.send("body").await;
            client.send(put).await;
            body.await.unwrap().unwrap();
            assert!(push());
            answer.send(Response::new(TestBody::whole("done"))).unwrap();
            let got = client.until("done").await;
            assert_eq!(got, format!("{HINTS}{}", ok("done")), "{most}");
        }
    }
}

#[tokio::test]
async fn lines_that_are_lent_stand_behind_the_status_line_however_writes_are_cut() {
    for most in [1, 7, 24, usize::MAX] {
        let (mut client, seen, mut calls) = watched(most).await;
        client.send("GET /1 HTTP/1.1\r\n\r\n".repeat(3)).await;
        for turn in 0..3 {
            let call = timeout(SOON, calls.recv()).await.unwrap().unwrap();
            let line = format!("a: {}\r\n", "b".repeat(turn * 100));
            assert!(call.connection.lend_lines(|lines| lines.extend_from_slice(line.as_bytes())));
            call.ok("done");
            let got = client.until("done").await;
            let (status_line, rest) = got.split_at("HTTP/1.1 200 OK\r\n".len());
            assert_eq!(rest.strip_prefix(&line), ok("done").strip_prefix(status_line), "{most}");
        }
        if most == usize::MAX {
            assert_eq!(seen.take(), (1, 0, 3), "one write each");
        }
    }
}

#[tokio::test]
async fn a_client_that_sends_all_before_it_reads_gets_its_early_answer() {
    let mut running = Running::plain();
    let mut client = running.connect().await;
    let length = 32 << 20;
    client.send(format!("POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n")).await;
    let Call { request, answer, .. } = running.call().await;
    answer.send(Response::new(TestBody::whole(vec![b'x'; length]))).unwrap();
    let reading = tokio::spawn(request.into_body().collect());
    client.send(vec![b'y'; length]).await;
    client.until("\r\n\r\n").await;
    let mut answer = vec![0; length];
    let read = tokio::io::AsyncReadExt::read_exact(&mut client.0, &mut answer);
    timeout(SOON, read).await.unwrap().unwrap();
    client.send("GET /auto HTTP/1.1\r\n\r\n").await;
    client.until(&ok("/auto")).await;
    // hyper says so only now: the answer was in its buffer before the body had ended.
    let body = timeout(SOON, reading).await.unwrap().unwrap().unwrap();
    assert_eq!(body.to_bytes().len(), length);
}
