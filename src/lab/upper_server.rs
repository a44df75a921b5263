//! The upper case server: sends back what it got in upper case, over TCP or over UDP.
//!
//! Over TCP a client connects, and what it sends is a stream: it comes in pieces that are not the
//! pieces it was sent in, and a letter of two bytes may come in two halves. Over UDP there is nothing to
//! accept: one socket takes the datagrams of everybody, each whole or not at all, and the address that
//! stands beside each says where the answer goes.

use std::convert::Infallible;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::ExitCode;
use std::time::Duration;

use super::error::LabError;
use super::greet_server::accept_clients;
use super::serve::serve;
use super::sockets::on_all_addresses;
use super::terminal::{complain, run as run_program, say, shown};
use super::{ServerConfig, Transport};

/// How long the rest of a letter may take to come.
const REST: Duration = Duration::from_secs(1);

/// How long a client may leave unread what it is sent.
const PATIENCE: Duration = Duration::from_secs(10);

/// The most bytes that are taken at once.
const LONGEST: usize = 64 * 1024;

/// Where it listens when nothing else is said.
pub fn default_port(transport: Transport) -> u16 {
    match transport {
        Transport::Tcp => 13000,
        Transport::Udp => 12000,
    }
}

/// Runs the server until Ctrl-C. Exit code 1 when it cannot listen.
pub fn run(transport: Transport, config: ServerConfig) -> ExitCode {
    run_program(move || match transport {
        Transport::Tcp => over_tcp(&config),
        Transport::Udp => over_udp(&config),
    })
}

fn over_udp(config: &ServerConfig) -> Result<(), LabError> {
    // socket() and bind(); there is nothing to listen for.
    let bound = on_all_addresses(config, UdpSocket::bind)?;
    say(format_args!("The server is ready to receive{}", bound.chosen))?;
    serve(bound.sockets, |socket, _| answer_all(socket))
}

/// The datagrams of one socket, each answered before the next.
fn answer_all(socket: &UdpSocket) -> Result<Infallible, LabError> {
    let mut space = vec![0; LONGEST];
    loop {
        // recvfrom(): one datagram, whole, and the address that it came from.
        let (length, client) = match socket.recv_from(&mut space) {
            Ok(received) => received,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(LabError::system("receive a datagram")(error)),
        };
        let sentence = space.get(..length).unwrap_or_default();
        say(format_args!("Received data from {client}: {}", shown(sentence)))?;
        let capitals = upper(sentence);
        // sendto(): one datagram back.
        match socket.send_to(&capitals, client) {
            Ok(_) => say(format_args!("Sent data to {client}: {}", shown(&capitals)))?,
            // Some letters grow: what came in one datagram may be too long for one.
            Err(error) => complain(LabError::not_sent(&capitals, client, &error)),
        }
    }
}

fn over_tcp(config: &ServerConfig) -> Result<(), LabError> {
    // socket(), bind() and listen().
    let bound = on_all_addresses(config, TcpListener::bind)?;
    say(format_args!("The server is ready to receive{}", bound.chosen))?;
    // accept(), and a thread for each client: as the greet server does it.
    serve(bound.sockets, |listener, seats| accept_clients(listener, seats, converse))
}

/// One client, from its first sentence until it closes.
fn converse(mut stream: &TcpStream, client: SocketAddr) -> Result<(), LabError> {
    say(format_args!("Connected with address {client}"))?;
    let gone = |error: io::Error| LabError::gone(&client, &error);
    stream
        .set_write_timeout(Some(PATIENCE))
        .and_then(|()| stream.set_nodelay(true))
        .map_err(gone)?;
    let mut space = vec![0; LONGEST];
    // The first bytes of a letter whose last ones are still to come.
    let mut half = Vec::new();
    loop {
        // A client that waits for its answer gets what there is: the rest is not coming.
        let patience = (!half.is_empty()).then_some(REST);
        stream.set_read_timeout(patience).map_err(gone)?;
        let (arrived, more) = match stream.read(&mut space) {
            Ok(length) => (space.get(..length).unwrap_or_default(), length > 0),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) if !half.is_empty() => (&[][..], true),
            Err(error) => return Err(gone(error)),
        };
        let mut sentence = std::mem::take(&mut half);
        if !arrived.is_empty() {
            say(format_args!("Received data from {client}: {}", shown(arrived)))?;
            sentence.extend_from_slice(arrived);
            half = sentence.split_off(sentence.len() - half_letter(&sentence));
        }
        if !sentence.is_empty() {
            let capitals = upper(&sentence);
            stream.write_all(&capitals).map_err(gone)?;
            say(format_args!("Sent data to {client}: {}", shown(&capitals)))?;
        }
        if !more {
            return say(format_args!("Disconnected from {client}"));
        }
    }
}

/// In upper case, as Unicode has it; a byte that is no UTF-8 is left as it is.
pub(super) fn upper(text: &[u8]) -> Vec<u8> {
    let mut capitals = Vec::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        capitals.extend_from_slice(chunk.valid().to_uppercase().as_bytes());
        capitals.extend_from_slice(chunk.invalid());
    }
    capitals
}

/// How many bytes at the end of `text` begin a letter that is not whole.
fn half_letter(text: &[u8]) -> usize {
    let last = text.utf8_chunks().last().map(|chunk| chunk.invalid()).unwrap_or_default();
    match std::str::from_utf8(last) {
        Err(error) if error.error_len().is_none() => last.len(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_become_capitals_and_what_is_no_letter_stays() {
        let cases: [(&[u8], &[u8]); 6] = [
            (b"hello, World 1!\n", b"HELLO, WORLD 1!\n"),
            ("größe, żółć, привет".as_bytes(), "GRÖSSE, ŻÓŁĆ, ПРИВЕТ".as_bytes()),
            (b"a\xffb\xc3", b"A\xffB\xc3"),
            (b"", b""),
            (b"\x00a\x7f", b"\x00A\x7f"),
            ("日本語 🙂".as_bytes(), "日本語 🙂".as_bytes()),
        ];
        for (text, expected) in cases {
            assert_eq!(upper(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_letter_that_is_not_whole_is_known_from_a_byte_that_is_none() {
        let cases: [(&[u8], usize); 8] = [
            (b"", 0),
            (b"abc", 0),
            (b"abc\xff", 0),
            ("é".as_bytes(), 0),
            (b"a\xc3", 1),
            (b"\xf0\x9f\x99", 3),
            (b"\xff\xf0\x9f", 2),
            (b"\xf0\x9fa", 0),
        ];
        for (text, expected) in cases {
            assert_eq!(half_letter(text), expected, "{text:?}");
        }
    }
}
