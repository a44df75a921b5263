//! HTTP/1 on a stream, read strictly and by hand, so that no library hides what was really sent.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::message::{Fields, Framing, Head};

/// A TCP connection, or TLS on one.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {
    /// The TCP connection below.
    fn tcp(&self) -> &TcpStream;

    /// The TCP connection, when it carries no TLS.
    fn into_tcp(self: Box<Self>) -> TcpStream {
        panic!("TLS is spoken on this connection already");
    }
}

impl Stream for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }

    fn into_tcp(self: Box<Self>) -> TcpStream {
        *self
    }
}

impl Stream for tokio_rustls::server::TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

impl Stream for tokio_rustls::client::TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// Why a message could not be read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    /// The peer closed before the end.
    Closed,
    /// The connection failed.
    Failed(io::ErrorKind),
    /// What came is no HTTP/1.
    Malformed(String),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.kind())
    }
}

/// A connection and the bytes that were read from it but not taken yet.
pub struct Wire {
    stream: Box<dyn Stream>,
    buffer: Vec<u8>,
    /// Everything taken since [`Wire::record`].
    record: Option<Vec<u8>>,
}

/// Where in a message's body the reading stands.
#[derive(Debug)]
pub struct Body {
    framing: Framing,
    left: u64,
    in_chunk: bool,
    ended: bool,
    /// The trailer fields, once the body has ended.
    pub trailers: Fields,
}

impl Body {
    /// The beginning of a body.
    pub fn new(framing: Framing) -> Self {
        let left = if let Framing::Length(length) = framing { length } else { 0 };
        let ended = matches!(framing, Framing::None | Framing::Length(0));
        Self { framing, left, in_chunk: false, ended, trailers: Fields::default() }
    }

    /// Whether all of it was read.
    pub fn has_ended(&self) -> bool {
        self.ended
    }
}

impl Wire {
    /// A connection from which nothing was read yet.
    pub fn new(stream: impl Stream + 'static) -> Self {
        Self { stream: Box::new(stream), buffer: Vec::new(), record: None }
    }

    /// Sends bytes as they are.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// Says that nothing more will be sent.
    pub async fn half_close(&mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }

    /// Closes with a reset instead of an end.
    pub fn reset(self) {
        let tcp = socket2::SockRef::from(self.stream.tcp());
        tcp.set_linger(Some(std::time::Duration::ZERO)).expect("a TCP socket has a linger option");
    }

    /// The plain TCP connection, provided that nothing waits in the buffer.
    pub fn into_tcp(self) -> TcpStream {
        assert!(self.buffer.is_empty(), "bytes were read ahead: {:?}", self.buffer);
        self.stream.into_tcp()
    }

    /// The TCP connection.
    pub fn tcp(&self) -> &TcpStream {
        self.stream.tcp()
    }

    /// Starts keeping what is taken; [`Wire::recorded`] hands it out.
    pub fn record(&mut self) {
        self.record = Some(Vec::new());
    }

    /// What was taken since [`Wire::record`].
    pub fn recorded(&mut self) -> Vec<u8> {
        self.record.take().unwrap_or_default()
    }

    /// Waits for more bytes; 0 at the end of the stream.
    pub async fn fill(&mut self) -> io::Result<usize> {
        self.buffer.reserve(32 * 1024);
        self.stream.read_buf(&mut self.buffer).await
    }

    /// The next `count` bytes.
    pub async fn exactly(&mut self, count: usize) -> Result<Vec<u8>, Broken> {
        while self.buffer.len() < count {
            self.more().await?;
        }
        Ok(self.take(count))
    }

    /// Whatever comes next, at least a byte; empty at the end of the stream.
    pub async fn some(&mut self) -> Result<Vec<u8>, Broken> {
        if self.buffer.is_empty() {
            self.fill().await?;
        }
        Ok(self.take(self.buffer.len()))
    }

    /// Everything up to the end of the stream.
    pub async fn rest(&mut self) -> Result<Vec<u8>, Broken> {
        while self.fill().await? > 0 {}
        Ok(self.take(self.buffer.len()))
    }

    /// The next head; nothing when the stream ended before its first byte.
    pub async fn head(&mut self) -> Result<Option<Head>, Broken> {
        let end = loop {
            if let Some(at) = find(&self.buffer, b"\r\n\r\n") {
                break at + 4;
            }
            if self.fill().await? == 0 {
                return if self.buffer.is_empty() { Ok(None) } else { Err(Broken::Closed) };
            }
        };
        Head::parse(self.take(end)).map(Some).map_err(Broken::Malformed)
    }

    /// The next piece of a body as it came; nothing at its end.
    pub async fn piece(&mut self, body: &mut Body) -> Result<Option<Vec<u8>>, Broken> {
        if body.ended {
            return Ok(None);
        }
        match body.framing {
            Framing::None => Ok(None),
            Framing::Close => {
                let piece = self.some().await?;
                body.ended = piece.is_empty();
                Ok((!body.ended).then_some(piece))
            }
            Framing::Length(_) => self.counted(body).await.map(Some),
            Framing::Chunked => self.chunked(body).await,
        }
    }

    async fn counted(&mut self, body: &mut Body) -> Result<Vec<u8>, Broken> {
        if self.buffer.is_empty() {
            self.more().await?;
        }
        let left = usize::try_from(body.left).unwrap_or(usize::MAX);
        let piece = self.take(self.buffer.len().min(left));
        body.left -= piece.len() as u64;
        body.ended = body.left == 0 && body.framing != Framing::Chunked;
        Ok(piece)
    }

    async fn chunked(&mut self, body: &mut Body) -> Result<Option<Vec<u8>>, Broken> {
        if body.left == 0 {
            if body.in_chunk && !self.line().await?.is_empty() {
                return Err(Broken::Malformed("no line end after a chunk".into()));
            }
            let line = self.line().await?;
            let size = line.split(';').next().unwrap_or_default().trim();
            body.left = u64::from_str_radix(size, 16)
                .map_err(|why| Broken::Malformed(format!("chunk size {line:?}: {why}")))?;
            body.in_chunk = body.left > 0;
            if body.left == 0 {
                while let line = self.line().await?
                    && !line.is_empty()
                {
                    body.trailers.push_line(&line).map_err(Broken::Malformed)?;
                }
                body.ended = true;
                return Ok(None);
            }
        }
        self.counted(body).await.map(Some)
    }

    async fn line(&mut self) -> Result<String, Broken> {
        let end = loop {
            if let Some(at) = find(&self.buffer, b"\r\n") {
                break at;
            }
            self.more().await?;
        };
        let line = self.take(end + 2);
        Ok(String::from_utf8_lossy(&line[..end]).into_owned())
    }

    async fn more(&mut self) -> Result<(), Broken> {
        if self.fill().await? == 0 { Err(Broken::Closed) } else { Ok(()) }
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        let rest = self.buffer.split_off(count);
        let taken = std::mem::replace(&mut self.buffer, rest);
        if let Some(record) = &mut self.record {
            record.extend_from_slice(&taken);
        }
        taken
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
