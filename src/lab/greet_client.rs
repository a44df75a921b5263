//! The greeting client: sends one message over TCP, prints the answer, and is done.
//!
//! The steps: `socket` and `connect`; one `send`; `recv` until the server closes; `close`. It is the
//! least that a client over TCP can do, and still eight packets at least: three to begin, one for each
//! message, three to end.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::Duration;

use super::ClientConfig;
use super::error::{LabError, is_silence};
use super::sockets::addresses;
use super::terminal::{complain, run as run_program, say, shown};

/// The most bytes that one `recv` takes.
const PART: usize = 64 * 1024;

/// Bytes of an answer after which no more is waited for.
const LONGEST_ANSWER: usize = 4 * 1024 * 1024;

/// Between the parts of an answer there is less silence than this.
const LULL: Duration = Duration::from_millis(250);

/// How long a server may leave unread what it is sent.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the client is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Whom it talks to.
    pub server: ClientConfig,
    /// What it sends; not empty.
    pub message: String,
    /// Whether the message ends with a line end.
    pub newline: bool,
}

/// Runs the client. Exit code 1 when there is no answer.
pub fn run(config: Config) -> ExitCode {
    run_program(move || greet(&config))
}

fn greet(config: &Config) -> Result<(), LabError> {
    let server = &config.server;
    let mut message = config.message.clone().into_bytes();
    if config.newline {
        message.push(b'\n');
    }
    // A name may have several addresses: localhost has 127.0.0.1 and ::1.
    let places = addresses(&server.host, server.port)?;
    // socket() and connect(), for one address after another: SYN; SYN, ACK; ACK. Where nobody listens
    // the answer to SYN is RST: "connection refused".
    let mut stream = TcpStream::connect(places.as_slice())
        .map_err(|source| LabError::Unreachable { server: server.to_string(), source })?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(LabError::system("set a time limit"))?;
    // send(), as often as it takes until all bytes are on their way: PSH, ACK.
    let sent = stream.write_all(&message);
    let answer = receive(&mut stream, server)?;
    match sent {
        Err(error) if answer.is_empty() => Err(LabError::gone(server, &error)),
        _ if answer.is_empty() => Err(LabError::Gone {
            peer: server.to_string(),
            reason: "it closed the connection without a reply".to_owned(),
        }),
        // A server that answers and hangs up before it has heard us out has still answered.
        _ => say(shown(&answer)),
    }
    // close(), where `stream` ends: our FIN, the last but one packet.
}

/// Receives the answer; an empty one when the server closes without any. Nobody knows what the answer
/// will be: it is what comes until the server closes. One that leaves the connection open has said all
/// when it has been silent for a while.
fn receive(stream: &mut TcpStream, server: &ClientConfig) -> Result<Vec<u8>, LabError> {
    let (mut answer, mut part) = (Vec::new(), vec![0; PART]);
    let mut patience = Some(server.wait);
    while answer.len() < LONGEST_ANSWER {
        stream.set_read_timeout(patience).map_err(LabError::system("set a time limit"))?;
        // recv(): waits for bytes, and returns those that have come. TCP has no messages, so one
        // answer may come in parts.
        match stream.read(&mut part) {
            // No byte is the server's FIN: that is all.
            Ok(0) => break,
            Ok(length) => {
                answer.extend_from_slice(part.get(..length).unwrap_or_default());
                patience = Some(server.wait.max(LULL));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // What has come by now is the answer: silence ends it, and so does a reset (RST).
            Err(_) if !answer.is_empty() => break,
            Err(error) if is_silence(&error) => {
                patience = None;
                complain(format_args!(
                    "no reply from {server} yet; a server that reads lines wants --newline"
                ));
            }
            Err(error) => return Err(LabError::gone(server, &error)),
        }
    }
    Ok(answer)
}
