//! Who may dial what: the rules are asked about the address that is about to be dialled.

use std::net::SocketAddr;

use thiserror::Error;

use crate::net::reach::Barrier;
use crate::net::scope::reached;
use crate::net::{Interfaces, Reach, Scope, Whence};

/// How a host became an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The host is an address.
    Literal,
    /// `localhost` or `*.localhost` (RFC 6761 §6.3), never asked of DNS.
    Localhost,
    /// The hosts file.
    Hosts,
    /// A name server.
    Dns,
}

/// The rule that forbids an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DeniedReason {
    /// It is one of our own listeners.
    #[error("this is the proxy itself")]
    Myself,
    /// A name server says that a name is an address which only this machine or this link can mean.
    #[error("a name server must not point a name at a {} address", .0.as_str())]
    Rebinding(Scope),
    /// The client may not reach it.
    #[error(transparent)]
    Reach(#[from] Barrier),
}

/// Decides whether `address` may be dialled for a client of `reach`; the scope is what the answer
/// will remember.
pub(super) fn judge(
    address: SocketAddr,
    source: Source,
    reach: &Reach,
    interfaces: &Interfaces,
    listeners: &[SocketAddr],
) -> Result<Scope, DeniedReason> {
    let scope = interfaces.scope_reached(address.ip());
    if listeners.iter().any(|listener| is_listener(address, scope, *listener)) {
        return Err(DeniedReason::Myself);
    }
    if source == Source::Dns && matches!(scope, Scope::Loopback | Scope::LinkLocal) {
        return Err(DeniedReason::Rebinding(scope));
    }
    reach.judge(Whence { scope, address: Some(address.ip()) })?;
    Ok(scope)
}

/// Whether dialling `address` reaches `listener`. A wildcard listener answers on every address of the
/// machine, and dialling the unspecified address reaches loopback.
fn is_listener(address: SocketAddr, scope: Scope, listener: SocketAddr) -> bool {
    if address.port() != listener.port() {
        return false;
    }
    let ours = matches!(scope, Scope::Loopback | Scope::Own);
    let (heard, reached) = (listener.ip().to_canonical(), reached(address.ip()));
    heard == reached || heard.is_unspecified() && (ours || reached.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use DeniedReason::{Myself, Rebinding};
    use Scope::{LinkLocal, Loopback, Own, Private, Public};
    use Source::{Dns, Hosts, Literal, Localhost};

    fn interfaces() -> Interfaces {
        Interfaces::fixed(["127.0.0.1/8", "192.168.7.5/24"].map(|link| link.parse().unwrap()))
    }

    #[test]
    fn an_address_is_judged_by_its_scope_its_source_and_the_client() {
        let near = &Reach::new(Loopback, false);
        let far = &Reach::new(Private, false);
        let strict = &Reach::new(Private, true);
        let deny = |scope| Err(DeniedReason::Reach(Barrier::Scope(scope)));
        let rows: &[(&str, Source, &Reach, Result<Scope, DeniedReason>)] = &[
            ("127.0.0.1:80", Literal, near, Ok(Loopback)),
            ("127.0.0.1:80", Literal, far, deny(Loopback)),
            ("127.0.0.1:80", Localhost, near, Ok(Loopback)),
            ("127.0.0.1:80", Localhost, far, deny(Loopback)),
            ("127.0.0.1:80", Hosts, near, Ok(Loopback)),
            ("127.0.0.1:80", Dns, near, Err(Rebinding(Loopback))),
            ("127.0.0.1:80", Dns, far, Err(Rebinding(Loopback))),
            ("0.0.0.0:80", Dns, near, Err(Rebinding(Loopback))),
            ("[::1]:80", Dns, near, Err(Rebinding(Loopback))),
            ("[::ffff:127.0.0.1]:80", Dns, near, Err(Rebinding(Loopback))),
            ("[::ffff:127.0.0.1]:80", Literal, far, deny(Loopback)),
            ("[::127.0.0.1]:80", Dns, near, Err(Rebinding(Loopback))),
            ("[64:ff9b::7f00:1]:80", Dns, near, Err(Rebinding(Loopback))),
            ("[64:ff9b::7f00:1]:80", Literal, far, deny(Loopback)),
            ("[2002:7f00:1::]:80", Dns, near, Err(Rebinding(Loopback))),
            ("[64:ff9b::a9fe:a9fe]:80", Dns, near, Err(Rebinding(LinkLocal))),
            ("[64:ff9b::a00:1]:80", Literal, strict, deny(Private)),
            ("[64:ff9b::cb00:7101]:80", Literal, strict, Ok(Public)),
            ("[fe80::1]:80", Literal, far, deny(LinkLocal)),
            ("[fe80::1]:80", Dns, near, Err(Rebinding(LinkLocal))),
            ("[fd00:ec2::254]:80", Literal, far, Ok(Private)),
            ("[fd00:ec2::254]:80", Literal, strict, deny(Private)),
            ("[fec0::1]:80", Literal, strict, deny(Private)),
            ("[::]:80", Literal, far, deny(Loopback)),
            ("0.0.0.0:80", Literal, far, deny(Loopback)),
            ("169.254.169.254:80", Dns, near, Err(Rebinding(LinkLocal))),
            ("169.254.169.254:80", Literal, far, deny(LinkLocal)),
            ("169.254.169.254:80", Literal, near, Ok(LinkLocal)),
            ("192.168.7.5:80", Dns, near, Ok(Own)),
            ("192.168.7.5:80", Dns, far, deny(Own)),
            ("192.168.7.6:80", Dns, far, Ok(Private)),
            ("192.168.7.6:80", Dns, strict, deny(Private)),
            ("203.0.113.1:80", Dns, strict, Ok(Public)),
        ];
        for (address, source, reach, expected) in rows {
            let judged = judge(address.parse().unwrap(), *source, reach, &interfaces(), &[]);
            assert_eq!(judged, *expected, "{address} by {source:?} for {reach:?}");
        }
    }

    #[test]
    fn nobody_reaches_the_proxy_through_the_proxy() {
        let near = &Reach::new(Loopback, false);
        let rows = [
            ("127.0.0.1:3128", "127.0.0.1:3128", true),
            ("[::ffff:127.0.0.1]:3128", "127.0.0.1:3128", true),
            ("0.0.0.0:3128", "127.0.0.1:3128", true),
            ("[::]:3128", "[::1]:3128", true),
            ("[64:ff9b::7f00:1]:3128", "127.0.0.1:3128", true),
            ("[2002:c0a8:705::1]:3128", "0.0.0.0:3128", true),
            ("127.0.0.1:3129", "127.0.0.1:3128", false),
            ("127.0.0.2:3128", "127.0.0.1:3128", false),
            ("127.0.0.2:3128", "0.0.0.0:3128", true),
            ("192.168.7.5:3128", "0.0.0.0:3128", true),
            ("192.168.7.5:3128", "[::]:3128", true),
            ("192.168.7.6:3128", "[::]:3128", false),
            ("[::1]:3128", "[::]:3128", true),
            ("192.168.7.5:3128", "192.168.7.5:3128", true),
        ];
        for (address, listener, myself) in rows {
            let listeners = [listener.parse().unwrap()];
            let judged = judge(address.parse().unwrap(), Literal, near, &interfaces(), &listeners);
            assert_eq!(judged == Err(Myself), myself, "{address} with a listener at {listener}");
        }
    }
}
