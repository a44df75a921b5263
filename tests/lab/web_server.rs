//! `lab web-server`: what it sends of its files, and that it sends nothing else.

mod files;
mod paths;
mod peers;

use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use super::peers::{NO_HOST, lab_server};
use crate::support::binary::Binary;
use crate::support::client::Client;
use crate::support::gate::{not_yet, within};
use crate::support::listener::Listener;
use crate::support::message::Response;

/// A running `lab web-server`, and the files that it serves.
pub struct WebServer {
    /// The program. The root is a directory of its own, beside others of the test.
    pub binary: Binary,
    /// Where it listens with IPv4.
    pub address: SocketAddr,
    /// Where it listens with IPv6.
    pub address6: SocketAddr,
}

impl WebServer {
    /// Serves a directory that is empty at first, on a free port.
    pub async fn start(arguments: &[&str]) -> Self {
        let (binary, port) = lab_server(&[&["web-server"], arguments].concat()).await;
        let port = port.parse().expect("a port");
        let address = (Ipv4Addr::LOCALHOST, port).into();
        let address6 = (Ipv6Addr::LOCALHOST, port).into();
        Self { binary, address, address6 }
    }

    /// The path of a file that is served.
    pub fn path(&self, name: &str) -> PathBuf {
        self.binary.directory().join(name)
    }

    /// Writes a file to be served.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).expect("the directory is ours");
    }

    /// A request on a connection of its own.
    pub async fn ask(&self, method: &str, target: &str, fields: &[(&str, &str)]) -> Response {
        let mut client = Client::connect(self.address).await;
        client.send(request(method, target, fields)).await;
        client.response_to(method).await
    }

    /// `GET` on a connection of its own.
    pub async fn get(&self, target: &str) -> Response {
        self.ask("GET", target, &[]).await
    }

    /// The next line of its log.
    pub async fn log_line(&mut self) -> String {
        self.binary.line("a line of the log", |_| true).await
    }
}

/// A request for a target of a server itself.
pub fn request(method: &str, target: &str, fields: &[(&str, &str)]) -> String {
    let mut text = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n");
    for (name, value) in fields {
        text += &format!("{name}: {value}\r\n");
    }
    text + "\r\n"
}

#[tokio::test]
async fn a_request_has_one_line_in_the_log_when_it_is_over() {
    let mut server = WebServer::start(&[]).await;
    server.write("hello.html", "<h1>Hello</h1>\n");
    let mut client = Client::connect(server.address).await;
    let asked = [
        ("GET", "/hello.html", 200, Some(15)),
        ("HEAD", "/hello.html?x=1", 200, Some(0)),
        ("GET", "/no\u{1b}[2J".trim_end_matches("\u{1b}[2J"), 404, None),
        ("GET", "/caf\u{e9}", 404, None),
        ("POST", "/hello.html", 405, None),
    ];
    for (method, target, status, bytes) in asked {
        client.send(request(method, target, &[])).await;
        let response = client.response_to(method).await;
        let bytes = bytes.unwrap_or(response.body.len());
        let shown = target.replace('\u{e9}', "\\xc3\\xa9");
        let line = format!("{} \"{method} {shown} HTTP/1.1\" {status} {bytes}", client.address());
        assert_eq!(server.log_line().await, line);
    }
}

#[tokio::test]
async fn other_methods_are_refused_with_those_that_are_allowed() {
    let server = WebServer::start(&[]).await;
    server.write("a.txt", "unchanged");
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"] {
        let response = server.ask(method, "/a.txt", &[("Content-Length", "0")]).await;
        assert_eq!(
            (response.status, response.field("allow")),
            (405, Some("GET, HEAD")),
            "{method}"
        );
    }
    assert_eq!(server.get("/a.txt").await.text(), "unchanged");
}

#[tokio::test]
async fn what_is_no_request_gets_400() {
    let mut server = WebServer::start(&[]).await;
    server.write("a.txt", "text");
    let malformed = [
        "GET /a.txt HTTP/1.1\r\n\r\n",
        "GET /a.txt HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a.txt\0 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a.txt HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET /a.txt SPDY/3\r\nHost: a\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\x7c\r\n\r\n",
    ];
    for text in malformed {
        let mut client = Client::connect(server.address).await;
        client.send(text).await;
        assert_eq!(client.response().await.status, 400, "{text:?}");
        let line = server.log_line().await;
        assert!(line.contains(" 400"), "{text:?}: {line}");
    }
    // These have a status of their own, and the log says the one that was sent.
    for (text, status) in [
        (format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(1 << 17)), 414),
        (format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "A: b\r\n".repeat(200)), 431),
    ] {
        let mut client = Client::connect(server.address).await;
        client.send(&text).await;
        assert_eq!(client.response().await.status, status);
        let line = server.log_line().await;
        assert!(line.contains(&format!(" {status}: ")), "{line}");
    }
    let mut client = Client::connect(server.address).await;
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    client.expect_close().await;
    assert!(server.log_line().await.contains(" closed: "), "HTTP/2 gets no answer");
    // The forms that a server must take (RFC 9112 §3.2.2, RFC 9110 §2.5).
    for text in
        ["GET http://localhost/a.txt HTTP/1.1\r\nHost: b\r\n\r\n", "GET /a.txt HTTP/1.0\r\n\r\n"]
    {
        let mut client = Client::connect(server.address).await;
        client.send(text).await;
        assert_eq!(client.response().await.text(), "text", "{text:?}");
    }
}

