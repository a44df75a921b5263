//! What is said while a test does something.

use std::io::{self, Write};
use std::sync::Arc;

use parking_lot::Mutex;

#[derive(Clone, Default)]
struct Capture(Arc<Mutex<Vec<u8>>>);

impl Write for Capture {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The lines that this thread says meanwhile.
pub(super) fn said(doing: impl FnOnce()) -> Vec<String> {
    let capture = Capture::default();
    let writer = capture.clone();
    let log = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone());
    tracing::subscriber::with_default(log.finish(), doing);
    String::from_utf8(capture.0.lock().clone()).unwrap().lines().map(str::to_owned).collect()
}
