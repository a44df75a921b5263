//! Everything that can go wrong with a request, and the one table that answers it (RFC 9209).

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::{BufMut, Bytes};
use hyper::header::{ALLOW, CONNECTION, HeaderName, HeaderValue, PROXY_AUTHENTICATE, RETRY_AFTER};
use hyper::{Method, Response, StatusCode};

use crate::body::Body;
use crate::http::target::TargetError;
use crate::net::ConnectionHandle;
use crate::net::reach::Barrier;
use crate::policy::outcome::Detail;
use crate::policy::reuse::StaleGrant;
use crate::store::Damaged;
use crate::telemetry::CacheWord;
use crate::time::Timestamp;
use crate::upstream::{DeniedReason, ResolveFailure, ResponseFault, TlsFailure, UpstreamError};

use super::Shared;
use super::exchange::Exchange;
use super::{exchange, respond, serialised};

/// The one scheme, and the letters that names and passwords are written in (RFC 7617 §2.1).
const CHALLENGE: HeaderValue =
    HeaderValue::from_static("Basic realm=\"larder\", charset=\"UTF-8\"");
const PROXY_STATUS: HeaderName = HeaderName::from_static("proxy-status");

/// Why a request was not answered by an origin or the store.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ProxyError {
    /// The request-target is none that we can act on.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The head contradicts RFC 9112.
    #[error("{0}")]
    Malformed(&'static str),
    /// The client is not one that we serve.
    #[error(
        "{client} may not use the proxy at {listener}: it is on no private or attached network"
    )]
    ClientRefused {
        /// The client.
        client: IpAddr,
        /// Where it connected to.
        listener: SocketAddr,
    },
    /// The port is not allowed.
    #[error("port {port} may not be reached through this proxy; the setting is {setting}")]
    PortRefused {
        /// The port.
        port: u16,
        /// The setting that allows it.
        setting: &'static str,
    },
    /// What is stored or under way comes from an address that this client may not reach.
    #[error("this client may not reach the address of {host} through this proxy")]
    ScopeRefused {
        /// The host of the target.
        host: String,
        /// What keeps the client from it.
        why: Barrier,
    },
    /// A rule forbids it.
    #[error("rule {rule} of http_access does not allow this request")]
    RuleRefused {
        /// The number of the rule, from 1.
        rule: u16,
    },
    /// There are no credentials, or none that can be read (RFC 9110 §11.7).
    #[error("this proxy asks for a user name and a password")]
    NoCredentials,
    /// They are wrong.
    #[error("the user name or the password is wrong")]
    WrongPassword,
    /// This client was wrong too often.
    #[error("too many wrong passwords; try again in {} s", seconds(*.wait))]
    TooManyAttempts {
        /// How long it has to wait.
        wait: Duration,
    },
    /// Too many passwords wait to be checked.
    #[error("too many passwords are being checked; try again soon")]
    PasswordsWaiting,
    /// The request has been here before.
    #[error("the request has passed through this proxy already: a loop")]
    Loop,
    /// `only-if-cached`, and nothing stored will do (RFC 9111 §5.2.1.7).
    #[error("only-if-cached was asked for and no stored response will do")]
    OnlyIfCached,
    /// What is stored could not be read, and nothing of the answer has been sent. No client meets this:
    /// it is fetched anew.
    #[error(transparent)]
    Damaged(#[from] Damaged),
    /// What is stored must not be served stale, and the origin cannot be asked (RFC 9111 §5.2.2.2).
    #[error("what is stored may not be served without asking the origin: {0}")]
    MustRevalidate(UpstreamError),
    /// There is no such page of our own.
    #[error(
        "this is a proxy, and it has no page {path}; set it as the proxy of your program, or ask \
         for a whole URL"
    )]
    NoSuchPage {
        /// The path that was asked for.
        path: String,
    },
    /// A page of our own was asked for with another method than GET or HEAD.
    #[error("the pages of this proxy can only be read, with GET or HEAD")]
    PageMethod,
    /// The origin switched protocols although nobody asked it to.
    #[error("the origin switched protocols without being asked to")]
    UnwantedUpgrade,
    /// Too many requests are in flight.
    #[error("too many requests are in flight; try again soon")]
    Overloaded,
    /// The proxy is stopping.
    #[error("the proxy is stopping")]
    Stopping,
    /// The origin could not be reached, or answered nonsense.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
}

impl ProxyError {
    /// Whether everybody who asks for the same would meet the same failure.
    pub(super) fn concerns_everybody(&self) -> bool {
        match self {
            Self::Upstream(error) => !matches!(error, UpstreamError::Denied { .. }),
            Self::MustRevalidate(_) => true,
            _ => false,
        }
    }

