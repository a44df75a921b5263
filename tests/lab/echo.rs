//! The echo server and the echo client.

use std::net::TcpStream;

use super::peers::{
    HOSTS, ask_in_python, lab, lab_server, python_client, python_server, says_who_refused,
    sentence, stops_and_frees_its_port,
};
use crate::support::gate::not_yet;

const CLIENT: &str = r#"
sock = socket.create_connection(address)
for message in ["hello", "größe", "bye"]:
    sock.send(message.encode())
    print(sock.recv(1024).decode())
sock.close()
"#;

const SERVER: &str = r#"
sock = server(socket.SOCK_STREAM)
while True:
    connection, client = sock.accept()
    message = connection.recv(1024)
    while message:
        print(repr(message), flush=True)
        connection.send(message)
        message = connection.recv(1024)
"#;

/// Sends more than any buffer takes, and reads it back while it sends.
const LONG: &str = r#"
import threading
sock = socket.create_connection(address)
message = b"0123456789abcdef" * 125000
threading.Thread(target=sock.sendall, args=(message,)).start()
back = b""
while len(back) < len(message):
    back += sock.recv(65536)
print(back == message)
"#;

/// Sends back three bytes of each message.
const SHORT: &str = r#"
sock = server(socket.SOCK_STREAM)
connection, client = sock.accept()
while message := connection.recv(65536):
    connection.send(message[:3])
"#;

/// Leaves without a goodbye: a reset.
const VANISHING: &str = r#"
import struct
sock = socket.create_connection(address)
sock.send(b"one")
sock.recv(1024)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
sock.close()
"#;

#[tokio::test]
async fn the_server_sends_every_message_of_ten_lines_of_python_back_and_prints_it() {
    for host in HOSTS {
        let (mut server, port) = lab_server(&["echo-server"]).await;
        server.line("that it waits", |line| line == "Waiting for incoming connections...").await;
        for _ in 0..2 {
            assert_eq!(ask_in_python(CLIENT, host, &port).await, ["hello", "größe", "bye"]);
            for wanted in ["Connection accepted", "hello", "größe", "bye", "Client disconnected"]
            {
                assert_eq!(server.any_line().await, wanted);
            }
        }
    }
}

#[tokio::test]
async fn the_client_shows_what_a_server_in_python_sends_back() {
    for host in HOSTS {
        let (mut server, port) = python_server(SERVER, host).await;
        let mut client = lab(&["echo-client", host, "--port", &port]);
        for message in ["hello", "", "größe", "two words"] {
            client.type_line(message);
        }
        let exit = client.exit().await;
        assert_eq!(exit.status.code(), Some(0), "{exit:?}");
        assert_eq!(
            exit.stdout,
            [
                "Socket created",
                "Connected",
                "Enter message : Server reply :",
                "hello",
                "Enter message : Enter message : Server reply :",
                "größe",
                "Enter message : Server reply :",
                "two words",
                "Enter message : ",
            ]
        );
        let empty = "an empty message is no byte, and TCP sends none: nothing was sent";
        assert_eq!(exit.stderr, [empty]);
        // Those bytes and nothing else, in one connection.
        for seen in ["b'hello'", r"b'gr\xc3\xb6\xc3\x9fe'", "b'two words'"] {
            assert_eq!(server.any_line().await, seen);
        }
    }
}

#[tokio::test]
async fn a_line_end_goes_along_where_it_is_wanted() {
    let (mut server, port) = python_server(SERVER, "127.0.0.1").await;
    let mut client = lab(&["echo-client", "--port", &port, "--newline"]);
    client.type_line("hello");
    client.type_line("");
    let exit = client.exit().await;
    assert_eq!(exit.stdout[3], "hello");
    assert_eq!((exit.status.code(), &*exit.stderr), (Some(0), &[][..]));
    assert_eq!(server.any_line().await, r"b'hello\n'");
    assert_eq!(server.any_line().await, r"b'\n'");
}

