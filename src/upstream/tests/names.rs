//! Names: the hosts file and DNS.

use std::collections::HashMap;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use parking_lot::Mutex;
use tempfile::NamedTempFile;
use tokio::net::UdpSocket;
use tokio::sync::Semaphore;

use super::support::*;
use crate::http::{Scheme, TargetUri};
use crate::net::{Interfaces, Reach, Scope};
use crate::upstream::address::Source;
use crate::upstream::resolve::Resolver;
use crate::upstream::{Config, DeniedReason, ResolveFailure, Upstream, UpstreamError};

/// Who asks.
static WE: Reach = NEAR;

/// A name server on UDP.
struct Dns {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<(String, RecordType)>>>,
}

/// What it says about a name.
#[derive(Clone)]
enum Zone {
    Has(Vec<IpAddr>),
    Refuses,
    /// Answers for IPv4 only, and never for IPv6.
    HalfSilent(Ipv4Addr),
    /// Has one address of each family, and keeps the second back until it is told.
    Late([IpAddr; 2], Arc<Semaphore>),
    Silent,
}

impl Dns {
    async fn start(zones: &[(&str, Zone)]) -> Self {
        let zones: HashMap<String, Zone> =
            zones.iter().map(|(name, zone)| ((*name).to_owned(), zone.clone())).collect();
        let socket = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap());
        let address = socket.local_addr().unwrap();
        let asked = Arc::<Mutex<Vec<_>>>::default();
        let log = Arc::clone(&asked);
        tokio::spawn(async move {
            let mut packet = [0; 4096];
            while let Ok((length, peer)) = socket.recv_from(&mut packet).await {
                let query = Message::from_vec(&packet[..length]).unwrap();
                let question = query.queries[0].clone();
                let name = question.name().to_string().to_lowercase();
                log.lock().push((name.clone(), question.query_type()));
                if let Some(Zone::Late([_, late], told)) = zones.get(&name)
                    && late.is_ipv4() == (question.query_type() == RecordType::A)
                {
                    let (answer, told) = (answer(&query, zones.get(&name)).unwrap(), told.clone());
                    let socket = Arc::clone(&socket);
                    tokio::spawn(async move {
                        told.acquire().await.unwrap().forget();
                        socket.send_to(&answer.to_vec().unwrap(), peer).await.unwrap();
                    });
                } else if let Some(answer) = answer(&query, zones.get(&name)) {
                    socket.send_to(&answer.to_vec().unwrap(), peer).await.unwrap();
                }
            }
        });
        Self { address, asked }
    }

    fn asked(&self, name: &str) -> usize {
        self.asked.lock().iter().filter(|(asked, _)| asked == name).count()
    }
}

fn answer(query: &Message, zone: Option<&Zone>) -> Option<Message> {
    let question = query.queries[0].clone();
    let kind = question.query_type();
    let name: Name = question.name().clone();
    let mut answer = Message::response(query.metadata.id, query.metadata.op_code);
    answer.add_query(question);
    let addresses = match zone {
        None => {
            answer.metadata.response_code = ResponseCode::NXDomain;
            Vec::new()
        }
        Some(Zone::Refuses) => {
            answer.metadata.response_code = ResponseCode::ServFail;
            Vec::new()
        }
        Some(Zone::Has(addresses)) => addresses.clone(),
        Some(Zone::Late(addresses, _)) => addresses.to_vec(),
        Some(Zone::HalfSilent(four)) if kind == RecordType::A => vec![IpAddr::V4(*four)],
        Some(Zone::HalfSilent(_) | Zone::Silent) => return None,
    };
    for address in addresses {
        if address.is_ipv4() == (kind == RecordType::A) {
            answer.add_answer(Record::from_rdata(name.clone(), 60, RData::from(address)));
        }
    }
    Some(answer)
}

fn resolver(dns: &Dns, hosts: &str) -> Resolver {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(hosts.as_bytes()).unwrap();
    let wait = Duration::from_secs(1);
    Resolver::new(wait, Duration::from_secs(10), &[dns.address], Some(file.path())).unwrap()
}

fn addresses(list: &[&str]) -> Vec<IpAddr> {
    list.iter().map(|address| address.parse().unwrap()).collect()
}

