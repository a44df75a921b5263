//! Connections that have made one request each and wait: what each of them keeps resident.

use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::origin::Origin;
use super::proxy;
use super::wire::Client;

const CONNECTIONS: u64 = 5000;
const MOST: u64 = 24 << 10;

pub(crate) fn run(larder: &Path, dir: &Path) {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("the limit can be read");
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).expect("the limit can be raised");
    let origin = Origin::start();
    let limits = ["--log-level", "warn", "--disk", "0"];
    let server = proxy::start(larder, dir, 1, &limits);
    let target = format!("http://{}/small/1024/1", origin.address);
    // What the first ones bring about is not counted.
    let mut clients: Vec<Client> = Vec::new();
    let mut open = |count: u64| {
        for _ in 0..count {
            let mut client = Client::with_buffer(server.address, 4096);
            let (head, _) = client.get(&target, origin.address, "");
            assert_eq!(head.status, 200, "{}", head.text);
            clients.push(client);
        }
        sleep(Duration::from_secs(2));
        server.resident()
    };
    let before = open(100);
    let each = (open(CONNECTIONS) - before) / CONNECTIONS;
    println!(
        "{CONNECTIONS} idle connections, one request each: {each} bytes resident each, {}",
        if each <= MOST { "reached" } else { "NOT reached" }
    );
}
