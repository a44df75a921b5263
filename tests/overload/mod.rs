//! Too much of everything: clients that leave, clients that crowd, descriptors that run out. What is left
//! behind is counted from outside, in the process table of the real program.

mod descriptors;
mod leaving;

use std::fs;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::TcpStream;

use crate::support::binary::Binary;
use crate::support::gate::eventually;

/// What a process holds.
struct Held {
    descriptors: usize,
    threads: usize,
    resident_kib: u64,
}

impl Held {
    fn by(program: &Binary) -> Self {
        let proc = format!("/proc/{}", program.id());
        let count = |of: &str| fs::read_dir(format!("{proc}/{of}")).expect("it runs").count();
        let status = fs::read_to_string(format!("{proc}/status")).expect("it runs");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = resident.and_then(|text| text.trim().strip_suffix(" kB")?.parse().ok());
        Self {
            descriptors: count("fd"),
            threads: count("task"),
            resident_kib: kib.expect("the system says how much is resident"),
        }
    }
}

/// Waits until the program has as few descriptors as it had `before`.
async fn all_are_closed(program: &Binary, before: &Held) {
    eventually("all connections to be closed", || {
        (Held::by(program).descriptors <= before.descriptors).then_some(())
    })
    .await;
}

/// Has a connection end by a reset when it is dropped, whatever is on its way.
fn reset(stream: &TcpStream) {
    let lingers = SockRef::from(stream).set_linger(Some(Duration::ZERO));
    lingers.expect("a socket can be told not to linger");
}
