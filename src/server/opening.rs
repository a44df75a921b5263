//! The first bytes of a connection, read until they say who is calling.

use std::future::Future;
use std::io;
use std::pin::pin;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::Config;
use super::clocks::LAST_HEAD_WAIT;
use super::sniff::{Ended, LINE_LIMIT, NotServed, Sniff, classify};
use crate::http::target::TargetUri;

const FIRST_READ: usize = 4 * 1024;

/// How a connection begins.
#[derive(Debug)]
pub(super) enum Opening {
    /// An HTTP/1 request; these bytes have been read already.
    Http { prefix: Bytes, first_byte: Instant },
    /// The text client's request, made into the head of an HTTP/1.0 one.
    Text { prefix: Bytes, first_byte: Instant },
    /// To be closed with one log line.
    Refused { why: NotServed },
    /// To be closed without a word: nothing was said.
    Silent,
}

/// Reads until the first bytes are told apart. A connection that has said nothing when `leaving`
/// resolves is closed; one that has said something has a moment for the rest.
pub(super) async fn open<S: AsyncRead + Unpin>(
    stream: &mut S,
    config: &Config,
    leaving: impl Future<Output = ()>,
) -> io::Result<Opening> {
    let mut leaving = pin!(leaving);
    let mut bytes = BytesMut::with_capacity(FIRST_READ);
    let first = tokio::select! {
        biased;
        read = timeout_at(after(config.first_byte_wait), stream.read_buf(&mut bytes)) => read,
        () = &mut leaving => return Ok(Opening::Silent),
    };
    let Ok(read) = first else { return Ok(Opening::Silent) };
    if read? == 0 {
        return Ok(Opening::Silent);
    }
    let first_byte = Instant::now();
    let mut deadline = after(config.head_wait);
    let mut hurried = false;
    let mut ended = Ended::No;
    loop {
        match classify(&bytes, ended) {
            Sniff::Http => return Ok(Opening::Http { prefix: bytes.freeze(), first_byte }),
            Sniff::Text(target) => {
                return Ok(Opening::Text { prefix: head_for(&target), first_byte });
            }
            Sniff::Refuse(NotServed::Nothing) => return Ok(Opening::Silent),
            Sniff::Refuse(why) => return Ok(Opening::Refused { why }),
            Sniff::Undecided if bytes.len() > LINE_LIMIT * 2 => {
                // Only empty lines get this far.
                return Ok(Opening::Refused { why: NotServed::TooLong });
            }
            Sniff::Undecided => {}
        }
        let quiet = after(config.quiet_wait);
        let read = tokio::select! {
            biased;
            read = stream.read_buf(&mut bytes) => Some(read?),
            () = &mut leaving, if !hurried => {
                hurried = true;
                deadline = deadline.min(after(LAST_HEAD_WAIT));
                continue;
            }
            () = sleep_until(quiet.min(deadline)), if ended == Ended::No => None,
            () = sleep_until(deadline), if ended == Ended::Quiet => None,
        };
        ended = match read {
            Some(0) => Ended::Eof,
            Some(_) => Ended::No,
            None if Instant::now() < deadline => Ended::Quiet,
            // It is not the client's fault.
            None if hurried => return Ok(Opening::Silent),
            None => return Ok(Opening::Refused { why: NotServed::Line }),
        };
    }
}

fn after(wait: std::time::Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(wait).unwrap_or(now)
}

/// The one place that makes raw HTTP of what a client typed: a [`TargetUri`] is visible ASCII.
fn head_for(target: &TargetUri) -> Bytes {
    format!("GET {target} HTTP/1.0\r\nHost: {}\r\n\r\n", target.authority()).into()
}
