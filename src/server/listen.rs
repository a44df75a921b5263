//! Opening the listeners, and how many connections the machine lets us have.

use std::io;
use std::net::{SocketAddr, TcpListener};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use socket2::{Domain, Protocol, Socket, Type};

const BACKLOG: i32 = 4096;
const MOST_CONNECTIONS: u64 = 10_000;
/// Descriptors that are kept for everything else.
const RESERVED: u64 = 100;

/// A listener could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {}; {}", reason(source), remedy(source))]
pub struct BindError {
    /// The address that was asked for.
    pub address: SocketAddr,
    /// What the system said.
    pub source: io::Error,
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "address in use".to_owned(),
        io::ErrorKind::AddrNotAvailable => "no such address on this machine".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "choose a port from 1024 up with --listen",
        _ => "choose another with --listen",
    }
}

/// Opens one listener per address, or none.
pub(super) fn open(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, BindError> {
    let one = |&address: &SocketAddr| {
        open_one(address, addresses).map_err(|source| BindError { address, source })
    };
    addresses.iter().map(one).collect()
}

fn open_one(address: SocketAddr, all: &[SocketAddr]) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Lets a restart bind while connections of the one before linger; never two listeners at once.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // `[::]` also takes IPv4 clients, unless IPv4 on that port has a listener of its own.
        let apart = all.iter().any(|other| other.is_ipv4() && other.port() == address.port());
        socket.set_only_v6(apart || !address.ip().is_unspecified())?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Raises the soft limit of open descriptors to the hard one and says how many client connections
/// fit: a third of what is left after a reserve, 10 000 at most.
pub fn max_connections() -> usize {
    let descriptors = match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok((soft, hard)) if soft < hard => {
            if setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok() { hard } else { soft }
        }
        Ok((soft, _)) => soft,
        Err(error) => {
            tracing::warn!(%error, "Cannot read the limit of open descriptors");
            1024
        }
    };
    connections_for(descriptors)
}

fn connections_for(descriptors: u64) -> usize {
    let connections = (descriptors.saturating_sub(RESERVED) / 3).clamp(1, MOST_CONNECTIONS);
    usize::try_from(connections).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_third_of_the_descriptors_serves_clients_up_to_a_limit() {
        for (descriptors, connections) in
            [(0, 1), (100, 1), (1024, 308), (4096, 1332), (1 << 20, 10_000), (u64::MAX, 10_000)]
        {
            assert_eq!(connections_for(descriptors), connections, "{descriptors}");
        }
    }

    #[test]
    fn an_address_in_use_is_named_with_a_remedy() {
        let taken = open(&[SocketAddr::from(([127, 0, 0, 1], 0))]).unwrap();
        let address = taken[0].local_addr().unwrap();
        assert_eq!(
            open(&[address]).unwrap_err().to_string(),
            format!("cannot listen on {address}: address in use; choose another with --listen")
        );
    }

    #[test]
    fn an_address_of_another_machine_is_named() {
        let error = open(&[SocketAddr::from(([192, 0, 2, 1], 0))]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot listen on 192.0.2.1:0: no such address on this machine; choose another with --listen"
        );
    }
}
