//! The straight line of a request: admit, resolve, look up, decide, forward, fill, respond.
//!
//! ```text
//! server          a request head                          → Request<Incoming>
//! guard           what hyper lets through                 → 400
//! http::target    resolve the request-target              → Target
//! access          rules, client, port                     → Reach, or 403
//! authenticate    users, where there are some             → 407, 429
//! http::via       our own pseudonym                       → loop, 502
//!   Tunnel        tunnel: dial, then 200, then relay
//!   Server        own: pages, OPTIONS *, Max-Forwards: 0
//!   Resource      plan: look up, select, decide, then one of
//!     Answer        respond from the store; where stale-while-revalidate allows it, validate behind
//!     Forward       collapse, fetch: send, keep: storable → fill
//!     Validate      the same with conditions; a 304 freshens, anything else replaces
//!     Complete      the same for the bytes that are missing; a 206 is put together with what is there
//! respond         Age, precondition, range, HEAD, Via, Cache-Status
//! error           any failure so far                      → one response, one Proxy-Status
//! exchange        when the body has ended                 → one access record
//! ```

mod access;
mod answering;
mod ask;
mod attempts;
mod authenticate;
mod background;
mod collapsed;
mod credentials;
mod error;
mod exchange;
mod failures;
mod fetch;
mod fill;
mod forward;
mod guard;
mod interim;
mod keep;
mod own;
mod plan;
mod ranges;
mod resource;
mod respond;
mod serialised;
mod tunnel;
mod users;

use std::sync::Arc;

use bytes::Bytes;
use hyper::body::{Body as _, Incoming};
use hyper::{Request, Response, StatusCode};

use crate::body::{Body, Budget};
use crate::collapse::Collapse;
use crate::http::target::{self, Authority, Mode, Target};
use crate::http::via::{self, Pseudonym};
use crate::net::drain::Drain;
use crate::net::relay::RelayLimits;
use crate::net::{ConnectionHandle, Interfaces, Reach};
use crate::store::Store;
use crate::telemetry::AccessLog;
use crate::time::SharedClock;
use crate::upstream::Upstream;

pub use access::{Action, Config as AccessConfig, Domain, Rule, Rules};
pub use answering::Answering;
pub use error::ProxyError;
pub use exchange::Observed;
pub use fill::Config as FillConfig;
pub use users::{LineFault, Users, UsersError};

use access::Visitor;
use authenticate::Authenticator;
use exchange::Exchange;
use resource::Asked;

/// What the proxy may do, and its limits.
#[derive(Clone, Debug)]
pub struct Config {
    /// How origin-form requests are understood.
    pub mode: Mode,
    /// Who may ask for what.
    pub access: AccessConfig,
    /// Limits of tunnels.
    pub tunnel: RelayLimits,
    /// How long followers wait, and what is remembered as unshareable.
    pub collapse: crate::collapse::Config,
    /// How stale a response may be served.
    pub policy: crate::policy::reuse::Config,
    /// How bodies are stored while they stream.
    pub fill: FillConfig,
    /// Requests in flight at once; one more is answered 503.
    pub requests_in_flight: usize,
}

/// What a proxy is built from.
pub struct Parts {
    /// Where stored responses are.
    pub store: Arc<Store>,
    /// Who dials.
    pub upstream: Arc<Upstream>,
    /// This machine's addresses.
    pub interfaces: Arc<Interfaces>,
    /// Who owns the tasks.
    pub drain: Drain,
    /// Where finished exchanges are written.
    pub log: AccessLog,
    /// What time it is.
    pub clock: SharedClock,
}

/// The proxy: one immutable value per loading of the settings. Cheap to clone.
#[derive(Clone)]
pub struct Proxy(Arc<Shared>);

/// What every step of a request may use.
struct Shared {
    config: Config,
    store: Arc<Store>,
    upstream: Arc<Upstream>,
    interfaces: Arc<Interfaces>,
    drain: Drain,
    log: AccessLog,
    clock: SharedClock,
    pseudonym: Pseudonym,
    collapse: Arc<Collapse<fetch::Outcome>>,
    failures: Arc<failures::Failures>,
    validating: Arc<background::Validating>,
    authenticator: Option<Arc<Authenticator>>,
    spools: Arc<Budget>,
    slots: Arc<tokio::sync::Semaphore>,
}

