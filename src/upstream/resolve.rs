//! From a host to its addresses: literals, `localhost`, the hosts file, then DNS with its cache.

use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::lookup::Lookup as Records;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::{Hosts, TokioResolver, system_conf};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};

use super::address::Source;
use super::error::{ResolveFailure, SetupError};
use super::late::{Answer, Late, Lookup};
use super::watched::Watched;

/// How long nobody is dialled for a second address family that lags behind the first (RFC 8305 §3).
const FAMILY_LAG: Duration = Duration::from_millis(50);
/// How many look-ups go on only to be remembered; beyond it they are dropped, and asked again.
const UNNEEDED: usize = 64;
/// How many DNS responses are remembered.
const CACHE_SIZE: u64 = 4096;
/// The shortest time that an answer is remembered.
const POSITIVE_MIN: Duration = Duration::from_secs(5);
/// The longest time that an answer is remembered.
const POSITIVE_MAX: Duration = Duration::from_secs(60 * 60);
/// The longest time that "no such host" is remembered, whatever the zone says.
const NEGATIVE_MAX: Duration = Duration::from_secs(60);
/// The system's hosts file.
const HOSTS: &str = "/etc/hosts";
/// The system's list of name servers.
const NAME_SERVERS: &str = "/etc/resolv.conf";

/// The addresses of a host, at least one, and where they come from.
pub(super) struct Resolved {
    pub(super) addresses: Vec<IpAddr>,
    pub(super) source: Source,
    /// The other family, when its answer is still to come.
    pub(super) late: Option<Late>,
}

/// How names are resolved.
pub(super) struct Resolver {
    hosts: Watched<Hosts>,
    servers: Servers,
    wait: Duration,
    /// For look-ups that are only seen through to be remembered.
    unneeded: Arc<Semaphore>,
}

/// Whom to ask.
enum Servers {
    /// The ones that the settings name.
    Given(Arc<TokioResolver>),
    /// The system's; they change when a machine moves to another network.
    System(Watched<TokioResolver>),
}

impl Resolver {
    /// Reads the hosts file and the system's list of name servers, which `servers` replaces.
    pub(super) fn new(
        wait: Duration,
        negative: Duration,
        servers: &[SocketAddr],
        hosts_file: Option<&Path>,
    ) -> Result<Self, SetupError> {
        let hosts = match hosts_file {
            None => Watched::new(Path::new(HOSTS), Hosts::default(), read_hosts),
            Some(path) => {
                let hosts = read_hosts(path).map_err(|why| {
                    let path = path.display().to_string();
                    SetupError::Hosts { path, why }
                })?;
                Watched::new(path, hosts, read_hosts)
            }
        };
        let tune = move |options| tuned(options, wait, negative);
        let servers = if servers.is_empty() {
            // Without a list of name servers the C library asks this machine, so we do too.
            let local = given_servers(&[(Ipv4Addr::LOCALHOST, 53).into()]);
            let fallback = build(local, tune(ResolverOpts::default()))?;
            Servers::System(Watched::new(Path::new(NAME_SERVERS), fallback, move |path| {
                let text = std::fs::read(path)?;
                let (config, options) =
                    system_conf::parse_resolv_conf(text).map_err(io::Error::other)?;
                build(config, tune(options)).map_err(io::Error::other)
            }))
        } else {
            let dns = build(given_servers(servers), tune(ResolverOpts::default()))?;
            Servers::Given(Arc::new(dns))
        };
        let unneeded = Arc::new(Semaphore::new(UNNEEDED));
        Ok(Self { hosts, servers, wait, unneeded })
    }

    /// The addresses of `host` (IPv6 with or without brackets), in the order to try them.
    pub(super) async fn resolve(&self, host: &str) -> Result<Resolved, ResolveFailure> {
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Ok(Resolved { addresses: vec![address], source: Source::Literal, late: None });
        }
        if is_localhost(bare) {
            let addresses = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
            return Ok(Resolved { addresses, source: Source::Localhost, late: None });
        }
        let name = parse_name(bare)?;
        let addresses = in_hosts(&self.hosts.current(), &name);
        if !addresses.is_empty() {
            return Ok(Resolved { addresses, source: Source::Hosts, late: None });
        }
        let (addresses, late) = self.ask(name).await?;
        Ok(Resolved { addresses, source: Source::Dns, late })
    }

    /// Asks for both families at once; the one that lags behind an answer comes later.
    async fn ask(&self, name: Name) -> Result<(Vec<IpAddr>, Option<Late>), ResolveFailure> {
        let dns = match &self.servers {
            Servers::Given(dns) => Arc::clone(dns),
            Servers::System(watched) => watched.current(),
        };
        let deadline = Instant::now() + self.wait;
        let mut six = lookup(Arc::clone(&dns), name.clone(), RecordType::AAAA, deadline);
        let mut four = lookup(dns, name, RecordType::A, deadline);
        let (first, mut second, six_first) = tokio::select! {
            answer = &mut six => (answer, four, true),
            answer = &mut four => (answer, six, false),
        };
        let (first, second) = match first {
            Ok(first) => match timeout(FAMILY_LAG, &mut second).await {
                Ok(answer) => (Ok(first), answer),
                Err(_elapsed) => return Ok((first, Some(Late::new(second, &self.unneeded)))),
            },
            Err(failure) => (Err(failure), second.await),
        };
        let (six, four) = if six_first { (first, second) } else { (second, first) };
        match (six, four) {
            (Ok(six), Ok(four)) => Ok((interleave(six, four), None)),
            (Ok(found), Err(_)) | (Err(_), Ok(found)) => Ok((found, None)),
            (Err(one), Err(other)) => Err(graver(one, other)),
        }
    }
}

