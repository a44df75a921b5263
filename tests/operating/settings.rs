//! Where settings come from: option, environment, file, default, in this order.

use std::net::SocketAddr;

use super::{File, listen_in};
use crate::support::binary::Binary;
use crate::support::client::{Client, get};
use crate::support::origin::{Origin, Reply};

/// The format of the first access line, which goes to standard output in each.
async fn format_of(
    arguments: &[&str],
    variables: &[(&str, &str)],
    origin: &Origin,
) -> &'static str {
    let mut larder = Binary::start_with(arguments, variables);
    // Where events go depends on the format: json and pretty have room for them.
    let ready = larder.any_line().await;
    let address: SocketAddr = match serde_json::from_str::<serde_json::Value>(&ready) {
        Ok(line) => line["listen"].as_str().unwrap().parse().unwrap(),
        Err(_) => listen_in(&ready),
    };
    get(address, &origin.url("/page")).await;
    let line = larder.line("an access line", |_| true).await;
    match () {
        () if line.starts_with('{') => "json",
        () if line.contains(" TCP_MISS/200 ") => "squid",
        () if line.contains("] \"GET ") => "combined",
        () => "pretty",
    }
}

#[tokio::test]
async fn an_option_beats_the_environment_and_the_environment_beats_the_file() {
    let origin = Origin::start().await;
    origin.route("/page", Reply::cacheable(60, "hello"));
    let file = File::new("listen = [\"127.0.0.1:0\"]\nlog_format = \"squid\"\n");
    let path = &*file.path;
    let listen = [("LARDER_LISTEN", "127.0.0.1:0")];
    let from_file = [("LARDER_CONFIG", path)];
    let both = [("LARDER_CONFIG", path), ("LARDER_LOG_FORMAT", "combined")];
    let option = ["--log-format", "json"];
    assert_eq!(format_of(&[], &listen, &origin).await, "pretty");
    assert_eq!(format_of(&["--config", path], &[], &origin).await, "squid");
    assert_eq!(format_of(&[], &from_file, &origin).await, "squid");
    assert_eq!(format_of(&[], &both, &origin).await, "combined");
    assert_eq!(format_of(&option, &both, &origin).await, "json");
}

#[tokio::test]
async fn an_option_replaces_a_list_and_never_adds_to_it() {
    let file = File::new("listen = [\"127.0.0.3:0\", \"127.0.0.4:0\"]\n");
    let variables = [("LARDER_CONFIG", &*file.path), ("LARDER_LISTEN", "127.0.0.2:0, 127.0.0.5:0")];
    let ready = Binary::start_with(&[], &variables).any_line().await;
    assert!(ready.contains("listen=127.0.0.2:") && ready.contains(",127.0.0.5:"), "{ready}");
    let ready = Binary::start_with(&["--listen", "127.0.0.1:0"], &variables).any_line().await;
    assert!(ready.contains("listen=127.0.0.1:") && !ready.contains(','), "{ready}");
}

#[tokio::test]
async fn rust_log_counts_only_when_nothing_else_names_a_level() {
    let listen = ["--listen", "127.0.0.1:0"];
    let quiet = [("RUST_LOG", "warn"), ("LARDER_LOG_LEVEL", "info")];
    assert!(Binary::start_with(&listen, &quiet).any_line().await.contains("Ready to serve"));
    let option = [&listen[..], &["--log-level", "info"]].concat();
    assert!(Binary::start_with(&option, &quiet[..1]).any_line().await.contains("Ready to serve"));
}

#[tokio::test]
async fn limits_of_the_file_are_the_limits_of_the_program() {
    let origin = Origin::start().await;
    let port = origin.address().port();
    let file = File::new("ports = [80]\nmax_target = 2048\ndeny_private = true\n");
    let (_larder, address) = Binary::serve(&["--config", &file.path]).await;
    let mut client = Client::connect(address).await;
    let refused = client.get(&origin.url("/page")).await;
    assert!(refused.text().contains(&format!("port {port} may not be reached")), "{refused:?}");
    let long = origin.url(&format!("/{}", "x".repeat(3000)));
    assert_eq!(client.get(&long).await.status, 414);
    assert_eq!(origin.connections(), 0);
}
