//! Who is compared, and how each is set up: as its documentation advises, on one core, nothing logged.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use super::nginx::nginx;
use super::process::{self, Server, exists, free_address, on_core};
use super::squid::squid;
use super::traffic_server::traffic_server;

/// A server that is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Peer {
    Larder,
    /// larder, with its access log written to a file.
    Logging,
    /// hyper and a look-up: see `bare.rs`.
    Bare,
    Nginx,
    Varnish,
    TrafficServer,
    Squid,
    Haproxy,
    /// The origin itself.
    Direct,
}

/// Bytes of memory that each may keep responses in.
const MEMORY: u64 = 2 << 30;

impl Peer {
    pub(crate) const ALL: [Self; 9] = [
        Self::Larder,
        Self::Logging,
        Self::Bare,
        Self::Nginx,
        Self::Varnish,
        Self::TrafficServer,
        Self::Squid,
        Self::Haproxy,
        Self::Direct,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Larder => "larder",
            Self::Logging => "larder, log on",
            Self::Bare => "bare hyper",
            Self::Nginx => "nginx",
            Self::Varnish => "Varnish",
            Self::TrafficServer => "Traffic Server",
            Self::Squid => "Squid",
            Self::Haproxy => "HAProxy",
            Self::Direct => "direct",
        }
    }

    /// The program, and the Debian package that has it, where it is not ours.
    pub(crate) fn package(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Larder | Self::Logging | Self::Bare | Self::Direct => None,
            Self::Nginx => Some(("nginx", "nginx")),
            Self::Varnish => Some(("varnishd", "varnish")),
            Self::TrafficServer => Some(("traffic_server", "trafficserver")),
            Self::Squid => Some(("squid", "squid")),
            Self::Haproxy => Some(("haproxy", "haproxy")),
        }
    }

    /// The option that makes it print its version.
    pub(crate) fn version(self) -> &'static str {
        match self {
            Self::Varnish => "-V",
            Self::TrafficServer => "--version",
            _ => "-v",
        }
    }

    /// A target as a client of this server writes it.
    pub(crate) fn target(self, origin: SocketAddr, path: &str) -> String {
        match self {
            Self::Larder | Self::Logging | Self::TrafficServer | Self::Squid => {
                format!("http://{origin}{path}")
            }
            _ => path.to_owned(),
        }
    }

    /// Starts it with its files in `dir`, which is empty; none where there is nothing to start.
    pub(crate) fn start(self, dir: &Path, origin: SocketAddr, larder: &str) -> Option<Server> {
        fs::create_dir_all(dir).expect("the directory can be made");
        let memory =
            ["--disk", "0", "--memory", &MEMORY.to_string(), "--max-memory-object", "4MiB"];
        let log = dir.join("access.log");
        Some(match self {
            Self::Direct => return None,
            Self::Larder => process::larder(larder, dir, None, &memory),
            Self::Logging => process::larder(larder, dir, Some(&log), &memory),
            Self::Bare => bare(),
            Self::Nginx => nginx(dir, origin),
            Self::Varnish => varnish(dir, origin),
            Self::TrafficServer => traffic_server(dir, MEMORY),
            Self::Squid => squid(dir, MEMORY),
            Self::Haproxy => haproxy(dir, origin),
        })
    }
}

fn bare() -> Server {
    let address = free_address();
    let me = std::env::current_exe().expect("this program has a name");
    let mut command = on_core("0", &me.to_string_lossy());
    command.args(["bare", &address.to_string()]);
    Server::start(command, address)
}

fn varnish(dir: &Path, origin: SocketAddr) -> Server {
    let address = free_address();
    let mut command = on_core("0", "varnishd");
    // In the foreground, no management port, one pool of threads for one core; work files in `dir`.
    command.args(["-F", "-j", "none", "-T", "none", "-n"]).arg(dir);
    command.args(["-a", &address.to_string(), "-b", &origin.to_string()]);
    command.args(["-s", &format!("default=malloc,{MEMORY}")]);
    for parameter in
        ["thread_pools=1", "timeout_idle=600", "default_ttl=86400", "listen_depth=4096"]
    {
        command.args(["-p", parameter]);
    }
    quiet(&mut command, dir);
    Server::start(command, address)
}

fn haproxy(dir: &Path, origin: SocketAddr) -> Server {
    let address = free_address();
    let settings = format!(
        "global
    nbthread 1
    maxconn 8000
cache responses
    total-max-size {}
    max-object-size 4194304
    max-age 86400
defaults
    mode http
    timeout client 600s
    timeout server 60s
    timeout connect 5s
    timeout http-keep-alive 600s
frontend clients
    bind {address} backlog 4096
    http-request cache-use responses
    http-response cache-store responses
    default_backend origin
backend origin
    http-reuse always
    server origin {origin}
",
        MEMORY >> 20
    );
    let file = dir.join("haproxy.cfg");
    fs::write(&file, settings).expect("the settings can be written");
    let mut command = on_core("0", "haproxy");
    command.arg("-db").arg("-f").arg(&file);
    quiet(&mut command, dir);
    Server::start(command, address)
}

/// What it says goes to a file.
pub(crate) fn quiet(command: &mut Command, dir: &Path) {
    let said = fs::File::create(dir.join("said")).expect("a file can be made");
    command.stdout(said.try_clone().expect("it can be shared")).stderr(said);
}

/// The packages that are needed and are not there.
pub(crate) fn missing(peers: &[Peer]) -> Vec<&'static str> {
    let tools = [("wrk", "wrk"), ("taskset", "util-linux")];
    let needed = peers.iter().filter_map(|peer| peer.package()).chain(tools);
    needed.filter(|(program, _)| !exists(program)).map(|(_, package)| package).collect()
}
