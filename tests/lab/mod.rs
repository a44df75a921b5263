//! The text client, and the ten lines of a networking lab; the programs of the lab, each against ten
//! lines of Python.

mod chat;
mod course;
mod echo;
mod get;
mod greet;
mod peers;
mod upper;
mod web_server;

use std::process::{Command, Output};

use crate::support::binary::Binary;
use crate::support::gate::within;
use crate::support::listener::{Listener, Refusing};
use crate::support::origin::{Origin, Reply};
use crate::support::proxy::Proxy;

/// What a lab's exercise looks like: no line end, no HTTP, just a name.
const TEN_LINES: &str = r#"
import socket, sys
sock = socket.socket()
sock.connect(("127.0.0.1", int(sys.argv[1])))
sock.send(sys.argv[2].encode())
data = sock.recv(4096)
while data:
    sys.stdout.write(data.decode())
    data = sock.recv(4096)
sock.close()
"#;

/// Runs the ten lines; nothing where there is no Python.
async fn python(proxy: &Proxy, host: &str) -> Option<Output> {
    let (port, host) = (proxy.address().port().to_string(), host.to_owned());
    let run = tokio::task::spawn_blocking(move || {
        Command::new("python3").args(["-c", TEN_LINES, &port, &host]).output()
    });
    match within("the Python client to end", run).await.unwrap() {
        Ok(output) => Some(output),
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => None,
        Err(why) => panic!("{why}"),
    }
}

fn page() -> Reply {
    Reply::cacheable(60, "<h1>hello</h1>\n")
        .field("Content-Type", "text/html")
        .field("ETag", "\"v1\"")
}

/// Status line, fields without those that may differ, body.
fn parts(answer: &str) -> (&str, Vec<&str>, &str) {
    let (head, body) = answer.split_once("\r\n\r\n").expect("a blank line");
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap();
    let ours = ["age:", "cache-status:", "content-length:", "connection:", "transfer-encoding:"];
    let mut fields: Vec<_> = lines
        .filter(|line| !ours.iter().any(|name| line.to_ascii_lowercase().starts_with(name)))
        .collect();
    fields.sort_unstable();
    (status, fields, body)
}

#[tokio::test]
async fn ten_lines_of_python_get_the_whole_answer_and_the_second_time_from_the_cache() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/", page());
    let mut answers = Vec::new();
    for _ in 0..2 {
        let Some(output) = python(&proxy, &origin.authority()).await else { return };
        assert!(output.status.success(), "{output:?}");
        answers.push(String::from_utf8(output.stdout).unwrap());
    }
    let (status, fields, body) = parts(&answers[0]);
    assert_eq!((status, body), ("HTTP/1.0 200 OK", "<h1>hello</h1>\n"));
    for field in ["etag: \"v1\"", "content-type: text/html"] {
        assert!(fields.contains(&field), "{fields:?}");
    }
    assert_eq!(parts(&answers[0]), parts(&answers[1]));
    assert!(answers[1].contains("cache-status: larder; hit; ttl=60\r\n"), "{}", answers[1]);
    let seen = origin.only_request();
    assert_eq!((&*seen.method, &*seen.target), ("GET", "/"));
    let lines = proxy.log().wait_for_exchanges(2).await;
    assert_eq!(
        (&lines[0]["message"], &lines[1]["message"]),
        (&"Fetched from origin".into(), &"Read from cache".into())
    );
}

#[tokio::test]
async fn the_client_prompts_and_prints_the_whole_answer() {
    let (origin, (larder, address)) = (Origin::start().await, Binary::serve(&[]).await);
    origin.route("/", page());
    origin.route("/other?x=1", Reply::cacheable(60, "no line end"));
    let mut client = Binary::start(&["client", "--proxy", &address.to_string()]);
    client.type_line(&origin.authority());
    client.type_line(&origin.url("/other?x=1"));
    client.type_line(&format!("  {}/  ", origin.authority()));
    client.type_line("");
    let exit = client.exit().await;
    assert_eq!(exit.status.code(), Some(0), "{exit:?}");
    assert!(exit.stderr.is_empty(), "{exit:?}");

    let text = exit.stdout.iter().map(|line| format!("{line}\n")).collect::<String>();
    let answers: Vec<_> = text.split("Input request: ").collect();
    assert_eq!(answers.len(), 5, "{text}");
    let (first, other, repeat) = (parts(answers[1]), parts(answers[2]), parts(answers[3]));
    assert_eq!((first.0, first.2), ("HTTP/1.0 200 OK", "<h1>hello</h1>\n"));
    assert_eq!((other.0, other.2), ("HTTP/1.0 200 OK", "no line end\n"));
    assert_eq!(first, repeat);
    assert!(answers[3].contains("cache-status: larder; hit; "), "{}", answers[3]);
    assert_eq!((answers[0], answers[4].trim_end()), ("", ""));
    let targets: Vec<_> = origin.requests().into_iter().map(|seen| seen.target).collect();
    assert_eq!(targets, ["/", "/other?x=1"]);
    drop(larder);
}

