//! What is not a rate: latency, memory, and one large body.

use std::time::Instant;

use super::ground::{Ground, Measured, Outcome, Sample, Started, path};
use super::peer::Peer;
use super::process::median;
use super::rows::{Row, SMALL};
use super::wire::Client;

/// How many first bytes are waited for in one round.
const WAITS: u64 = 400;

/// How many connections are kept.
const IDLE: u64 = 5000;

/// How much later the first byte of a miss comes than from the origin itself.
pub(crate) fn latency(ground: &Ground, row: &'static Row) -> Outcome {
    let started = ground.start(row.id, |peer| row.work.includes(peer));
    let origin = ground.origin.address;
    let connect = |one: &Started| (one.peer, Client::connect(one.address(origin)));
    let mut clients: Vec<_> = started.iter().map(connect).collect();
    let mut measured: Vec<_> = started.iter().map(|one| Measured::new(one.peer)).collect();
    for round in 0..ground.rounds {
        let mut waits = vec![Vec::new(); clients.len()];
        for n in 0..WAITS {
            // One after the other for each request: what disturbs one disturbs all.
            for (((peer, client), waits), measured) in
                clients.iter_mut().zip(&mut waits).zip(&mut measured)
            {
                if measured.wrong.is_some() {
                    continue;
                }
                let number = (1 << 41) + ((*peer as u64) << 36) + round * WAITS + n;
                match first_byte(ground, client, &peer.target(origin, &path(SMALL, number))) {
                    Ok(wait) => waits.push(wait),
                    Err(wrong) => measured.wrong = Some(wrong),
                }
            }
        }
        let direct = measured.iter().position(|one| one.peer == Peer::Direct);
        let direct = direct.and_then(|at| waits.get(at)).map_or(0.0, |waits| median(waits));
        for (measured, waits) in measured.iter_mut().zip(&waits) {
            let value = match measured.peer {
                Peer::Direct => direct,
                _ => median(waits) - direct,
            };
            measured.rounds.push(Sample { value, ..Sample::default() });
        }
    }
    Outcome { row, measured }
}

/// Microseconds until the head of a miss was there.
fn first_byte(ground: &Ground, client: &mut Client, target: &str) -> Result<f64, String> {
    let asked = ground.origin.asked();
    let began = Instant::now();
    let head = client.ask(target, ground.origin.address, "");
    let waited = began.elapsed().as_secs_f64() * 1e6;
    client.body(head.length, |_| ());
    if (head.status, head.length) != (200, SMALL) || ground.origin.asked() != asked + 1 {
        return Err(format!("not a miss of {target}: {}", head.text));
    }
    Ok(waited)
}

/// Resident memory for each response of 1 KiB with eight fields, each stored and used once.
pub(crate) fn stored(ground: &Ground, row: &'static Row) -> Outcome {
    one_by_one(ground, row, |started| {
        let count = ground.responses;
        ground.warm(started, SMALL, count)?;
        let before = started.server()?.resident();
        ground.fill(started, count, |_| SMALL)?;
        let asked = ground.origin.asked();
        ground.fill(started, count, |_| SMALL)?;
        let again = ground.origin.asked() - asked;
        if again > 0 {
            return Err(format!("{again} of {count} were not stored"));
        }
        let grown = started.server()?.resident().saturating_sub(before);
        Ok(Sample { value: grown as f64 / count as f64, ..Sample::default() })
    })
}

/// Resident memory for each connection over which one hit came.
pub(crate) fn idle(ground: &Ground, row: &'static Row) -> Outcome {
    one_by_one(ground, row, |started| {
        ground.warm(started, SMALL, 0)?;
        let before = started.server()?.resident();
        let mut clients = Vec::new();
        for _ in 0..IDLE {
            let mut client = Client::with_buffer(started.server()?.address, 2048);
            ground.fetch(&mut client, started.peer, SMALL, 0)?;
            clients.push(client);
        }
        let grown = started.server()?.resident().saturating_sub(before);
        for client in &mut clients {
            ground.fetch(client, started.peer, SMALL, 0)?;
        }
        Ok(Sample { value: grown as f64 / IDLE as f64 / 1024.0, ..Sample::default() })
    })
}

/// Each in a process of its own, one at a time: memory is the same in each round.
fn one_by_one(
    ground: &Ground,
    row: &'static Row,
    each: impl Fn(&Started) -> Result<Sample, String>,
) -> Outcome {
    let peers = ground.peers.iter().filter(|peer| row.work.includes(**peer));
    let measure = |peer: &Peer| {
        let mut measured = Measured::new(*peer);
        measured.add(each(&ground.start_one(row.id, *peer)));
        measured
    };
    Outcome { row, measured: peers.map(measure).collect() }
}

/// One large body, through larder and from the origin itself.
pub(crate) fn download(ground: &Ground, row: &'static Row) -> Outcome {
    let started = ground.start(row.id, |peer| row.work.includes(peer));
    let size = ground.gib << 30;
    let origin = ground.origin.address;
    ground.in_turn(row, ground.rounds.min(3), started.iter(), |started, _| {
        let server = started.server.as_ref();
        let before = server.map(|server| {
            server.forget_peak();
            server.resident()
        });
        let asked = ground.origin.asked();
        let began = Instant::now();
        let mut client = Client::connect(started.address(origin));
        let head = client.ask(&started.peer.target(origin, &format!("/large/{size}")), origin, "");
        if (head.status, head.length) != (200, size) {
            return Err(format!("not the response: {}", head.text));
        }
        client.body(size, |_| ());
        let value = size as f64 / 1e6 / began.elapsed().as_secs_f64();
        if ground.origin.asked() != asked + 1 {
            return Err("it did not come from the origin".to_owned());
        }
        let grown = server.zip(before).map(|(server, before)| {
            server.peak().saturating_sub(before) as f64 / f64::from(1 << 20)
        });
        Ok(Sample { value, grown, ..Sample::default() })
    })
}