/// How far a request came before anybody had to wait.
enum Begun {
    /// To where it is asked who the client is.
    Unknown(Arc<Authenticator>, Request<Incoming>, Target, Reach),
    /// So far.
    Came(Step),
}

/// How far a request came without waiting for more than a password.
enum Step {
    /// To its end.
    Answered(Response<Body>),
    /// A tunnel may be opened.
    Tunnel(Request<Incoming>, Authority, Reach),
    /// A resource that must be waited for, or of which what is stored could not be read.
    Resource(Asked, Option<ProxyError>),
}

impl Proxy {
    /// Puts a proxy together.
    pub fn new(config: Config, parts: Parts) -> Self {
        let Parts { store, upstream, interfaces, drain, log, clock } = parts;
        let users = config.access.users.clone();
        Self(Arc::new(Shared {
            collapse: Arc::new(Collapse::new(config.collapse.clone())),
            failures: Arc::default(),
            validating: Arc::default(),
            authenticator: users.map(|users| Arc::new(Authenticator::new(users))),
            spools: Arc::new(Budget::new(config.fill.spool_budget)),
            slots: Arc::new(tokio::sync::Semaphore::new(config.requests_in_flight)),
            pseudonym: Pseudonym::random(),
            config,
            store,
            upstream,
            interfaces,
            drain,
            log,
            clock,
        }))
    }

    /// The proxy of a later loading of the settings. It shares with this one the store, the tasks, all
    /// that is in flight and all that is counted: requests of both run side by side.
    #[must_use]
    pub fn reloaded(&self, config: Config, upstream: Arc<Upstream>) -> Self {
        let before = &self.0;
        // Nothing that was right under the users of before is remembered.
        let users = config.access.users.clone();
        Self(Arc::new(Shared {
            authenticator: users.map(|users| Arc::new(Authenticator::new(users))),
            config,
            store: Arc::clone(&before.store),
            upstream,
            interfaces: Arc::clone(&before.interfaces),
            drain: before.drain.clone(),
            log: before.log.clone(),
            clock: Arc::clone(&before.clock),
            pseudonym: before.pseudonym.clone(),
            collapse: Arc::clone(&before.collapse),
            failures: Arc::clone(&before.failures),
            validating: Arc::clone(&before.validating),
            spools: Arc::clone(&before.spools),
            slots: Arc::clone(&before.slots),
        }))
    }

    /// The name that this process has in `Via`.
    pub fn pseudonym(&self) -> &str {
        self.0.pseudonym.as_str()
    }

    /// The first half of the story of one request, up to where it may have to wait; every early end is
    /// an error with a reason.
    fn begin(
        &self,
        exchange: &mut Exchange,
        request: Request<Incoming>,
        connection: &Arc<ConnectionHandle>,
    ) -> Result<Begun, ProxyError> {
        let shared = &self.0;
        let slot = shared.slots.clone().try_acquire_owned().ok();
        let target = match exchange.occupy(slot).and_then(|()| self.understand(&request)) {
            Ok(target) => target,
            Err(error) => {
                exchange.arrived(&request);
                return Err(error);
            }
        };
        exchange.aim(&target);
        let visitor = Visitor { client: connection.client().ip(), listener: connection.local() };
        let (mode, rules) = (&shared.config.mode, &shared.config.access);
        let (method, interfaces) = (request.method(), &shared.interfaces);
        let reach = access::admit(visitor, method, &target, interfaces, (mode, rules))?;
        if let Some(authenticator) = &shared.authenticator
            && access::asks_for_user(&target, mode)
        {
            return Ok(Begun::Unknown(authenticator.clone(), request, target, reach));
        }
        self.enter(exchange, request, target, reach, connection).map(Begun::Came)
    }

