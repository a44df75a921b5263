//! An origin that records every byte, and answers with the bytes that a row has for it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::net::TcpListener;

use crate::support::gate::{eventually, within};
use crate::support::message::Head;
use crate::support::tasks::Tasks;
use crate::support::wire::{Body, Broken, Wire};

/// Listens on 127.0.0.1. A request that no answer is left for, or that can be read in two ways, fails
/// the test.
pub struct Recorder {
    address: SocketAddr,
    shared: Arc<Shared>,
    tasks: Tasks,
}

#[derive(Default)]
struct Shared {
    answers: Mutex<VecDeque<Vec<u8>>>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    bytes: Vec<u8>,
    connections: usize,
    open: usize,
}

impl Recorder {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback address is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (tasks, shared) = (Tasks::new("recording origin"), Arc::<Shared>::default());
        let (owner, serving) = (tasks.clone(), shared.clone());
        tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = serving.clone();
                {
                    let mut seen = shared.seen.lock().unwrap();
                    seen.connections += 1;
                    seen.open += 1;
                }
                let complaints = owner.clone();
                owner.spawn(async move {
                    let mut wire = Wire::new(stream);
                    let served = shared.serve(&mut wire).await;
                    let unread = wire.recorded();
                    let mut seen = shared.seen.lock().unwrap();
                    seen.bytes.extend_from_slice(&unread);
                    seen.open -= 1;
                    if let Err(Broken::Malformed(what)) = served {
                        complaints.complain(format!("was sent {what}"));
                    }
                });
            }
        });
        Self { address, shared, tasks }
    }

    pub fn authority(&self) -> String {
        self.address.to_string()
    }

    /// Answers the next requests with these bytes. A connection is closed after an answer that ends in
    /// [`CLOSE`].
    pub fn answer(&self, answers: impl IntoIterator<Item = Vec<u8>>) {
        self.shared.answers.lock().unwrap().extend(answers);
    }

    /// How many of the answers were not asked for yet.
    pub fn unasked(&self) -> usize {
        self.shared.answers.lock().unwrap().len()
    }

    /// All bytes since the last call, connection by connection.
    pub fn take_seen(&self) -> Vec<u8> {
        std::mem::take(&mut self.shared.seen.lock().unwrap().bytes)
    }

    pub fn connections(&self) -> usize {
        self.shared.seen.lock().unwrap().connections
    }

    pub async fn closed(&self) {
        let open = || self.shared.seen.lock().unwrap().open;
        eventually("the origin's connections to be closed", || (open() == 0).then_some(())).await;
    }

    pub fn finish(&self) {
        self.tasks.finish();
    }
}

/// What stands at the end of an answer after which the origin closes.
pub const CLOSE: &[u8] = b"<close>";

impl Shared {
    async fn serve(&self, wire: &mut Wire) -> Result<(), Broken> {
        loop {
            wire.record();
            let Some(head) = wire.head().await? else { return Ok(()) };
            let whole = Self::read(wire, &head).await;
            self.seen.lock().unwrap().bytes.extend_from_slice(&wire.recorded());
            whole?;
            let answer = self.answers.lock().unwrap().pop_front();
            let Some(answer) = answer else {
                return Err(Broken::Malformed(format!("a request too many: {}", head.start)));
            };
            let bytes = answer.strip_suffix(CLOSE);
            wire.send(bytes.unwrap_or(&answer)).await?;
            if bytes.is_some() {
                wire.half_close().await?;
                while !within("the proxy's close", wire.some()).await?.is_empty() {}
                return Ok(());
            }
        }
    }

    async fn read(wire: &mut Wire, head: &Head) -> Result<(), Broken> {
        let mut body = Body::new(head.request_framing()?);
        while wire.piece(&mut body).await?.is_some() {}
        Ok(())
    }
}
