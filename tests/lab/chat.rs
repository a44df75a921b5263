//! The chat server and the chat client.

use super::peers::{
    HOSTS, Silent, lab, lab_server, python_client, python_server, says_that_the_host_is_unknown,
    stops_and_frees_its_port,
};

/// Sends each line of its input and prints the reply to it.
const CLIENT: &str = r#"
sock = socket.socket(family, socket.SOCK_DGRAM)
for line in sys.stdin.buffer:
    sock.sendto(line.rstrip(b"\n"), address)
    if line == b"quit\n": break
    print("Server:", sock.recvfrom(2048)[0].decode(), flush=True)
"#;

/// Answers with the lines of its input, one for each message.
const SERVER: &str = r#"
sock = server(socket.SOCK_DGRAM)
while True:
    message, client = sock.recvfrom(2048)
    print("Client:", repr(message), flush=True)
    if message == b"quit": break
    reply = sys.stdin.readline().rstrip("\n")
    sock.sendto(reply.encode(), client)
"#;

#[tokio::test]
async fn the_server_shows_each_message_of_a_client_in_python_and_sends_what_is_typed() {
    for host in HOSTS {
        let (mut server, port) = lab_server(&["chat-server"]).await;
        let mut client = python_client(CLIENT, host, &port);
        let place = if host == "::1" { "[::1]" } else { host };
        for (message, reply) in [("hello", "hello yourself"), ("größe?", "Größe 42"), ("", "")]
        {
            client.type_line(message);
            let shown = format!("Client: {message} received from ({place}:");
            let line = server.line("the message", |line| line.contains(&shown)).await;
            assert!(line.ends_with(')'), "{line}");
            server.type_line(reply);
            assert_eq!(client.any_line().await, format!("Server: {reply}"));
        }
        // Its chat is over; the server goes on.
        client.type_line("quit");
        server.line("the goodbye", |line| line.contains("Client: quit received from (")).await;
        assert!(client.exit().await.status.success());
        let mut next = python_client(CLIENT, host, &port);
        next.type_line("me too");
        server.line("the next", |line| line.contains("Client: me too received from (")).await;
        server.type_line("welcome");
        assert_eq!(next.any_line().await, "Server: welcome");
    }
}

#[tokio::test]
async fn the_client_shows_the_replies_of_a_server_in_python_and_quit_ends_the_chat() {
    for host in HOSTS {
        let (mut server, port) = python_server(SERVER, host).await;
        let mut client = lab(&["chat-client", host, "--port", &port]);
        for (message, seen, reply) in
            [("hello", "b'hello'", "hello yourself"), ("", "b''", "größe")]
        {
            client.type_line(message);
            assert_eq!(server.any_line().await, format!("Client: {seen}"));
            server.type_line(reply);
            client.line("the reply", |line| line == format!("You (Client): Server: {reply}")).await;
        }
        client.type_line("quit");
        assert_eq!(server.any_line().await, "Client: b'quit'");
        let exit = client.exit().await;
        assert_eq!((exit.status.code(), &*exit.stderr), (Some(0), &[][..]), "{exit:?}");
    }
}

#[tokio::test]
async fn several_clients_are_kept_apart_and_answered_in_the_order_of_their_messages() {
    let (mut server, port) = lab_server(&["chat-server"]).await;
    let mut clients: Vec<_> =
        (0..4).map(|nth| python_client(CLIENT, HOSTS[nth % 2], &port)).collect();
    // Their messages wait while the first reply is not typed yet.
    let [first, others @ ..] = &mut *clients else { panic!() };
    first.type_line("message of 0");
    server.line("the first", |line| line.contains("message of 0 received from")).await;
    for (nth, client) in others.iter_mut().enumerate() {
        client.type_line(&format!("message of {}", nth + 1));
    }
    server.type_line("reply to 0");
    assert_eq!(first.any_line().await, "Server: reply to 0");
    for _ in 0..others.len() {
        let line = server.line("the next", |line| line.contains("message of")).await;
        let (_, after) = line.split_once("message of ").unwrap();
        let nth: usize = after.split(' ').next().unwrap().parse().unwrap();
        server.type_line(&format!("reply to {nth}"));
        assert_eq!(clients[nth].any_line().await, format!("Server: reply to {nth}"));
    }
}

#[tokio::test]
async fn messages_of_one_client_are_answered_in_their_order() {
    let (mut server, port) = lab_server(&["chat-server"]).await;
    let both = r#"
sock = socket.socket(family, socket.SOCK_DGRAM)
for message in [b"one", b"two", b"three"]:
    sock.sendto(message, address)
for _ in range(3):
    print(sock.recvfrom(2048)[0].decode(), flush=True)
"#;
    let mut client = python_client(both, "127.0.0.1", &port);
    for message in ["one", "two", "three"] {
        server.line(message, |line| line.contains(&format!("Client: {message} received"))).await;
        server.type_line(&format!("reply to {message}"));
        assert_eq!(client.any_line().await, format!("reply to {message}"));
    }
}

