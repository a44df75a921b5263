//! Who may ask for what: the rules of `http_access`, else the safe defaults about the client's address and
//! the port of the target. The address that is dialled is checked by `upstream`, after resolving.

mod rules;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::Arc;

use hyper::Method;
use ipnet::IpNet;

use crate::http::Target;
use crate::http::target::Mode;
use crate::net::reach::{Barrier, Destinations};
use crate::net::{Interfaces, Reach, Scope, Whence};

use super::ask::Ask;
use super::error::ProxyError;
use super::users::Users;
use rules::{Subject, Verdict};

pub use rules::{Action, Domain, Rule, Rules};

/// The safe defaults, and what the settings change about them.
#[derive(Clone, Debug)]
pub struct Config {
    /// The rules that come before the defaults.
    pub rules: Rules,
    /// Client networks that are served besides loopback, private and directly attached ones.
    pub clients: Vec<IpNet>,
    /// Ports that `CONNECT` may reach.
    pub tunnel_ports: Vec<RangeInclusive<u16>>,
    /// Ports that plain requests may reach.
    pub ports: Vec<RangeInclusive<u16>>,
    /// Whether private addresses are out of reach for clients that are not on loopback.
    pub deny_private: bool,
    /// Who has to say a password; nobody does where there are none.
    pub users: Option<Arc<Users>>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            rules: Rules::default(),
            clients: Vec::new(),
            tunnel_ports: vec![443..=443, 80..=80],
            ports: vec![80..=80, 443..=443, 1024..=u16::MAX],
            deny_private: false,
            users: None,
        }
    }
}

/// Who asks, where.
#[derive(Clone, Copy, Debug)]
pub(super) struct Visitor {
    /// The client.
    pub(super) client: IpAddr,
    /// Where it connected to.
    pub(super) listener: SocketAddr,
}

/// Whether this request is served at all, and what it may reach.
pub(super) fn admit(
    visitor: Visitor,
    method: &Method,
    target: &Target,
    interfaces: &Interfaces,
    (mode, access): (&Mode, &Config),
) -> Result<Reach, ProxyError> {
    let visitor = Visitor { client: visitor.client.to_canonical(), ..visitor };
    let scope = interfaces.scope(visitor.client);
    let chosen = is_operators(target, mode);
    let defaults = || {
        client(visitor, scope, interfaces, access)?;
        if chosen { Ok(()) } else { port(target, access) }
    };
    let reach = Reach::new(scope, access.deny_private);
    let reach = if chosen { reach.of_operator() } else { reach };
    if access.rules.is_empty() {
        return defaults().map(|()| reach);
    }
    let place = match target {
        Target::Resource(uri) => Some((uri.host(), uri.port())),
        Target::Tunnel(to) => Some((&*to.host, to.port)),
        Target::Server(_) => None,
    };
    let decision = access.rules.decide(&Subject { client: visitor.client, method, place });
    let ruling = |verdict| match verdict {
        Verdict::Allow(_) => Ok(()),
        Verdict::Deny(rule) => Err(ProxyError::RuleRefused { rule }),
        Verdict::Default => defaults(),
    };
    let otherwise = ruling(decision.otherwise);
    let allows = |(_, verdict): &(_, Verdict)| matches!(verdict, Verdict::Allow(_));
    if !decision.by_address.iter().any(allows) {
        // No address could change that.
        otherwise.clone()?;
    }
    if decision.by_address.is_empty() {
        return Ok(reach.within(access.rules.open().cloned()));
    }
    let barrier = |error| match error {
        ProxyError::RuleRefused { rule } => Barrier::Rule(rule),
        _ => Barrier::Unlisted,
    };
    let by_address = decision.by_address.into_iter();
    let rules = by_address
        .map(|(networks, verdict)| (networks, ruling(verdict).map_err(barrier)))
        .collect();
    let destinations = Destinations { rules, otherwise: otherwise.map_err(barrier) };
    Ok(reach.within(Some(Arc::new(destinations))))
}

/// Whether a client is served where no rule is about it.
fn client(
    visitor: Visitor,
    scope: Scope,
    interfaces: &Interfaces,
    config: &Config,
) -> Result<(), ProxyError> {
    let Visitor { client, listener } = visitor;
    let served = match scope {
        Scope::Loopback | Scope::Own | Scope::Private => true,
        // A link-local client is on a directly attached prefix by definition.
        Scope::LinkLocal => true,
        Scope::Public => {
            interfaces.attached(client)
                || config.clients.iter().any(|network| network.contains(&client))
        }
    };
    if served { Ok(()) } else { Err(ProxyError::ClientRefused { client, listener }) }
}

/// Whether the port of the target may be reached where no rule is about it.
fn port(target: &Target, config: &Config) -> Result<(), ProxyError> {
    let (port, allowed, setting) = match target {
        Target::Server(_) => return Ok(()),
        Target::Resource(uri) => (uri.port(), &config.ports, "ports"),
        Target::Tunnel(to) => (to.port, &config.tunnel_ports, "tunnel_ports"),
    };
    if allowed.iter().any(|ports| ports.contains(&port)) {
        return Ok(());
    }
    Err(ProxyError::PortRefused { port, setting })
}

/// Whether the operator chose this target as the origin of a reverse proxy: then where it lives is not
/// the client's choice, and neither is its port.
fn is_operators(target: &Target, mode: &Mode) -> bool {
    match (target, mode) {
        (Target::Resource(uri), Mode::Origin(origin)) => uri.same_origin(origin),
        _ => false,
    }
}

/// Whether a request for this has to say whose it is: not for the proxy's own pages, and not for the
/// origin of a reverse proxy, whose visitors do not know of a proxy (RFC 9110 §11.7).
pub(super) fn asks_for_user(target: &Target, mode: &Mode) -> bool {
    !matches!(target, Target::Server(_)) && !is_operators(target, mode)
}

/// Whether a client may be given what is stored, or under way, and came from there.
pub(super) fn given(ask: &Ask, whence: Whence) -> Result<(), ProxyError> {
    let refused = |why| ProxyError::ScopeRefused { host: ask.uri().host().to_owned(), why };
    ask.reach.judge(whence).map_err(refused)
}
