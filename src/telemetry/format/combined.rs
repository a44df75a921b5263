//! The web servers' combined format.
//!
//! ```text
//! client - user [time] "METHOD URL VERSION" status bytes "referer" "user agent"
//! ```

use super::{civil, escape, number, put};
use crate::telemetry::record::AccessRecord;
use ::http::HeaderValue;

/// Appends the line of `record`.
pub(super) fn write(record: &AccessRecord, out: &mut Vec<u8>) {
    number::address(out, record.client);
    out.extend_from_slice(b" - ");
    match record.user.as_deref() {
        None | Some("") => out.push(b'-'),
        Some(user) => word(user, out),
    }
    out.push(b' ');
    civil::bracketed(record.time, out);
    out.extend_from_slice(b" \"");
    match &record.method {
        Some(method) => {
            escape::quoted(method.as_str().as_bytes(), out);
            out.push(b' ');
            word(&record.url, out);
            put(out, format_args!(" {:?}", record.version));
        }
        // What did not parse has no three words: it stands as it came.
        None => escape::quoted(record.url.as_bytes(), out),
    }
    out.extend_from_slice(b"\" ");
    number::padded(out, record.status.into(), 3);
    out.push(b' ');
    number::plain(out, record.bytes);
    out.extend_from_slice(b" \"");
    field(record.referer.as_ref(), out);
    out.extend_from_slice(b"\" \"");
    field(record.user_agent.as_ref(), out);
    out.extend_from_slice(b"\"\n");
}

/// A user, or a URL inside the quoted request line: a space in it would make one word more.
fn word(text: &str, out: &mut Vec<u8>) {
    for (nth, part) in text.split(' ').enumerate() {
        if nth > 0 {
            out.extend_from_slice(b"\\x20");
        }
        escape::quoted(part.as_bytes(), out);
    }
}

fn field(value: Option<&HeaderValue>, out: &mut Vec<u8>) {
    match value {
        Some(value) => escape::quoted(value.as_bytes(), out),
        None => out.push(b'-'),
    }
}