#[tokio::test]
async fn quit_or_the_end_of_input_at_the_server_ends_the_chat_of_all_who_wait() {
    for typed in [Some("quit"), None] {
        let (mut server, port) = lab_server(&["chat-server"]).await;
        let mut client = lab(&["chat-client", "127.0.0.1", "--port", &port]);
        client.type_line("hello");
        server.line("the message", |line| line.contains("Client: hello received from (")).await;
        if let Some(line) = typed {
            server.type_line(line);
        }
        let exit = server.exit().await;
        assert_eq!((exit.status.code(), &*exit.stderr), (Some(0), &[][..]), "{exit:?}");
        client.line("the end", |line| line == "You (Client): Server: quit").await;
        assert_eq!(client.exit().await.status.code(), Some(0));
    }
}

#[tokio::test]
async fn the_end_of_input_at_the_client_says_quit() {
    let (mut server, port) = lab_server(&["chat-server"]).await;
    let exit = lab(&["chat-client", "localhost", "--port", &port]).exit().await;
    assert_eq!(exit.status.code(), Some(0), "{exit:?}");
    server.line("the goodbye", |line| line.contains("Client: quit received from (127.")).await;
}

#[tokio::test]
async fn a_message_longer_than_a_datagram_is_not_sent_and_the_next_one_is() {
    let (mut server, port) = lab_server(&["chat-server"]).await;
    let mut client = lab(&["chat-client", "127.0.0.1", "--port", &port]);
    client.type_line(&"x".repeat(65_508));
    let too_long = "65508 bytes do not fit into one datagram: 65507 bytes are the most over IPv4";
    assert_eq!(client.error_line("that it is too long", |_| true).await, too_long);
    client.type_line("short");
    server.line("the next", |line| line.contains("Client: short received from (")).await;
    server.type_line(&"y".repeat(65_508));
    assert_eq!(server.error_line("that it is too long", |_| true).await, too_long);
}

#[tokio::test]
async fn bytes_that_are_no_text_are_shown_escaped_on_both_sides() {
    let (mut server, port) = lab_server(&["chat-server"]).await;
    let mut client = lab(&["chat-client", "::1", "--port", &port]);
    client.type_bytes(b"a\xff\x1b\n");
    server
        .line("the message", |line| line.contains(r"Client: a\xff\u{1b} received from ([::1]:"))
        .await;
    server.type_bytes(b"b\xfe\x07\n");
    client.line("the reply", |line| line.ends_with(r"Server: b\xfe\u{7}")).await;
}

#[tokio::test]
async fn a_client_that_vanishes_costs_the_server_nothing() {
    let (mut server, port) = lab_server(&["chat-server"]).await;
    let gone = "socket.socket(family, socket.SOCK_DGRAM).sendto(b'hello', address)\n";
    assert!(python_client(gone, "127.0.0.1", &port).exit().await.status.success());
    server.line("the message", |line| line.contains("Client: hello received from (")).await;
    server.type_line("are you there?");
    let mut next = lab(&["chat-client", "127.0.0.1", "--port", &port]);
    next.type_line("me too");
    server.line("the next", |line| line.contains("Client: me too received from (")).await;
    server.type_line("welcome");
    next.line("the reply", |line| line.ends_with("Server: welcome")).await;
}

#[tokio::test]
async fn over_udp_silence_is_said_once_and_a_reply_may_come_as_late_as_it_likes() {
    let silent = Silent::start();
    let place = format!("127.0.0.1:{}", silent.port());
    let mut client = lab(&["chat-client", "127.0.0.1", "--port", &silent.port(), "--wait", "20ms"]);
    client.type_line("hello");
    let said = client.error_line("that nobody replies", |_| true).await;
    let wanted = format!(
        "no reply from {place} yet: somebody is typing, or nobody is there; UDP does not tell"
    );
    assert_eq!(said, wanted);
    client.signal("INT");
    let exit = client.exit().await;
    assert_eq!((exit.status.code(), &*exit.stderr), (Some(0), &[][..]), "it was said once");
}

#[tokio::test]
async fn what_others_send_to_a_client_is_no_reply() {
    let stranger = r#"
sock = server(socket.SOCK_DGRAM)
message, client = sock.recvfrom(2048)
socket.socket(sock.family, socket.SOCK_DGRAM).sendto(b"a lie", client)
sock.sendto(b"the truth", client)
"#;
    let (_server, port) = python_server(stranger, "127.0.0.1").await;
    let mut client = lab(&["chat-client", "127.0.0.1", "--port", &port]);
    client.type_line("hello");
    let reply = client.line("the reply", |line| line.contains("Server: ")).await;
    assert_eq!(reply, "You (Client): Server: the truth");
}

#[tokio::test]
async fn the_server_stops_on_a_signal_and_says_when_it_cannot_listen() {
    stops_and_frees_its_port(&["chat-server"]).await;
}

#[tokio::test]
async fn the_client_says_that_a_host_is_unknown() {
    says_that_the_host_is_unknown(&["chat-client"]).await;
}
