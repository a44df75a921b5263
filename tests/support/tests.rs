//! The smaller pieces of the language, tried.

use std::io::Write;

use hickory_resolver::Resolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use serde_json::json;
use tokio::net::{TcpStream, UdpSocket};

use super::binary::Binary;
use super::client::{Client, request};
use super::dns::{Answer, Dns, Kind};
use super::gate::{Gate, not_yet, within, within_span};
use super::listener::{Deaf, Listener, Refusing};
use super::log::Log;
use super::origin::{Origin, Reply};
use super::tasks::Tasks;

#[tokio::test]
async fn a_gate_holds_until_it_is_opened_and_lets_as_many_pass_as_it_was_told() {
    let gate = Gate::new();
    not_yet("a closed gate was passed", gate.wait()).await;
    gate.pass(2);
    gate.wait().await;
    gate.wait().await;
    not_yet("a gate was passed too often", gate.wait()).await;
    gate.open();
    gate.wait().await;
    gate.wait().await;
    gate.reached(6).await;
}

#[tokio::test]
#[should_panic(expected = "in vain for what never comes")]
async fn a_wait_in_vain_names_what_it_waited_for() {
    let span = std::time::Duration::from_millis(10);
    within_span(span, "what never comes", std::future::pending::<()>()).await;
}

#[tokio::test]
#[should_panic(expected = "a task panicked")]
async fn a_panic_in_a_background_task_fails_the_test() {
    let tasks = Tasks::new("table");
    let gate = Gate::new();
    let seen = gate.clone();
    tasks.spawn(async move {
        seen.wait().await;
        panic!("this one is meant");
    });
    gate.reached(1).await;
    gate.open();
    tokio::task::yield_now().await;
    tasks.finish();
}

async fn ask(dns: &Dns, name: &str, kind: u8) -> Vec<u8> {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut query = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00".to_vec();
    query.extend_from_slice(&super::dns::encode(name));
    query.extend_from_slice(&[0, kind, 0, 1]);
    socket.send_to(&query, dns.address()).await.unwrap();
    let mut buffer = [0; 512];
    let length = within("an answer", socket.recv(&mut buffer)).await.unwrap();
    assert_eq!(buffer[..2], query[..2]);
    buffer[..length].to_vec()
}

#[tokio::test]
async fn the_dns_server_answers_from_its_table() {
    let dns = Dns::start().await;
    dns.answer("www.example.test", &["192.0.2.7", "2001:db8::1", "192.0.2.8"]);
    dns.set("alias.test", Answer::Alias("www.example.test".into()));
    dns.set("broken.test", Answer::Failure);

    let four = ask(&dns, "WWW.example.test", 1).await;
    assert_eq!((four[3] & 15, four[7]), (0, 2));
    assert!(four.ends_with(&[0, 4, 192, 0, 2, 8]));
    let six = ask(&dns, "www.example.test", 28).await;
    assert_eq!((six[3] & 15, six[7]), (0, 1));
    assert_eq!(ask(&dns, "alias.test", 1).await[7], 3);
    assert_eq!(ask(&dns, "broken.test", 1).await[3] & 15, 2);
    assert_eq!(ask(&dns, "nobody.test", 1).await[3] & 15, 3);

    dns.wait_for_query("nobody.test").await;
    assert_eq!(dns.queries()[1].kind, Kind::Aaaa);
    assert_eq!(dns.queries()[0].name, "www.example.test");
}

#[tokio::test]
async fn the_dns_server_can_be_late_and_silent() {
    let dns = Dns::start().await;
    let gate = Gate::new();
    dns.set("late.test", Answer::After(gate.clone(), vec!["192.0.2.7".parse().unwrap()]));
    dns.set("silent.test", Answer::Silence);
    not_yet("silence was broken", ask(&dns, "silent.test", 1)).await;
    not_yet("an answer came before its gate opened", ask(&dns, "late.test", 1)).await;
    gate.open();
    assert_eq!(ask(&dns, "late.test", 1).await[7], 1);
}

