//! The upper case client: sends sentences over TCP or over UDP, and prints what the server made of
//! them.
//!
//! The two ways differ most when nobody is there. Over TCP the client learns it from the handshake,
//! before it has sent a byte. Over UDP there is no handshake: a datagram is sent and nothing comes back,
//! and nothing tells a server that is missing from one that is slow, or from a datagram that was lost.
//! All that is left is to wait, and to send it again.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::chat_client::{DATAGRAM, open};
use super::echo_client::{connect, exchange};
use super::error::{LabError, is_silence};
use super::sockets::addresses_for_datagrams;
use super::terminal::{ask, complain, run as run_program, say, shown};
use super::upper_server::{default_port, upper};
use super::{ClientConfig, Transport};

/// What ends the client.
const QUIT: &[u8] = b"quit";

/// What the client is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// What carries the sentences.
    pub transport: Transport,
    /// The server; asked for where there is none.
    pub host: Option<String>,
    /// Its port; asked for where there is none.
    pub port: Option<u16>,
    /// Whether every sentence ends with a line end.
    pub newline: bool,
    /// How often a datagram is sent before it is given up; at least once.
    pub tries: u32,
    /// After how much silence the client says something about it.
    pub wait: Duration,
}

/// Runs the client until `quit` or the end of input. Exit code 1 when the server cannot be reached, or
/// left a sentence without an answer.
pub fn run(config: Config) -> ExitCode {
    run_program(move || {
        let Some(server) = ask_for_server(&config)? else { return Ok(()) };
        match config.transport {
            Transport::Tcp => over_tcp(&config, &server),
            Transport::Udp => over_udp(&config, &server),
        }
    })
}

/// The server that was given, or is typed; none at the end of input.
fn ask_for_server(config: &Config) -> Result<Option<ClientConfig>, LabError> {
    let host = match &config.host {
        Some(host) => host.clone(),
        None => match ask("Input server name [localhost]: ")? {
            None => return Ok(None),
            Some(typed) if typed.trim_ascii().is_empty() => "localhost".to_owned(),
            Some(typed) => String::from_utf8_lossy(typed.trim_ascii()).into_owned(),
        },
    };
    let default = default_port(config.transport);
    let mut port = config.port;
    while port.is_none() {
        let Some(typed) = ask(&format!("Input server port [{default}]: "))? else {
            return Ok(None);
        };
        let typed = String::from_utf8_lossy(typed.trim_ascii()).into_owned();
        port = if typed.is_empty() { Some(default) } else { typed.parse().ok().filter(|n| *n > 0) };
        if port.is_none() {
            complain(LabError::NoPort { typed });
        }
    }
    Ok(port.map(|port| ClientConfig { host, port, wait: config.wait }))
}

/// The next sentence; none at `quit` and at the end of input.
fn ask_for_sentence(config: &Config) -> Result<Option<Vec<u8>>, LabError> {
    let sentence = ask("Input lowercase sentence:")?.filter(|typed| typed.trim_ascii() != QUIT);
    Ok(sentence.map(|mut sentence| {
        if config.newline {
            sentence.push(b'\n');
        }
        sentence
    }))
}

fn over_tcp(config: &Config, server: &ClientConfig) -> Result<(), LabError> {
    // socket() and connect(), as the echo client does.
    let mut connection = connect(server)?;
    let mut answers = 0;
    while let Some(sentence) = ask_for_sentence(config)? {
        if sentence.is_empty() {
            complain("an empty sentence is no byte, and TCP sends none: nothing was sent");
            continue;
        }
        let expected = upper(&sentence);
        // send() and recv().
        let answer = match exchange(&connection, server, &sentence, &expected) {
            // The simplest servers close after each answer: then every sentence has a connection of
            // its own.
            Err(LabError::Gone { .. }) if answers > 0 => {
                connection = connect(server)?;
                exchange(&connection, server, &sentence, &expected)?
            }
            other => other?,
        };
        answers += 1;
        say(format_args!("From Server: {}", shown(&answer)))?;
    }
    Ok(())
}

