//! Squid as a forward proxy that keeps what it has in memory.

use std::fs;
use std::path::Path;

use super::peer::quiet;
use super::process::{Server, free_address, on_core};

pub(crate) fn squid(dir: &Path, memory: u64) -> Server {
    let address = free_address();
    let here = dir.display();
    let settings = format!(
        "http_port {address}
http_access allow all
cache_mem {} MB
memory_cache_mode always
maximum_object_size 64 MB
maximum_object_size_in_memory 4 MB
minimum_object_size 0
access_log none
cache_log {here}/cache.log
cache_store_log none
pid_filename {here}/squid.pid
coredump_dir {here}
netdb_filename none
pinger_enable off
client_db off
workers 1
shutdown_lifetime 0 seconds
client_idle_pconn_timeout 600 seconds
max_filedescriptors 16384
visible_hostname localhost
",
        memory >> 20
    );
    let file = dir.join("squid.conf");
    fs::write(&file, settings).expect("the settings can be written");
    // As root it becomes this user, who must be able to write there; otherwise nothing changes.
    std::process::Command::new("chown").arg("proxy").arg(dir).status().ok();
    let mut command = on_core("0", "squid");
    command.arg("-N").arg("-f").arg(&file);
    quiet(&mut command, dir);
    Server::start(command, address)
}
