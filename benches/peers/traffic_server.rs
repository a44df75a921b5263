//! Traffic Server as a forward proxy, with a RAM cache before its disk cache.

use std::fs;
use std::path::Path;

use super::peer::quiet;
use super::process::{Server, free_address, on_core};

pub(crate) fn traffic_server(dir: &Path, memory: u64) -> Server {
    let address = free_address();
    let here = dir.display();
    for part in ["etc", "cache", "run", "log"] {
        fs::create_dir_all(dir.join(part)).expect("the directory can be made");
    }
    let write = |name: &str, text: &str| {
        fs::write(dir.join(name), text).expect("the settings can be written");
    };
    let mut layout = String::new();
    for (what, place) in [
        ("prefix", ""),
        ("exec_prefix", ""),
        ("sysconfdir", "etc"),
        ("datadir", ""),
        ("includedir", ""),
        ("localstatedir", "run"),
        ("runtimedir", "run"),
        ("logdir", "log"),
        ("mandir", ""),
        ("infodir", ""),
        ("cachedir", "cache"),
    ] {
        layout.push_str(&format!("{what}: {here}/{place}\n"));
    }
    layout.push_str("bindir: /usr/bin\nsbindir: /usr/sbin\nlibdir: /usr/lib\n");
    layout.push_str("libexecdir: /usr/lib/trafficserver/modules\n");
    write("runroot.yaml", &layout);
    let settings = [
        ("http.server_ports STRING", format!("{}:ip-in={}", address.port(), address.ip())),
        // It stays who started it.
        ("admin.user_id STRING", "#-1".to_owned()),
        ("exec_thread.autoconfig INT", "0".to_owned()),
        ("exec_thread.limit INT", "1".to_owned()),
        ("accept_threads INT", "0".to_owned()),
        ("reverse_proxy.enabled INT", "0".to_owned()),
        ("url_remap.remap_required INT", "0".to_owned()),
        ("cache.ram_cache.size INT", memory.to_string()),
        ("http.wait_for_cache INT", "1".to_owned()),
        ("log.logging_enabled INT", "0".to_owned()),
        ("net.connections_throttle INT", "16000".to_owned()),
        ("http.keep_alive_no_activity_timeout_in INT", "600".to_owned()),
    ];
    let lines = settings.map(|(name, value)| format!("CONFIG proxy.config.{name} {value}\n"));
    write("etc/records.config", &lines.concat());
    write("etc/storage.config", &format!("{here}/cache {}\n", memory * 2));
    let allow = "ip_allow:\n  - {apply: in, ip_addrs: 127.0.0.1, action: allow, methods: ALL}\n";
    write("etc/ip_allow.yaml", allow);
    for empty in ["remap", "plugin", "ssl_multicert", "volume", "hosting"] {
        write(&format!("etc/{empty}.config"), "");
    }
    let mut command = on_core("0", "traffic_server");
    command.arg(format!("--run-root={here}/runroot.yaml"));
    quiet(&mut command, dir);
    Server::start(command, address)
}
