//! The upper case server and the upper case client, over TCP and over UDP.

use super::peers::{
    HOSTS, Silent, ask_in_python, lab, lab_server, python_server, says_that_the_host_is_unknown,
    says_who_refused, sentence, stops_and_frees_its_port,
};
use crate::support::binary::Binary;

const TCP_CLIENT: &str = r#"
sock = socket.create_connection(address)
for sentence in ["hello", "größe", "bye"]:
    sock.send(sentence.encode())
    print("From Server:", sock.recv(1024).decode())
sock.close()
"#;

const UDP_CLIENT: &str = r#"
sock = socket.socket(family, socket.SOCK_DGRAM)
for sentence in ["hello", "größe", "", "bye"]:
    sock.sendto(sentence.encode(), address)
    modified, server = sock.recvfrom(2048)
    print("From Server:", modified.decode())
"#;

/// Closes after every answer, as the simplest servers do.
const TCP_SERVER: &str = r#"
sock = server(socket.SOCK_STREAM)
while True:
    connection, client = sock.accept()
    sentence = connection.recv(1024)
    print(repr(sentence), flush=True)
    connection.send(sentence.decode().upper().encode())
    connection.close()
"#;

/// Keeps the connection until the client leaves.
const PATIENT_TCP_SERVER: &str = r#"
sock = server(socket.SOCK_STREAM)
while True:
    connection, client = sock.accept()
    while sentence := connection.recv(1024):
        print(repr(sentence), flush=True)
        connection.send(sentence.decode().upper().encode())
"#;

const UDP_SERVER: &str = r#"
sock = server(socket.SOCK_DGRAM)
while True:
    sentence, client = sock.recvfrom(2048)
    print(repr(sentence), flush=True)
    sock.sendto(sentence.decode().upper().encode(), client)
"#;

fn client(carrier: &str, host: &str, port: &str) -> Binary {
    lab(&["upper-client", carrier, host, "--port", port])
}

#[tokio::test]
async fn the_server_answers_ten_lines_of_python_over_tcp() {
    let (mut server, port) = lab_server(&["upper-server", "--tcp"]).await;
    for host in HOSTS {
        let answers = ask_in_python(TCP_CLIENT, host, &port).await;
        assert_eq!(answers, ["From Server: HELLO", "From Server: GRÖSSE", "From Server: BYE"]);
        let connected = server.any_line().await;
        let from = connected.strip_prefix("Connected with address ").expect(&connected).to_owned();
        for (sentence, capitals) in [("hello", "HELLO"), ("größe", "GRÖSSE"), ("bye", "BYE")] {
            assert_eq!(server.any_line().await, format!("Received data from {from}: {sentence}"));
            assert_eq!(server.any_line().await, format!("Sent data to {from}: {capitals}"));
        }
        assert_eq!(server.any_line().await, format!("Disconnected from {from}"));
    }
}

#[tokio::test]
async fn the_server_answers_ten_lines_of_python_over_udp() {
    let (mut server, port) = lab_server(&["upper-server", "--udp"]).await;
    for host in HOSTS {
        let answers = ask_in_python(UDP_CLIENT, host, &port).await;
        let wanted =
            ["From Server: HELLO", "From Server: GRÖSSE", "From Server: ", "From Server: BYE"];
        assert_eq!(answers, wanted);
        let received = server.any_line().await;
        let (from, sentence) = received.rsplit_once(": ").unwrap();
        assert_eq!(sentence, "hello");
        let from = from.strip_prefix("Received data from ").expect(&received);
        assert_eq!(server.any_line().await, format!("Sent data to {from}: HELLO"));
        server.line("the last", |line| line == format!("Sent data to {from}: BYE")).await;
    }
}

#[tokio::test]
async fn the_client_prints_what_servers_in_python_answer_and_quit_ends_it() {
    let servers = [("--tcp", TCP_SERVER), ("--tcp", PATIENT_TCP_SERVER), ("--udp", UDP_SERVER)];
    for (carrier, program) in servers {
        for host in HOSTS {
            let (mut server, port) = python_server(program, host).await;
            let mut client = client(carrier, host, &port);
            for sentence in ["hello", "größe", "bye", "quit", "never sent"] {
                client.type_line(sentence);
            }
            let exit = client.exit().await;
            assert_eq!((exit.status.code(), &*exit.stderr), (Some(0), &[][..]), "{exit:?}");
            let answer = |word| format!("Input lowercase sentence:From Server: {word}");
            let last = "Input lowercase sentence:".to_owned();
            let wanted = [answer("HELLO"), answer("GRÖSSE"), answer("BYE"), last];
            assert_eq!(exit.stdout, wanted, "{carrier} {host}");
            for seen in ["b'hello'", r"b'gr\xc3\xb6\xc3\x9fe'", "b'bye'"] {
                assert_eq!(server.any_line().await, seen);
            }
        }
    }
}

