//! Which kind of address an answer came from.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The kind of an address, from the narrowest to the widest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// `127.0.0.0/8`, `::1`, and the unspecified addresses that the kernel maps to them.
    Loopback,
    /// `169.254.0.0/16`, `fe80::/10`.
    LinkLocal,
    /// An address of one of this machine's interfaces that is not loopback.
    Own,
    /// RFC 1918, `100.64.0.0/10`, `fc00::/7`, `fec0::/10`.
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

    /// The word for addresses of this kind.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Loopback => "loopback",
            Self::LinkLocal => "link-local",
            Self::Own => "this machine's own",
            Self::Private => "private",
            Self::Public => "public",
        }
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
            IpAddr::V6(v6) if v6.is_unique_local() || is_site_local(v6) => Self::Private,
            _ => Self::Public,
        }
    }
}

/// `100.64.0.0/10` (RFC 6598).
fn is_shared(v4: Ipv4Addr) -> bool {
    let [a, b, ..] = v4.octets();
    a == 100 && (64..128).contains(&b)
}

/// `fec0::/10` (RFC 3879): given up, and still private where it is in use.
fn is_site_local(v6: Ipv6Addr) -> bool {
    let [first, ..] = v6.segments();
    first & 0xffc0 == 0xfec0
}

/// The IPv4 address that a packet to `address` is translated or tunnelled to by those who can: mapped and
/// compatible (RFC 4291 §2.5.5), translated (RFC 2765), NAT64 (RFC 6052 §2.1, RFC 8215), 6to4 (RFC 3056).
/// The unspecified address and `::1` are none of these.
pub fn embedded(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(v6) = address else { return None };
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Some(Ipv4Addr::new(a, b, c, d))
    };
    match v6.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x64, 0xff9b, 1, _, _, _, high, low]
        | [0x2002, high, low, ..] => v4(high, low),
        _ => None,
    }
}

/// What a connection to `address` reaches: the IPv4 address inside; of the unspecified addresses, loopback.
pub fn reached(address: IpAddr) -> IpAddr {
    match embedded(address).map_or(address, IpAddr::V4) {
        IpAddr::V4(v4) if v4.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(v6) if v6.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        address => address,
    }
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

    #[test]
    fn an_ipv4_address_is_seen_in_every_ipv6_address_that_leads_to_it() {
        let rows = [
            ("::ffff:127.0.0.1", Some("127.0.0.1")),
            ("::127.0.0.1", Some("127.0.0.1")),
            ("::ffff:0:10.0.0.1", Some("10.0.0.1")),
            ("64:ff9b::169.254.169.254", Some("169.254.169.254")),
            ("64:ff9b:1:2:3:4:10.0.0.1", Some("10.0.0.1")),
            ("2002:7f00:1::5", Some("127.0.0.1")),
            ("::", None),
            ("::1", None),
            ("64:ff9b:2::10.0.0.1", None),
            ("2001:db8::10.0.0.1", None),
            ("fe80::10.0.0.1", None),
            ("127.0.0.1", None),
        ];
        for (address, inner) in rows {
            let inner = inner.map(|inner| inner.parse().unwrap());
            assert_eq!(embedded(address.parse().unwrap()), inner, "{address}");
        }
    }
}
