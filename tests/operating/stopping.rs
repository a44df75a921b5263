//! Stopping: what is in flight finishes, everything else ends at once.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{File, json};
use crate::support::binary::Binary;
use crate::support::client::{Client, request};
use crate::support::gate::{Gate, eventually};
use crate::support::listener::Listener;
use crate::support::origin::{Origin, Reply};

#[tokio::test]
async fn a_signal_lets_requests_in_flight_finish_and_ends_the_rest_at_once() {
    for signal in ["TERM", "INT"] {
        let (origin, gate) = (Origin::start().await, Gate::new());
        origin.route("/quick", Reply::cacheable(60, "quick"));
        origin.route("/slow", Reply::ok("slow but whole").body_after(&gate));
        let (mut larder, address) = Binary::serve(&[]).await;
        let mut idle = Client::connect(address).await;
        idle.get(&origin.url("/quick")).await;
        let mut silent = Client::connect(address).await;
        let mut busy = Client::connect(address).await;
        busy.send(request("GET", &origin.url("/slow"), &[])).await;
        let head = busy.head().await;

        larder.signal(signal);
        larder.line("Stopping", |line| line.contains("\"message\":\"Stopping\"")).await;
        idle.expect_close().await;
        silent.expect_close().await;
        eventually("refused connections", || std::net::TcpStream::connect(address).err()).await;
        gate.open();
        let mut body = busy.body_of(&head);
        assert_eq!(busy.at_least(&mut body, 14).await, b"slow but whole");
        busy.expect_close().await;

        let exit = larder.exit().await;
        assert_eq!(exit.status.code(), Some(0), "{exit:?}");
        assert!(exit.stderr.is_empty(), "{exit:?}");
        let stopped: Vec<_> =
            exit.stdout.iter().filter(|line| line.contains("\"Stopped\"")).collect();
        assert_eq!(stopped.len(), 1, "{exit:?}");
        let stopped: serde_json::Value = serde_json::from_str(exit.stdout.last().unwrap()).unwrap();
        assert_eq!((&stopped["message"], &stopped["cut"]), (&"Stopped".into(), &0.into()));
        assert_eq!(stopped["exchanges"], 2);
    }
}

/// Who was waiting is told so, where there is still time for it, and then the connection is closed.
async fn is_cut(mut client: Client) {
    if let Ok(answer) = client.some().await
        && !answer.is_empty()
    {
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("is stopping"), "{answer}");
        client.expect_close().await;
    }
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once_with_exit_code_1() {
    let (origin, gate) = (Origin::start().await, Gate::new());
    origin.route("/slow", Reply::ok("never").after(&gate));
    let (mut larder, address) = Binary::serve(&[]).await;
    let mut busy = Client::connect(address).await;
    busy.send(request("GET", &origin.url("/slow"), &[])).await;
    gate.reached(1).await;
    larder.signal("TERM");
    larder.line("Stopping", |line| line.contains("Stopping")).await;
    larder.signal("INT");
    let exit = larder.exit().await;
    assert_eq!(exit.status.code(), Some(1), "{exit:?}");
    assert_eq!(exit.stderr, ["stopped by a second signal before everything had ended"]);
    let stopped: serde_json::Value = serde_json::from_str(exit.stdout.last().unwrap()).unwrap();
    assert_eq!((&stopped["message"], &stopped["cut"]), (&"Stopped".into(), &1.into()));
    is_cut(busy).await;
}

#[tokio::test]
async fn what_does_not_finish_in_time_is_cut_and_counted() {
    let (origin, gate) = (Origin::start().await, Gate::new());
    origin.route("/slow", Reply::ok("never").after(&gate));
    let file = File::new("drain_wait = \"50ms\"\n");
    let (larder, address) = Binary::serve(&["--config", &file.path]).await;
    let mut busy = Client::connect(address).await;
    busy.send(request("GET", &origin.url("/slow"), &[])).await;
    gate.reached(1).await;
    larder.signal("TERM");
    let exit = larder.exit().await;
    assert_eq!(exit.status.code(), Some(0), "{exit:?}");
    let stopped: serde_json::Value = serde_json::from_str(exit.stdout.last().unwrap()).unwrap();
    assert_eq!((&stopped["message"], &stopped["cut"]), (&"Stopped".into(), &1.into()));
    is_cut(busy).await;
}

