//! Which kind of address an answer came from.

use std::net::IpAddr;

/// The kind of an address, from the narrowest to the widest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// `127.0.0.0/8`, `::1`, and the unspecified addresses that the kernel maps to them.
    Loopback,
    /// `169.254.0.0/16`, `fe80::/10`.
    LinkLocal,
    /// An address of one of this machine's interfaces that is not loopback.
    Own,
    /// RFC 1918, `100.64.0.0/10`, `fc00::/7`.
    Private,
    /// Everything else.
    Public,
}

/// The scopes by the number that stands for each on disk: for ever.
const NUMBERED: [Scope; 5] =
    [Scope::Loopback, Scope::LinkLocal, Scope::Own, Scope::Private, Scope::Public];

impl Scope {
    /// The number that stands for it on disk.
    pub fn number(self) -> u8 {
        NUMBERED.iter().zip(0..).find(|(scope, _)| **scope == self).map_or(u8::MAX, |(_, at)| at)
    }

    /// The scope of a number; `None` when there is none.
    pub fn from_number(number: u8) -> Option<Self> {
        NUMBERED.get(usize::from(number)).copied()
    }

    /// Classifies an address; `own` says whether it belongs to this machine. IPv4-mapped IPv6 counts
    /// as the IPv4 address inside.
    pub fn of(address: IpAddr, own: impl FnOnce(IpAddr) -> bool) -> Self {
        let address = address.to_canonical();
        match address {
            _ if address.is_loopback() || address.is_unspecified() => Self::Loopback,
            IpAddr::V4(v4) if v4.octets().first() == Some(&0) => Self::Loopback,
            IpAddr::V4(v4) if v4.is_link_local() => Self::LinkLocal,
            IpAddr::V6(v6) if v6.is_unicast_link_local() => Self::LinkLocal,
            _ if own(address) => Self::Own,
            IpAddr::V4(v4) if v4.is_private() || is_shared(v4) => Self::Private,
            IpAddr::V6(v6) if v6.is_unique_local() => Self::Private,
            _ => Self::Public,
        }
    }
}

/// `100.64.0.0/10` (RFC 6598).
fn is_shared(v4: std::net::Ipv4Addr) -> bool {
    let [a, b, ..] = v4.octets();
    a == 100 && (64..128).contains(&b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_scope_never_changes() {
        use Scope::*;
        let rows = [(Loopback, 0), (LinkLocal, 1), (Own, 2), (Private, 3), (Public, 4)];
        for (scope, number) in rows {
            assert_eq!(scope.number(), number);
            assert_eq!(Scope::from_number(number), Some(scope));
        }
        assert!((5..=u8::MAX).all(|number| Scope::from_number(number).is_none()));
    }
}