#[tokio::test]
async fn the_client_asks_for_the_server_that_is_not_given() {
    let (_server, port) = lab_server(&["upper-server", "--udp"]).await;
    let mut client = lab(&["upper-client", "--udp"]);
    for line in ["127.0.0.1", "no port", "0", &port, "hello"] {
        client.type_line(line);
    }
    let exit = client.exit().await;
    assert_eq!(exit.status.code(), Some(0), "{exit:?}");
    let prompts = "Input server name [localhost]: Input server port [12000]: Input server port [12000]: \
Input server port [12000]: Input lowercase sentence:From Server: HELLO";
    assert_eq!(exit.stdout, [prompts, "Input lowercase sentence:"]);
    let no_port = |typed| format!("{typed:?} is no port; write a number from 1 to 65535");
    assert_eq!(exit.stderr, [no_port("no port"), no_port("0")]);
}

#[tokio::test]
async fn a_letter_that_comes_in_two_halves_is_made_a_capital_whole() {
    let (_server, port) = lab_server(&["upper-server", "--tcp"]).await;
    let program = r#"
sock = socket.create_connection(address)
sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
sock.send(b"a\xc3")
print(sock.recv(1024))
sock.send(b"\xb6b\xff")
print(sock.recv(1024))
sock.send(b"\xc3")
print(sock.recv(1024))
"#;
    let answers = ask_in_python(program, "127.0.0.1", &port).await;
    // The last half has no other one: a client that waits for it gets it as it is.
    assert_eq!(answers, ["b'A'", r"b'\xc3\x96B\xff'", r"b'\xc3'"]);
}

