//! The chat client: sends what is typed, over UDP, and shows the reply, in turn.
//!
//! A reply takes as long as somebody takes to type it, so the client waits for it without an end. It
//! cannot know whether anybody is there: it says so once, and goes on waiting. It does not send a message
//! twice, since whoever types the replies would answer it twice.

use std::net::{SocketAddr, UdpSocket};
use std::process::ExitCode;

use super::ClientConfig;
use super::chat_server::is_quit;
use super::dial::{datagram_socket, receive_datagram, send_datagram};
use super::error::LabError;
use super::sockets::addresses_for_datagrams;
use super::terminal::{ask, complain, run as run_program, say, shown};

/// Runs the client until `quit` on either side, the end of input or Ctrl-C. Exit code 1 when the host
/// is unknown.
pub fn run(config: ClientConfig) -> ExitCode {
    run_program(move || chat(&config))
}

fn chat(config: &ClientConfig) -> Result<(), LabError> {
    let places = addresses_for_datagrams(&config.host, config.port)?;
    let Some(&server) = places.first() else { return Ok(()) };
    let socket = datagram_socket(server)?;
    while let Some(message) = ask("You (Client): ")? {
        if let Err(error) = send_datagram(&socket, &message, server) {
            // Nothing has left: the next message may do better.
            complain(error);
            continue;
        }
        if is_quit(&message) {
            return Ok(());
        }
        let reply = wait_for_reply(config, &socket, server)?;
        say(format_args!("Server: {}", shown(&reply)))?;
        if is_quit(&reply) {
            return Ok(());
        }
    }
    // The end of input ends the chat as `quit` does.
    send_datagram(&socket, b"quit", server)
}

fn wait_for_reply(
    config: &ClientConfig,
    socket: &UdpSocket,
    server: SocketAddr,
) -> Result<Vec<u8>, LabError> {
    let mut said = false;
    loop {
        if let Some(reply) = receive_datagram(socket, server, config.wait)? {
            return Ok(reply);
        }
        if !said {
            said = true;
            complain(format_args!(
                "no reply from {server} yet: somebody is typing, or nobody is there; UDP does not tell"
            ));
        }
    }
}