#[tokio::test]
async fn what_is_typed_is_sent_as_those_bytes_alone_and_the_answer_is_printed_as_it_arrives() {
    let listener = Listener::start().await;
    let mut client = Binary::start(&["client", "--proxy", &listener.address().to_string()]);
    client.type_line("www.example.com");
    let mut far = listener.accept().await;
    assert_eq!(far.read_to_close().await, b"www.example.com");
    far.send("HTTP/1.0 200 OK\r\n\r\nfirst line\n").await;
    let line = client.line("the first line", |line| line.contains("first line")).await;
    assert_eq!(line, "first line");
    far.send("second line\n").await;
    client.line("the second line", |line| line == "second line").await;
    drop(far);
    client.end_input();
    assert_eq!(client.exit().await.status.code(), Some(0));
}

#[tokio::test]
async fn hosts_given_as_arguments_are_asked_for_one_after_another_without_a_prompt() {
    let (origin, (_larder, address)) = (Origin::start().await, Binary::serve(&[]).await);
    origin.route("/", page());
    origin.route("/b", Reply::ok("second\n"));
    let (one, two) = (origin.authority(), origin.url("/b"));
    let arguments = ["client", "--proxy", &address.to_string(), &one, &two, &one];
    let exit = Binary::start(&arguments).exit().await;
    assert_eq!(exit.status.code(), Some(0), "{exit:?}");
    let text = exit.stdout.join("\n");
    assert!(!text.contains("Input request"), "{text}");
    let answers: Vec<_> = text.split("HTTP/1.0 200 OK\r\n").collect();
    assert_eq!(answers.len(), 4, "{text}");
    for (answer, body) in answers[1..].iter().zip(["<h1>hello</h1>", "second", "<h1>hello</h1>"]) {
        assert!(answer.trim_end().ends_with(body), "{answer}");
    }
    let targets: Vec<_> = origin.requests().into_iter().map(|seen| seen.target).collect();
    assert_eq!(targets, ["/", "/b"]);
}

#[tokio::test]
async fn an_empty_line_or_the_end_of_input_ends_the_client() {
    let refusing = Refusing::start().address().to_string();
    for empty_line in [true, false] {
        let mut client = Binary::start(&["client", "--proxy", &refusing]);
        if empty_line {
            client.type_line("");
        }
        let exit = client.exit().await;
        assert_eq!(exit.status.code(), Some(0), "{exit:?}");
        assert_eq!(exit.stdout.join("").trim_end(), "Input request:");
        assert!(exit.stderr.is_empty(), "{exit:?}");
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_running_is_named_with_the_remedy() {
    let refusing = Refusing::start();
    let address = refusing.address().to_string();
    let sentence = format!(
        "cannot reach the proxy at {address}: connection refused; start it with: larder serve"
    );
    let exit = Binary::start(&["client", "--proxy", &address, "www.example.com"]).exit().await;
    assert_eq!((exit.status.code(), &exit.stderr), (Some(1), &vec![sentence.clone()]));
    assert!(exit.stdout.is_empty(), "{exit:?}");

    let mut typed = Binary::start(&["client", "--proxy", &address]);
    typed.type_line("www.example.com");
    let exit = typed.exit().await;
    assert_eq!((exit.status.code(), &exit.stderr), (Some(1), &vec![sentence]));
}

#[tokio::test]
async fn an_error_of_the_proxy_is_an_answer_like_any_other() {
    let (refusing, (_larder, address)) = (Refusing::start(), Binary::serve(&[]).await);
    let host = refusing.address().to_string();
    let exit = Binary::start(&["client", "--proxy", &address.to_string(), &host]).exit().await;
    assert_eq!(exit.status.code(), Some(0), "{exit:?}");
    assert_eq!(exit.stdout[0], "HTTP/1.0 502 Bad Gateway\r");
    assert!(exit.stdout.join("\n").contains("connection refused"), "{exit:?}");
}

#[tokio::test]
async fn a_proxy_that_has_no_address_is_named_with_the_reason() {
    let proxy = format!("{}:80", peers::NO_HOST);
    let exit = Binary::start(&["client", "--proxy", &proxy, "www.example.com"]).exit().await;
    let sentence = peers::sentence(&exit);
    assert!(sentence.starts_with(&format!("cannot find the proxy {proxy:?}: ")), "{sentence}");
    assert!(!sentence.contains("uncategorized"), "{sentence}");
}
