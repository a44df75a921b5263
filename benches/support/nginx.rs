//! nginx with `proxy_cache`, as its documentation advises for many small files.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::process::{Server, free_address, on_core};

/// Starts it on the first core, with all its files in `dir`.
pub(crate) fn nginx(dir: &Path, origin: SocketAddr) -> Server {
    let address = free_address();
    fs::create_dir_all(dir.join("logs")).expect("the directory can be made");
    let file = dir.join("nginx.conf");
    let root = fs::metadata(dir).is_ok_and(|of| of.uid() == 0);
    fs::write(&file, settings(address, origin, root)).expect("the settings can be written");
    let mut command = on_core("0", "nginx");
    command.arg("-p").arg(dir).arg("-c").arg(&file);
    Server::start(command, address)
}

fn settings(address: SocketAddr, origin: SocketAddr, root: bool) -> String {
    // Its workers must be able to read what is root's.
    let user = if root { "user root;" } else { "" };
    format!(
        r#"{user}
worker_processes 1;
daemon off;
pid nginx.pid;
error_log logs/error.log error;
events {{ worker_connections 16384; }}
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
    open_file_cache max=200000 inactive=600s;
    open_file_cache_valid 600s;
    proxy_cache_path cache levels=1:2 keys_zone=zone:256m max_size=8g inactive=1h use_temp_path=off;
    upstream origin {{ server {origin}; keepalive 128; keepalive_requests 1000000000; }}
    server {{
        listen {address} backlog=4096;
        location / {{
            proxy_pass http://origin;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_cache zone;
        }}
    }}
}}
"#
    )
}
