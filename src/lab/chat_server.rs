//! The chat server: shows each message that comes, over UDP, and asks for a reply to it.
//!
//! There are no connections: what keeps the clients apart is the address that stands beside each
//! datagram. Every message gets one reply, in the order of their coming, and the reply goes to the
//! address that this message came from. Those that come while a reply is typed wait in a queue.

use std::process::ExitCode;

use super::ServerConfig;
use super::error::LabError;
use super::serve::{Datagram, receive};
use super::sockets::listen_udp;
use super::terminal::{ask, complain, run as run_program, say, shown};

/// What ends a chat, on either side.
const QUIT: &[u8] = b"quit";

/// Whether a message ends the chat.
pub(super) fn is_quit(message: &[u8]) -> bool {
    message.trim_ascii().eq_ignore_ascii_case(QUIT)
}

/// Runs the server until `quit`, the end of input or Ctrl-C. Exit code 1 when it cannot listen.
pub fn run(config: ServerConfig) -> ExitCode {
    run_program(move || chat(&config))
}

fn chat(config: &ServerConfig) -> Result<(), LabError> {
    let bound = listen_udp(config)?;
    say(format_args!("Server is ready to chat.{}", bound.chosen))?;
    let datagrams = receive(bound.sockets)?;
    for datagram in &datagrams {
        let datagram = datagram?;
        let (message, client) = (&datagram.message, datagram.from);
        say(format_args!("Client: {} received from ({client})", shown(message)))?;
        if is_quit(message) {
            // This client's chat has ended; the others go on.
            continue;
        }
        let reply = ask("You (Server): ")?.filter(|reply| !is_quit(reply));
        send(&datagram, reply.as_deref().unwrap_or(QUIT));
        if reply.is_none() {
            // Those who wait for a reply would wait for ever: nothing else tells them.
            datagrams.try_iter().flatten().for_each(|waiting| send(&waiting, QUIT));
            return Ok(());
        }
    }
    Ok(())
}

/// Sends a reply; one that cannot be sent ends no chat.
fn send(datagram: &Datagram, reply: &[u8]) {
    if let Err(error) = datagram.reply(reply) {
        complain(error);
    }
}