#[tokio::test]
async fn an_answer_says_where_it_comes_from() {
    let both = ["2001:db8::1", "192.0.2.1", "192.0.2.2"];
    let dns = Dns::start(&[
        ("both.example.", Zone::Has(addresses(&both))),
        ("my_service.example.", Zone::Has(addresses(&["192.0.2.3"]))),
        ("hosts.example.", Zone::Has(addresses(&["192.0.2.4"]))),
    ])
    .await;
    let resolver = resolver(&dns, "127.0.0.1 hosts.example Other.Example\n::1 hosts.example\n");
    let rows: &[(&str, &[&str], Source)] = &[
        ("192.0.2.9", &["192.0.2.9"], Source::Literal),
        ("[2001:db8::9]", &["2001:db8::9"], Source::Literal),
        ("localhost", &["127.0.0.1", "::1"], Source::Localhost),
        ("a.b.LocalHost.", &["127.0.0.1", "::1"], Source::Localhost),
        ("hosts.example", &["127.0.0.1", "::1"], Source::Hosts),
        ("other.example", &["127.0.0.1"], Source::Hosts),
        ("both.example", &both, Source::Dns),
        ("BOTH.example.", &both, Source::Dns),
        ("my_service.example", &["192.0.2.3"], Source::Dns),
    ];
    for (host, expected, source) in rows {
        let resolved = soon(resolver.resolve(host)).await.unwrap();
        let found = (resolved.addresses, resolved.source);
        assert_eq!(found, (addresses(expected), *source), "{host}");
    }
    assert_eq!(dns.asked("hosts.example."), 0);
}

#[tokio::test]
async fn answers_and_absences_are_remembered() {
    let dns = Dns::start(&[("here.example.", Zone::Has(addresses(&["192.0.2.1"])))]).await;
    let resolver = resolver(&dns, "");
    for _ in 0..3 {
        soon(resolver.resolve("here.example")).await.unwrap();
        let failure = soon(resolver.resolve("absent.example")).await.err().unwrap();
        assert_eq!(failure, ResolveFailure::NoSuchHost);
    }
    // Once for each family.
    assert_eq!((dns.asked("here.example."), dns.asked("absent.example.")), (2, 2));
}

type Expected = fn(&ResolveFailure) -> bool;

#[tokio::test]
async fn every_failure_has_its_reason() {
    let dns = Dns::start(&[
        ("empty.example.", Zone::Has(Vec::new())),
        ("refuses.example.", Zone::Refuses),
        ("silent.example.", Zone::Silent),
    ])
    .await;
    let resolver = resolver(&dns, "");
    let rows: &[(&str, Expected)] = &[
        ("absent.example", |why| *why == ResolveFailure::NoSuchHost),
        ("empty.example", |why| *why == ResolveFailure::NoAddress),
        ("refuses.example", |why| matches!(why, ResolveFailure::Failed(_))),
        ("silent.example", |why| *why == ResolveFailure::Timeout),
        ("a..b", |why| *why == ResolveFailure::Invalid),
        ("", |why| *why == ResolveFailure::Invalid),
    ];
    for (host, expected) in rows {
        let failure = soon(resolver.resolve(host)).await.err().unwrap();
        assert!(expected(&failure), "{host}: {failure:?}");
    }
}

#[tokio::test]
async fn a_family_that_never_answers_does_not_hide_the_other() {
    let zone = Zone::HalfSilent(Ipv4Addr::new(192, 0, 2, 7));
    let dns = Dns::start(&[("half.example.", zone)]).await;
    let resolved = soon(resolver(&dns, "").resolve("half.example")).await.unwrap();
    assert_eq!(resolved.addresses, addresses(&["192.0.2.7"]));
}

/// An upstream for which `late.example` has these addresses, the second kept back until it is told.
/// All but 127.0.0.1 and fe80:: are public to it.
async fn late(early: &str, late: &str) -> (Upstream, Dns, Arc<Semaphore>) {
    let told = Arc::new(Semaphore::new(0));
    let zone = Zone::Late([early.parse().unwrap(), late.parse().unwrap()], Arc::clone(&told));
    let dns = Dns::start(&[("late.example.", zone)]).await;
    let public = |interfaces: Interfaces, network: &str| {
        interfaces.counting(network.parse().unwrap(), Scope::Public)
    };
    let interfaces = Interfaces::fixed(["127.0.0.1/8".parse().unwrap()]);
    let interfaces = public(public(interfaces, "127.0.0.2/32"), "::1/128");
    let config = Config {
        dns_servers: vec![dns.address],
        hosts_file: Some("/dev/null".into()),
        // Nothing is asked twice.
        dns_wait: 4 * DEADLINE,
        ..config()
    };
    (Upstream::new(&config, Arc::new(interfaces)).unwrap(), dns, told)
}