    /// Whether the origin could not be reached at all, or did not answer: a disconnected cache may
    /// serve stale (RFC 9111 §4.2.4).
    pub(super) fn disconnected(&self) -> bool {
        use UpstreamError as E;
        let Self::Upstream(error) = self else { return false };
        matches!(
            error,
            E::Resolve { .. }
                | E::Connect { .. }
                | E::ConnectTimeout { .. }
                | E::Tls { .. }
                | E::ResponseTimeout { .. }
                | E::Incomplete { .. }
        )
    }

    /// Whether something stale may be served in its place, where `grant` allows that on errors: on a
    /// disconnection, and by `stale-if-error` on whatever becomes a 5xx here (RFC 5861 §4).
    pub(super) fn is_excused_by(&self, grant: StaleGrant) -> bool {
        let failed = || {
            let (status, _, word) = self.row();
            matches!(self, Self::Upstream(_))
                && status.is_server_error()
                && word == CacheWord::Error
        };
        self.disconnected() || (grant == StaleGrant::StaleIfError && failed())
    }

    /// The number of the rule of `http_access` that forbids it.
    fn rule(&self) -> Option<u16> {
        match self {
            Self::RuleRefused { rule }
            | Self::ScopeRefused { why: Barrier::Rule(rule), .. }
            | Self::Upstream(UpstreamError::Denied {
                why: DeniedReason::Reach(Barrier::Rule(rule)),
                ..
            }) => Some(*rule),
            _ => None,
        }
    }

    /// The status, the error type of RFC 9209 §2.3, and the word in the log.
    fn row(&self) -> (StatusCode, &'static str, CacheWord) {
        use CacheWord::{Error, Refused};
        use StatusCode as S;
        match self {
            Self::Target(_) | Self::Malformed(_) => (S::BAD_REQUEST, "http_request_error", Refused),
            Self::ClientRefused { .. } | Self::PortRefused { .. } | Self::RuleRefused { .. } => {
                (S::FORBIDDEN, "http_request_denied", Refused)
            }
            Self::NoCredentials | Self::WrongPassword => {
                (S::PROXY_AUTHENTICATION_REQUIRED, "http_request_denied", Refused)
            }
            Self::TooManyAttempts { .. } => (S::TOO_MANY_REQUESTS, "http_request_denied", Refused),
            Self::ScopeRefused { .. } => (S::FORBIDDEN, "destination_ip_prohibited", Refused),
            Self::Loop => (S::BAD_GATEWAY, "proxy_loop_detected", Error),
            Self::OnlyIfCached => (S::GATEWAY_TIMEOUT, "http_request_denied", Error),
            Self::Damaged(_) => (S::INTERNAL_SERVER_ERROR, "proxy_internal_error", Error),
            Self::MustRevalidate(error) => {
                let (_, kind, word) = upstream_row(error);
                (S::GATEWAY_TIMEOUT, kind, word)
            }
            Self::NoSuchPage { .. } => (S::BAD_REQUEST, "http_request_error", Refused),
            Self::PageMethod => (S::METHOD_NOT_ALLOWED, "http_request_error", Refused),
            Self::UnwantedUpgrade => (S::BAD_GATEWAY, "http_upgrade_failed", Error),
            Self::Overloaded | Self::PasswordsWaiting | Self::Stopping => {
                (S::SERVICE_UNAVAILABLE, "proxy_internal_response", Refused)
            }
            Self::Upstream(error) => upstream_row(error),
        }
    }
}

/// A wait in whole seconds, so that it is over when they have passed.
fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

