//! The first bytes: text clients, HTTP clients, and what is neither.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::AsyncWriteExt;

use super::{Running, ok, ok_and_close};
use crate::net::connection::{Dialect, EmptyPath};

fn quick() -> Running {
    Running::start(|config| config.quiet_wait = Duration::from_millis(20))
}

#[tokio::test]
async fn a_bare_hostname_is_a_request_after_a_line_end_an_end_of_input_or_silence() {
    let mut running = quick();
    for (line, closes) in [
        ("www.example.com\n", false),
        ("www.example.com\r\n", false),
        ("\r\nwww.example.com\r\n\r\n", false),
        ("www.example.com", true),
        ("www.example.com", false),
        ("http://www.example.com", false),
    ] {
        let mut client = running.connect().await;
        client.send(line).await;
        if closes {
            client.0.shutdown().await.unwrap();
        }
        let call = running.call().await;
        assert_eq!(call.request.uri(), "http://www.example.com/", "{line:?}");
        assert_eq!(call.request.headers()["host"], "www.example.com");
        assert_eq!(call.connection.dialect(), Dialect::Text);
        call.ok("hello");
        let answer = ok_and_close("hello").replacen("1.1", "1.0", 1);
        assert_eq!(client.rest().await, answer, "{line:?}");
    }
}

#[tokio::test]
async fn a_line_end_that_comes_after_the_silence_costs_no_byte_of_the_answer() {
    let mut running = quick();
    let mut client = running.connect().await;
    client.send("https://example.com:8443/a?b").await;
    let call = running.call().await;
    assert_eq!(call.request.uri(), "https://example.com:8443/a?b");
    client.send("\r\n").await;
    call.ok("hello");
    assert!(client.rest().await.ends_with("\r\n\r\nhello"));
}

#[tokio::test]
async fn a_name_without_a_dot_waits_for_its_end() {
    let mut running = quick();
    let mut client = running.connect().await;
    client.send("intra").await;
    // Longer than the silence that would have ended a name with a dot.
    let mut other = running.connect().await;
    other.send("a.example").await;
    running.call().await.ok("");
    client.send("net\n").await;
    let call = running.call().await;
    assert_eq!(call.request.uri(), "http://intranet/");
}

#[tokio::test]
async fn a_method_in_pieces_is_http() {
    let running = quick();
    let mut client = running.connect().await;
    client.send("\r\nGE").await;
    let mut other = running.connect().await;
    other.send("a.example").await;
    client.send("T").await;
    client.send(" /auto HTTP/1.1\r\n\r\n").await;
    client.until(&ok("/auto")).await;
}

#[tokio::test]
async fn a_path_that_was_not_written_is_known_from_a_slash() {
    let mut running = quick();
    let mut client = running.connect().await;
    for (line, empty) in [
        ("OPTIONS http://a.example", true),
        ("OPTIONS http://a.example/", false),
        ("OPTIONS http://a.example:8080", true),
        ("OPTIONS HTTP://A.example", true),
        ("OPTIONS http://a.example?", false),
        ("OPTIONS http://a.example/x", false),
        ("OPTIONS *", false),
        ("OPTIONS /", false),
        ("GET http://a.example", false),
        ("OPTIONS http://a.example", true),
    ] {
        client.send(format!("{line} HTTP/1.1\r\nHost: a.example\r\n\r\n")).await;
        let call = running.call().await;
        assert_eq!(call.request.extensions().get::<EmptyPath>().is_some(), empty, "{line}");
        call.ok("");
        client.until("\r\n\r\n").await;
    }
}

#[tokio::test]
async fn tls_ssh_and_noise_are_closed_without_a_byte() {
    let running = quick();
    for bytes in [
        b"\x16\x03\x01\x02\x00\x01\x00".as_slice(),
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x05\x01\x00",
        b"\x00\x00\x00\x00",
        b"{\"json\": true}\n",
        b"ftp://example.com/\n",
        b"(((",
        &[b'a'; 40_000],
    ] {
        let mut client = running.connect().await;
        client.send(bytes).await;
        let mut left = Vec::new();
        // A reset is a close as well: nothing was answered that could be lost.
        let read = tokio::io::AsyncReadExt::read_to_end(&mut client.0, &mut left);
        drop(tokio::time::timeout(super::SOON, read).await.unwrap());
        assert_eq!(left, b"", "{bytes:?}");
    }
    assert!(running.refusals().is_empty());
}

/// Collects what is logged on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn what_is_not_served_is_one_line_of_the_log() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let running = quick();
    for (bytes, reason) in [
        (b"\x16\x03\x01".as_slice(), "TLS"),
        (b"SSH-2.0-x\r\n", "SSH"),
        (b"\x05\x01", "HTTP/1"),
        (b"((\n", "first line"),
    ] {
        log.0.lock().clear();
        let mut client = running.connect().await;
        client.send(bytes).await;
        assert_eq!(client.rest().await, "");
        let lines = String::from_utf8(log.0.lock().clone()).unwrap();
        assert_eq!(lines.lines().count(), 1, "{lines}");
        assert!(lines.contains(" INFO ") && lines.contains("client=127.0.0.1"), "{lines}");
        assert!(lines.contains(reason), "{lines}");
    }
}

#[tokio::test]
async fn who_says_nothing_is_closed_in_silence() {
    let running = Running::start(|config| config.first_byte_wait = Duration::from_millis(30));
    assert_eq!(running.connect().await.rest().await, "");
    let mut closing = running.connect().await;
    closing.0.shutdown().await.unwrap();
    assert_eq!(closing.rest().await, "");
}

#[tokio::test]
async fn a_line_that_never_ends_is_closed_when_the_head_is_overdue() {
    let running = Running::start(|config| {
        config.quiet_wait = Duration::from_millis(5);
        config.head_wait = Duration::from_millis(50);
    });
    let mut client = running.connect().await;
    client.send("GET").await;
    assert_eq!(client.rest().await, "");
}
