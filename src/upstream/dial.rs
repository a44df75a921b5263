//! From a host to a socket: resolve, judge every address, connect to what may be dialled.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Config;
use super::address::{DeniedReason, Source, judge};
use super::connect::{Candidate, ConnectFailure, connect, remember};
use super::error::{SetupError, UpstreamError};
use super::resolve::{Resolved, Resolver};
use super::socket::Stream;
use super::tls::Tls;
use crate::http::{Scheme, TargetUri};
use crate::net::{Interfaces, Reach, Scope};

/// How many addresses of one host are tried, and again of a family that comes late.
const MAX_ADDRESSES: usize = 16;
/// How long the address that answered is tried first.
const WINNER_MEMORY: Duration = Duration::from_secs(5 * 60);
/// How many such addresses are remembered.
const WINNERS: u64 = 4096;

/// An address that must not be dialled.
type Denied = (SocketAddr, DeniedReason);

/// What the rules say about addresses.
struct Judged {
    allowed: Vec<Candidate>,
    /// The first of those that are not.
    denied: Option<Denied>,
}

/// Makes connections.
pub(super) struct Dialer {
    resolver: Resolver,
    tls: Tls,
    interfaces: Arc<Interfaces>,
    listeners: RwLock<Arc<[SocketAddr]>>,
    /// The address that answered last, per host with several.
    winners: moka::sync::Cache<Arc<str>, IpAddr>,
    connect_wait: Duration,
    connect_total_wait: Duration,
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialer").finish_non_exhaustive()
    }
}

impl Dialer {
    pub(super) fn new(config: &Config, interfaces: Arc<Interfaces>) -> Result<Self, SetupError> {
        let hosts = config.hosts_file.as_deref();
        let winners = moka::sync::Cache::builder();
        Ok(Self {
            resolver: Resolver::new(
                config.dns_wait,
                config.dns_negative,
                &config.dns_servers,
                hosts,
            )?,
            tls: Tls::new(config.upstream_ca.as_deref())?,
            interfaces,
            listeners: RwLock::default(),
            winners: winners.max_capacity(WINNERS).time_to_live(WINNER_MEMORY).build(),
            connect_wait: config.connect_wait,
            connect_total_wait: config.connect_total_wait,
        })
    }

    /// The same for later settings.
    pub(super) fn reloaded(&self, config: &Config) -> Result<Self, SetupError> {
        let later = Self::new(config, Arc::clone(&self.interfaces))?;
        later.listeners.write().clone_from(&self.listeners.read());
        Ok(later)
    }

    pub(super) fn set_listeners(&self, listeners: Vec<SocketAddr>) {
        *self.listeners.write() = listeners.into();
    }

    /// Connects to `host`; `name` is host and port as errors name them.
    pub(super) async fn tcp(
        &self,
        name: &Arc<str>,
        host: &str,
        port: u16,
        reach: &Reach,
    ) -> Result<(TcpStream, Scope, SocketAddr), UpstreamError> {
        let denied = |address, why| UpstreamError::Denied { host: Arc::clone(name), address, why };
        let Resolved { addresses, source, mut late } = self
            .resolver
            .resolve(host)
            .await
            .map_err(|why| UpstreamError::Resolve { host: host.into(), why })?;
        let judge = |addresses| self.judge(name, addresses, source, port, reach);
        let mut judged = judge(addresses).map_err(|(address, why)| denied(address, why))?;
        let several = judged.allowed.len() > 1 || late.is_some();
        if judged.allowed.is_empty()
            && let Some(late) = &mut late
        {
            let more = judge(late.addresses().await);
            judged.allowed = more.map_err(|(address, why)| denied(address, why))?.allowed;
        }
        if judged.allowed.is_empty()
            && let Some((address, why)) = judged.denied
        {
            return Err(denied(address, why));
        }
        let more = late.as_mut().map(|late| {
            Box::pin(async {
                let more = judge(late.addresses().await);
                more.map(|judged| judged.allowed)
                    .map_err(|(address, why)| ConnectFailure::Denied { address, why })
            })
        });
        let (each, total) = (self.connect_wait, self.connect_total_wait);
        match connect(judged.allowed, more, each, total).await {
            Ok((Candidate { address, scope }, stream)) => {
                if several {
                    self.winners.insert(Arc::clone(name), address.ip());
                }
                if let Some(late) = late {
                    remember(late);
                }
                Ok((stream, scope, address))
            }
            Err(ConnectFailure::Refused { address, kind }) => {
                Err(UpstreamError::Connect { host: Arc::clone(name), address, kind })
            }
            Err(ConnectFailure::Timeout(limit)) => {
                Err(UpstreamError::ConnectTimeout { host: Arc::clone(name), limit })
            }
            Err(ConnectFailure::Denied { address, why }) => Err(denied(address, why)),
        }
    }

    /// The addresses that this client may reach, in the order to try them. None of a host is when it
    /// means ourselves: its other addresses would only hide that.
    fn judge(
        &self,
        name: &Arc<str>,
        addresses: Vec<IpAddr>,
        source: Source,
        port: u16,
        reach: &Reach,
    ) -> Result<Judged, Denied> {
        let listeners = Arc::clone(&self.listeners.read());
        let mut allowed = Vec::with_capacity(addresses.len());
        let mut denied = None;
        for address in addresses {
            let address = SocketAddr::new(address, port);
            match judge(address, source, reach, &self.interfaces, &listeners) {
                Ok(scope) => allowed.push(Candidate { address, scope }),
                Err(why @ DeniedReason::Myself) => return Err((address, why)),
                Err(why) => denied = denied.or(Some((address, why))),
            }
        }
        if let Some(winner) = self.winners.get(name) {
            allowed.sort_by_key(|candidate| candidate.address.ip() != winner);
        }
        allowed.truncate(MAX_ADDRESSES);
        Ok(Judged { allowed, denied })
    }

    /// Connects to the origin of a target, over TLS for `https`.
    pub(super) async fn origin(
        &self,
        target: &TargetUri,
        reach: &Reach,
    ) -> Result<(Stream, Scope, SocketAddr), UpstreamError> {
        let name: Arc<str> = target.authority().into();
        let (stream, scope, peer) = self.tcp(&name, target.host(), target.port(), reach).await?;
        let stream = match target.scheme() {
            Scheme::Http => Stream::Plain(stream),
            Scheme::Https => {
                let limit = self.connect_total_wait;
                let handshake = self.tls.handshake(target.host(), stream);
                match timeout(limit, handshake).await {
                    Ok(Ok(stream)) => Stream::Tls(Box::new(stream)),
                    Ok(Err((kind, why))) => {
                        return Err(UpstreamError::Tls { host: name, kind, why: why.into() });
                    }
                    Err(_elapsed) => {
                        return Err(UpstreamError::ConnectTimeout { host: name, limit });
                    }
                }
            }
        };
        Ok((stream, scope, peer))
    }
}
