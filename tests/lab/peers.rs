//! Both sides of a program of the lab: larder's, and ten lines of Python's standard library.

use std::net::UdpSocket;

use crate::support::binary::{Binary, Exit};

/// Both families of the loopback.
pub const HOSTS: [&str; 2] = ["127.0.0.1", "::1"];

/// A name that no resolver looks up, because it is too long for one.
pub const NO_HOST: &str = "a-name-that-is-much-longer-than-the-sixty-three-letters-of-a-label.test";

/// What every server in Python begins with: `server(kind)` is a socket on a free port, which it prints
/// once a client may come.
const SERVER: &str = r#"
import socket, sys
def server(kind):
    family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
    sock = socket.socket(family, kind)
    sock.bind((sys.argv[1], 0))
    if kind == socket.SOCK_STREAM: sock.listen()
    print(sock.getsockname()[1], flush=True)
    return sock
"#;

/// What every client in Python begins with.
const CLIENT: &str = r#"
import socket, sys
address = (sys.argv[1], int(sys.argv[2]))
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
"#;

/// Starts `larder lab` with these arguments on a free port; waits until it listens.
pub async fn lab_server(arguments: &[&str]) -> (Binary, String) {
    let mut server = Binary::start(&[&["lab"], arguments, &["--port", "0"]].concat());
    let line = server.line("the port", |line| line.contains(" on 127.0.0.1:")).await;
    let (_, place) = line.split_once(" on 127.0.0.1:").unwrap();
    let port: String = place.chars().take_while(char::is_ascii_digit).collect();
    assert!(line.contains(&format!(" on 127.0.0.1:{port} and [::1]:{port}")), "{line}");
    (server, port)
}

/// Starts `larder lab` with these arguments.
pub fn lab(arguments: &[&str]) -> Binary {
    Binary::start(&[&["lab"], arguments].concat())
}

/// Starts a server in Python on a free port of `host`, and says which.
pub async fn python_server(program: &str, host: &str) -> (Binary, String) {
    let mut server = Binary::python(&format!("{SERVER}{program}"), &[host]);
    let port = server.line("its port", |_| true).await;
    (server, port)
}

/// Starts a client in Python.
pub fn python_client(program: &str, host: &str, port: &str) -> Binary {
    Binary::python(&format!("{CLIENT}{program}"), &[host, port])
}

/// Runs a client in Python to its end; the lines that it printed.
pub async fn ask_in_python(program: &str, host: &str, port: &str) -> Vec<String> {
    let exit = python_client(program, host, port).exit().await;
    assert!(exit.status.success(), "{exit:?}");
    exit.stdout
}

/// A port of 127.0.0.1 to which datagrams go and from which none comes.
pub struct Silent(UdpSocket);

impl Silent {
    /// Takes a free port.
    pub fn start() -> Self {
        Self(UdpSocket::bind("127.0.0.1:0").expect("a loopback address is free"))
    }

    /// The port.
    pub fn port(&self) -> String {
        self.0.local_addr().expect("a bound socket has an address").port().to_string()
    }
}

/// What a program says that cannot go on: exit code 1 and one sentence.
#[track_caller]
pub fn sentence(exit: &Exit) -> &str {
    assert_eq!(exit.status.code(), Some(1), "{exit:?}");
    let [sentence] = &*exit.stderr else { panic!("one sentence, not {exit:?}") };
    sentence
}

/// A server stops at once on Ctrl-C and on SIGTERM, with exit code 0, clients or not, and its port is
/// free again.
pub async fn stops_and_frees_its_port(arguments: &[&str]) {
    let (server, port) = lab_server(arguments).await;
    // The port is taken while it runs, and the sentence says what to do.
    let second = lab(&[arguments, &["--port", &port]].concat()).exit().await;
    assert_eq!(
        sentence(&second),
        format!(
            "cannot listen on 127.0.0.1:{port}: address in use; choose another with --port or --host"
        )
    );
    server.signal("INT");
    let exit = server.exit().await;
    assert_eq!((exit.status.code(), &*exit.stderr), (Some(0), &[][..]), "{exit:?}");

    let mut again = lab(&[arguments, &["--host", "::1", "--port", &port]].concat());
    // It listens once it has said so: the last line of what every server says first.
    let wanted = |line: &str| line.starts_with("Waiting") || line.contains("ready to");
    let line = again.line("it to listen", wanted).await;
    assert!(!line.contains(" on "), "a port that was given needs no line: {line}");
    again.signal("TERM");
    assert_eq!(again.exit().await.status.code(), Some(0));

    let exit = lab(&[arguments, &["--host", NO_HOST]].concat()).exit().await;
    assert!(
        sentence(&exit).starts_with(&format!("cannot find the host {NO_HOST:?}: ")),
        "{exit:?}"
    );
}

/// A client over TCP says who refused, or that there is no such host.
pub async fn says_who_refused(arguments: &[&str]) {
    let refusing = crate::support::listener::Refusing::start();
    let port = refusing.address().port().to_string();
    let exit = lab(&[arguments, &["127.0.0.1", "--port", &port]].concat()).exit().await;
    assert_eq!(
        sentence(&exit),
        format!(
            "cannot reach 127.0.0.1:{port}: connection refused; start the server first, or choose \
another port"
        )
    );
    says_that_the_host_is_unknown(arguments).await;
}

/// A client says that there is no such host.
pub async fn says_that_the_host_is_unknown(arguments: &[&str]) {
    let exit = lab(&[arguments, &[NO_HOST, "--port", "9"]].concat()).exit().await;
    assert!(
        sentence(&exit).starts_with(&format!("cannot find the host {NO_HOST:?}: ")),
        "{exit:?}"
    );
}