#[tokio::test]
async fn a_tunnel_that_is_cut_has_its_line_in_the_log() {
    let (target, origin, gate) = (Listener::start().await, Origin::start().await, Gate::new());
    origin.route("/slow", Reply::ok("never").after(&gate));
    let file = File::new("tunnel_ports = [\"1-65535\"]\ndrain_wait = \"50ms\"\n");
    let (larder, address) = Binary::serve(&["--config", &file.path]).await;
    let mut tunnel = Client::connect(address).await;
    assert_eq!(tunnel.tunnel(&target.address().to_string()).await.status, 200);
    let mut far = target.accept().await;
    tunnel.send("ten bytes.").await;
    assert_eq!(far.exactly(10).await, b"ten bytes.");
    // While this is in flight, the tunnel is not told to close.
    let mut busy = Client::connect(address).await;
    busy.send(request("GET", &origin.url("/slow"), &[])).await;
    gate.reached(1).await;

    larder.signal("TERM");
    let exit = larder.exit().await;
    assert_eq!(exit.status.code(), Some(0), "{exit:?}");
    let line = exit.stdout.iter().find(|line| line.contains("Tunnelled"));
    let line = line.unwrap_or_else(|| panic!("no line: {exit:?}"));
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!((&line["bytes_up"], &line["error"]), (&10.into(), &"the proxy is stopping".into()));
    let stopped: serde_json::Value = serde_json::from_str(exit.stdout.last().unwrap()).unwrap();
    assert_eq!((&stopped["message"], &stopped["cut"]), (&"Stopped".into(), &2.into()));
}

#[tokio::test]
async fn a_tunnel_is_closed_when_nothing_else_is_in_flight() {
    let (target, origin, gate) = (Listener::start().await, Origin::start().await, Gate::new());
    origin.route("/slow", Reply::ok("whole").after(&gate));
    let file = File::new("tunnel_ports = [\"1-65535\"]\n");
    let (mut larder, address) = Binary::serve(&["--config", &file.path]).await;
    let mut tunnel = Client::connect(address).await;
    assert_eq!(tunnel.tunnel(&target.address().to_string()).await.status, 200);
    let mut far = target.accept().await;
    let mut busy = Client::connect(address).await;
    busy.send(request("GET", &origin.url("/slow"), &[])).await;
    gate.reached(1).await;

    larder.signal("TERM");
    larder.line("Stopping", |line| line.contains("Stopping")).await;
    tunnel.send("still open").await;
    assert_eq!(far.exactly(10).await, b"still open");
    gate.open();
    assert_eq!(busy.response().await.text(), "whole");
    tunnel.expect_close().await;
    far.expect_close().await;
    let lines = [json(&mut larder).await, json(&mut larder).await];
    assert_eq!(lines[0]["message"], "Fetched from origin");
    assert_eq!((&lines[1]["message"], &lines[1]["bytes_up"]), (&"Tunnelled".into(), &10.into()));
    let exit = larder.exit().await;
    assert_eq!(exit.status.code(), Some(0), "{exit:?}");
    assert_eq!(
        TcpStream::connect(address).await.unwrap_err().kind(),
        std::io::ErrorKind::ConnectionRefused
    );
}

/// Sends requests over one connection until that is closed; how many were answered whole. One that got
/// no byte was not begun; one that got some and not all was lost.
async fn answered_until_closed(address: SocketAddr, url: String, all: Arc<AtomicUsize>) -> usize {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = request("GET", &url, &[]);
    let mut answered = 0;
    loop {
        if stream.write_all(request.as_bytes()).await.is_err() {
            return answered;
        }
        let mut answer = Vec::new();
        while !answer.ends_with(b"whole page") {
            match stream.read_buf(&mut answer).await {
                Ok(1..) => {}
                Ok(0) | Err(_) => {
                    assert!(answer.is_empty(), "cut: {}", String::from_utf8_lossy(&answer));
                    return answered;
                }
            }
        }
        assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&answer));
        answered += 1;
        all.fetch_add(1, Ordering::AcqRel);
    }
}

#[tokio::test]
async fn under_load_every_request_is_answered_or_was_never_begun() {
    let (origin, all) = (Origin::start().await, Arc::new(AtomicUsize::new(0)));
    origin.route("/stored", Reply::cacheable(600, "whole page"));
    origin.route("/new", Reply::ok("whole page"));
    let (mut larder, address) = Binary::serve(&["--disk", "0"]).await;
    let clients: Vec<_> = (0..64)
        .map(|nth| {
            let url = origin.url(if nth % 2 == 0 { "/stored" } else { "/new" });
            tokio::spawn(answered_until_closed(address, url, Arc::clone(&all)))
        })
        .collect();
    eventually("a load", || (all.load(Ordering::Acquire) >= 500).then_some(())).await;
    larder.signal("TERM");
    let mut answered = 0;
    for client in clients {
        answered += client.await.unwrap();
    }
    let stopped = larder.line("`Stopped`", |line| line.contains("\"Stopped\"")).await;
    let stopped: serde_json::Value = serde_json::from_str(&stopped).unwrap();
    assert_eq!(
        (&stopped["cut"], &stopped["exchanges"]),
        (&0.into(), &answered.into()),
        "{stopped}"
    );
    assert_eq!(larder.exit().await.status.code(), Some(0));
}
