//! What a client may reach through us: by the kind of an address, and by rules about addresses.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use thiserror::Error;

use super::Scope;
use super::scope::reached;

/// Where something came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Whence {
    /// The kind of address.
    pub scope: Scope,
    /// The address itself; not remembered where no rule asks for it.
    pub address: Option<IpAddr>,
}

impl From<Scope> for Whence {
    fn from(scope: Scope) -> Self {
        Self { scope, address: None }
    }
}

/// What keeps a client from an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Barrier {
    /// It may not reach addresses of this kind.
    #[error("this client may not reach {} addresses through the proxy", .0.as_str())]
    Scope(Scope),
    /// The rule of `http_access` with this number, from 1.
    #[error("rule {0} of http_access forbids it")]
    Rule(u16),
    /// No rule is about it, and what holds without one forbids the client or the port.
    #[error("no rule of http_access allows it for this client and this port")]
    Unlisted,
}

/// What the rules that are about addresses say to one request: the first whose networks have the address
/// decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destinations {
    /// Networks, and what holds for what is in one of them.
    pub rules: Vec<(Arc<[IpNet]>, Result<(), Barrier>)>,
    /// What holds for all other addresses.
    pub otherwise: Result<(), Barrier>,
}

impl Destinations {
    /// What holds for `address`, and for what a connection to it reaches.
    fn judge(&self, address: IpAddr) -> Result<(), Barrier> {
        let (address, reached) = (address.to_canonical(), reached(address));
        let has = |network: &IpNet| network.contains(&address) || network.contains(&reached);
        let rule = self.rules.iter().find(|(networks, _)| networks.iter().any(has));
        rule.map_or(self.otherwise, |(_, ruling)| *ruling)
    }
}

/// What a client may reach through us. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    client: Scope,
    deny_private: bool,
    /// None where no rule is about addresses.
    destinations: Option<Arc<Destinations>>,
}

impl Reach {
    /// The reach of a client whose own address has the scope `client`.
    pub const fn new(client: Scope, deny_private: bool) -> Self {
        Self { client, deny_private, destinations: None }
    }

    /// The same, as far as these rules allow it.
    #[must_use]
    pub fn within(self, destinations: Option<Arc<Destinations>>) -> Self {
        Self { destinations, ..self }
    }

    /// The same rules about addresses, and all kinds of them.
    #[must_use]
    pub fn of_operator(self) -> Self {
        Self { destinations: self.destinations, ..Self::new(Scope::Loopback, false) }
    }

    /// Whether this client may be given what comes from there.
    ///
    /// # Errors
    /// What keeps it from it.
    pub fn judge(&self, whence: Whence) -> Result<(), Barrier> {
        let allowed = match whence.scope {
            Scope::Public => true,
            Scope::Private => !self.deny_private,
            Scope::Loopback | Scope::LinkLocal | Scope::Own => self.client == Scope::Loopback,
        };
        if !allowed {
            return Err(Barrier::Scope(whence.scope));
        }
        match (&self.destinations, whence.address) {
            (None, _) => Ok(()),
            (Some(destinations), Some(address)) => destinations.judge(address),
            (Some(destinations), None) if destinations.rules.is_empty() => destinations.otherwise,
            // Nobody remembers the address that they ask for.
            (Some(_), None) => Err(Barrier::Unlisted),
        }
    }

    /// Whether this client may be given what comes from there.
    pub fn allows(&self, whence: Whence) -> bool {
        self.judge(whence).is_ok()
    }

    /// Whether rules decide by the address, and nobody remembers which one it was.
    pub fn is_unsure(&self, whence: Whence) -> bool {
        let decisive = |destinations: &Arc<Destinations>| !destinations.rules.is_empty();
        whence.address.is_none() && self.destinations.as_ref().is_some_and(decisive)
    }

    /// What is to be remembered of an address of `scope`.
    pub fn note(&self, scope: Scope, address: IpAddr) -> Whence {
        Whence { scope, address: self.destinations.as_ref().map(|_| address.to_canonical()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whence(scope: Scope, address: &str) -> Whence {
        Whence { scope, address: Some(address.parse().unwrap()) }
    }

    #[test]
    fn the_first_rule_with_the_address_decides_and_never_lifts_what_holds_for_its_kind() {
        let networks = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        let destinations = Destinations {
            rules: vec![
                (networks(&["192.0.2.0/28"]), Ok(())),
                (networks(&["192.0.2.0/24", "2001:db8::/32"]), Err(Barrier::Rule(2))),
                (networks(&["127.0.0.0/8"]), Ok(())),
            ],
            otherwise: Err(Barrier::Unlisted),
        };
        let destinations = Arc::new(destinations);
        let far = Reach::new(Scope::Private, false).within(Some(Arc::clone(&destinations)));
        let rows = [
            (Scope::Public, "192.0.2.1", Ok(())),
            (Scope::Public, "192.0.2.16", Err(Barrier::Rule(2))),
            (Scope::Public, "::ffff:192.0.2.16", Err(Barrier::Rule(2))),
            (Scope::Public, "64:ff9b::192.0.2.16", Err(Barrier::Rule(2))),
            (Scope::Public, "2001:db8::1", Err(Barrier::Rule(2))),
            (Scope::Public, "198.51.100.1", Err(Barrier::Unlisted)),
            (Scope::Loopback, "127.0.0.1", Err(Barrier::Scope(Scope::Loopback))),
        ];
        let near = Reach::new(Scope::Loopback, false).within(Some(Arc::clone(&destinations)));
        assert_eq!(near.judge(whence(Scope::Loopback, "0.0.0.0")), Ok(()), "it is 127.0.0.1");
        assert_eq!(near.judge(whence(Scope::Loopback, "::")), Err(Barrier::Unlisted));

        for (scope, address, expected) in rows {
            let whence = whence(scope, address);
            assert_eq!(far.judge(whence), expected, "{address}");
            assert_eq!(far.allows(whence), expected.is_ok(), "{address}");
            assert!(far.note(scope, address.parse().unwrap()).address.is_some());
        }
        assert_eq!(far.clone().of_operator().judge(whence(Scope::Loopback, "127.0.0.1")), Ok(()));
    }

    #[test]
    fn what_came_from_who_knows_where_is_given_to_nobody_whose_rules_ask_for_the_address() {
        let open = Destinations { rules: Vec::new(), otherwise: Ok(()) };
        let picky = Destinations { rules: vec![(Arc::new([]), Ok(()))], otherwise: Ok(()) };
        let rows = [(None, true), (Some(open), true), (Some(picky), false)];
        for (destinations, allowed) in rows {
            let text = format!("{destinations:?}");
            let reach = Reach::new(Scope::Private, false).within(destinations.map(Arc::new));
            assert_eq!(reach.allows(Scope::Public.into()), allowed, "{text}");
            assert_eq!(reach.is_unsure(Scope::Public.into()), !allowed, "{text}");
        }
        let plain = Reach::new(Scope::Private, false);
        let address = "192.0.2.1".parse().unwrap();
        assert_eq!(plain.note(Scope::Public, address), Scope::Public.into(), "nobody asks");
    }
}
