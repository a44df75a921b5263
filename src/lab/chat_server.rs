//! The chat server: shows each message that comes, over UDP, and asks for a reply to it.
//!
//! The steps are those of every UDP server: `socket`, `bind`, and then `recvfrom` and `sendto` in turn.
//! There is nothing to listen for and nothing to accept, since there are no connections: what keeps the
//! clients apart is the address that stands beside each datagram. Every message gets one reply, in the
//! order of their coming, and the reply goes to the address that this message came from.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use super::ServerConfig;
use super::error::LabError;
use super::serve::start_thread;
use super::sockets::on_all_addresses;
use super::terminal::{ask, complain, run as run_program, say, shown};

/// What ends a chat, on either side.
const QUIT: &[u8] = b"quit";

/// More than any datagram, so that none is cut.
const DATAGRAM: usize = 64 * 1024;

/// Messages that wait for their reply here; more of them wait in the system, which drops what is too
/// much.
const MOST_WAITING: usize = 64;

/// A message that has come.
struct Message {
    /// What is in it; may be nothing.
    text: Vec<u8>,
    /// Who sent it.
    client: SocketAddr,
    /// The socket that it came to; the reply leaves by it.
    socket: Arc<UdpSocket>,
}

/// Whether a message ends the chat.
pub(super) fn is_quit(message: &[u8]) -> bool {
    message.trim_ascii().eq_ignore_ascii_case(QUIT)
}

/// Runs the server until `quit`, the end of input or Ctrl-C. Exit code 1 when it cannot listen.
pub fn run(config: ServerConfig) -> ExitCode {
    run_program(move || chat(&config))
}

fn chat(config: &ServerConfig) -> Result<(), LabError> {
    // socket() and bind(), which std makes of one call. No packet travels. This machine is 127.0.0.1
    // and ::1: two addresses of two families, so two sockets.
    let bound = on_all_addresses(config, UdpSocket::bind)?;
    say(format_args!("Server is ready to chat.{}", bound.chosen))?;
    // Those that come while a reply is typed wait in a queue. A thread for each socket fills it.
    let (queue, messages) = sync_channel(MOST_WAITING);
    for socket in bound.sockets {
        let queue = queue.clone();
        start_thread("socket", move || receive(&Arc::new(socket), &queue))?;
    }
    drop(queue);
    for message in &messages {
        let message = message?;
        let (text, client) = (shown(&message.text), message.client);
        say(format_args!("Client: {text} received from ({client})"))?;
        if is_quit(&message.text) {
            // This client's chat has ended; the others go on.
            continue;
        }
        let reply = ask("You (Server): ")?.filter(|reply| !is_quit(reply));
        send(&message, reply.as_deref().unwrap_or(QUIT));
        if reply.is_none() {
            // Those who wait for a reply would wait for ever: nothing else tells them, since a socket
            // of UDP that is closed sends no packet.
            messages.try_iter().flatten().for_each(|waiting| send(&waiting, QUIT));
            return Ok(());
        }
    }
    Ok(())
}

/// Puts the datagrams of one socket into the queue, until that is closed or the socket fails.
fn receive(socket: &Arc<UdpSocket>, queue: &SyncSender<Result<Message, LabError>>) {
    let mut space = vec![0; DATAGRAM];
    loop {
        // recvfrom(): waits for one datagram, and returns it whole, with the address of its sender.
        let received = match socket.recv_from(&mut space) {
            Ok((length, client)) => {
                let text = space.get(..length).unwrap_or_default().to_vec();
                Ok(Message { text, client, socket: Arc::clone(socket) })
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(LabError::system("receive a datagram")(error)),
        };
        let failed = received.is_err();
        // Waits while the queue is full.
        if queue.send(received).is_err() || failed {
            return;
        }
    }
}

/// Sends a reply; one that cannot be sent ends no chat.
fn send(message: &Message, reply: &[u8]) {
    // sendto(): one datagram, to where the message came from. Nothing tells whether it arrives.
    if let Err(error) = message.socket.send_to(reply, message.client) {
        complain(LabError::not_sent(reply, message.client, &error));
    }
}
