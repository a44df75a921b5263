//! The greeting server and the greeting client.

use std::time::Duration;

use tokio::time::timeout;

use super::peers::{
    HOSTS, ask_in_python, lab, lab_server, python_server, says_who_refused, sentence,
    stops_and_frees_its_port,
};

const CLIENT: &str = r#"
sock = socket.create_connection(address)
sock.send(b"Hai from client")
answer = b""
while part := sock.recv(1024):
    answer += part
print(answer.decode())
"#;

const SERVER: &str = r#"
sock = server(socket.SOCK_STREAM)
while True:
    connection, client = sock.accept()
    print(repr(connection.recv(1024)), flush=True)
    connection.send(b"Thank you for connecting")
    connection.close()
"#;

#[tokio::test]
async fn the_server_takes_one_message_of_ten_lines_of_python_thanks_and_closes() {
    let (mut server, port) = lab_server(&["greet-server"]).await;
    for host in HOSTS {
        assert_eq!(ask_in_python(CLIENT, host, &port).await, ["Thanks for connecting"]);
        let from = server.any_line().await;
        let place = if host == "::1" { "[::1]" } else { host };
        assert!(from.starts_with(&format!("Got Connection from {place}:")), "{from}");
        assert_eq!(server.any_line().await, "Hai from client");
    }
}

#[tokio::test]
async fn the_client_sends_its_message_to_a_server_in_python_and_prints_the_answer() {
    for host in HOSTS {
        let (mut server, port) = python_server(SERVER, host).await;
        let cases: [(&[&str], &str); 3] = [
            (&[], "b'Hai from client'"),
            (&["Good morning"], "b'Good morning'"),
            (&["Good morning", "--newline"], r"b'Good morning\n'"),
        ];
        for (words, seen) in cases {
            let client = lab(&[&["greet-client", host], words, &["--port", &port]].concat());
            let exit = client.exit().await;
            assert_eq!((exit.status.code(), &*exit.stderr), (Some(0), &[][..]), "{exit:?}");
            assert_eq!(exit.stdout, ["Thank you for connecting"]);
            assert_eq!(server.any_line().await, seen);
        }
    }
}

#[tokio::test]
async fn an_answer_is_whole_when_the_server_closes_or_says_no_more() {
    let in_parts = r#"
sock = server(socket.SOCK_STREAM)
connection, client = sock.accept()
connection.recv(1024)
connection.send(b"Thanks")
sys.stdin.readline()
connection.send(b" a lot")
connection.close()
connection, client = sock.accept()
connection.send(b"Welcome")
sys.stdin.readline()
"#;
    let (mut server, port) = python_server(in_parts, "127.0.0.1").await;
    let client = |wait| lab(&["greet-client", "127.0.0.1", "--port", &port, "--wait", wait]);
    let mut patient = client("10s");
    // Longer than any client waits that knows what the answer will be.
    let early = timeout(Duration::from_millis(400), patient.any_line()).await;
    assert!(early.is_err(), "the server has not closed: {early:?}");
    server.type_line("go on");
    assert_eq!(patient.exit().await.stdout, ["Thanks a lot"]);
    assert_eq!(client("20ms").exit().await.stdout, ["Welcome"]);
}

#[tokio::test]
async fn both_programs_of_the_lab_understand_each_other() {
    let (mut server, port) = lab_server(&["greet-server"]).await;
    let exit = lab(&["greet-client", "--port", &port]).exit().await;
    assert_eq!(exit.stdout, ["Thanks for connecting"]);
    server.line("the message", |line| line == "Hai from client").await;
}

#[tokio::test]
async fn a_long_message_does_not_cost_its_sender_the_answer() {
    let (_server, port) = lab_server(&["greet-server"]).await;
    let program =
        CLIENT.replace(r#"b"Hai from client""#, r#"b"x" * 200000"#).replace("send", "sendall");
    assert_eq!(ask_in_python(&program, "127.0.0.1", &port).await, ["Thanks for connecting"]);
    let exit =
        lab(&["greet-client", "127.0.0.1", &"x".repeat(100_000), "--port", &port]).exit().await;
    assert_eq!(exit.stdout, ["Thanks for connecting"]);
}

#[tokio::test]
async fn bytes_that_are_no_text_are_shown_escaped() {
    let (mut server, port) = lab_server(&["greet-server"]).await;
    let program = CLIENT.replace("Hai from client", r"a\xff\x07");
    assert_eq!(ask_in_python(&program, "::1", &port).await, ["Thanks for connecting"]);
    server.line("the message", |line| line == r"a\xff\u{7}").await;
}

#[tokio::test]
async fn a_client_that_sends_nothing_or_vanishes_is_named_and_the_next_one_is_served() {
    let (mut server, port) = lab_server(&["greet-server"]).await;
    let leaving = "socket.create_connection(address).close()\n";
    ask_in_python(leaving, "127.0.0.1", &port).await;
    let gone = server.error_line("who is gone", |line| line.contains(" is gone: ")).await;
    assert!(gone.ends_with(" is gone: it left without a message"), "{gone}");
    let reset = "import struct\nsock = socket.create_connection(address)\nsock.setsockopt(\
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))\n";
    ask_in_python(reset, "127.0.0.1", &port).await;
    let gone = server.error_line("who is gone", |line| line.contains(" is gone: ")).await;
    assert!(gone.ends_with(" is gone: connection reset"), "{gone}");
    assert_eq!(ask_in_python(CLIENT, "127.0.0.1", &port).await, ["Thanks for connecting"]);
}

#[tokio::test]
async fn an_empty_message_is_wrong_usage_and_a_server_without_an_answer_is_a_failure() {
    let exit = lab(&["greet-client", "localhost", ""]).exit().await;
    assert_eq!(exit.status.code(), Some(2), "{exit:?}");

    let leaving = "sock = server(socket.SOCK_STREAM)\nsock.accept()[0].recv(1024)\n";
    let (_server, port) = python_server(leaving, "::1").await;
    let exit = lab(&["greet-client", "::1", "--port", &port]).exit().await;
    let wanted = format!("::1:{port} is gone: it closed the connection without a reply");
    assert_eq!(sentence(&exit), wanted);
}

#[tokio::test]
async fn the_server_stops_on_a_signal_and_says_when_it_cannot_listen() {
    stops_and_frees_its_port(&["greet-server"]).await;
}

#[tokio::test]
async fn the_client_says_who_refused() {
    says_who_refused(&["greet-client"]).await;
}
