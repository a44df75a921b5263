//! Tunnels: `CONNECT` (RFC 9110 §9.3.6) and what follows a 101 (RFC 9110 §7.8).

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue, UPGRADE};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::body::Body;
use crate::http::target::Authority;
use crate::http::via;
use crate::net::Reach;
use crate::net::drain::Class;
use crate::net::relay::{self, RelayClose, RelayCounts};
use crate::telemetry::CacheWord;
use crate::upstream::ResponseBody;

use super::Shared;
use super::ask::Ask;
use super::error::ProxyError;
use super::exchange::Exchange;
use super::respond;

/// Dials first; only a connection that stands is answered with 200.
pub(super) async fn connect(
    shared: &Arc<Shared>,
    exchange: &mut Exchange,
    request: Request<Incoming>,
    to: &Authority,
    reach: &Reach,
) -> Result<Response<Body>, ProxyError> {
    let (origin, _scope, peer) = shared.upstream.dial(&to.host, to.port, reach).await?;
    exchange.peer(peer);
    exchange.outcome(CacheWord::Tunnel, Some("origin"));
    exchange.status(StatusCode::OK);
    let client = hyper::upgrade::on(request);
    let exchange = exchange.hand_over();
    let carrier = Carrier { shared: shared.clone(), exchange };
    shared.drain.spawn("tunnel", Class::Tunnel, async move {
        match client.await {
            Ok(client) => carrier.carry(client, origin).await,
            Err(error) => carrier.failed(&error),
        }
    });
    Ok(respond::opened(StatusCode::OK, HeaderMap::new()))
}

/// The origin has switched protocols: both connections become one tunnel, and neither is ever used
/// for another request.
pub(super) fn upgraded(
    shared: &Arc<Shared>,
    exchange: &mut Exchange,
    ask: &Ask,
    mut response: Response<ResponseBody>,
    client: OnUpgrade,
) -> Result<Response<Body>, ProxyError> {
    let Some(wanted) = &ask.upgrade else {
        return Err(ProxyError::UnwantedUpgrade);
    };
    let origin = hyper::upgrade::on(&mut response);
    exchange.outcome(CacheWord::Bypass, Some("origin"));
    exchange.status(StatusCode::SWITCHING_PROTOCOLS);
    let mut fields = std::mem::take(response.headers_mut());
    let protocol = fields.get(UPGRADE).unwrap_or(wanted).clone();
    crate::http::hop_by_hop::strip_response(&mut fields);
    fields.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    fields.insert(UPGRADE, protocol);
    via::append(&mut fields, response.version(), &shared.pseudonym);
    let carrier = Carrier { shared: shared.clone(), exchange: exchange.hand_over() };
    shared.drain.spawn("upgrade", Class::Tunnel, async move {
        match tokio::try_join!(client, origin) {
            Ok((client, origin)) => carrier.carry(client, TokioIo::new(origin)).await,
            Err(error) => carrier.failed(&error),
        }
    });
    Ok(respond::opened(StatusCode::SWITCHING_PROTOCOLS, fields))
}

/// Carries bytes both ways, and the exchange's facts to its end.
struct Carrier {
    shared: Arc<Shared>,
    exchange: Exchange,
}

impl Carrier {
    async fn carry(self, client: Upgraded, origin: impl AsyncRead + AsyncWrite + Unpin) {
        let limits = self.shared.config.tunnel;
        let stop = self.shared.drain.tunnels_close();
        let ended =
            relay::relay(TokioIo::new(client), origin, limits, stop, &RelayCounts::default()).await;
        let why = match ended.why {
            RelayClose::Finished => None,
            RelayClose::Idle => Some("nothing moved for too long".to_owned()),
            RelayClose::Lifetime => Some("the tunnel reached its lifetime".to_owned()),
            RelayClose::Stopped => Some("the proxy is stopping".to_owned()),
            RelayClose::Failed(kind) => Some(format!("a side broke off: {kind}")),
        };
        self.exchange.end_tunnel(ended.up, ended.down, why);
    }

    fn failed(self, error: &hyper::Error) {
        self.exchange.end_tunnel(0, 0, Some(format!("the tunnel never opened: {error}")));
    }
}
