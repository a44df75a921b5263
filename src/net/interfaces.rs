//! This machine's interfaces: which addresses are its own and which prefixes it is attached to.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use ipnet::IpNet;
use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;
use nix::sys::socket::SockaddrStorage;
use parking_lot::{Mutex, RwLock};

use super::Scope;
use super::scope::embedded;

/// How old a snapshot of the interfaces may become before the next question renews it.
const MAX_AGE: Duration = Duration::from_secs(30);

/// What the machine's interfaces are, as last seen.
#[derive(Debug)]
pub struct Interfaces {
    snapshot: RwLock<Snapshot>,
    /// Takes a snapshot anew when one is too old; none for a list that was given.
    source: Option<fn() -> Vec<IpNet>>,
    /// Held while one is taken: one is enough.
    taking: Mutex<()>,
    /// Networks that count as another scope than their addresses say.
    counted: Vec<(IpNet, Scope)>,
}

#[derive(Debug)]
struct Snapshot {
    /// Each address with the prefix of its link, as configured.
    links: Vec<IpNet>,
    taken: Instant,
}

impl Interfaces {
    /// The interfaces of this machine, read now and again at most every 30 s. A failure to read them
    /// counts as none: then only loopback is recognised.
    pub fn system() -> Self {
        Self::new(read_links(), Some(read_links))
    }

    fn new(links: Vec<IpNet>, source: Option<fn() -> Vec<IpNet>>) -> Self {
        let snapshot = RwLock::new(Snapshot { links, taken: Instant::now() });
        Self { snapshot, source, taking: Mutex::new(()), counted: Vec::new() }
    }

    /// A fixed list: each address of the machine with the length of its prefix.
    pub fn fixed(links: impl IntoIterator<Item = IpNet>) -> Self {
        Self::new(links.into_iter().collect(), None)
    }

    /// Counts the addresses of `network` as `scope`, whatever they look like: for a machine on which
    /// they stand for others, and for tests, which have loopback addresses only.
    #[must_use]
    pub fn counting(mut self, network: IpNet, scope: Scope) -> Self {
        self.counted.push((network, scope));
        self
    }

    /// Reads the interfaces again, now.
    pub fn refresh(&self) {
        if let Some(source) = self.source {
            let links = source();
            *self.snapshot.write() = Snapshot { links, taken: Instant::now() };
        }
    }

    /// Reads them again if the snapshot is older than `max_age`. Whoever comes while another does it
    /// makes do with the old one.
    fn renew(&self, max_age: Duration) {
        let too_old = || self.snapshot.read().taken.elapsed() > max_age;
        if self.source.is_some()
            && too_old()
            && let Some(_taking) = self.taking.try_lock()
            && too_old()
        {
            self.refresh();
        }
    }

    /// Whether `address` is configured on one of this machine's interfaces.
    pub fn own(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.with_links(|links| links.iter().any(|link| link.addr() == address))
    }

    /// Whether `address` lies in a prefix that one of the interfaces is directly attached to. Loopback
    /// and host routes (`/32`, `/128`) attach nothing.
    pub fn attached(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.with_links(|links| links.iter().any(|link| attaches(link) && link.contains(&address)))
    }

    /// The scope of an address, seen from this machine.
    pub fn scope(&self, address: IpAddr) -> Scope {
        let canonical = address.to_canonical();
        match self.counted.iter().find(|(network, _)| network.contains(&canonical)) {
            Some((_, scope)) => *scope,
            None => Scope::of(address, |address| self.own(address)),
        }
    }

    /// The scope of what a connection to `address` reaches: that of the IPv4 address inside, where it has
    /// one and says nothing else by itself. Not for clients: what is inside of theirs is their own word.
    pub fn scope_reached(&self, address: IpAddr) -> Scope {
        match (self.scope(address), embedded(address)) {
            (Scope::Public, Some(inner)) => self.scope(inner.into()),
            (scope, _) => scope,
        }
    }

    fn with_links<T>(&self, ask: impl FnOnce(&[IpNet]) -> T) -> T {
        self.renew(MAX_AGE);
        ask(&self.snapshot.read().links)
    }
}

/// Whether a link has neighbours: a prefix of length 0 would make the whole world one.
fn attaches(link: &IpNet) -> bool {
    let length = link.prefix_len();
    length > 0 && length < link.max_prefix_len() && !link.addr().is_loopback()
}