#[tokio::test]
async fn a_listener_hands_the_connection_to_the_test() {
    let listener = Listener::start().await;
    let mut near = Client::connect(listener.address()).await;
    let mut far = listener.accept().await;
    near.send("ping").await;
    assert_eq!(far.exactly(4).await, b"ping");
    near.half_close().await;
    assert_eq!(far.read_to_close().await, b"");
    far.send("pong").await;
    drop(far);
    assert_eq!(near.read_to_close().await, b"pong");
}

#[tokio::test]
async fn a_refusing_address_refuses() {
    let refusing = Refusing::start();
    let refused = TcpStream::connect(refusing.address()).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn a_deaf_address_neither_accepts_nor_refuses() {
    let deaf = Deaf::start().await;
    not_yet("there was a connection", TcpStream::connect(deaf.address())).await;
}

#[tokio::test]
async fn a_narrow_client_holds_the_origin_up_until_it_reads() {
    const LENGTH: u64 = 32 << 20;
    let origin = Origin::start().await;
    origin.route("/", Reply::ok("").pattern(LENGTH));
    let mut client = Client::connect_narrow(origin.address()).await;
    client.send(request("GET", "/", &[])).await;
    let head = client.head().await;
    assert!(origin.body_bytes_sent() < LENGTH / 2, "{}", origin.body_bytes_sent());
    let mut body = client.body_of(&head);
    client.at_least(&mut body, 1000).await;
    assert!(origin.body_bytes_sent() < LENGTH / 2, "{}", origin.body_bytes_sent());
}

#[tokio::test]
async fn a_client_can_come_from_another_address() {
    let listener = Listener::start().await;
    let near = Client::connect_from("127.0.0.2", listener.address()).await;
    let far = listener.accept().await;
    assert_eq!(far.peer(), near.address());
    assert_eq!(near.address().ip().to_string(), "127.0.0.2");
}

#[tokio::test]
async fn a_resolver_understands_the_dns_server() {
    let dns = Dns::start().await;
    dns.answer("www.example.test", &["192.0.2.7", "2001:db8::1"]);
    dns.set("alias.test", Answer::Alias("www.example.test".into()));
    let mut udp = ConnectionConfig::udp();
    udp.port = dns.address().port();
    let server = NameServerConfig::new(dns.address().ip(), true, vec![udp]);
    let config = ResolverConfig::from_name_servers(vec![server]);
    let resolver = Resolver::builder_with_config(config, TokioRuntimeProvider::default());
    let resolver = resolver.build().unwrap();
    for name in ["www.example.test.", "alias.test."] {
        let found = within("an answer", resolver.ipv4_lookup(name)).await.unwrap();
        let addresses: Vec<String> =
            found.answers().iter().map(|record| record.data.to_string()).collect();
        assert_eq!(addresses.last().unwrap(), "192.0.2.7", "{name}");
    }
    within("an answer", resolver.ipv4_lookup("nobody.test.")).await.unwrap_err();
}

#[tokio::test]
async fn the_log_is_read_line_by_line_however_it_is_written() {
    let log = Log::new();
    let mut output = log.output();
    write!(output, "{{\"message\":\"Ready to serve\"}}\n{{\"cache\":").unwrap();
    assert_eq!(log.lines().len(), 1);
    not_yet("an unfinished line was read", log.wait_for_exchanges(1)).await;
    writeln!(output, "\"hit\"}}").unwrap();
    assert_eq!(log.wait_for_exchanges(1).await[0]["cache"], json!("hit"));
    assert_eq!(log.wait_for(|line| line["cache"] == "hit").await, json!({"cache": "hit"}));
    writeln!(output, "no json").unwrap();
    log.wait_for(|line| line["unreadable"] == "no json\n").await;
}

#[tokio::test]
async fn the_program_can_be_started_and_ends_with_a_status() {
    let exit = Binary::start(&["--version"]).exit().await;
    assert!(exit.status.success(), "{exit:?}");
}
