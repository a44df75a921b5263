//! Squid's native access log, in Squid's own words, so that its analysers work.
//!
//! ```text
//! time.ms elapsed client result/status bytes method URL user hierarchy/peer type
//! ```

use super::{escape, number, put};
use crate::policy::outcome::ForwardReason;
use crate::telemetry::record::{AccessRecord, CacheWord};

/// Appends the line of `record`.
pub(super) fn write(record: &AccessRecord, out: &mut Vec<u8>) {
    let (secs, millis) = (record.time.unix_secs(), record.time.unix_millis() % 1000);
    let elapsed = record.duration.as_millis();
    number::plain(out, secs);
    out.push(b'.');
    number::padded(out, millis, 3);
    put(out, format_args!(" {elapsed:>6} "));
    number::address(out, record.client);
    out.push(b' ');
    out.extend_from_slice(result(record).as_bytes());
    out.push(b'/');
    number::padded(out, record.status.into(), 3);
    out.push(b' ');
    number::plain(out, record.bytes);
    out.push(b' ');
    match &record.method {
        Some(method) => escape::percent(method.as_str().as_bytes(), out),
        None => out.extend_from_slice(b"NONE"),
    }
    out.push(b' ');
    if record.url.is_empty() {
        out.extend_from_slice(b"error:invalid-request");
    } else {
        escape::percent(record.url.as_bytes(), out);
    }
    out.push(b' ');
    match record.user.as_deref() {
        None | Some("") => out.push(b'-'),
        Some(user) => escape::percent(user.as_bytes(), out),
    }
    match record.peer {
        // There are no parent proxies: whoever was asked was asked directly.
        Some(peer) => put(out, format_args!(" HIER_DIRECT/{peer} ")),
        None => out.extend_from_slice(b" HIER_NONE/- "),
    }
    media_type(record.content_type.as_ref().map_or(b"", |value| value.as_bytes()), out);
    out.push(b'\n');
}

/// Squid's result code.
fn result(record: &AccessRecord) -> &'static str {
    let in_memory = record.tier != Some("disk");
    match record.cache {
        // A stale answer because the origin failed, as opposed to one that was allowed.
        CacheWord::Stale if record.error.is_some() => "TCP_REFRESH_FAIL_OLD",
        CacheWord::Hit | CacheWord::Stale if record.status == 304 => "TCP_IMS_HIT",
        CacheWord::Hit | CacheWord::Stale if in_memory => "TCP_MEM_HIT",
        CacheWord::Hit | CacheWord::Stale => "TCP_HIT",
        CacheWord::Revalidated => "TCP_REFRESH_UNMODIFIED",
        CacheWord::Miss => match record.forward {
            Some(ForwardReason::Stale) => "TCP_REFRESH_MODIFIED",
            // It was there, and could not be read.
            Some(ForwardReason::Miss) => "TCP_SWAPFAIL_MISS",
            Some(ForwardReason::Request) => "TCP_CLIENT_REFRESH_MISS",
            _ => "TCP_MISS",
        },
        CacheWord::Collapsed => "TCP_CF_MISS",
        CacheWord::Bypass => "TCP_MISS",
        CacheWord::Tunnel => "TCP_TUNNEL",
        CacheWord::Refused => "TCP_DENIED",
        CacheWord::Own => "NONE",
        CacheWord::Error => match record.status {
            // A client's mistake never got as far as the cache.
            400..=499 => "NONE",
            500.. => "TCP_MISS",
            // Broken off before the head, or in the middle of the body.
            _ => "TCP_MISS_ABORTED",
        },
    }
}

/// The media type without its parameters, `-` when there is none.
fn media_type(value: &[u8], out: &mut Vec<u8>) {
    let essence = value.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
    if essence.is_empty() {
        out.push(b'-');
    } else {
        escape::percent(essence, out);
    }
}
