//! `lab get`: what it sends, and what it shows of the answer.

use super::peers::{HOSTS, NO_HOST, lab, python_server, sentence};
use crate::support::binary::{Binary, Exit};
use crate::support::gate::Gate;
use crate::support::listener::{Listener, Refusing};
use crate::support::origin::{Origin, Reply};
use crate::support::proxy::Proxy;

/// The web server of Python's standard library, with the files of its own directory.
const WEB_SERVER: &str = r#"
import http.server
open("hello.html", "w").write("<h1>Hello</h1>\n")
http.server.ThreadingHTTPServer.address_family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
web = http.server.ThreadingHTTPServer((sys.argv[1], 0), http.server.SimpleHTTPRequestHandler)
print(web.server_address[1], flush=True)
web.serve_forever()
"#;

/// Runs `lab get` to its end.
async fn get(arguments: &[&str]) -> Exit {
    lab(&[&["get"], arguments].concat()).exit().await
}

/// Status line and body of what was shown; the program must be content.
#[track_caller]
fn parts(exit: &Exit) -> (String, String) {
    assert_eq!((exit.status.code(), &*exit.stderr), (Some(0), &[][..]), "{exit:?}");
    let text = exit.stdout.join("\n");
    let (head, body) = text.split_once("\r\n\r").unwrap_or_else(|| panic!("{text:?}"));
    (head.lines().next().unwrap().to_owned(), body.trim_start_matches('\n').to_owned())
}

#[tokio::test]
async fn the_web_server_of_python_is_shown_head_and_body_in_both_families() {
    for host in HOSTS {
        let (_server, port) = python_server(WEB_SERVER, host).await;
        let exit = get(&[host, &port, "hello.html"]).await;
        assert_eq!(parts(&exit), ("HTTP/1.0 200 OK".to_owned(), "<h1>Hello</h1>".to_owned()));
        let date =
            exit.stdout.iter().find_map(|line| line.strip_prefix("Last-Modified: ")).unwrap();
        assert!(exit.stdout.contains(&"Content-type: text/html\r".to_owned()), "{exit:?}");

        let exit = get(&[host, &port, "hello.html", "--head"]).await;
        assert_eq!(parts(&exit), ("HTTP/1.0 200 OK".to_owned(), String::new()));
        let exit = get(&[host, &port, "hello.html", "--if-modified-since", date.trim()]).await;
        assert_eq!(parts(&exit), ("HTTP/1.0 304 Not Modified".to_owned(), String::new()));
        // An answer is an answer, whatever its status.
        let (status, body) = parts(&get(&[host, &port, "nowhere"]).await);
        assert_eq!(status, "HTTP/1.0 404 File not found");
        assert!(body.contains("File not found"), "{body}");
    }
}

#[tokio::test]
async fn all_framings_of_a_body_are_understood() {
    let origin = Origin::start().await;
    let body = "line of text\n".repeat(20_000);
    origin.route("/length", Reply::ok(body.clone()));
    origin.route("/chunked", Reply::ok(body.clone()).chunked());
    origin.route("/close", Reply::ok(body.clone()).until_close());
    origin.route("/hinted", Reply::ok(body.clone()).interim(103, &[("Link", "</a>")]));
    let port = origin.address().port().to_string();
    for path in ["length", "chunked", "close"] {
        let (status, shown) = parts(&get(&["127.0.0.1", &port, path]).await);
        assert_eq!((&*status, shown + "\n" == body), ("HTTP/1.1 200 OK", true), "{path}");
    }
    let (status, shown) = parts(&get(&["127.0.0.1", &port, "hinted"]).await);
    assert!(status.starts_with("HTTP/1.1 103"), "{status}");
    assert!(
        shown.starts_with("HTTP/1.1 200 OK") && shown.ends_with("line of text"),
        "{shown:.200}"
    );
    let seen = origin.requests();
    assert!(seen.iter().all(|seen| seen.fields.get("connection") == Some("close")), "{seen:?}");
}

#[tokio::test]
async fn the_answer_is_shown_as_it_comes() {
    let (origin, gate) = (Origin::start().await, Gate::new());
    origin.route("/", Reply::ok("the body\n").body_after(&gate));
    let mut client = lab(&["get", "127.0.0.1", &origin.address().port().to_string(), "/"]);
    client.line("the head", |line| line == "\r").await;
    gate.open();
    client.line("the body", |line| line == "the body").await;
    assert_eq!(client.exit().await.status.code(), Some(0));
}

#[tokio::test]
async fn through_a_proxy_the_second_answer_comes_from_the_cache() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a%20b?c", Reply::cacheable(60, "hello\n"));
    let port = origin.address().port().to_string();
    let by = proxy.address().to_string();
    for (by, cache) in
        [(by.clone(), "fwd=uri-miss; stored"), (format!("http://{by}/"), "hit; ttl=60")]
    {
        let exit = get(&["127.0.0.1", &port, "a b?c", "--proxy", &by]).await;
        assert_eq!(parts(&exit), ("HTTP/1.1 200 OK".to_owned(), "hello".to_owned()));
        let field = format!("cache-status: larder; {cache}\r");
        assert!(exit.stdout.contains(&field), "{exit:?}");
    }
    origin.only_request();
}