#[tokio::test]
async fn bytes_that_are_no_text_are_left_as_they_are_over_udp() {
    let (mut server, port) = lab_server(&["upper-server", "--udp"]).await;
    let program = UDP_CLIENT
        .replace(r#"["hello", "größe", "", "bye"]"#, r#"[b"a\xffb\xc3"]"#)
        .replace("sentence.encode()", "sentence")
        .replace("modified.decode()", "modified");
    let answers = ask_in_python(&program, "::1", &port).await;
    assert_eq!(answers, [r"From Server: b'A\xffB\xc3'"]);
    server.line("the sentence", |line| line.ends_with(r": a\xffb\xc3")).await;
    let mut client = client("--udp", "localhost", &port);
    client.type_bytes(b"a\xffb\n");
    client.line("the answer", |line| line.ends_with(r"From Server: A\xffB")).await;
}

#[tokio::test]
async fn a_sentence_longer_than_a_datagram_is_not_sent_and_the_next_one_is() {
    let (_server, port) = lab_server(&["upper-server", "--udp"]).await;
    let mut client = client("--udp", "127.0.0.1", &port);
    client.type_line(&"x".repeat(65_508));
    client.type_line(&"y".repeat(65_507));
    let answer = client.line("the answer", |line| line.ends_with("YYY")).await;
    assert_eq!(answer.matches('Y').count(), 65_507);
    let exit = client.exit().await;
    let sentences = [
        "65508 bytes do not fit into one datagram: 65507 bytes are the most over IPv4",
        "1 of 2 sentences got no answer",
    ];
    assert_eq!((exit.status.code(), &*exit.stderr), (Some(1), &sentences.map(str::to_owned)[..]));
}

#[tokio::test]
async fn an_answer_that_outgrows_a_datagram_is_said_and_the_next_sentence_is_answered() {
    let (mut server, port) = lab_server(&["upper-server", "--udp"]).await;
    // ŉ has two bytes, its capital ʼN three.
    let program = r#"
sock = socket.socket(family, socket.SOCK_DGRAM)
sock.sendto("ŉ".encode() * 32000, address)
sock.sendto(b"next", address)
print(sock.recvfrom(2048)[0].decode())
"#;
    assert_eq!(ask_in_python(program, "127.0.0.1", &port).await, ["NEXT"]);
    let said = server.error_line("what is too long", |_| true).await;
    assert!(said.starts_with("96000 bytes do not fit into one datagram"), "{said}");
}

#[tokio::test]
async fn an_empty_sentence_is_a_datagram_and_no_stream() {
    let (mut server, port) = lab_server(&["upper-server", "--udp"]).await;
    let mut over_udp = client("--udp", "127.0.0.1", &port);
    over_udp.type_line("");
    over_udp.line("the answer", |line| line.ends_with("From Server: ")).await;
    server.line("the datagram", |line| line.starts_with("Received data from ")).await;

    let (_server, port) = lab_server(&["upper-server", "--tcp"]).await;
    let mut over_tcp = client("--tcp", "127.0.0.1", &port);
    over_tcp.type_line("");
    over_tcp.type_line("next");
    over_tcp.line("the next answer", |line| line.ends_with("From Server: NEXT")).await;
    let said = over_tcp.error_line("that it is empty", |_| true).await;
    assert_eq!(said, "an empty sentence is no byte, and TCP sends none: nothing was sent");
}

#[tokio::test]
async fn over_udp_nobody_answering_is_said_and_tried_again() {
    let silent = Silent::start();
    let port = silent.port();
    let short = ["--wait", "20ms", "--tries", "2"];
    let words = [&["upper-client", "--udp", "127.0.0.1", "--port", &port], &short[..]].concat();
    let mut client = lab(&words);
    client.type_line("hello");
    let exit = client.exit().await;
    assert_eq!(exit.status.code(), Some(1), "{exit:?}");
    let sentences = [
        format!("nobody at 127.0.0.1:{port} answered in 20ms; trying again"),
        format!("nobody at 127.0.0.1:{port} answered in 20ms; giving up"),
        "nobody answered in 2 tries; is a server running there?".to_owned(),
        "1 of 1 sentences got no answer".to_owned(),
    ];
    assert_eq!(exit.stderr, sentences);
}

#[tokio::test]
async fn over_udp_a_server_that_starts_late_gets_the_next_try_and_a_late_answer_is_nobodys() {
    // The first datagram is not answered, and all others twice.
    let late = r#"
sock = server(socket.SOCK_DGRAM)
sock.recvfrom(2048)
while True:
    sentence, client = sock.recvfrom(2048)
    sock.sendto(sentence.upper(), client)
    sock.sendto(sentence.upper(), client)
"#;
    let (_server, port) = python_server(late, "127.0.0.1").await;
    let wait = ["--wait", "300ms", "--tries", "30"];
    let words = ["upper-client", "--udp", "127.0.0.1", "--port", &port];
    let mut client = lab(&[&words[..], &wait].concat());
    client.type_line("first");
    client.type_line("second");
    let exit = client.exit().await;
    assert_eq!(exit.status.code(), Some(0), "{exit:?}");
    let answer = |word| format!("Input lowercase sentence:From Server: {word}");
    assert_eq!(exit.stdout[..2], [answer("FIRST"), answer("SECOND")]);
}

#[tokio::test]
async fn over_udp_an_answer_that_comes_twice_is_not_taken_for_the_next_one() {
    let twice = r#"
sock = server(socket.SOCK_DGRAM)
while True:
    sentence, client = sock.recvfrom(2048)
    sock.sendto(sentence.upper(), client)
    sock.sendto(sentence.upper(), client)
    print("sent", flush=True)
"#;
    let (mut server, port) = python_server(twice, "127.0.0.1").await;
    let mut client = client("--udp", "127.0.0.1", &port);
    for sentence in ["first", "second", "third"] {
        client.type_line(sentence);
        server.line("both answers", |line| line == "sent").await;
        let answer = format!("From Server: {}", sentence.to_uppercase());
        client.line(&answer, |line| line.ends_with(&answer)).await;
    }
}

#[tokio::test]
async fn over_udp_a_name_with_addresses_of_both_kinds_finds_the_server_on_either() {
    for host in HOSTS {
        let (_server, port) = python_server(UDP_SERVER, host).await;
        let words = ["upper-client", "--udp", "localhost", "--port", &port];
        let mut client = lab(&[&words[..], &["--wait", "100ms", "--tries", "90"]].concat());
        client.type_line("hello");
        client.line("the answer", |line| line.ends_with("From Server: HELLO")).await;
    }
}

#[tokio::test]
async fn over_tcp_a_server_that_vanishes_is_named() {
    let leaving = "sock = server(socket.SOCK_STREAM)\nsock.accept()[0].recv(1024)\n";
    let (_server, port) = python_server(leaving, "127.0.0.1").await;
    let mut client = client("--tcp", "127.0.0.1", &port);
    client.type_line("hello");
    let exit = client.exit().await;
    let wanted = format!("127.0.0.1:{port} is gone: it closed the connection without a reply");
    assert_eq!(sentence(&exit), wanted);
}

#[tokio::test]
async fn a_client_that_vanishes_is_named_and_the_next_one_is_served() {
    let (mut server, port) = lab_server(&["upper-server", "--tcp"]).await;
    let reset = "import struct\nsock = socket.create_connection(address)\nsock.setsockopt(\
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))\n";
    ask_in_python(reset, "127.0.0.1", &port).await;
    let gone = server.error_line("who is gone", |line| line.contains(" is gone: ")).await;
    assert!(gone.ends_with(" is gone: connection reset"), "{gone}");
    assert_eq!(ask_in_python(TCP_CLIENT, "127.0.0.1", &port).await.len(), 3);

    // Over UDP nobody vanishes: an answer to a port where nobody is any more is lost, and that is all.
    let (_server, port) = lab_server(&["upper-server", "--udp"]).await;
    let gone = "socket.socket(family, socket.SOCK_DGRAM).sendto(b'hello', address)\n";
    ask_in_python(gone, "127.0.0.1", &port).await;
    assert_eq!(ask_in_python(UDP_CLIENT, "127.0.0.1", &port).await.len(), 4);
}

#[tokio::test]
async fn the_server_stops_on_a_signal_and_says_when_it_cannot_listen() {
    for carrier in ["--tcp", "--udp"] {
        stops_and_frees_its_port(&["upper-server", carrier]).await;
    }
}

#[tokio::test]
async fn the_client_says_who_refused_over_tcp_and_that_a_host_is_unknown() {
    says_who_refused(&["upper-client", "--tcp"]).await;
    says_that_the_host_is_unknown(&["upper-client", "--udp"]).await;
}
