//! A DNS server over UDP that answers from a table, late, or not at all.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::net::UdpSocket;
use tokio::sync::watch;

use super::gate::{Gate, within};
use super::tasks::Tasks;

/// Bytes before the question.
const HEADER: usize = 12;
/// Stands for the name in the question.
const SAME_NAME: [u8; 2] = [0xC0, 12];
const NO_ERROR: u8 = 0;
const SERVER_FAILURE: u8 = 2;
const NAME_ERROR: u8 = 3;

/// A question that was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The name in lower case, without the last dot.
    pub name: String,
    /// The record type.
    pub kind: Kind,
}

/// The record types that the server knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// Any other type: there are no records of it.
    Other(u16),
}

/// How the questions about a name are answered.
#[derive(Clone, Debug)]
pub enum Answer {
    /// With those of the addresses that are of the type asked for, valid for so many seconds.
    Addresses(Vec<IpAddr>, u32),
    /// With the same, but not before the gate opens.
    After(Gate, Vec<IpAddr>),
    /// With another name, and that name's addresses.
    Alias(String),
    /// `SERVFAIL`.
    Failure,
    /// Not at all.
    Silence,
}

/// The server. A name that it was not told about does not exist (`NXDOMAIN`).
pub struct Dns {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    tasks: Tasks,
    table: Mutex<HashMap<String, Answer>>,
    queries: watch::Sender<Vec<Query>>,
}

impl Dns {
    /// A server on a port of its own that knows no name.
    pub async fn start() -> Self {
        let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").await.expect("a port is free"));
        let address = socket.local_addr().expect("a bound socket has an address");
        let tasks = Tasks::new("DNS server");
        let (table, queries) = (Mutex::default(), watch::Sender::default());
        let shared = Arc::new(Shared { tasks, table, queries });
        shared.tasks.spawn(serve(socket, Arc::downgrade(&shared)));
        Self { address, shared }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on `name` has these addresses.
    pub fn answer(&self, name: &str, addresses: &[&str]) {
        let addresses = addresses.iter().map(|text| text.parse().expect("an address")).collect();
        self.set(name, Answer::Addresses(addresses, 60));
    }

    /// From now on questions about `name` are answered so.
    pub fn set(&self, name: &str, answer: Answer) {
        self.shared.table.lock().unwrap().insert(name.to_ascii_lowercase(), answer);
    }

    /// The questions so far, in the order in which they came.
    pub fn queries(&self) -> Vec<Query> {
        self.shared.queries.borrow().clone()
    }

    /// Waits until there was a question about `name`.
    #[track_caller]
    pub fn wait_for_query(&self, name: &str) -> impl Future<Output = ()> + use<> {
        let (mut queries, name) = (self.shared.queries.subscribe(), name.to_owned());
        within(format!("a question about {name}"), async move {
            let asked = |queries: &Vec<Query>| queries.iter().any(|query| query.name == name);
            queries.wait_for(asked).await.expect("the server is there");
        })
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.shared.tasks.finish();
    }
}

async fn serve(socket: Arc<UdpSocket>, shared: std::sync::Weak<Shared>) {
    let mut buffer = [0; 4096];
    while let Ok((length, client)) = socket.recv_from(&mut buffer).await {
        let Some(shared) = shared.upgrade() else { return };
        let Some((query, question)) = parse(&buffer[..length]) else {
            shared.tasks.complain("was sent something that is no query");
            continue;
        };
        shared.queries.send_modify(|queries| queries.push(query.clone()));
        let socket = socket.clone();
        let tasks = shared.tasks.clone();
        tasks.spawn(async move {
            if let Some(response) = respond(&shared, &query, &question).await {
                // A client that has gone does not want its answer any more.
                socket.send_to(&response, client).await.ok();
            }
        });
    }
}

/// The question, and the bytes of header and question that the response repeats.
fn parse(packet: &[u8]) -> Option<(Query, Vec<u8>)> {
    let mut labels = Vec::new();
    let mut at = HEADER;
    loop {
        let length = usize::from(*packet.get(at)?);
        let label = packet.get(at + 1..at + 1 + length)?;
        at += 1 + length;
        if length == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
    }
    let kind = match u16::from_be_bytes([*packet.get(at)?, *packet.get(at + 1)?]) {
        1 => Kind::A,
        28 => Kind::Aaaa,
        other => Kind::Other(other),
    };
    Some((Query { name: labels.join("."), kind }, packet.get(..at + 4)?.to_vec()))
}

async fn respond(shared: &Shared, query: &Query, question: &[u8]) -> Option<Vec<u8>> {
    let look = |name: &str| shared.table.lock().unwrap().get(name).cloned();
    let (mut answer, mut alias) = (look(&query.name), None);
    if let Some(Answer::Alias(name)) = answer {
        answer = look(&name);
        alias = Some(name);
    }
    let (code, addresses, ttl) = match answer {
        None | Some(Answer::Alias(_)) => (NAME_ERROR, Vec::new(), 0),
        Some(Answer::Failure) => (SERVER_FAILURE, Vec::new(), 0),
        Some(Answer::Silence) => return None,
        Some(Answer::Addresses(addresses, ttl)) => (NO_ERROR, addresses, ttl),
        Some(Answer::After(gate, addresses)) => {
            gate.wait().await;
            (NO_ERROR, addresses, 60)
        }
    };
    let records: Vec<Vec<u8>> = addresses
        .iter()
        .filter_map(|address| match (query.kind, address) {
            (Kind::A, IpAddr::V4(address)) => Some(address.octets().to_vec()),
            (Kind::Aaaa, IpAddr::V6(address)) => Some(address.octets().to_vec()),
            _ => None,
        })
        .collect();
    let count = u16::try_from(records.len() + usize::from(alias.is_some())).unwrap();

    let mut response = question.to_vec();
    response[2..4].copy_from_slice(&[0x85, 0x80 | code]); // response, authoritative, recursion
    response[4..HEADER].copy_from_slice(&[0, 1, 0, 0, 0, 0, 0, 0]);
    response[6..8].copy_from_slice(&count.to_be_bytes());
    let mut owner = SAME_NAME.to_vec();
    if let Some(alias) = alias {
        let target = encode(&alias);
        record(&mut response, &owner, 5, ttl, &target);
        owner = target;
    }
    for address in &records {
        let kind = if address.len() == 4 { 1 } else { 28 };
        record(&mut response, &owner, kind, ttl, address);
    }
    Some(response)
}

fn record(response: &mut Vec<u8>, owner: &[u8], kind: u16, ttl: u32, content: &[u8]) {
    response.extend_from_slice(owner);
    response.extend_from_slice(&kind.to_be_bytes());
    response.extend_from_slice(&[0, 1]);
    response.extend_from_slice(&ttl.to_be_bytes());
    response.extend_from_slice(&u16::try_from(content.len()).unwrap().to_be_bytes());
    response.extend_from_slice(content);
}

pub(super) fn encode(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    bytes
}