#[tokio::test]
async fn caches_are_told_what_the_options_say() {
    for (arguments, expected) in [
        (&[][..], None),
        (&["--no-store"], Some("no-store")),
        (&["--max-age", "0"], Some("max-age=0")),
        (&["--max-age", "60"], Some("max-age=60")),
    ] {
        let server = WebServer::start(arguments).await;
        server.write("a.txt", "text");
        let first = server.get("/a.txt").await;
        assert_eq!(first.field("cache-control"), expected, "{arguments:?}");
        let tag = first.field("etag").unwrap();
        let again = server.ask("GET", "/a.txt", &[("If-None-Match", tag)]).await;
        assert_eq!((again.status, again.field("cache-control")), (304, expected), "{arguments:?}");
    }
    let server = WebServer::start(&["--no-store"]).await;
    assert_eq!(server.get("/nothing").await.field("cache-control"), Some("no-store"));
}

/// Asks for more than the sockets hold between them: the answer has begun, and waits for a reader.
async fn busy(server: &WebServer) -> (Client, crate::support::wire::Body) {
    let file = fs::File::create(server.path("big")).unwrap();
    file.set_len(32 << 20).unwrap();
    let mut client = Client::connect(server.address).await;
    client.send(request("GET", "/big", &[])).await;
    let head = client.head().await;
    assert_eq!(head.status().unwrap(), 200);
    let body = client.body_of(&head);
    (client, body)
}

async fn rest(client: &mut Client, body: &mut crate::support::wire::Body) -> usize {
    let mut bytes = 0;
    while let Some(piece) = client.piece(body).await.expect("the body is whole") {
        bytes += piece.len();
    }
    bytes
}

#[tokio::test]
async fn a_client_does_not_wait_for_another_one() {
    let server = WebServer::start(&[]).await;
    server.write("a.txt", "text");
    let (mut slow, mut body) = busy(&server).await;
    assert_eq!(server.get("/a.txt").await.text(), "text");
    assert_eq!(rest(&mut slow, &mut body).await, 32 << 20);
}

#[tokio::test]
async fn one_at_a_time_the_next_client_waits_until_the_first_has_been_served() {
    let server = WebServer::start(&["--one-at-a-time"]).await;
    server.write("a.txt", "text");
    let (mut first, mut body) = busy(&server).await;
    let mut second = Client::connect(server.address6).await;
    second.send(request("GET", "/a.txt", &[])).await;
    not_yet("an answer to the second", second.some()).await;
    assert_eq!(rest(&mut first, &mut body).await, 32 << 20);
    first.expect_close().await;
    let response = second.response().await;
    assert_eq!((response.text(), response.field("connection")), ("text", Some("close")));
    second.expect_close().await;
}

#[tokio::test]
async fn ten_thousand_requests_on_a_hundred_connections_are_all_answered() {
    const CONNECTIONS: usize = 100;
    const REQUESTS: usize = 100;
    let mut server = WebServer::start(&[]).await;
    for file in 0..10 {
        server.write(&format!("{file}.txt"), format!("file {file}\n").repeat(file * 500 + 1));
    }
    let address = server.address;
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|number| {
            tokio::spawn(async move {
                let mut client = Client::connect(address).await;
                for turn in 0..REQUESTS {
                    let file = (number + turn) % 10;
                    client.send(request("GET", &format!("/{file}.txt"), &[])).await;
                    let response = client.response().await;
                    let expected = format!("file {file}\n").repeat(file * 500 + 1);
                    assert_eq!((response.status, response.text()), (200, &*expected));
                }
            })
        })
        .collect();
    for _ in 0..CONNECTIONS * REQUESTS {
        let line = server.log_line().await;
        assert!(line.contains("\" 200 "), "{line}");
    }
    for client in clients {
        within("a client to end", client).await.unwrap();
    }
}

#[tokio::test]
async fn ctrl_c_lets_a_response_under_way_finish_and_ends_with_0() {
    for signal in ["INT", "TERM"] {
        let server = WebServer::start(&[]).await;
        let mut idle = Client::connect(server.address).await;
        let (mut slow, mut body) = busy(&server).await;
        server.binary.signal(signal);
        idle.expect_close().await;
        assert_eq!(rest(&mut slow, &mut body).await, 32 << 20);
        let exit = server.binary.exit().await;
        assert_eq!(exit.status.code(), Some(0), "{exit:?}");
        assert!(exit.stderr.is_empty(), "{exit:?}");
    }
}

#[tokio::test]
async fn why_it_does_not_start_is_one_sentence() {
    let listener = Listener::start().await;
    let taken = listener.address();
    let port = taken.port().to_string();
    let in_use = format!("cannot listen on {taken}: address in use; ");
    let cases: [(&[&str], &str); 4] = [
        (&["--port", &port], &in_use),
        (
            &["--root", "nowhere"],
            "cannot serve the files of \"nowhere\": there is no such directory; ",
        ),
        (&["--root", "/dev/null"], "cannot serve the files of \"/dev/null\": not a directory; "),
        (&["--host", NO_HOST], &format!("cannot find the host {NO_HOST:?}: ")),
    ];
    for (arguments, sentence) in cases {
        let arguments = [&["lab", "web-server"], arguments].concat();
        let exit = Binary::start(&arguments).exit().await;
        assert_eq!(exit.status.code(), Some(1), "{exit:?}");
        let [line] = exit.stderr.as_slice() else { panic!("{exit:?}") };
        assert!(line.starts_with(sentence), "{line}");
        assert!(exit.stdout.is_empty(), "{exit:?}");
    }
}
