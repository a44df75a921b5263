//! The origin's side of a connection.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::reply::{End, Framing, Lead, Pace, Reply};
use super::{Received, Shared};
use crate::support::gate::Gate;
use crate::support::message::Head;
use crate::support::wire::{Body, Broken, Wire};

/// Bytes of a body that are sent in one go when nothing paces them.
const PIECE: usize = 64 * 1024;

/// Accepts until the origin goes.
pub(super) async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Weak<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let Some(shared) = shared.upgrade() else { return };
        let mut number = 0;
        shared.connections.send_modify(|connections| {
            number = connections.accepted;
            connections.accepted += 1;
        });
        let mut connection = Connection { number, ended: false, shared: shared.clone() };
        let tls = tls.clone();
        shared.tasks.spawn(async move {
            // A peer that breaks off is its own affair; one that sends what is no HTTP is not.
            if let Some(wire) = open(stream, tls).await
                && let Err(Broken::Malformed(what)) = connection.serve(wire).await
            {
                connection.shared.tasks.complain(format!("was sent a malformed request: {what}"));
            }
        });
    }
}

async fn open(stream: TcpStream, tls: Option<TlsAcceptor>) -> Option<Wire> {
    stream.set_nodelay(true).ok()?;
    match tls {
        None => Some(Wire::new(stream)),
        Some(tls) => tls.accept(stream).await.ok().map(Wire::new),
    }
}

struct Connection {
    number: usize,
    ended: bool,
    shared: Arc<Shared>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.note_end();
    }
}

impl Connection {
    async fn serve(&mut self, mut wire: Wire) -> Result<(), Broken> {
        while let Some(head) = wire.head().await? {
            match self.answer(&mut wire, &head).await? {
                End::Keep => {}
                End::Close | End::HangUp => {
                    wire.half_close().await?;
                    self.note_end();
                    // Reading on keeps the system from a reset, which would take the answer along.
                    while !wire.some().await?.is_empty() {}
                    return Ok(());
                }
                End::Reset => {
                    wire.reset();
                    return Ok(());
                }
                End::Stall => return self.held(&mut wire, &Gate::new()).await,
                End::Echo => loop {
                    let bytes = wire.some().await?;
                    if bytes.is_empty() {
                        return Ok(wire.half_close().await?);
                    }
                    wire.send(&bytes).await?;
                },
            }
        }
        Ok(())
    }

    async fn answer(&mut self, wire: &mut Wire, head: &Head) -> Result<End, Broken> {
        let mut body = Body::new(head.request_framing()?);
        let mut request = Received::new(self.number, head);
        request.complete = body.has_ended();
        let mut index = 0;
        self.shared.received.send_modify(|received| {
            index = received.len();
            received.push(request.clone());
        });
        let reply = self.shared.reply(&request);
        for lead in &reply.lead {
            match lead {
                Lead::Interim(bytes) => wire.send(bytes).await?,
                Lead::Hold(gate) => self.held(wire, gate).await?,
                Lead::ReadBody => self.read(wire, &mut body, index).await?,
            }
        }
        wire.send(&reply.head_bytes(&request.method)).await?;
        if reply.has_body(&request.method)
            && let Some(end) = self.send_body(wire, &reply).await?
        {
            return Ok(end);
        }
        if reply.end == End::Keep {
            self.read(wire, &mut body, index).await?;
        }
        Ok(reply.end)
    }

    async fn read(&self, wire: &mut Wire, body: &mut Body, index: usize) -> Result<(), Broken> {
        while let Some(piece) = wire.piece(body).await? {
            self.shared.received.send_modify(|received| received[index].keep(&piece));
        }
        self.shared.received.send_modify(|received| {
            received[index].complete = true;
            received[index].trailers = body.trailers.clone();
        });
        Ok(())
    }

    /// Sends the body; says how the connection ends when the reply is cut.
    async fn send_body(&mut self, wire: &mut Wire, reply: &Reply) -> Result<Option<End>, Broken> {
        if let Some(gate) = &reply.body_gate {
            self.held(wire, gate).await?;
        }
        let length = reply.cut.map_or(reply.body.len(), |cut| cut.after.min(reply.body.len()));
        let mut sent = 0;
        while sent < length {
            let most = match &reply.pace {
                Some(Pace { gate, piece }) => {
                    self.held(wire, gate).await?;
                    *piece
                }
                None => PIECE,
            };
            let piece = reply.body.piece(sent, (most as u64).min(length - sent));
            if reply.framing == Framing::Chunked {
                let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
                chunk.extend_from_slice(&piece);
                chunk.extend_from_slice(b"\r\n");
                wire.send(&chunk).await?;
            } else {
                wire.send(&piece).await?;
            }
            sent += piece.len() as u64;
            self.shared.body_bytes.fetch_add(piece.len() as u64, Ordering::AcqRel);
        }
        if let Some(cut) = reply.cut {
            return Ok(Some(cut.end));
        }
        if reply.framing == Framing::Chunked {
            wire.send(format!("0\r\n{}\r\n", reply.trailers.to_wire()).as_bytes()).await?;
        }
        Ok(None)
    }

    /// Waits at a gate; a peer that closes meanwhile is noted, a failed connection ends the reply.
    async fn held(&mut self, wire: &mut Wire, gate: &Gate) -> Result<(), Broken> {
        let mut opened = std::pin::pin!(gate.wait());
        loop {
            let filled: io::Result<usize> = tokio::select! {
                () = &mut opened => return Ok(()),
                filled = wire.fill() => filled,
            };
            if filled.inspect_err(|_| self.note_end())? == 0 {
                self.note_end();
                opened.await;
                return Ok(());
            }
        }
    }

    fn note_end(&mut self) {
        if !std::mem::replace(&mut self.ended, true) {
            self.shared.connections.send_modify(|connections| connections.ended += 1);
        }
    }
}