#[tokio::test]
async fn both_programs_of_the_lab_understand_each_other() {
    let (mut server, port) = lab_server(&["echo-server"]).await;
    let mut client = lab(&["echo-client", "--port", &port]);
    client.type_line("hello");
    client.line("the reply", |line| line == "hello").await;
    server.line("the message", |line| line == "hello").await;
    assert_eq!(client.exit().await.status.code(), Some(0));
    server.line("the end", |line| line == "Client disconnected").await;
}

#[tokio::test]
async fn many_clients_are_served_at_once_and_a_silent_one_keeps_nobody_waiting() {
    let (mut server, port) = lab_server(&["echo-server"]).await;
    let silent: Vec<_> = (0..50)
        .map(|_| TcpStream::connect(format!("127.0.0.1:{port}")).expect("it listens"))
        .collect();
    for _ in &silent {
        server.line("a connection", |line| line == "Connection accepted").await;
    }
    assert_eq!(ask_in_python(CLIENT, "::1", &port).await.len(), 3);
    drop(silent);
    for _ in 0..51 {
        server.line("the end", |line| line == "Client disconnected").await;
    }
}

#[tokio::test]
async fn more_clients_than_there_are_seats_wait_for_one() {
    let (mut server, port) = lab_server(&["echo-server"]).await;
    server.line("that it waits", |line| line.starts_with("Waiting")).await;
    let connect = |_| TcpStream::connect(format!("127.0.0.1:{port}")).expect("it listens");
    let clients: Vec<_> = (0..300).map(connect).collect();
    // One of the 256 seats is kept for who comes over IPv6.
    for _ in 0..255 {
        assert_eq!(server.any_line().await, "Connection accepted");
    }
    not_yet("one client too many", server.any_line()).await;
    assert_eq!(ask_in_python(CLIENT, "::1", &port).await.len(), 3);
    drop(clients);
    for _ in 255..300 {
        server.line("the next", |line| line == "Connection accepted").await;
    }
}

#[tokio::test]
async fn a_message_longer_than_any_datagram_comes_back_whole() {
    let (_server, port) = lab_server(&["echo-server"]).await;
    assert_eq!(ask_in_python(LONG, "127.0.0.1", &port).await, ["True"]);

    let mut client = lab(&["echo-client", "--port", &port]);
    let long = "0123456789".repeat(100_000);
    client.type_line(&long);
    assert!(client.line("the reply", |line| line.starts_with("0123")).await == long);
    assert_eq!(client.exit().await.status.code(), Some(0));
}

#[tokio::test]
async fn a_line_of_more_than_a_mebibyte_is_no_message() {
    let (_server, port) = lab_server(&["echo-server"]).await;
    let mut client = lab(&["echo-client", "--port", &port]);
    client.type_line(&"x".repeat(1024 * 1024 + 1));
    let exit = client.exit().await;
    assert_eq!(sentence(&exit), "a line of more than 1048576 bytes is no message");
}

#[tokio::test]
async fn bytes_that_are_no_text_come_back_as_they_are_and_are_shown_escaped() {
    let (mut server, port) = lab_server(&["echo-server"]).await;
    let program = r#"
sock = socket.create_connection(address)
sock.send(b"a\xff\x1b[2Jb")
print(sock.recv(1024))
"#;
    assert_eq!(ask_in_python(program, "127.0.0.1", &port).await, [r"b'a\xff\x1b[2Jb'"]);
    server.line("the message", |line| line == r"a\xff\u{1b}[2Jb").await;

    let (mut python, port) = python_server(SERVER, "127.0.0.1").await;
    let mut client = lab(&["echo-client", "--port", &port]);
    client.type_bytes(b"a\xff\xc3\n");
    client.line("the reply", |line| line == r"a\xff\xc3").await;
    assert_eq!(python.any_line().await, r"b'a\xff\xc3'");
}

