//! The body of a response: bytes that we made, and pieces of a file that is read while it is sent.

use std::collections::VecDeque;
use std::fs::{File, Metadata};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::FileExt as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::StatusCode;
use hyper::http::request::Parts;
use tokio::task::{JoinHandle, spawn_blocking};

use super::note;
use super::site::Opened;

/// How often a file that seems to be changed is looked at again.
const LOOKS: u32 = 100;

/// So much of a file is in memory at once.
const CHUNK: u64 = 64 * 1024;

/// A body of known length.
#[derive(Debug, Default)]
pub(super) struct FileBody {
    pieces: VecDeque<Piece>,
    /// The chunk that is being read.
    reading: Option<JoinHandle<io::Result<Bytes>>>,
    left: u64,
    entry: Option<Entry>,
}

/// A part of the body.
#[derive(Debug)]
pub(super) enum Piece {
    /// Bytes that we made.
    Text(Bytes),
    /// So many bytes of a file, from an offset on.
    File { file: Arc<Readable>, at: u64, length: u64 },
}

impl Piece {
    fn length(&self) -> u64 {
        match self {
            Self::Text(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            Self::File { length, .. } => *length,
        }
    }
}

/// A file, and what it was when its head was sent.
#[derive(Debug)]
pub(super) struct Readable {
    file: File,
    about: Metadata,
}

impl Readable {
    pub(super) fn new(opened: Opened) -> Self {
        Self { file: opened.file, about: opened.about }
    }

    /// So many bytes as one piece. What is short is read at once, to go out together with the head.
    pub(super) fn piece(self: &Arc<Self>, at: u64, length: u64) -> Piece {
        let short = if length <= CHUNK { self.read(at, length).ok() } else { None };
        match short {
            Some(bytes) => Piece::Text(bytes),
            None => self.later(at, length),
        }
    }

    /// So many bytes as a piece that is read when it is sent.
    pub(super) fn later(self: &Arc<Self>, at: u64, length: u64) -> Piece {
        Piece::File { file: Arc::clone(self), at, length }
    }

    /// Reads, and then makes sure that what was read is still what was announced. To append to a file
    /// does it no harm; everything else would be sent under a length and a tag that are not its own. (A
    /// file that is deleted meanwhile lives on until we close it.)
    fn read(&self, at: u64, length: u64) -> io::Result<Bytes> {
        let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
        let read = self.file.read_exact_at(&mut bytes, at);
        let mut about = self.file.metadata()?;
        // While something is appended, the new time is there a moment before the new length.
        for _ in 0..LOOKS {
            if about.len() != self.about.len() || about.modified()? == self.about.modified()? {
                break;
            }
            std::thread::yield_now();
            about = self.file.metadata()?;
        }
        if about.len() < self.about.len() {
            return Err(io::Error::other("the file became shorter"));
        }
        if about.len() == self.about.len() && about.modified()? != self.about.modified()? {
            return Err(io::Error::other("the file was changed"));
        }
        read.map(|()| Bytes::from(bytes))
    }
}

impl FileBody {
    /// A body of these pieces, one after the other.
    pub(super) fn new(pieces: impl IntoIterator<Item = Piece>) -> Self {
        let pieces: VecDeque<_> = pieces.into_iter().collect();
        let left = pieces.iter().map(Piece::length).fold(0, u64::saturating_add);
        Self { pieces, left, ..Self::default() }
    }

    /// The same body, whose end is written to the log.
    pub(super) fn logged(mut self, line: RequestLine, status: StatusCode) -> Self {
        let all = self.left;
        self.entry = Some(Entry { line, status, all, sent: 0, failure: None });
        self
    }

    /// The next chunk: at once, or by reading it where it is in nobody's way.
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        loop {
            if let Some(reading) = &mut self.reading {
                let read = ready!(Pin::new(reading).poll(cx));
                self.reading = None;
                return Poll::Ready(Some(
                    read.unwrap_or_else(|error| Err(io::Error::other(error))),
                ));
            }
            match self.pieces.pop_front() {
                None => return Poll::Ready(None),
                Some(Piece::Text(bytes)) => return Poll::Ready(Some(Ok(bytes))),
                Some(Piece::File { length: 0, .. }) => {}
                Some(Piece::File { file, at, length }) => {
                    let chunk = length.min(CHUNK);
                    let rest = file.later(at.saturating_add(chunk), length - chunk);
                    self.pieces.push_front(rest);
                    self.reading = Some(spawn_blocking(move || file.read(at, chunk)));
                }
            }
        }
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match ready!(self.poll_chunk(cx)) {
            None => Poll::Ready(None),
            Some(Ok(bytes)) => {
                let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                self.left = self.left.saturating_sub(length);
                if let Some(entry) = &mut self.entry {
                    entry.sent = entry.sent.saturating_add(length);
                }
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            // hyper breaks the connection off: the client sees that it has not got the whole.
            Some(Err(error)) => {
                self.pieces.clear();
                if let Some(entry) = &mut self.entry {
                    entry.failure = Some(error.to_string());
                }
                Poll::Ready(Some(Err(error)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// A line of the log. It is written when this is dropped, with the body: then the request is over.
#[derive(Debug)]
struct Entry {
    line: RequestLine,
    status: StatusCode,
    all: u64,
    sent: u64,
    failure: Option<String>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let Self { line, status, all, sent, failure } = self;
        let status = status.as_u16();
        match failure {
            Some(why) => note(format_args!("{line} {status} {sent} of {all}: {why}")),
            None if sent < all => {
                note(format_args!("{line} {status} {sent} of {all}: the client left"));
            }
            None => note(format_args!("{line} {status} {sent}")),
        }
    }
}

/// Who asked for what, as the log says it.
#[derive(Debug)]
pub(super) struct RequestLine(String);

impl RequestLine {
    /// Bytes from outside are escaped: a log is read at a terminal.
    pub(super) fn new(client: SocketAddr, head: &Parts) -> Self {
        let target = head.uri.to_string();
        let target = target.as_bytes().escape_ascii();
        Self(format!("{client} \"{} {target} {:?}\"", head.method, head.version))
    }
}

impl std::fmt::Display for RequestLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