fn upstream_row(error: &UpstreamError) -> (StatusCode, &'static str, CacheWord) {
    use CacheWord::{Error, Refused};
    use StatusCode as S;
    use UpstreamError as E;
    match error {
        E::Resolve { why: ResolveFailure::Timeout, .. } => {
            (S::GATEWAY_TIMEOUT, "dns_timeout", Error)
        }
        E::Resolve { .. } => (S::BAD_GATEWAY, "dns_error", Error),
        E::Denied { .. } => (S::FORBIDDEN, "destination_ip_prohibited", Refused),
        E::Connect { kind: ErrorKind::ConnectionRefused, .. } => {
            (S::BAD_GATEWAY, "connection_refused", Error)
        }
        E::Connect { .. } => (S::BAD_GATEWAY, "destination_ip_unroutable", Error),
        E::ConnectTimeout { .. } => (S::GATEWAY_TIMEOUT, "connection_timeout", Error),
        E::Tls { kind, .. } => {
            let kind = match kind {
                TlsFailure::Certificate => "tls_certificate_error",
                TlsFailure::Alert => "tls_alert_received",
                TlsFailure::Protocol => "tls_protocol_error",
            };
            (S::BAD_GATEWAY, kind, Error)
        }
        E::QueueFull { .. } | E::QueueTimeout { .. } => {
            (S::SERVICE_UNAVAILABLE, "connection_limit_reached", Error)
        }
        E::ResponseTimeout { .. } => (S::GATEWAY_TIMEOUT, "http_response_timeout", Error),
        E::Incomplete { .. } => (S::BAD_GATEWAY, "http_response_incomplete", Error),
        E::BadResponse { why: ResponseFault::TooLarge, .. } => {
            (S::BAD_GATEWAY, "http_response_header_section_size", Error)
        }
        E::BadResponse { why: ResponseFault::Unasked, .. } => {
            (S::BAD_GATEWAY, "http_upgrade_failed", Error)
        }
        E::BadResponse { .. } => (S::BAD_GATEWAY, "http_protocol_error", Error),
        E::RequestBody { late: true, .. } => (S::REQUEST_TIMEOUT, "http_request_error", Error),
        E::RequestBody { .. } => (S::BAD_REQUEST, "http_request_error", Error),
    }
}

/// The one response to a failure: a sentence, `Proxy-Status`, never stored.
pub(super) fn response(
    error: &ProxyError,
    exchange: &mut Exchange,
    now: Timestamp,
) -> Response<Body> {
    let (status, kind, word) = error.row();
    let sentence = error.to_string();
    let mut response = page(status, kind, &sentence, now);
    match error {
        ProxyError::PageMethod => {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        ProxyError::NoCredentials | ProxyError::WrongPassword => {
            response.headers_mut().insert(PROXY_AUTHENTICATE, CHALLENGE);
        }
        ProxyError::TooManyAttempts { wait } => {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds(*wait)));
        }
        ProxyError::Overloaded
        | ProxyError::PasswordsWaiting
        | ProxyError::Stopping
        | ProxyError::Upstream(
            UpstreamError::QueueFull { .. } | UpstreamError::QueueTimeout { .. },
        ) => {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        _ => {}
    }
    exchange.outcome(word, None);
    match error {
        ProxyError::OnlyIfCached => exchange.because(Detail::OnlyIfCached),
        ProxyError::ScopeRefused { .. } => exchange.because(Detail::Scope),
        ProxyError::Damaged(_) => exchange.because(Detail::Damaged),
        _ => {}
    }
    if let Some(rule) = error.rule() {
        exchange.forbidden_by(rule);
    }
    exchange.failed(sentence);
    if exchange.is_head() { response.map(|_body| Body::Empty) } else { response }
}

/// The whole answer, serialised, to a head that never became a request, and its access record.
pub(super) fn refuse(
    shared: &Shared,
    connection: &ConnectionHandle,
    status: StatusCode,
    first_line: &[u8],
    reason: &'static str,
) -> Bytes {
    let now = shared.clock.now();
    let mut response = page(status, "http_request_error", reason, now);
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    let text = format!("{reason}\n");
    let mut words = first_line.split(|byte| *byte == b' ');
    let method = words.next().and_then(|word| Method::from_bytes(word).ok());
    let mut record = exchange::blank(connection.client().ip(), method);
    record.url = String::from_utf8_lossy(words.next().unwrap_or_default()).into_owned();
    record.status = status.as_u16();
    record.cache = CacheWord::Refused;
    record.error = Some(reason.to_owned());
    record.bytes = text.len() as u64;
    record.time = now;
    record.duration = connection.first_byte().elapsed();
    shared.log.record(record);
    let mut answer = serialised::head(status, response.headers());
    answer.put_slice(text.as_bytes());
    answer.freeze()
}

fn page(status: StatusCode, kind: &str, sentence: &str, now: Timestamp) -> Response<Body> {
    let text = format!("{sentence}\n");
    let mut response = respond::own(status, "text/plain; charset=utf-8", text, now);
    let value = format!("larder; error={kind}; details=\"{}\"", quoted(sentence));
    if let Ok(value) = HeaderValue::try_from(value) {
        response.headers_mut().insert(PROXY_STATUS, value);
    }
    response
}

/// The inside of a structured string (RFC 9651 §3.3.3): visible ASCII, quotes escaped.
fn quoted(sentence: &str) -> String {
    let visible = sentence.chars().map(|c| if matches!(c, ' '..='~') { c } else { '?' });
    visible
        .take(400)
        .flat_map(|c| matches!(c, '"' | '\\').then_some('\\').into_iter().chain([c]))
        .collect()
}
