//! Requests at a fixed pace on kept-alive connections, each timed from the moment at which it was due: who
//! waits behind another waits too.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The timer of who asks may be so late: that is not the server's.
const LATE: Duration = Duration::from_millis(2);

/// So many requests a second, all connections together, for so long.
#[derive(Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) connections: u32,
    pub(crate) rate: u32,
    pub(crate) during: Duration,
}

/// What became of them: how long each took, the shortest first.
pub(crate) struct Times(Vec<Duration>);

impl Times {
    /// So long at most took so many of a million.
    pub(crate) fn at(&self, of_a_million: usize) -> Duration {
        let last = self.0.len().saturating_sub(1);
        let at = (self.0.len() * of_a_million / 1_000_000).min(last);
        self.0.get(at).copied().unwrap_or_default()
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}

/// Asks for what `target` says of the number of the request, and fails unless all answers are 200.
pub(crate) async fn run(
    server: SocketAddr,
    pace: Pace,
    target: impl Fn(u64) -> String + Send + Sync + 'static,
) -> Times {
    let (next, target) = (Arc::new(AtomicU64::new(0)), Arc::new(target));
    let began = Instant::now() + Duration::from_millis(100);
    let each = Duration::from_secs(1) / pace.rate;
    let total = u64::from(pace.rate) * pace.during.as_secs();
    let tasks: Vec<_> = (0..pace.connections)
        .map(|_| {
            let (next, target) = (Arc::clone(&next), Arc::clone(&target));
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(server).await.expect("it listens");
                stream.set_nodelay(true).ok();
                let mut times = Vec::new();
                let mut buffer = vec![0; 64 << 10];
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= total {
                        return times;
                    }
                    let due = began + each.mul_f64(n as f64);
                    tokio::time::sleep_until(due.into()).await;
                    let began = Instant::now().min(due + LATE);
                    ask(&mut stream, &target(n), &mut buffer).await;
                    times.push(began.elapsed());
                }
            })
        })
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.expect("no connection fails"));
    }
    all.sort_unstable();
    Times(all)
}

/// One exchange; what comes is looked at as far as needed to find its end.
async fn ask(stream: &mut TcpStream, target: &str, buffer: &mut [u8]) {
    let host = target.split('/').nth(2).unwrap_or_default();
    let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("the server reads");
    let (mut filled, mut end) = (0, None);
    while end.is_none_or(|end| filled < end) {
        let free = buffer.get_mut(filled..).expect("the response is short");
        let read = stream.read(free).await.expect("the server answers");
        assert!(read > 0, "the server hung up");
        filled += read;
        end = end.or_else(|| length(buffer.get(..filled)?));
    }
}

/// How long the whole response is, once its head is there.
fn length(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(bytes.get(..head)?).to_ascii_lowercase();
    assert!(text.starts_with("http/1.1 200"), "{text}");
    let line = text.lines().find_map(|line| line.strip_prefix("content-length:"));
    Some(head + line?.trim().parse::<usize>().ok()?)
}