    /// A request that may go where it wants to.
    fn enter(
        &self,
        exchange: &mut Exchange,
        request: Request<Incoming>,
        target: Target,
        reach: Reach,
        connection: &Arc<ConnectionHandle>,
    ) -> Result<Step, ProxyError> {
        let shared = &self.0;
        if via::is_loop(request.headers(), &shared.pseudonym) {
            return Err(ProxyError::Loop);
        }
        match target {
            Target::Tunnel(authority) => Ok(Step::Tunnel(request, authority, reach)),
            Target::Server(what) => {
                own::answer(shared, exchange, &request, &what, connection).map(Step::Answered)
            }
            Target::Resource(uri) => {
                if let Some(response) = own::last_hop(shared, exchange, &request) {
                    return Ok(Step::Answered(response));
                }
                let asked = Asked::read(request, uri, reach);
                Ok(match resource::answer_at_once(shared, exchange, &asked) {
                    Some(Ok(response)) => Step::Answered(response),
                    Some(Err(error)) => Step::Resource(asked, Some(error)),
                    None => Step::Resource(asked, None),
                })
            }
        }
    }

    /// The other half: what may have to wait for a password, the store, others, or an origin.
    async fn go_on(
        &self,
        exchange: &mut Exchange,
        begun: Begun,
        connection: &Arc<ConnectionHandle>,
    ) -> Result<Response<Body>, ProxyError> {
        let step = match begun {
            Begun::Came(step) => step,
            Begun::Unknown(who, request, target, reach) => {
                let client = connection.client().ip();
                let user = authenticate::user(&self.0, &who, request.headers(), client).await?;
                exchange.user(user);
                self.enter(exchange, request, target, reach, connection)?
            }
        };
        match step {
            Step::Answered(response) => Ok(response),
            Step::Tunnel(request, to, reach) => {
                tunnel::connect(&self.0, exchange, request, &to, &reach).await
            }
            Step::Resource(asked, failed) => {
                resource::answer(&self.0, exchange, asked, failed, connection).await
            }
        }
    }

    /// What the request asks for, if it can be understood in one way only.
    fn understand(&self, request: &Request<Incoming>) -> Result<Target, ProxyError> {
        guard::check(request)?;
        Ok(target::resolve(request.method(), request.uri(), &self.0.config.mode)?)
    }

    /// Answers one request; the access record is written when the response's body has ended. What needs
    /// no waiting is answered before this returns, so that a hit carries no state of a fetch.
    pub fn handle(
        &self,
        request: Request<Incoming>,
        connection: Arc<ConnectionHandle>,
    ) -> Answering {
        let mut exchange = Exchange::begin(&self.0, &request, &connection);
        let content = !request.body().is_end_stream();
        let answer = match self.begin(&mut exchange, request, &connection) {
            Ok(Begun::Came(Step::Answered(response))) => Ok(response),
            Err(error) => Err(error),
            Ok(begun) => {
                let proxy = self.clone();
                return Answering::Later(Box::pin(async move {
                    let answer = proxy.go_on(&mut exchange, begun, &connection).await;
                    proxy.conclude(exchange, answer, content)
                }));
            }
        };
        Answering::Done(Some(self.conclude(exchange, answer, content)))
    }

    /// The answer, or the answer to a failure; `content` says whether the request had any.
    fn conclude(
        &self,
        mut exchange: Box<Exchange>,
        answer: Result<Response<Body>, ProxyError>,
        content: bool,
    ) -> Response<Observed> {
        let response = answer.unwrap_or_else(|error| {
            let response = error::response(&error, &mut exchange, self.0.clock.now());
            if content { respond::last(response) } else { response }
        });
        exchange.observe(response)
    }

    /// The whole serialised answer to a head that never became a request, and its access record:
    /// asked for by the listener in place of hyper's empty one.
    pub fn refuse(
        &self,
        connection: &ConnectionHandle,
        status: StatusCode,
        first_line: &[u8],
        reason: &'static str,
    ) -> Bytes {
        error::refuse(&self.0, connection, status, first_line, reason)
    }
}
