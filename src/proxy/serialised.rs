//! Heads as bytes: for what hyper cannot write for us.

use bytes::{BufMut, BytesMut};
use hyper::{HeaderMap, StatusCode};

/// A status line, the fields and the blank line (RFC 9112 §2.1).
pub(super) fn head(status: StatusCode, fields: &HeaderMap) -> BytesMut {
    let mut out = BytesMut::with_capacity(512);
    out.put_slice(b"HTTP/1.1 ");
    out.put_slice(status.as_str().as_bytes());
    out.put_slice(b" ");
    out.put_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    out.put_slice(b"\r\n");
    for (name, value) in fields {
        out.put_slice(name.as_str().as_bytes());
        out.put_slice(b": ");
        out.put_slice(value.as_bytes());
        out.put_slice(b"\r\n");
    }
    out.put_slice(b"\r\n");
    out
}
