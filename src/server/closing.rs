//! The end of a connection: our own answer to what was no request, and a close that loses nothing.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a client may go on sending what nobody reads.
const LINGER: Duration = Duration::from_secs(2);

/// Writes `answer`, closes, and waits for the client to close: closing a socket with unread input
/// resets it, and the client would lose the answer (RFC 9112 §9.6).
pub(super) async fn answer_and_close<S>(mut stream: S, answer: &Bytes, limit: Duration)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let written = timeout(limit, stream.write_all(answer)).await;
    if matches!(written, Ok(Ok(()))) && stream.shutdown().await.is_ok() {
        linger(&mut stream).await;
    }
}

/// Reads and drops what still comes, for a while.
pub(super) async fn linger<S: AsyncRead + Unpin>(stream: &mut S) {
    let drain = async {
        let mut scratch = [0; 8 * 1024];
        while stream.read(&mut scratch).await.is_ok_and(|n| n > 0) {}
    };
    // Whoever has not closed by now is left to the reset.
    let _elapsed = timeout(LINGER, Box::pin(drain)).await;
}

/// Closes so that the client sees an error, not an end: what is unsent is thrown away.
pub(super) trait Reset {
    /// Makes the coming close a reset.
    fn reset(&self) -> io::Result<()>;
}

impl Reset for TcpStream {
    fn reset(&self) -> io::Result<()> {
        SockRef::from(self).set_linger(Some(Duration::ZERO))
    }
}
