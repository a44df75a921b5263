//! What the log says: `Ready to serve`, one message for each outcome, levels, files.

use std::fs;
use std::net::SocketAddr;

use serde_json::Value;

use super::{File, json, listening, reserve};
use crate::support::binary::Binary;
use crate::support::client::{Client, get, request};
use crate::support::gate::{Gate, eventually};
use crate::support::listener::Refusing;
use crate::support::origin::{Origin, Reply};

#[tokio::test]
async fn ready_to_serve_names_every_listener_and_is_written_once() {
    let arguments = ["--listen", "127.0.0.1:0", "--listen", "127.0.0.2:0", "--log-format", "json"];
    let mut larder = Binary::start(&arguments);
    let ready = json(&mut larder).await;
    assert_eq!((&ready["message"], &ready["level"]), (&"Ready to serve".into(), &"info".into()));
    assert_eq!(ready["memory_responses"], 0);
    let listen: Vec<SocketAddr> =
        ready["listen"].as_str().unwrap().split(',').map(|text| text.parse().unwrap()).collect();
    assert_eq!(listen.len(), 2);
    for address in listen {
        assert_ne!(address.port(), 0);
        let page = Client::connect(address).await.get("/").await;
        assert!(page.text().contains("This is a caching web proxy"), "{page:?}");
        assert_eq!(json(&mut larder).await["message"], "Answered here");
    }
    larder.signal("TERM");
    let exit = larder.exit().await;
    assert!(!exit.stdout.join("\n").contains("Ready to serve"), "{exit:?}");
    assert!(exit.stderr.is_empty(), "{exit:?}");
}

/// The next line says `message` and `cache=word`, and holds every field that an exchange has.
async fn says(larder: &mut Binary, message: &str, word: &str, status: u16, tier: Value) -> Value {
    let raw = larder.line(message, |_| true).await;
    let line: Value = serde_json::from_str(&raw).unwrap();
    assert_eq!((&line["message"], &line["cache"]), (&message.into(), &word.into()), "{line}");
    assert_eq!((&line["status"], &line["tier"]), (&status.into(), &tier), "{line}");
    assert_eq!((&line["level"], &line["client"]), (&"info".into(), &"127.0.0.1".into()));
    for name in ["time", "method", "url", "bytes", "bytes_up", "ms"] {
        assert!(!line[name].is_null(), "no {name} in {line}");
    }
    let time = line["time"].as_str().unwrap();
    assert!(time.len() == 24 && time.ends_with('Z'), "{time}");
    let ms = raw.split("\"ms\":").nth(1).unwrap().split(',').next().unwrap();
    assert_eq!(ms.split('.').nth(1).map(str::len), Some(3), "three decimals: {raw}");
    assert!(line.as_object().unwrap().values().all(|value| !value.is_object()), "flat: {line}");
    line
}

