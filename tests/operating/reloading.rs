//! SIGHUP: the settings are read again, and no connection notices but by what they say.

use std::net::SocketAddr;

use serde_json::Value;

use super::File;
use crate::support::binary::Binary;
use crate::support::client::{Client, request};
use crate::support::gate::Gate;
use crate::support::origin::{Origin, Reply};

/// A proxy with this settings file.
async fn serve(file: &File) -> (Binary, SocketAddr) {
    Binary::serve(&["--config", &file.path]).await
}

/// Has it read what the file says now; the line that says what came of it.
async fn reload(larder: &mut Binary, file: &File, text: &str) -> Value {
    std::fs::write(&file.path, text).unwrap();
    larder.signal("HUP");
    let line = larder.line("what came of it", |line| line.contains("\"Settings ")).await;
    serde_json::from_str(&line).unwrap()
}

#[tokio::test]
async fn a_kept_connection_has_the_new_settings_with_its_next_request() {
    let (origin, gate) = (Origin::start().await, Gate::new());
    origin.route("/page", Reply::cacheable(60, "page"));
    origin.route("/slow", Reply::ok("slow but whole").body_after(&gate));
    let file = File::new("");
    let (mut larder, address) = serve(&file).await;
    let mut kept = Client::connect(address).await;
    assert_eq!(kept.get(&origin.url("/page")).await.status, 200);
    let mut busy = Client::connect(address).await;
    busy.send(request("GET", &origin.url("/slow"), &[])).await;
    let head = busy.head().await;

    let said = reload(&mut larder, &file, "ports = [80]\nmax_target = 2048\n").await;
    assert_eq!(said["message"], "Settings loaded", "{said}");
    assert_eq!(
        (&said["changed"], &said["file"]),
        (&"ports,max_target".into(), &(*file.path).into())
    );
    // The same connection: the rules of the request are new, the limits of the connection are its own.
    let long = origin.url(&format!("/{}", "x".repeat(3000)));
    let refused = kept.get(&long).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    assert!(refused.text().contains("may not be reached"), "{refused:?}");
    assert_eq!(Client::connect(address).await.get(&long).await.status, 414);
    // What was in flight ends by the settings that it began with.
    gate.open();
    let mut body = busy.body_of(&head);
    assert_eq!(busy.at_least(&mut body, 14).await, b"slow but whole");
    assert_eq!(busy.get(&origin.url("/page")).await.status, 403);

    // What is stored is stored still.
    let said = reload(&mut larder, &file, "").await;
    assert_eq!(said["changed"], "ports,max_target", "{said}");
    let again = kept.get(&origin.url("/page")).await;
    assert!(again.field("cache-status").unwrap().contains("; hit"), "{again:?}");
    assert_eq!(origin.requests().len(), 2);
}

#[tokio::test]
async fn a_file_with_a_mistake_changes_nothing_and_the_log_says_where_it_is() {
    let origin = Origin::start().await;
    let port = origin.address().port();
    origin.route("/page", Reply::cacheable(60, "page"));
    let file = File::new("");
    let (mut larder, address) = serve(&file).await;
    let mut kept = Client::connect(address).await;
    let bad = format!("ports = [80]\nidle_wait = \"soon\"\ntunnel_ports = [\"{port}-1\"]\n");
    let said = reload(&mut larder, &file, &bad).await;
    assert_eq!(
        (&said["level"], &said["message"]),
        (&"error".into(), &"Settings not loaded; those before stay".into(),)
    );
    let reason = said["reason"].as_str().unwrap();
    assert!(reason.contains(&format!("{}:2: idle_wait: ", file.path)), "{reason}");
    assert!(reason.contains(&format!("{}:3: tunnel_ports: ", file.path)), "{reason}");
    assert_eq!(kept.get(&origin.url("/page")).await.status, 200);

    // A file that is named in a setting is looked at before anything is changed.
    let said = reload(&mut larder, &file, "ports = [80]\nupstream_ca = \"none.pem\"\n").await;
    assert_eq!(said["message"], "Settings not loaded; those before stay", "{said}");
    assert!(said["reason"].as_str().unwrap().contains("none.pem"), "{said}");
    assert_eq!(kept.get(&origin.url("/page")).await.status, 200);

    std::fs::remove_file(&file.path).unwrap();
    larder.signal("HUP");
    let line = larder.line("that it is gone", |line| line.contains("there is no such file")).await;
    assert!(line.contains("Settings not loaded"), "{line}");
    assert_eq!(kept.get(&origin.url("/page")).await.status, 200);
}

#[tokio::test]
async fn what_needs_a_restart_is_named_and_not_taken() {
    let origin = Origin::start().await;
    origin.route("/page", Reply::cacheable(60, "page"));
    let file = File::new("");
    let (mut larder, address) = serve(&file).await;
    let text =
        "memory = \"1MiB\"\nmax_memory_object = \"64KiB\"\nworkers = 7\ndeny_private = true\n";
    let said = reload(&mut larder, &file, text).await;
    assert_eq!(
        (&said["message"], &said["changed"]),
        (&"Settings loaded".into(), &"deny_private".into(),)
    );
    let line = larder.line("what needs a restart", |line| line.contains("need a restart")).await;
    let line: Value = serde_json::from_str(&line).unwrap();
    let keys = "memory,max_memory_object,workers,spool_budget";
    assert_eq!((&line["level"], &line["keys"]), (&"warn".into(), &keys.into()));
    assert_eq!(Client::connect(address).await.get(&origin.url("/page")).await.status, 200);
}

#[tokio::test]
async fn options_and_environment_beat_the_file_that_was_read_again_too() {
    let file = File::new("");
    let variables = [("LARDER_GATEWAY", "true"), ("LARDER_CONFIG", &*file.path)];
    let always =
        ["--listen", "127.0.0.1:0", "--log-format", "json", "--targeted-fields", "A-Control"];
    let mut larder = Binary::start_with(&always, &variables);
    larder.line("that it serves", |line| line.contains("Ready to serve")).await;
    let text = "gateway = false\ntargeted_fields = [\"B-Control\"]\nidle_wait = \"9s\"\n\
                listen = [\"127.0.0.1:1\"]\n";
    let said = reload(&mut larder, &file, text).await;
    assert_eq!(
        (&said["message"], &said["changed"]),
        (&"Settings loaded".into(), &"idle_wait".into(),)
    );
}
