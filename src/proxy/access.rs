//! Who may ask for what: the client's address and the port of the target. The address that is
//! dialled is checked by `upstream`, after resolving.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;

use ipnet::IpNet;

use crate::http::TargetUri;
use crate::http::target::Mode;
use crate::net::{Interfaces, Reach, Scope};

use super::error::ProxyError;

/// The safe defaults, and what the settings change about them.
#[derive(Clone, Debug)]
pub struct Config {
    /// Client networks that are served besides loopback, private and directly attached ones.
    pub clients: Vec<IpNet>,
    /// Ports that `CONNECT` may reach.
    pub tunnel_ports: Vec<RangeInclusive<u16>>,
    /// Ports that plain requests may reach.
    pub ports: Vec<RangeInclusive<u16>>,
    /// Whether private addresses are out of reach for clients that are not on loopback.
    pub deny_private: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            clients: Vec::new(),
            tunnel_ports: vec![443..=443, 80..=80],
            ports: vec![80..=80, 443..=443, 1024..=u16::MAX],
            deny_private: false,
        }
    }
}

/// Whether this client is served at all, and what it may reach through us.
pub(super) fn admit(
    client: IpAddr,
    local: SocketAddr,
    interfaces: &Interfaces,
    config: &super::Config,
) -> Result<Reach, ProxyError> {
    let client = client.to_canonical();
    let scope = interfaces.scope(client);
    let served = match scope {
        Scope::Loopback | Scope::Own | Scope::Private => true,
        // A link-local client is on a directly attached prefix by definition.
        Scope::LinkLocal => true,
        Scope::Public => {
            interfaces.attached(client)
                || config.access.clients.iter().any(|network| network.contains(&client))
        }
    };
    if !served {
        return Err(ProxyError::ClientRefused { client, listener: local });
    }
    Ok(Reach::new(scope, config.access.deny_private))
}

/// Whether the operator chose this target as the origin of a reverse proxy: then where it lives is not
/// the client's choice, and neither is its port.
fn chosen_by_operator(uri: &TargetUri, config: &super::Config) -> bool {
    matches!(&config.mode, Mode::Origin(origin) if uri.same_origin(origin))
}

/// What a client of `reach` may reach for this target.
pub(super) fn reach(uri: &TargetUri, reach: Reach, config: &super::Config) -> Reach {
    if chosen_by_operator(uri, config) { Reach::new(Scope::Loopback, false) } else { reach }
}

/// Whether a tunnel may go to `port`.
pub(super) fn tunnel_port(port: u16, config: &Config) -> Result<(), ProxyError> {
    if config.tunnel_ports.iter().any(|allowed| allowed.contains(&port)) {
        return Ok(());
    }
    Err(ProxyError::PortRefused { port, setting: "tunnel_ports" })
}

/// Whether a plain request may go to the target's port.
pub(super) fn port(uri: &TargetUri, config: &super::Config) -> Result<(), ProxyError> {
    let port = uri.port();
    if chosen_by_operator(uri, config)
        || config.access.ports.iter().any(|allowed| allowed.contains(&port))
    {
        return Ok(());
    }
    Err(ProxyError::PortRefused { port, setting: "ports" })
}