fn over_udp(config: &Config, server: &ClientConfig) -> Result<(), LabError> {
    let places = addresses_for_datagrams(&server.host, server.port)?;
    let mut routes = open_routes(&places)?;
    let (mut asked, mut unanswered) = (0, 0);
    while let Some(sentence) = ask_for_sentence(config)? {
        asked += 1;
        match ask_server(config, &mut routes, &sentence) {
            Ok(answer) => say(format_args!("From Server: {}", shown(&answer)))?,
            Err(error) if error.is_final() => return Err(error),
            Err(error) => {
                unanswered += 1;
                complain(error);
            }
        }
    }
    match unanswered {
        0 => Ok(()),
        _ => Err(LabError::Unanswered { unanswered, asked }),
    }
}

/// An address that may be the server's, and the socket that talks to it.
struct Route {
    place: SocketAddr,
    socket: UdpSocket,
}

/// A route to each place; a machine without IPv6 has none to some of them.
fn open_routes(places: &[SocketAddr]) -> Result<Vec<Route>, LabError> {
    let open = |&place| Ok(Route { place, socket: open(place)? });
    let (routes, mut failures): (Vec<_>, Vec<_>) = places.iter().map(open).partition(Result::is_ok);
    match failures.pop() {
        Some(Err(error)) if routes.is_empty() => Err(error),
        _ => routes.into_iter().collect(),
    }
}

/// Sends `sentence` until there is an answer. A name may have addresses of both kinds while the server
/// listens on one of them: the tries go round, and the one that answers is the first for what follows.
fn ask_server(
    config: &Config,
    routes: &mut Vec<Route>,
    sentence: &[u8],
) -> Result<Vec<u8>, LabError> {
    let mut outcome = Err(LabError::NoAnswer { tries: config.tries });
    let mut tries = 0;
    while tries < config.tries {
        tries += 1;
        let Some(Route { place, socket }) = routes.first() else { break };
        forget_datagrams(socket)?;
        // sendto(): one datagram.
        let sent = socket.send_to(sentence, *place);
        sent.map_err(|error| LabError::not_sent(sentence, *place, &error))?;
        if let Some(answer) = receive_datagram(socket, *place, config.wait)? {
            outcome = Ok(answer);
            break;
        }
        let waited = humantime::format_duration(config.wait);
        let then = if tries < config.tries { "trying again" } else { "giving up" };
        complain(format_args!("nobody at {place} answered in {waited}; {then}"));
        routes.rotate_left(1);
    }
    if tries > 1 {
        // The answer to an earlier try may still come. It goes to a socket that nobody reads any
        // more, since it would be taken for the answer to the next sentence.
        let places: Vec<_> = routes.iter().map(|route| route.place).collect();
        *routes = open_routes(&places)?;
    }
    outcome
}

/// Forgets the datagrams that have come already: an answer that came twice would be taken for the one
/// to the next question.
///
/// # Errors
/// When the socket fails.
fn forget_datagrams(socket: &UdpSocket) -> Result<(), LabError> {
    let failed = LabError::system;
    socket.set_nonblocking(true).map_err(failed("forget old datagrams"))?;
    while socket.recv_from(&mut [0]).is_ok() {}
    socket.set_nonblocking(false).map_err(failed("forget old datagrams"))
}

/// Waits for a datagram from `server`, for `wait` at most; what others send is not for us.
///
/// # Errors
/// When the socket fails.
fn receive_datagram(
    socket: &UdpSocket,
    server: SocketAddr,
    wait: Duration,
) -> Result<Option<Vec<u8>>, LabError> {
    let mut space = vec![0; DATAGRAM];
    let until = Instant::now() + wait;
    loop {
        // What is left of the time: a datagram of somebody else does not make it longer.
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        socket.set_read_timeout(Some(left)).map_err(LabError::system("set a time limit"))?;
        // recvfrom(): one datagram, whole, and the address that it came from.
        match socket.recv_from(&mut space) {
            Ok((length, from)) if (from.ip(), from.port()) == (server.ip(), server.port()) => {
                return Ok(Some(space.get(..length).unwrap_or_default().to_vec()));
            }
            Ok(_) => {}
            Err(error) if is_silence(&error) || error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(LabError::system("receive a datagram")(error)),
        }
    }
}