type Outcome = fn(&Result<SocketAddr, UpstreamError>) -> bool;

#[tokio::test]
async fn a_family_that_is_answered_late_is_still_tried() {
    // Nobody listens on the same port of another address.
    let origin = Origin::start_on("127.0.0.2").await;
    let near = Origin::start_on("127.0.0.1").await;
    let refused: Outcome = |got| matches!(got, Err(UpstreamError::Connect { .. }));
    let denied: Outcome =
        |got| matches!(got, Err(UpstreamError::Denied { why: DeniedReason::Rebinding(_), .. }));
    let rows: &[(&str, &str, &Origin, Outcome)] = &[
        ("::1", "127.0.0.2", &origin, Result::is_ok),
        // Not what a name server may name, so there is nothing else to try.
        ("fe80::1", "127.0.0.2", &origin, Result::is_ok),
        // What comes late is judged too.
        ("::1", "127.0.0.1", &near, refused),
        ("fe80::1", "127.0.0.1", &near, denied),
    ];
    for (early, second, origin, expected) in rows {
        let (upstream, _dns, told) = late(early, second).await;
        let mut dial = pin!(upstream.dial("late.example", origin.address.port(), &WE));
        let glance = tokio::time::timeout(GLANCE, dial.as_mut()).await;
        assert!(glance.is_err(), "{early} {second}: {glance:?}");
        told.add_permits(1);
        let dialled = soon(dial).await.map(|(_, _, peer)| peer);
        assert!(expected(&dialled), "{early} {second}: {dialled:?}");
    }
    assert_eq!((origin.connections(), near.connections()), (2, 0));
}

#[tokio::test]
async fn a_late_address_of_our_own_ends_the_race() {
    let origin = Origin::start_on("127.0.0.2").await;
    let (upstream, _dns, told) = late("::1", "127.0.0.2").await;
    upstream.own_listeners(vec![origin.address]);
    let mut dial = pin!(upstream.dial("late.example", origin.address.port(), &WE));
    assert!(tokio::time::timeout(GLANCE, dial.as_mut()).await.is_err());
    told.add_permits(1);
    let dialled = soon(dial).await;
    let Err(UpstreamError::Denied { why, .. }) = dialled else { panic!("{dialled:?}") };
    assert_eq!((why, origin.connections()), (DeniedReason::Myself, 0));
}

#[tokio::test]
async fn an_answer_that_comes_after_the_race_is_remembered() {
    let origin = Origin::start_on("127.0.0.2").await;
    let (upstream, dns, told) = late("127.0.0.2", "::1").await;
    let dial = || soon(upstream.dial("late.example", origin.address.port(), &WE));
    dial().await.unwrap();
    dial().await.unwrap();
    told.add_permits(1);
    dial().await.unwrap();
    assert_eq!(dns.asked("late.example."), 2, "once for each family");
}

fn with_dns(dns: &Dns, hosts: &NamedTempFile) -> Config {
    Config {
        dns_servers: vec![dns.address],
        hosts_file: Some(hosts.path().into()),
        dns_wait: Duration::from_secs(2),
        ..config()
    }
}

#[tokio::test]
async fn a_name_server_cannot_point_a_name_at_this_machine_and_the_hosts_file_can() {
    let origin = Origin::start(Peer::answer_all).await;
    let zone = Zone::Has(addresses(&["127.0.0.1", "169.254.1.1", "::1"]));
    let dns = Dns::start(&[("rebind.example.", zone)]).await;
    let mut hosts = NamedTempFile::new().unwrap();
    hosts.write_all(b"127.0.0.1 dev.example\n").unwrap();
    let upstream = upstream(&with_dns(&dns, &hosts));
    let port = origin.address.port();
    let at = |host| TargetUri::new(Scheme::Http, host, port, "/");
    let error = get(&at("rebind.example")).send(&upstream).await.unwrap_err();
    let UpstreamError::Denied { why: DeniedReason::Rebinding(_), .. } = error else {
        panic!("{error}");
    };
    assert_eq!(origin.connections(), 0);
    let reply = get(&at("dev.example")).send(&upstream).await.unwrap();
    assert_eq!(reply.peer, origin.address);
    let error = get(&at("absent.example")).send(&upstream).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot resolve absent.example: there is no host of this name");
}
