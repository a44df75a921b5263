//! Hits from disk over HTTP, beside nginx's `proxy_cache`, one after the other on the same core.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use super::origin::{Origin, small};
use super::process::{self, Server, exists, median, on_core};
use super::wire::Client;

/// How many different responses are asked for in turn, for each size.
const SIZES: [(u64, u64); 2] = [(1 << 10, 1000), (64 << 10, 1000)];

const CONNECTIONS: &str = "64";

/// Nothing fits into memory: every hit is read from disk.
const DISK_ONLY: [&str; 6] = ["--memory", "64MiB", "--max-memory-object", "512", "--disk", "1GiB"];

pub(crate) fn run(dir: &Path, rounds: usize, seconds: u64) {
    if let Some(missing) = ["nginx", "wrk", "taskset"].iter().find(|program| !exists(program)) {
        println!("peer: left out: {missing} is not installed");
        return;
    }
    let origin = Origin::start();
    let larder_dir = dir.join("larder");
    fs::create_dir_all(&larder_dir).expect("the directory can be made");
    let targets = |size: u64, count: u64, base: &str| -> Vec<String> {
        (0..count).map(|n| format!("{base}/small/{size}/{n}")).collect()
    };
    let absolute = format!("http://{}", origin.address);

    // Stored by one process, read by the next: nothing of it can be in memory.
    let log = dir.join("access.log");
    let first = process::larder(&larder_dir, Some(&log), &DISK_ONLY);
    // What comes faster than it is written is not stored, and asked for again.
    for turn in 1.. {
        let fetch = |(size, count): (u64, u64)| {
            fetch(first.address, &origin, &targets(size, count, &absolute), size);
        };
        let asked = origin.asked();
        SIZES.into_iter().for_each(fetch);
        if origin.asked() == asked {
            break;
        }
        assert!(turn < 20, "all of them get to disk");
    }
    drop(first);
    let log = fs::read_to_string(&log).expect("there is a log");
    let from = |tier: &str| log.lines().filter(|line| line.contains(tier)).count() as u64;
    let all: u64 = SIZES.iter().map(|(_, count)| count).sum();
    assert!(from("tier=disk") >= all && from("tier=memory") == 0, "all hits are from disk");

    let larder = process::larder(&larder_dir, None, &DISK_ONLY);
    // What the disk costs besides: the same from memory.
    let memory = process::larder(&larder_dir, None, &["--memory", "1GiB", "--disk", "0"]);
    let nginx = nginx(dir, origin.address);
    for (size, count) in SIZES {
        fetch(nginx.address, &origin, &targets(size, count, ""), size);
        fetch(memory.address, &origin, &targets(size, count, &absolute), size);
    }
    for (size, count) in SIZES {
        let asked = origin.asked();
        let for_larder = Load::new(dir, "larder", &targets(size, count, &absolute), &origin);
        let for_nginx = Load::new(dir, "nginx", &targets(size, count, ""), &origin);
        for_larder.run(&larder, 1);
        for_larder.run(&memory, 1);
        for_nginx.run(&nginx, 1);
        let (mut ours, mut theirs, mut resident) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds {
            ours.push(for_larder.run(&larder, seconds));
            theirs.push(for_nginx.run(&nginx, seconds));
            resident.push(for_larder.run(&memory, seconds));
        }
        assert_eq!(origin.asked(), asked, "nobody asked the origin");
        println!("hits, {size} bytes, {CONNECTIONS} connections, {rounds} rounds of {seconds} s");
        report("larder, from disk", &ours);
        report("nginx", &theirs);
        report("larder, from memory", &resident);
        let ratios = |of: fn(&Round) -> f64| {
            let pairs = ours.iter().zip(&theirs);
            median(&pairs.map(|(one, other)| of(one) / of(other)).collect::<Vec<_>>())
        };
        println!(
            "  from disk / nginx, median of the rounds: requests {:.2}; computing per request {:.2}",
            ratios(|round| round.rate),
            ratios(|round| round.busy)
        );
    }
}

/// Has each of these targets answered, on several connections, and compares the bodies.
fn fetch(server: SocketAddr, origin: &Origin, targets: &[String], size: u64) {
    let numbered: Vec<_> = targets.iter().zip(0..).collect();
    let part = |part: &[(&String, u64)]| {
        let mut client = Client::connect(server);
        for (target, n) in part {
            let (head, body) = client.get(target, origin.address, "");
            assert_eq!(head.status, 200, "{}", head.text);
            assert_eq!(body, small(*n, size as usize), "{target}");
        }
    };
    std::thread::scope(|scope| {
        for chunk in numbered.chunks(targets.len().div_ceil(16).max(1)) {
            scope.spawn(move || part(chunk));
        }
    });
}

