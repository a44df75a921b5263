//! Names, addresses and ports: where a server of the lab is, and where a client finds it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};
use std::os::fd::AsFd;

use nix::errno::Errno;
use socket2::SockRef;

use super::ServerConfig;
use super::error::LabError;

/// This machine, in both families.
const LOOPBACK: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// How often a port is looked for that is free on every address.
const PORT_TRIES: usize = 20;

/// Sockets of one server: one for each address, all on the same port.
pub(super) struct Bound<S> {
    /// The sockets; at least one.
    pub(super) sockets: Vec<S>,
    /// Nothing where the port was given; ` on 127.0.0.1:40123 and [::1]:40123` where it was chosen.
    pub(super) chosen: String,
}

/// Opens a socket with `bind` on each address of `config`, all on the same port.
///
/// # Errors
/// When the host is unknown or the port is taken.
pub(super) fn on_all_addresses<S: AsFd>(
    config: &ServerConfig,
    bind: impl Fn(SocketAddr) -> io::Result<S>,
) -> Result<Bound<S>, LabError> {
    let places = addresses(config.host.as_deref().unwrap_or("localhost"), config.port)?;
    let mut tries = 0;
    loop {
        tries += 1;
        match bind_all(&places, &bind) {
            // Another program has the port that was free on the first address: look for another.
            Err(LabError::Listen { source, .. })
                if config.port == 0
                    && source.kind() == io::ErrorKind::AddrInUse
                    && tries < PORT_TRIES => {}
            Err(error) => return Err(error),
            Ok(sockets) => {
                let names = sockets.iter().filter_map(|socket| local(socket).ok());
                let names: Vec<_> = names.map(|address| address.to_string()).collect();
                let chosen = match config.port {
                    0 => format!(" on {}", names.join(" and ")),
                    _ => String::new(),
                };
                return Ok(Bound { sockets, chosen });
            }
        }
    }
}

/// Binds all `places`, each with the port that the first one got. A machine without IPv6 leaves out what
/// is of that family, where something else is left.
fn bind_all<S: AsFd>(
    places: &[SocketAddr],
    bind: impl Fn(SocketAddr) -> io::Result<S>,
) -> Result<Vec<S>, LabError> {
    let mut sockets = Vec::new();
    let mut port = None;
    for &place in places {
        let place = SocketAddr::new(place.ip(), port.unwrap_or(place.port()));
        let bound = bind(place).and_then(|socket| Ok((local(&socket)?.port(), socket)));
        match bound {
            Ok((taken, socket)) => {
                port = Some(taken);
                sockets.push(socket);
            }
            Err(source) if port.is_some() && lacks_family(&source) => {}
            Err(source) => return Err(LabError::Listen { place, source }),
        }
    }
    Ok(sockets)
}

/// The address that a socket is bound to: getsockname().
fn local<S: AsFd>(socket: &S) -> io::Result<SocketAddr> {
    let address = SockRef::from(socket).local_addr()?;
    address.as_socket().ok_or_else(|| io::ErrorKind::Unsupported.into())
}

fn lacks_family(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable
        || error.raw_os_error() == Some(Errno::EAFNOSUPPORT as i32)
}

/// All addresses of `host`, each with `port`; at least one. `localhost` is the loopback of both families
/// (RFC 6761 §6.3), whatever the hosts file of this machine says.
///
/// # Errors
/// When there is none.
pub(super) fn addresses(host: &str, port: u16) -> Result<Vec<SocketAddr>, LabError> {
    if host.eq_ignore_ascii_case("localhost") {
        return Ok(LOOPBACK.map(|address| (address, port).into()).to_vec());
    }
    let unknown = |source| LabError::NoSuchHost { host: host.to_owned(), source };
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let mut found = Vec::new();
    for address in (bare, port).to_socket_addrs().map_err(unknown)? {
        if !found.contains(&address) {
            found.push(address);
        }
    }
    match found.is_empty() {
        true => Err(unknown(io::ErrorKind::NotFound.into())),
        false => Ok(found),
    }
}

/// The same with those of IPv4 first: a datagram to an address where nobody listens is lost without a
/// word, and most servers of the course listen on IPv4 alone.
///
/// # Errors
/// When there is none.
pub(super) fn addresses_for_datagrams(host: &str, port: u16) -> Result<Vec<SocketAddr>, LabError> {
    let mut places = addresses(host, port)?;
    places.sort_by_key(SocketAddr::is_ipv6);
    Ok(places)
}