/// The addresses of all interfaces that are up.
fn read_links() -> Vec<IpNet> {
    let Ok(interfaces) = getifaddrs() else { return Vec::new() };
    interfaces
        .filter(|interface| interface.flags.contains(InterfaceFlags::IFF_UP))
        .filter_map(|interface| {
            let address = ip(interface.address.as_ref()?)?;
            let mask = interface.netmask.as_ref().and_then(ip);
            let net = mask.and_then(|mask| IpNet::with_netmask(address, mask).ok());
            Some(net.unwrap_or_else(|| IpNet::from(address)))
        })
        .collect()
}

fn ip(address: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
    v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lan() -> Interfaces {
        let links = ["127.0.0.1/8", "192.168.7.5/24", "203.0.113.9/32", "2001:db8:7::5/64"];
        Interfaces::fixed(links.map(|link| link.parse().unwrap()))
    }

    #[test]
    fn an_address_is_own_attached_and_scoped_by_the_links() {
        let rows = [
            ("127.0.0.1", true, false, Scope::Loopback),
            ("127.0.0.9", false, false, Scope::Loopback),
            ("192.168.7.5", true, true, Scope::Own),
            ("::ffff:192.168.7.5", true, true, Scope::Own),
            ("192.168.7.77", false, true, Scope::Private),
            ("192.168.8.1", false, false, Scope::Private),
            ("203.0.113.9", true, false, Scope::Own),
            ("203.0.113.10", false, false, Scope::Public),
            ("2001:db8:7::99", false, true, Scope::Public),
            ("2001:db8:8::99", false, false, Scope::Public),
            ("fe80::1", false, false, Scope::LinkLocal),
        ];
        let lan = lan();
        for (text, own, attached, scope) in rows {
            let address: IpAddr = text.parse().unwrap();
            assert_eq!(lan.own(address), own, "own {text}");
            assert_eq!(lan.attached(address), attached, "attached {text}");
            assert_eq!(lan.scope(address), scope, "scope {text}");
        }
    }

    #[test]
    fn an_address_inside_another_decides_what_is_reached_and_nothing_about_a_client() {
        let rows = [
            ("64:ff9b::127.0.0.1", Scope::Loopback),
            ("64:ff9b::169.254.169.254", Scope::LinkLocal),
            ("64:ff9b::192.168.7.5", Scope::Own),
            ("64:ff9b::192.168.7.77", Scope::Private),
            ("2002:c0a8:74d::1", Scope::Private),
            ("64:ff9b::198.51.100.1", Scope::Public),
            ("::10.0.0.1", Scope::Private),
        ];
        let lan = lan();
        for (text, reached) in rows {
            let address: IpAddr = text.parse().unwrap();
            assert_eq!(lan.scope_reached(address), reached, "{text}");
            assert_eq!(lan.scope(address), Scope::Public, "{text}");
        }
    }

    #[test]
    fn a_default_prefix_attaches_nothing() {
        let world = Interfaces::fixed(["10.0.0.1/0".parse().unwrap()]);
        assert!(!world.attached("8.8.8.8".parse().unwrap()));
    }

    #[test]
    fn one_thread_renews_what_is_too_old_and_the_others_do_not_wait_for_it() {
        use std::sync::Barrier;
        use std::sync::atomic::{AtomicUsize, Ordering};

        static READS: AtomicUsize = AtomicUsize::new(0);
        static READING: Barrier = Barrier::new(2);
        static READ: Barrier = Barrier::new(2);
        fn slow() -> Vec<IpNet> {
            if READS.fetch_add(1, Ordering::SeqCst) == 0 {
                READING.wait();
                READ.wait();
            }
            vec!["192.0.2.2/24".parse().unwrap()]
        }
        let world = Interfaces::new(vec!["192.0.2.1/24".parse().unwrap()], Some(slow));
        let [old, new]: [IpAddr; 2] = ["192.0.2.1", "192.0.2.2"].map(|text| text.parse().unwrap());
        let meanwhile = std::thread::scope(|threads| {
            threads.spawn(|| world.renew(Duration::ZERO));
            READING.wait();
            world.renew(Duration::ZERO);
            let meanwhile = (world.own(old), world.own(new));
            READ.wait();
            meanwhile
        });
        assert_eq!(meanwhile, (true, false));
        assert!(!world.own(old) && world.own(new));
        assert_eq!(READS.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn this_machine_owns_its_loopback_address() {
        let here = Interfaces::system();
        assert!(here.own("127.0.0.1".parse().unwrap()));
        here.refresh();
        assert!(here.own("127.0.0.1".parse().unwrap()));
        assert!(!here.own("192.0.2.1".parse().unwrap()));
    }
}