#[tokio::test]
async fn a_proxy_gets_the_whole_url_and_the_conditions() {
    let listener = Listener::start().await;
    let by = listener.address().to_string();
    let mut client = lab(&[
        "get",
        "www.example.com",
        "80",
        "index.html",
        "--proxy",
        &by,
        "--head",
        "--if-none-match",
        "v1",
    ]);
    let mut far = listener.accept().await;
    let head = far.head().await;
    assert_eq!(head.start, "HEAD http://www.example.com/index.html HTTP/1.1");
    assert_eq!(head.fields.get("host"), Some("www.example.com"));
    assert_eq!(head.fields.get("if-none-match"), Some("\"v1\""));
    far.send("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n").await;
    client.line("the end of the head", |line| line == "\r").await;
    assert_eq!(client.exit().await.status.code(), Some(0));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_shown_as_far_as_it_came_and_fails() {
    let origin = Origin::start().await;
    origin.route("/cut", Reply::ok("0123456789\n").cut_after(4));
    origin.route("/chunks", Reply::ok("0123456789\n").chunked().cut_after(4));
    origin.route("/nothing", Reply::nothing());
    origin.route("/noise", Reply::raw("SSH-2.0-OpenSSH_9.2\r\n"));
    let port = origin.address().port().to_string();
    let place = format!("127.0.0.1:{port}");
    let whole = format!("the answer of {place} is not whole: ");
    let exit = get(&["127.0.0.1", &port, "cut"]).await;
    assert_eq!(sentence(&exit), format!("{whole}the connection was closed 7 bytes too early"));
    assert_eq!(exit.stdout.last().map(String::as_str), Some("0123"));
    let exit = get(&["127.0.0.1", &port, "chunks"]).await;
    assert!(sentence(&exit).starts_with(&whole), "{exit:?}");
    let exit = get(&["127.0.0.1", &port, "nothing"]).await;
    let early = "the connection was closed before the end of the head";
    assert_eq!(sentence(&exit), format!("{whole}{early}"));
    let exit = get(&["127.0.0.1", &port, "noise"]).await;
    assert_eq!(sentence(&exit), format!("{whole}\"SSH-2.0-OpenSSH_9.2\" is no status line"));
}

#[tokio::test]
async fn a_peer_that_resets_the_connection_is_gone() {
    let listener = Listener::start().await;
    let port = listener.address().port().to_string();
    let client = lab(&["get", "127.0.0.1", &port, "a"]);
    let mut far = listener.accept().await;
    far.head().await;
    far.reset();
    let exit = client.exit().await;
    assert_eq!(sentence(&exit), format!("127.0.0.1:{port} is gone: connection reset"));
}

#[tokio::test]
async fn who_cannot_be_reached_is_named_with_the_remedy() {
    let refusing = Refusing::start();
    let (place, port) = (refusing.address().to_string(), refusing.address().port().to_string());
    let refused = format!(
        "cannot reach {place}: connection refused; start the server first, or choose another port"
    );
    assert_eq!(sentence(&get(&["127.0.0.1", &port, "a"]).await), refused);
    assert_eq!(sentence(&get(&["www.example.com", "80", "a", "--proxy", &place]).await), refused);
    let unknown = format!("cannot find the host {NO_HOST:?}: ");
    assert!(sentence(&get(&[NO_HOST, "80", "a"]).await).starts_with(&unknown));
    for place in ["localhost", "localhost:", "localhost:http", ":70000"] {
        let exit = get(&["www.example.com", "80", "a", "--proxy", place]).await;
        let expected = format!("{place:?} is no host:port; write localhost:3128");
        assert_eq!(sentence(&exit), expected);
    }
    let exit = get(&["127.0.0.1", &port, "a", "--if-none-match", "a\r\nb"]).await;
    assert!(sentence(&exit).ends_with("cannot be sent: it holds a control character"), "{exit:?}");
}

#[tokio::test]
async fn a_reader_that_has_had_enough_is_no_failure() {
    let origin = Origin::start().await;
    origin.route("/", Reply::new(200).pattern(64 << 20));
    let port = origin.address().port().to_string();
    let exit = Binary::python(FIRST_LINE, &[env!("CARGO_BIN_EXE_larder"), &port]).exit().await;
    assert_eq!(exit.stdout, ["b'HTTP/1.1 200 OK\\r\\n'", "0 b''"], "{exit:?}");
}

/// Reads the first line of the output and closes it.
const FIRST_LINE: &str = r#"
import subprocess, sys
command = [sys.argv[1], "lab", "get", "127.0.0.1", sys.argv[2], "/"]
client = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
print(client.stdout.readline())
client.stdout.close()
errors = client.stderr.read()
print(client.wait(), errors)
"#;
