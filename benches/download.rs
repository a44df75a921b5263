//! A large download through the proxy: how fast against going direct, and whether memory stays flat.
//!
//! `cargo bench --bench download` fetches 10 GiB; another number of GiB can be given behind `--`.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "this is a bench: it prints, and it may fail"
)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use larder::cli::serve::{self, Config, Parts};
use larder::cli::settings::Settings;
use larder::net::Interfaces;
use larder::telemetry::AccessLog;
use larder::time::SystemClock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const GIB: u64 = 1 << 30;

fn main() {
    let size = std::env::args().find_map(|word| word.parse::<u64>().ok()).unwrap_or(10) * GIB;
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    runtime.block_on(run(size));
}

async fn run(size: u64) {
    let origin = origin(size).await;
    let mut config = Config::from(&Settings::default());
    config.server.listen = vec![SocketAddr::from(([127, 0, 0, 1], 0))];
    config.store.disk = None;
    let parts = Parts {
        clock: Arc::new(SystemClock),
        interfaces: Interfaces::system(),
        log: AccessLog::disabled(),
    };
    let running = serve::start(config, parts).expect("the proxy starts");
    let proxy = *running.addresses().first().expect("it listens");

    println!("a response of {} GiB", size / GIB);
    let direct = download(origin, origin, size).await;
    let before = resident();
    let through = download(proxy, origin, size).await;
    let grown = resident().saturating_sub(before);
    println!("direct         {:>8.2} s", direct.as_secs_f64());
    println!("through larder {:>8.2} s", through.as_secs_f64());
    println!("speed, through / direct: {:.2}", direct.as_secs_f64() / through.as_secs_f64());
    println!("peak resident memory grew by {} KiB while it went through", grown / 1024);
    running.begin_drain();
    running.drained().await;
}

/// An origin that answers everything with `size` bytes that may be stored.
async fn origin(size: u64) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4096];
                if stream.read(&mut request).await.is_err() {
                    return;
                }
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {size}\r\nCache-Control: max-age=60\r\n\r\n"
                );
                let (block, mut left) = (vec![b'x'; 1 << 18], size);
                if stream.write_all(head.as_bytes()).await.is_err() {
                    return;
                }
                while left > 0 {
                    let most = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
                    let Some(part) = block.get(..most) else { return };
                    if stream.write_all(part).await.is_err() {
                        return;
                    }
                    left -= most as u64;
                }
            });
        }
    });
    address
}

/// Fetches the response from `origin` over `server`, and says how long it took.
async fn download(server: SocketAddr, origin: SocketAddr, size: u64) -> Duration {
    let began = Instant::now();
    let mut stream = TcpStream::connect(server).await.expect("it listens");
    let request =
        format!("GET http://{origin}/ HTTP/1.1\r\nHost: {origin}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("it reads");
    let (mut buffer, mut received) = (vec![0; 1 << 18], 0_u64);
    while received < size {
        match stream.read(&mut buffer).await.expect("the response goes on") {
            0 => break,
            n => received += n as u64,
        }
    }
    assert!(received >= size, "only {received} bytes came");
    began.elapsed()
}

/// The largest resident memory of this process so far, in bytes; 0 where the system does not say.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    number.unwrap_or_default() * 1024
}
