//! For tests: a sink that can be read, and a record to start from.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use ::http::{Method, Version};
use parking_lot::Mutex;

use super::output::{Output, Sink};
use super::{AccessRecord, CacheWord};
use crate::time::Timestamp;

/// Keeps what is written.
#[derive(Clone, Default)]
pub(super) struct Capture(Arc<Mutex<Vec<u8>>>);

impl Capture {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().clone()).unwrap()
    }

    /// An output that ends here and has nothing to say about itself.
    pub(super) fn output(&self) -> Output {
        let sink = Sink::Writer(Box::new(self.clone()));
        Output::open(sink, 1024 * 1024, Box::new(|_, _| ())).unwrap()
    }
}

impl Write for Capture {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A hit: 2026-11-20T13:36:01.123Z, 0.312 ms, 1256 bytes from memory.
pub(super) fn hit() -> AccessRecord {
    AccessRecord {
        client: IpAddr::V4(Ipv4Addr::LOCALHOST),
        user: None,
        method: Some(Method::GET),
        url: "http://example.com/a?b=c".into(),
        version: Version::HTTP_11,
        status: 200,
        bytes: 1256,
        bytes_up: 0,
        duration: Duration::from_micros(312),
        time: Timestamp::from_unix_millis(1_795_181_761_123),
        cache: CacheWord::Hit,
        tier: Some("memory"),
        forward: None,
        reason: None,
        error: None,
        referer: None,
        user_agent: None,
        content_type: None,
        peer: None,
    }
}