fn nginx(dir: &Path, origin: SocketAddr) -> Server {
    let address = process::free_address();
    let root = dir.join("nginx");
    fs::create_dir_all(root.join("logs")).expect("the directory can be made");
    let own_files = fs::metadata(&root).is_ok_and(|of| {
        use std::os::unix::fs::MetadataExt as _;
        of.uid() == 0
    });
    let user = if own_files { "user root;" } else { "" };
    let settings = format!(
        r#"{user}
worker_processes 1;
daemon off;
pid nginx.pid;
error_log logs/error.log warn;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    sendfile on;
    keepalive_timeout 600s;
    keepalive_requests 1000000000;
    default_type text/html;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    open_file_cache max=100000 inactive=600s;
    open_file_cache_valid 600s;
    proxy_cache_path cache levels=1:2 keys_zone=zone:64m max_size=1g inactive=1h use_temp_path=off;
    upstream origin {{ server {origin}; keepalive 16; }}
    server {{
        listen {address};
        location / {{
            proxy_pass http://origin;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_cache zone;
        }}
    }}
}}
"#
    );
    let file = root.join("nginx.conf");
    fs::write(&file, settings).expect("the settings can be written");
    let mut command = on_core("0", "nginx");
    command.arg("-p").arg(&root).arg("-c").arg(&file);
    Server::start(command, address)
}

/// What wrk is told to ask for.
struct Load {
    script: std::path::PathBuf,
}

/// What one run of wrk has found.
struct Round {
    /// Requests per second.
    rate: f64,
    /// Milliseconds within which 99 of 100 were answered.
    p99: f64,
    /// Microseconds that the server computed for each.
    busy: f64,
}

impl Load {
    fn new(dir: &Path, name: &str, targets: &[String], origin: &Origin) -> Self {
        let list: Vec<String> = targets.iter().map(|target| format!("\"{target}\"")).collect();
        let script = format!(
            r#"local targets = {{{}}}
local requests, at = {{}}, 0
wrk.headers["Host"] = "{}"
function init(args)
    for i, target in ipairs(targets) do requests[i] = wrk.format("GET", target) end
end
function request()
    at = at % #requests + 1
    return requests[at]
end
function done(summary, latency, requests)
    local e = summary.errors
    print(string.format("RESULT %d %d %d %d", summary.requests, summary.duration,
        latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
"#,
            list.join(","),
            origin.address
        );
        let file = dir.join(format!("{name}.lua"));
        fs::write(&file, script).expect("the script can be written");
        Self { script: file }
    }

    fn run(&self, server: &Server, seconds: u64) -> Round {
        let (busy, began) = (server.busy(), Instant::now());
        let output = on_core("1", "wrk")
            .args(["-t1", "-c", CONNECTIONS, "-d", &format!("{seconds}s"), "-s"])
            .arg(&self.script)
            .arg(format!("http://{}", server.address))
            .output()
            .expect("wrk runs");
        let busy = server.busy().saturating_sub(busy);
        assert!(busy <= began.elapsed() + Duration::from_secs(1), "one worker, one core");
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().find_map(|line| line.strip_prefix("RESULT "));
        let numbers = line.unwrap_or_default().split(' ').filter_map(|n| n.parse::<f64>().ok());
        let numbers: Vec<f64> = numbers.collect();
        let [requests, duration, p99, errors] = numbers[..] else { panic!("wrk says: {text}") };
        assert!(requests > 0.0 && errors == 0.0, "no request fails: {text}");
        Round {
            rate: requests / (duration / 1e6),
            p99: p99 / 1e3,
            busy: busy.as_secs_f64() * 1e6 / requests,
        }
    }
}

fn report(name: &str, rounds: &[Round]) {
    let all = |of: fn(&Round) -> f64| rounds.iter().map(of).collect::<Vec<f64>>();
    let rates = all(|round| round.rate);
    println!(
        "  {name:<19} {:>8.0} requests/s ({:.0} to {:.0}), 99 % within {:.2} ms, {:.2} us computed each",
        median(&rates),
        rates.iter().copied().fold(f64::INFINITY, f64::min),
        rates.iter().copied().fold(0.0, f64::max),
        median(&all(|round| round.p99)),
        median(&all(|round| round.busy))
    );
}
