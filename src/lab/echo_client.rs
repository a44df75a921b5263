//! The echo client: sends what is typed, over TCP, and shows the reply, until the end of input.
//!
//! The steps are those of every TCP client: `socket`; `connect`, which is three packets and no byte of
//! ours yet; then `send` and `recv` in turn; `close`. All messages go over the one connection.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use super::ClientConfig;
use super::error::{LabError, is_silence};
use super::sockets::addresses;
use super::terminal::{ask, complain, run as run_program, say, shown};

/// The most bytes that one `recv` takes.
const PART: usize = 64 * 1024;

/// Bytes of a reply after which no more is waited for.
const LONGEST_REPLY: usize = 4 * 1024 * 1024;

/// Between the parts of a reply there is less silence than this.
const LULL: Duration = Duration::from_millis(250);

/// How long a server may leave unread what it is sent.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the client is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Whom it talks to.
    pub server: ClientConfig,
    /// Whether every message ends with a line end.
    pub newline: bool,
}

/// Runs the client until the end of input. Exit code 1 when the server cannot be reached, or is gone.
pub fn run(config: Config) -> ExitCode {
    run_program(move || converse(&config))
}

fn converse(config: &Config) -> Result<(), LabError> {
    say("Socket created")?;
    let stream = connect(&config.server)?;
    say("Connected")?;
    while let Some(mut message) = ask("Enter message : ")? {
        if config.newline {
            message.push(b'\n');
        }
        if message.is_empty() {
            complain("an empty message is no byte, and TCP sends none: nothing was sent");
            continue;
        }
        let reply = exchange(&stream, &config.server, &message, &message)?;
        say(format_args!("Server reply :\n{}", shown(&reply)))?;
    }
    // close(), where `stream` ends: our FIN. The `recv` of the server returns no byte.
    Ok(())
}

/// The first two steps: a connection to the first address of the server that takes it.
///
/// # Errors
/// When the host is unknown, or nobody listens there.
pub(super) fn connect(server: &ClientConfig) -> Result<TcpStream, LabError> {
    // A name may have several addresses: localhost has 127.0.0.1 and ::1.
    let places = addresses(&server.host, server.port)?;
    // socket() and connect(), for one address after another. The system picks a port for our side and
    // sends SYN; connect() returns when SYN, ACK is there. RST means that nobody listens there:
    // "connection refused".
    TcpStream::connect(places.as_slice())
        .and_then(|stream| {
            // What is sent leaves at once, however short (Nagle's algorithm is off).
            stream.set_nodelay(true)?;
            stream.set_write_timeout(Some(PATIENCE))?;
            Ok(stream)
        })
        .map_err(|source| LabError::Unreachable { server: server.to_string(), source })
}

/// The steps that are repeated: sends `message` and receives the reply, which is likely to be
/// `expected`.
///
/// # Errors
/// When the server is gone before any reply.
pub(super) fn exchange(
    mut stream: &TcpStream,
    server: &ClientConfig,
    message: &[u8],
    expected: &[u8],
) -> Result<Vec<u8>, LabError> {
    // Both at once: a server that answers a long message while it still comes may stop to read until
    // its answer is read. For a short one, `send` and then `recv` would do.
    thread::scope(|scope| {
        // send(), as often as it takes until all bytes are on their way: PSH, ACK.
        let sent = thread::Builder::new()
            .spawn_scoped(scope, move || stream.write_all(message))
            .map_err(LabError::system("start a thread"))?;
        let reply = receive(stream, server, expected)?;
        match sent.join() {
            Ok(Err(error)) if reply.is_empty() => Err(LabError::gone(server, &error)),
            _ if reply.is_empty() => Err(LabError::Gone {
                peer: server.to_string(),
                reason: "it closed the connection without a reply".to_owned(),
            }),
            // A server that answers and hangs up before it has heard us out has still answered.
            _ => Ok(reply),
        }
    })
}

/// Receives a reply; an empty one when the server closes without any. TCP is a stream and has no
/// messages: one reply may come in many parts. It is whole when it is `expected`, when the server
/// closes, or when nothing more comes for a quarter of a second. What has begun as `expected` may take
/// longer to go on.
fn receive(
    mut stream: &TcpStream,
    server: &ClientConfig,
    expected: &[u8],
) -> Result<Vec<u8>, LabError> {
    let (mut reply, mut part) = (Vec::new(), vec![0; PART]);
    let mut patience = Some(server.wait);
    while reply != expected && reply.len() < LONGEST_REPLY {
        stream.set_read_timeout(patience).map_err(LabError::system("set a time limit"))?;
        // recv(): waits for bytes, and returns those that have come.
        match stream.read(&mut part) {
            // No byte is the server's FIN.
            Ok(0) => break,
            Ok(length) => {
                reply.extend_from_slice(part.get(..length).unwrap_or_default());
                let as_expected = expected.starts_with(&reply);
                patience = Some(if as_expected { server.wait.max(LULL) } else { LULL });
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // What has come by now is the reply: silence ends it, and so does a reset (RST).
            Err(_) if !reply.is_empty() => break,
            Err(error) if is_silence(&error) => {
                patience = None;
                complain(format_args!(
                    "no reply from {server} yet; a server that reads lines wants --newline"
                ));
            }
            Err(error) => return Err(LabError::gone(server, &error)),
        }
    }
    Ok(reply)
}
