//! The four formats of the log, each as its readers expect it.

use std::net::SocketAddr;

use super::listen_in;
use crate::support::binary::Binary;
use crate::support::client::{Client, get, request};
use crate::support::origin::{Origin, Reply};

/// Starts with a format that has no room for events: those go to standard error.
async fn start(format: &str) -> (Binary, SocketAddr) {
    let mut larder = Binary::start(&["--listen", "127.0.0.1:0", "--log-format", format]);
    let ready = larder.error_line("Ready to serve", |_| true).await;
    assert!(ready.contains(" INFO  Ready to serve listen=127.0.0.1:"), "{ready}");
    let address = listen_in(&ready);
    (larder, address)
}

async fn line(larder: &mut Binary) -> String {
    larder.line("an access line", |_| true).await
}

#[track_caller]
fn is_number(text: &str, decimals: Option<usize>) {
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(a, b)| (a, Some(b)));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    assert!(digits(whole) && fraction.is_none_or(digits), "{text} is no number");
    assert_eq!(fraction.map(str::len), decimals, "{text}");
}

#[tokio::test]
async fn squid_has_ten_columns_and_squids_own_words() {
    let origin = Origin::start().await;
    let html = |reply: Reply| reply.field("Content-Type", "text/html; charset=utf-8");
    let tag = |reply: Reply| html(reply).field("ETag", "\"v1\"");
    origin.route("/page", html(Reply::cacheable(60, "hello")));
    let changed = [Reply::cacheable(60, "one").field("Age", "60"), Reply::cacheable(60, "two")];
    origin.script("/changed", changed.map(html));
    let same = [Reply::cacheable(60, "same").field("Age", "60"), Reply::new(304)];
    origin.script("/same", same.map(tag));
    let kept = html(Reply::cacheable(60, "kept").field("Age", "60"));
    origin.script("/failing", [kept, Reply::nothing(), Reply::nothing()]);
    let (mut larder, address) = start("squid").await;

    let rows = [
        ("/page", "TCP_MISS/200", "5", "HIER_DIRECT/127.0.0.1", "text/html"),
        ("/page", "TCP_MEM_HIT/200", "5", "HIER_NONE/-", "text/html"),
        ("/changed", "TCP_MISS/200", "3", "HIER_DIRECT/127.0.0.1", "text/html"),
        ("/changed", "TCP_REFRESH_MODIFIED/200", "3", "HIER_DIRECT/127.0.0.1", "text/html"),
        ("/same", "TCP_MISS/200", "4", "HIER_DIRECT/127.0.0.1", "text/html"),
        ("/same", "TCP_REFRESH_UNMODIFIED/200", "4", "HIER_DIRECT/127.0.0.1", "text/html"),
        ("/failing", "TCP_MISS/200", "4", "HIER_DIRECT/127.0.0.1", "text/html"),
        ("/failing", "TCP_REFRESH_FAIL_OLD/200", "4", "HIER_NONE/-", "text/html"),
    ];
    for (path, result, bytes, hierarchy, media_type) in rows {
        get(address, &origin.url(path)).await;
        let line = line(&mut larder).await;
        let columns: Vec<_> = line.split_ascii_whitespace().collect();
        is_number(columns[0], Some(3));
        is_number(columns[1], None);
        assert_eq!(line[14..22], format!(" {:>6} ", columns[1]), "{line}");
        let url = origin.url(path);
        let rest = ["127.0.0.1", result, bytes, "GET", &url, "-", hierarchy, media_type];
        assert_eq!(columns[2..], rest, "{line}");
    }

    let mut client = Client::connect(address).await;
    client.get("http://127.0.0.1:25/").await;
    assert!(line(&mut larder).await.contains(" TCP_DENIED/403 "));
    client.send("NONSENSE\u{1} \u{1b}[31m HTTP/9\r\n\r\n").await;
    let refused = line(&mut larder).await;
    assert!(refused.contains(" TCP_DENIED/400 "), "{refused}");
    assert!(refused.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '), "{refused}");

    larder.signal("TERM");
    let exit = larder.exit().await;
    assert!(exit.stdout.is_empty(), "events are elsewhere: {exit:?}");
    assert!(exit.stderr.last().is_some_and(|line| line.contains("Stopped")), "{exit:?}");
}

#[tokio::test]
async fn combined_is_the_format_of_web_servers() {
    let origin = Origin::start().await;
    origin.route("/page?a=b", Reply::cacheable(60, "hello"));
    let (mut larder, address) = start("combined").await;
    let url = origin.url("/page?a=b");
    let fields = [("Referer", "http://a.test/\"x"), ("User-Agent", "probe/1 (a; b)")];
    let mut client = Client::connect(address).await;
    client.get_with(&url, &fields).await;
    let first = line(&mut larder).await;
    let (start, rest) = first.split_once(" [").unwrap();
    let (time, rest) = rest.split_once("] ").unwrap();
    assert_eq!(start, "127.0.0.1 - -");
    assert_eq!((time.len(), &time[20..]), (26, " +0000"));
    let agent = r#""http://a.test/\"x" "probe/1 (a; b)""#;
    assert_eq!(rest, format!("\"GET {url} HTTP/1.1\" 200 5 {agent}"));

    client.send(format!("GET {url} HTTP/1.0\r\n\r\n")).await;
    client.response().await;
    let second = line(&mut larder).await;
    assert!(second.ends_with(&format!("] \"GET {url} HTTP/1.0\" 200 5 \"-\" \"-\"")), "{second}");
}

#[tokio::test]
async fn pretty_is_for_people_and_without_colour_in_a_pipe() {
    let origin = Origin::start().await;
    origin.route("/page", Reply::cacheable(60, "hello"));
    let mut larder = Binary::start(&["--listen", "127.0.0.1:0"]);
    let ready = larder.line("Ready to serve", |_| true).await;
    let address = listen_in(&ready);
    let mut client = Client::connect(address).await;
    let rows =
        [("Fetched from origin", "miss tier=origin"), ("Read from cache", "hit tier=memory")];
    for (message, end) in rows {
        client.get(&origin.url("/page")).await;
        let line = line(&mut larder).await;
        let (time, rest) = line.split_at(24);
        assert!(time.ends_with('Z') && time.contains('T'), "{line}");
        let url = origin.url("/page");
        let begin = format!(
            " INFO  {message} client=127.0.0.1 method=GET url={url} status=200 bytes=5 ms="
        );
        let (ms, cache) =
            rest.strip_prefix(&begin).unwrap_or_else(|| panic!("{line}")).split_once(' ').unwrap();
        is_number(ms, Some(3));
        assert_eq!(cache, format!("cache={end}"));
        assert!(!line.contains('\u{1b}'), "{line:?}");
    }
}

#[tokio::test]
async fn bytes_from_outside_cannot_forge_a_line() {
    let origin = Origin::start().await;
    for format in ["pretty", "json"] {
        let mut larder = Binary::start(&["--listen", "127.0.0.1:0", "--log-format", format]);
        let ready = larder.line("Ready to serve", |_| true).await;
        let address = match serde_json::from_str::<serde_json::Value>(&ready) {
            Ok(ready) => ready["listen"].as_str().unwrap().parse().unwrap(),
            Err(_) => listen_in(&ready),
        };
        let mut client = Client::connect(address).await;
        let url = origin.url("/a\u{1b}[2J\u{202e}\"cache=hit");
        client.send(request("GET", &url, &[])).await;
        client.any_response_to("GET").await;
        let line = line(&mut larder).await;
        assert!(!line.contains(['\u{1b}', '\u{202e}']), "{line:?}");
        larder.signal("TERM");
        let exit = larder.exit().await;
        assert!(exit.stdout.iter().all(|line| line.contains("Stop")), "{exit:?}");
    }
}
