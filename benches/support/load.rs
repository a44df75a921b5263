//! A load: what `wrk` is told to ask for, on the second core, and what it found.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::process::{Server, on_core};

/// What is asked for, in turn.
pub(crate) enum Targets {
    One(String),
    /// `None` is one that was never asked for: `fresh` with a number behind it.
    Many {
        targets: Vec<Option<String>>,
        fresh: String,
    },
}

/// What wrk is told to do.
pub(crate) struct Load {
    script: PathBuf,
    connections: u32,
}

/// What one run of wrk has found.
pub(crate) struct Round {
    pub(crate) requests: f64,
    /// Requests per second.
    pub(crate) rate: f64,
    /// Milliseconds within which 99 of 100 were answered.
    pub(crate) p99: f64,
    /// Microseconds that the server computed for each.
    pub(crate) busy: f64,
    /// Bytes received for each, heads included.
    pub(crate) bytes: f64,
}

impl Load {
    /// Writes what wrk runs to files in `dir` that begin with `name`.
    pub(crate) fn new(
        dir: &Path,
        name: &str,
        targets: &Targets,
        host: SocketAddr,
        connections: u32,
        closing: bool,
    ) -> Self {
        let mut script = format!("wrk.headers[\"Host\"] = \"{host}\"\n");
        if closing {
            script.push_str("wrk.headers[\"Connection\"] = \"close\"\n");
        }
        match targets {
            Targets::One(target) => script.push_str(&format!("wrk.path = \"{target}\"\n")),
            Targets::Many { targets, fresh } => {
                let list = dir.join(format!("{name}.targets"));
                let lines = targets.iter().map(|target| target.as_deref().unwrap_or("*"));
                fs::write(&list, lines.collect::<Vec<_>>().join("\n")).expect("it can be written");
                script.push_str(&MANY.replace("LIST", &list.to_string_lossy()));
                script.push_str(&format!("local before, behind = \"GET {fresh}\", "));
                script.push_str(&format!("\" HTTP/1.1\\r\\nHost: {host}\\r\\n\\r\\n\"\n{REQUEST}"));
            }
        }
        script.push_str(DONE);
        let file = dir.join(format!("{name}.lua"));
        fs::write(&file, script).expect("the script can be written");
        Self { script: file, connections }
    }

    /// Runs for so long; what was never asked for is numbered from `first` on.
    pub(crate) fn run(&self, server: &Server, seconds: u64, first: u64) -> Result<Round, String> {
        let (busy, began) = (server.busy(), Instant::now());
        let output = on_core("1", "wrk")
            .args(["-t1", "-c", &self.connections.to_string(), "-d", &format!("{seconds}s")])
            .args(["--timeout", "10s", "-s"])
            .arg(&self.script)
            .args([&format!("http://{}", server.address), "--", &first.to_string()])
            .output()
            .expect("wrk runs");
        let busy = server.busy().saturating_sub(busy);
        if busy > began.elapsed() + Duration::from_secs(1) {
            return Err(format!("it computed on more than one core: {busy:?}"));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().find_map(|line| line.strip_prefix("RESULT "));
        let numbers = line.unwrap_or_default().split(' ').filter_map(|n| n.parse::<f64>().ok());
        let numbers: Vec<f64> = numbers.collect();
        let [requests, duration, p99, bytes, errors] = numbers[..] else {
            return Err(format!("wrk says: {text}"));
        };
        if requests < 1.0 {
            return Err(format!("no request was answered in {seconds} s"));
        }
        if errors > 0.0 {
            return Err(format!("{errors} of {requests} requests failed"));
        }
        Ok(Round {
            requests,
            rate: requests / (duration / 1e6),
            p99: p99 / 1e3,
            busy: busy.as_secs_f64() * 1e6 / requests,
            bytes: bytes / requests,
        })
    }
}

const MANY: &str = r#"
local requests, at, fresh = {}, 0, 0
function init(args)
    fresh = tonumber(args[1])
    for target in io.lines("LIST") do
        requests[#requests + 1] = target ~= "*" and wrk.format("GET", target)
    end
end
"#;

const REQUEST: &str = r#"
function request()
    at = at % #requests + 1
    local known = requests[at]
    if known then return known end
    fresh = fresh + 1
    return before .. string.format("%d", fresh) .. behind
end
"#;

const DONE: &str = r#"
function done(summary, latency, requests)
    local e = summary.errors
    print(string.format("RESULT %d %d %d %d %d", summary.requests, summary.duration,
        latency:percentile(99), summary.bytes, e.connect + e.read + e.write + e.status + e.timeout))
end
"#;