/// Asks for one family.
fn lookup(dns: Arc<TokioResolver>, name: Name, family: RecordType, deadline: Instant) -> Lookup {
    Box::pin(async move {
        let answer = timeout_at(deadline, dns.lookup(name, family)).await;
        addresses(answer.unwrap_or(Err(NetError::Timeout)))
    })
}

/// The addresses in an answer; none is an error too.
fn addresses(answer: Result<Records, NetError>) -> Answer {
    let lookup = answer.map_err(|error| failure(&error))?;
    let found: Vec<_> =
        lookup.answers().iter().filter_map(|record| record.data.ip_addr()).collect();
    if found.is_empty() { Err(ResolveFailure::NoAddress) } else { Ok(found) }
}

fn failure(error: &NetError) -> ResolveFailure {
    match error {
        NetError::Timeout => ResolveFailure::Timeout,
        NetError::Dns(DnsError::NoRecordsFound(_)) if error.is_nx_domain() => {
            ResolveFailure::NoSuchHost
        }
        NetError::Dns(DnsError::NoRecordsFound(_)) => ResolveFailure::NoAddress,
        NetError::Dns(DnsError::ResponseCode(code)) => {
            ResolveFailure::Failed(code.to_string().into())
        }
        NetError::Io(error) if error.kind() == io::ErrorKind::TimedOut => ResolveFailure::Timeout,
        NetError::Io(error) => ResolveFailure::Failed(error.kind().to_string().into()),
        other => ResolveFailure::Failed(other.to_string().into()),
    }
}

/// Of two failures the one to report: a failure of the servers may hide an address, absence not.
fn graver(one: ResolveFailure, other: ResolveFailure) -> ResolveFailure {
    match (&one, &other) {
        (ResolveFailure::Failed(_) | ResolveFailure::Timeout, _) => one,
        (_, ResolveFailure::Failed(_) | ResolveFailure::Timeout) => other,
        (ResolveFailure::NoSuchHost, _) => one,
        _ => other,
    }
}

/// One of each family in turn, IPv6 first (RFC 8305 §4).
fn interleave(six: Vec<IpAddr>, four: Vec<IpAddr>) -> Vec<IpAddr> {
    let mut all = Vec::with_capacity(six.len() + four.len());
    let (mut six, mut four) = (six.into_iter(), four.into_iter());
    loop {
        let pair = [six.next(), four.next()];
        if pair.iter().all(Option::is_none) {
            return all;
        }
        all.extend(pair.into_iter().flatten());
    }
}

/// `localhost`, and everything below it, with or without the final dot (RFC 6761 §6.3).
fn is_localhost(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let last = host.rsplit('.').next().unwrap_or(host);
    last.eq_ignore_ascii_case("localhost")
}

/// Names are taken as they are: underscores occur in names of containers.
fn parse_name(host: &str) -> Result<Name, ResolveFailure> {
    let mut name = if host.is_ascii() { Name::from_ascii(host) } else { Name::from_utf8(host) }
        .or(Err(ResolveFailure::Invalid))?;
    if name.num_labels() == 0 {
        return Err(ResolveFailure::Invalid);
    }
    name.set_fqdn(host.ends_with('.'));
    Ok(name)
}

fn given_servers(servers: &[SocketAddr]) -> ResolverConfig {
    let servers = servers.iter().map(|server| {
        let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
        let connections = connections.map(|mut connection| {
            connection.port = server.port();
            connection
        });
        NameServerConfig::new(server.ip(), true, connections.into())
    });
    ResolverConfig::from_name_servers(servers.collect())
}

/// Our limits instead of the library's.
fn tuned(mut options: ResolverOpts, wait: Duration, negative: Duration) -> ResolverOpts {
    options.use_hosts_file = ResolveHosts::Never;
    // Two tries fit into the wait, so that one lost datagram is not an error.
    options.timeout = wait / 2;
    options.attempts = 2;
    options.cache_size = CACHE_SIZE;
    options.positive_min_ttl = Some(POSITIVE_MIN);
    options.positive_max_ttl = Some(POSITIVE_MAX);
    options.negative_min_ttl = Some(negative);
    options.negative_max_ttl = Some(negative.max(NEGATIVE_MAX));
    options.try_tcp_on_error = true;
    options.max_active_requests = 1024;
    options
}

fn build(config: ResolverConfig, options: ResolverOpts) -> Result<TokioResolver, SetupError> {
    TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        .with_options(options)
        .build()
        .map_err(|error| SetupError::Resolver(error.to_string()))
}

/// Entries of the hosts file for a name.
fn in_hosts(hosts: &Hosts, name: &Name) -> Vec<IpAddr> {
    let of = |kind| {
        let lookup = hosts.lookup_static_host(&Query::query(name.to_lowercase(), kind));
        lookup.map(|found| addresses(Ok(found)).unwrap_or_default()).unwrap_or_default()
    };
    // IPv4 first: a hosts file is written by hand, mostly for a server on one family.
    interleave(of(RecordType::A), of(RecordType::AAAA))
}

fn read_hosts(path: &Path) -> io::Result<Hosts> {
    let mut hosts = Hosts::default();
    hosts.read_hosts_conf(File::open(path)?)?;
    Ok(hosts)
}
