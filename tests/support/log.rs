//! The proxy's log as parsed lines.

use std::io::{self, Write};

use serde_json::Value;
use tokio::sync::watch;

use super::gate::within;

/// Collects log lines in the json format. Clones share the lines.
#[derive(Clone, Debug, Default)]
pub struct Log {
    lines: std::sync::Arc<watch::Sender<Vec<Value>>>,
}

/// The end that the proxy writes to.
#[derive(Debug)]
pub struct Output {
    log: Log,
    unfinished: Vec<u8>,
}

impl Log {
    /// No lines yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What the proxy is told to write to.
    pub fn output(&self) -> Output {
        Output { log: self.clone(), unfinished: Vec::new() }
    }

    /// All lines so far.
    pub fn lines(&self) -> Vec<Value> {
        self.lines.borrow().clone()
    }

    /// The lines of finished exchanges so far.
    pub fn exchanges(&self) -> Vec<Value> {
        exchanges(&self.lines.borrow())
    }

    /// Waits for a line, which may have been written already.
    #[track_caller]
    pub fn wait_for<W: Fn(&Value) -> bool>(
        &self,
        wanted: W,
    ) -> impl Future<Output = Value> + use<W> {
        let mut lines = self.lines.subscribe();
        within("a line of the log", async move {
            let written = lines.wait_for(|lines| lines.iter().any(&wanted)).await;
            let written = written.expect("the log is there");
            written.iter().find(|line| wanted(line)).expect("it was seen").clone()
        })
    }

    /// Waits until `count` exchanges are finished; more are a failure.
    #[track_caller]
    pub fn wait_for_exchanges(&self, count: usize) -> impl Future<Output = Vec<Value>> + use<> {
        let mut lines = self.lines.subscribe();
        within(format!("exchange {count} in the log"), async move {
            let written = lines.wait_for(|lines| exchanges(lines).len() >= count).await;
            let exchanges = exchanges(&written.expect("the log is there"));
            assert_eq!(exchanges.len(), count, "{exchanges:#?}");
            exchanges
        })
    }
}

/// Only the line of a finished exchange says what came of the cache.
fn exchanges(lines: &[Value]) -> Vec<Value> {
    lines.iter().filter(|line| !line["cache"].is_null()).cloned().collect()
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.unfinished.extend_from_slice(bytes);
        while let Some(end) = self.unfinished.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.unfinished.drain(..=end).collect();
            let parsed = serde_json::from_slice(&line).unwrap_or_else(|why| {
                // The writer is a thread of the proxy: a panic there would go unseen.
                let line = String::from_utf8_lossy(&line);
                serde_json::json!({ "unreadable": line, "why": why.to_string() })
            });
            self.log.lines.send_modify(|lines| lines.push(parsed));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