#[tokio::test]
async fn each_outcome_has_its_message_and_its_word() {
    let (origin, refusing, gate) = (Origin::start().await, Refusing::start(), Gate::new());
    let tag = |reply: Reply| reply.field("ETag", "\"v1\"");
    origin.route("/page", Reply::cacheable(60, "hello"));
    origin.route("/old", Reply::cacheable(60, "aged").field("Age", "100"));
    origin.script("/check", [tag(Reply::cacheable(60, "check")), tag(Reply::new(304))]);
    origin.route("/slow", Reply::cacheable(60, "slow").after(&gate));
    origin.route("/form", Reply::ok("taken"));
    let file = File::new(&format!("tunnel_ports = [443, {}]", origin.address().port()));
    let (mut larder, address) = Binary::serve(&["--config", &file.path]).await;
    let larder = &mut larder;
    let mut client = Client::connect(address).await;

    client.get(&origin.url("/page")).await;
    let line = says(larder, "Fetched from origin", "miss", 200, "origin".into()).await;
    assert_eq!((&line["url"], &line["method"]), (&origin.url("/page").into(), &"GET".into()));
    assert_eq!((&line["bytes"], &line["bytes_up"]), (&5.into(), &0.into()));
    client.get(&origin.url("/page")).await;
    let line = says(larder, "Read from cache", "hit", 200, "memory".into()).await;
    assert_eq!(line["bytes"], 5);

    client.get(&origin.url("/old")).await;
    says(larder, "Fetched from origin", "miss", 200, "origin".into()).await;
    client.get_with(&origin.url("/old"), &[("Cache-Control", "max-stale")]).await;
    let line = says(larder, "Served stale from cache", "stale", 200, "memory".into()).await;
    assert_eq!(line["reason"], "max-stale");

    client.get(&origin.url("/check")).await;
    says(larder, "Fetched from origin", "miss", 200, "origin".into()).await;
    client.get_with(&origin.url("/check"), &[("Cache-Control", "no-cache")]).await;
    says(larder, "Revalidated with origin", "revalidated", 200, "memory".into()).await;

    let mut follower = Client::connect(address).await;
    client.send(request("GET", &origin.url("/slow"), &[])).await;
    gate.reached(1).await;
    follower.send(request("GET", &origin.url("/slow"), &[])).await;
    crate::support::gate::not_yet("an answer without a head", follower.some()).await;
    gate.open();
    assert_eq!(
        (client.response().await.text(), follower.response().await.text()),
        ("slow", "slow")
    );
    let two = [json(larder).await, json(larder).await];
    let mut messages: Vec<_> = two.iter().map(|line| line["message"].as_str().unwrap()).collect();
    messages.sort_unstable();
    assert_eq!(messages, ["Fetched from origin", "Joined a fetch under way"]);

    client.post(&origin.url("/form"), "name=me").await;
    let line = says(larder, "Passed through", "bypass", 200, "origin".into()).await;
    assert_eq!((&line["bytes_up"], &line["method"]), (&7.into(), &"POST".into()));

    let mut tunnel = Client::connect(address).await;
    assert_eq!(tunnel.tunnel(&origin.authority()).await.status, 200);
    tunnel.send("GET /page HTTP/1.0\r\n\r\n").await;
    tunnel.response().await;
    drop(tunnel);
    let line = says(larder, "Tunnelled", "tunnel", 200, "origin".into()).await;
    assert_eq!((&line["method"], &line["url"]), (&"CONNECT".into(), &origin.authority().into()));
    assert_eq!(line["bytes_up"], 22);

    client.get("/").await;
    says(larder, "Answered here", "own", 200, Value::Null).await;
    client.get("http://127.0.0.1:25/").await;
    let line = says(larder, "Refused", "refused", 403, Value::Null).await;
    assert!(line["error"].as_str().unwrap().contains("port 25"), "{line}");
    client.get(&format!("http://{}/", refusing.address())).await;
    let line = says(larder, "Failed", "error", 502, Value::Null).await;
    assert!(line["error"].as_str().unwrap().contains("connection refused"), "{line}");
}

#[tokio::test]
async fn the_level_warn_silences_access_lines() {
    let origin = Origin::start().await;
    origin.route("/page", Reply::cacheable(60, "hello"));
    for format in ["pretty", "json", "squid", "combined"] {
        let (_socket, address) = reserve();
        let listen = address.to_string();
        let arguments = ["--listen", &listen, "--log-level", "warn", "--log-format", format];
        let larder = Binary::start(&arguments);
        listening(address).await;
        assert_eq!(get(address, &origin.url("/page")).await.text(), "hello");
        larder.signal("TERM");
        let exit = larder.exit().await;
        assert!(exit.status.success(), "{exit:?}");
        assert!(exit.stdout.is_empty() && exit.stderr.is_empty(), "{exit:?}");
    }
}

#[tokio::test]
async fn a_log_file_is_appended_to_and_opened_again_on_sigusr1() {
    let origin = Origin::start().await;
    origin.route("/page", Reply::cacheable(60, "hello"));
    let (directory, (_socket, address)) = (tempfile::tempdir().unwrap(), reserve());
    let (log, old) = (directory.path().join("larder.log"), directory.path().join("larder.log.1"));
    fs::write(&log, "what was there before\n").unwrap();
    let listen = address.to_string();
    let arguments =
        ["--listen", &listen, "--log-format", "json", "--log-file", log.to_str().unwrap()];
    let larder = Binary::start(&arguments);
    let holds = |path: &std::path::Path, words: &str| {
        fs::read_to_string(path).is_ok_and(|text| text.contains(words)).then_some(())
    };
    eventually("Ready to serve in the file", || holds(&log, "Ready to serve")).await;
    get(address, &origin.url("/page")).await;
    eventually("the fetch in the file", || holds(&log, "Fetched from origin")).await;

    fs::rename(&log, &old).unwrap();
    larder.signal("USR1");
    eventually("a new file", || log.exists().then_some(())).await;
    get(address, &origin.url("/page")).await;
    eventually("the hit in the new file", || holds(&log, "Read from cache")).await;
    larder.signal("TERM");
    let exit = larder.exit().await;

    let (old, new) = (fs::read_to_string(&old).unwrap(), fs::read_to_string(&log).unwrap());
    assert!(old.starts_with("what was there before\n"), "{old}");
    assert_eq!(old.lines().count(), 3, "{old}");
    assert!(!old.contains("Read from cache") && !new.contains("Fetched from origin"), "{new}");
    assert!(new.contains("\"message\":\"Stopped\""), "{new}");
    assert!(exit.status.success() && exit.stdout.is_empty(), "{exit:?}");
}