#[tokio::test]
async fn a_client_that_vanishes_is_named_and_the_next_one_is_served() {
    let (mut server, port) = lab_server(&["echo-server"]).await;
    ask_in_python(VANISHING, "127.0.0.1", &port).await;
    let gone = server.error_line("who is gone", |line| line.contains(" is gone: ")).await;
    assert!(gone.starts_with("127.0.0.1:") && gone.ends_with(": connection reset"), "{gone}");
    server.line("the end", |line| line == "Client disconnected").await;
    assert_eq!(ask_in_python(CLIENT, "127.0.0.1", &port).await.len(), 3);
}

#[tokio::test]
async fn a_server_that_vanishes_is_named_and_ends_the_client() {
    let leaving = "sock = server(socket.SOCK_STREAM)\nsock.accept()[0].recv(1024)\n";
    let (_server, port) = python_server(leaving, "127.0.0.1").await;
    let mut client = lab(&["echo-client", "127.0.0.1", "--port", &port]);
    client.type_line("hello");
    let exit = client.exit().await;
    assert_eq!(
        sentence(&exit),
        format!("127.0.0.1:{port} is gone: it closed the connection without a reply")
    );
}

#[tokio::test]
async fn a_client_that_waits_for_a_reply_says_so_and_goes_on_waiting() {
    let lines = r#"
sock = server(socket.SOCK_STREAM)
connection, client = sock.accept()
input()
connection.send(b"Late: " + connection.recv(1024))
"#;
    let (mut server, port) = python_server(lines, "127.0.0.1").await;
    let mut client = lab(&["echo-client", "127.0.0.1", "--port", &port, "--wait", "30ms"]);
    client.type_line("hello");
    let said = client.error_line("that it waits", |_| true).await;
    let wanted =
        format!("no reply from 127.0.0.1:{port} yet; a server that reads lines wants --newline");
    assert_eq!(said, wanted);
    server.type_line("go on");
    client.line("the reply", |line| line == "Late: hello").await;
}

#[tokio::test]
async fn a_reply_that_is_not_what_was_sent_is_shown_all_the_same() {
    let (_server, port) = python_server(SHORT, "127.0.0.1").await;
    let mut client = lab(&["echo-client", "127.0.0.1", "--port", &port, "--wait", "30ms"]);
    client.type_line("hello");
    client.line("the reply", |line| line == "hel").await;
    client.type_line("bye");
    client.line("the next", |line| line == "bye").await;
}

#[tokio::test]
async fn the_server_stops_on_a_signal_and_says_when_it_cannot_listen() {
    stops_and_frees_its_port(&["echo-server"]).await;
}

#[tokio::test]
async fn a_server_with_clients_stops_at_once_and_can_be_started_again_on_its_port() {
    let (mut server, port) = lab_server(&["echo-server"]).await;
    let open = "sock = socket.create_connection(address)\nprint(sock.recv(1))\n";
    let client = python_client(open, "127.0.0.1", &port);
    server.line("the client", |line| line == "Connection accepted").await;
    server.signal("INT");
    assert_eq!(server.exit().await.status.code(), Some(0));
    let exit = client.exit().await;
    assert_eq!(exit.stdout, ["b''"], "it saw an orderly end: {exit:?}");
    let mut again = lab(&["echo-server", "--port", &port]);
    again.line("that it listens", |line| line == "bind done").await;
}

#[tokio::test]
async fn the_client_says_who_refused() {
    says_who_refused(&["echo-client"]).await;
}

#[tokio::test]
async fn a_client_that_is_interrupted_ends_well() {
    let (_server, port) = lab_server(&["echo-server"]).await;
    let mut client = lab(&["echo-client", "--port", &port]);
    client.line("that it is connected", |line| line == "Connected").await;
    client.signal("INT");
    let exit = client.exit().await;
    assert_eq!((exit.status.code(), &*exit.stderr), (Some(0), &[][..]));
}
