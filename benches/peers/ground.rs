//! What all rows stand on: the origin, the servers, the rounds, and what a right answer is.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::origin::{Origin, small};
use super::peer::Peer;
use super::process::Server;
use super::rows::Row;
use super::wire::{Client, Head};

pub(crate) struct Ground {
    pub(crate) origin: Origin,
    /// Empty at first, and removed at the end.
    pub(crate) dir: PathBuf,
    /// The program of ours that is measured.
    pub(crate) larder: String,
    pub(crate) peers: Vec<Peer>,
    pub(crate) rounds: u64,
    pub(crate) seconds: u64,
    pub(crate) gib: u64,
    /// How many are stored for the mix, and to see what one takes.
    pub(crate) responses: u64,
}

/// One round of one server.
#[derive(Default)]
pub(crate) struct Sample {
    /// In the unit of the row.
    pub(crate) value: f64,
    /// Milliseconds within which 99 of 100 were answered.
    pub(crate) p99: Option<f64>,
    /// Microseconds that the server computed for each request.
    pub(crate) busy: Option<f64>,
    /// MiB by which its resident memory rose meanwhile.
    pub(crate) grown: Option<f64>,
}

/// What one server did in one row.
pub(crate) struct Measured {
    pub(crate) peer: Peer,
    pub(crate) rounds: Vec<Sample>,
    /// Why none of it counts.
    pub(crate) wrong: Option<String>,
}

pub(crate) struct Outcome {
    pub(crate) row: &'static Row,
    pub(crate) measured: Vec<Measured>,
}

/// A server that was started; the origin itself where there is none.
pub(crate) struct Started {
    pub(crate) peer: Peer,
    pub(crate) server: Option<Server>,
}

impl Ground {
    /// Starts those that take part, each with an empty directory below one of this name.
    pub(crate) fn start(&self, name: &str, takes_part: impl Fn(Peer) -> bool) -> Vec<Started> {
        let peers = self.peers.iter().copied().filter(|peer| takes_part(*peer));
        peers.map(|peer| self.start_one(name, peer)).collect()
    }

    pub(crate) fn start_one(&self, name: &str, peer: Peer) -> Started {
        let dir = self.dir.join(name).join(format!("{peer:?}"));
        Started { peer, server: peer.start(&dir, self.origin.address, &self.larder) }
    }

    /// Measures one after the other, again and again; who answers wrongly drops out.
    pub(crate) fn in_turn<'s>(
        &self,
        row: &'static Row,
        rounds: u64,
        started: impl Iterator<Item = &'s Started>,
        mut each: impl FnMut(&Started, u64) -> Result<Sample, String>,
    ) -> Outcome {
        let mut all: Vec<_> =
            started.map(|started| (started, Measured::new(started.peer))).collect();
        for round in 0..rounds {
            for (started, measured) in &mut all {
                if measured.wrong.is_none() {
                    measured.add(each(started, round));
                }
            }
        }
        Outcome { row, measured: all.into_iter().map(|(_, measured)| measured).collect() }
    }

    /// How often the origin was asked, once what was still under way has come to it.
    pub(crate) fn asked(&self) -> u64 {
        let deadline = Instant::now() + Duration::from_secs(10);
        let (mut asked, mut quiet) = (self.origin.asked(), 0);
        while quiet < 10 && Instant::now() < deadline {
            sleep(Duration::from_millis(20));
            let now = self.origin.asked();
            quiet = if now == asked { quiet + 1 } else { 0 };
            asked = now;
        }
        asked
    }

    /// Has a small response answered, and compares all of it.
    pub(crate) fn fetch(
        &self,
        client: &mut Client,
        peer: Peer,
        size: u64,
        n: u64,
    ) -> Result<Head, String> {
        let target = peer.target(self.origin.address, &path(size, n));
        let (head, body) = client.get(&target, self.origin.address, "");
        if (head.status, head.length) != (200, size) || body != small(n, size as usize) {
            return Err(format!("not the response of {target}: {}", head.text));
        }
        Ok(head)
    }

    /// Has a response stored, and asked for until the origin sees nothing of it.
    pub(crate) fn warm(&self, started: &Started, size: u64, n: u64) -> Wrong {
        let mut client = Client::connect(started.address(self.origin.address));
        for _ in 0..20 {
            let asked = self.origin.asked();
            self.fetch(&mut client, started.peer, size, n)?;
            // The second hit of Traffic Server is the first from memory.
            let head = self.fetch(&mut client, started.peer, size, n)?;
            if self.origin.asked() == asked {
                return match started.peer {
                    Peer::Larder | Peer::Logging if !head.is_hit() => {
                        Err(format!("it does not say that it is a hit: {}", head.text))
                    }
                    _ => Ok(()),
                };
            }
        }
        Err("it does not become a hit".to_owned())
    }

    /// Has all of these answered, on several connections; `size_of` says how long each is.
    pub(crate) fn fill(
        &self,
        started: &Started,
        count: u64,
        size_of: impl Fn(u64) -> u64 + Sync,
    ) -> Wrong {
        const CLIENTS: u64 = 16;
        let part = |first: u64| -> Wrong {
            let mut client = Client::connect(started.address(self.origin.address));
            let mut numbers = (first..count).step_by(CLIENTS as usize);
            numbers
                .try_for_each(|n| self.fetch(&mut client, started.peer, size_of(n), n).map(|_| ()))
        };
        std::thread::scope(|scope| {
            let part = &part;
            let threads: Vec<_> =
                (0..CLIENTS).map(|first| scope.spawn(move || part(first))).collect();
            threads.into_iter().try_for_each(|thread| thread.join().expect("it ends"))
        })
    }
}

/// What is wrong, if anything is.
pub(crate) type Wrong = Result<(), String>;

impl Started {
    pub(crate) fn address(&self, origin: SocketAddr) -> SocketAddr {
        self.server.as_ref().map_or(origin, |server| server.address)
    }

    pub(crate) fn server(&self) -> Result<&Server, String> {
        self.server.as_ref().ok_or_else(|| "nothing was started".to_owned())
    }
}

impl Measured {
    pub(crate) fn new(peer: Peer) -> Self {
        Self { peer, rounds: Vec::new(), wrong: None }
    }

    pub(crate) fn add(&mut self, sample: Result<Sample, String>) {
        match sample {
            Ok(sample) => self.rounds.push(sample),
            Err(wrong) => self.wrong = Some(wrong),
        }
    }
}

/// Where the origin has the small response of this length and number.
pub(crate) fn path(size: u64, n: u64) -> String {
    format!("/small/{size}/{n}")
}
