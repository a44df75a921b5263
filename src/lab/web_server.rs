//! The web server of the lab: HTTP/1.1, static files out of one directory.
//!
//! Read it in this order: this file opens the sockets and talks to each client; `answer` makes a
//! response of a request; `site` finds the file, and none outside the directory; `file_body` sends it.

mod answer;
mod content_type;
mod file_body;
mod site;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use nix::sys::socket::{setsockopt, sockopt};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use self::answer::Rules;
use self::file_body::{FileBody, RequestLine};
use self::site::Site;
use super::ServerConfig;
use super::error::LabError;
use super::sockets::on_all_addresses;
use super::terminal::{complain, say};
use crate::net::accept::{Accepted, Gate, accept_loop};
use crate::net::drain::{Class, Drain};
use crate::time::{Clock as _, SystemClock};

/// What the server is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where to listen; both loopback addresses, 127.0.0.1 and ::1, when none is given.
    pub host: Option<String>,
    /// The port; 0 picks a free one.
    pub port: u16,
    /// The directory whose files are served, and nothing outside it.
    pub root: PathBuf,
    /// Serve one connection, and one request on it, before the next.
    pub one_at_a_time: bool,
    /// Send `Cache-Control: no-store`.
    pub no_store: bool,
    /// Send `Cache-Control: max-age=…`, in seconds.
    pub max_age: Option<u64>,
}

/// So many connections are open at once; more wait until one of them closes.
const CONNECTIONS: usize = 256;

/// How long the server waits for its clients.
#[derive(Clone, Copy, Debug)]
struct Waits {
    /// For a whole request head, and for the next request on an idle connection.
    head: Duration,
    /// For a client to take what was sent.
    stall: Duration,
    /// For responses under way, after Ctrl-C.
    stop: Duration,
}

impl Default for Waits {
    fn default() -> Self {
        let second = Duration::from_secs(1);
        Self { head: 10 * second, stall: 30 * second, stop: 5 * second }
    }
}

/// Serves until Ctrl-C. Exit code 1 when it cannot.
pub fn run(config: &Config) -> ExitCode {
    let runtime = Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(LabError::system("start"));
    match runtime.and_then(|runtime| runtime.block_on(serve_until_stopped(config))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::from(1)
        }
    }
}

async fn serve_until_stopped(config: &Config) -> Result<(), LabError> {
    let server = Server::open(config, Waits::default())?;
    let place = ServerConfig { host: config.host.clone(), port: config.port };
    let bound = on_all_addresses(&place, TcpListener::bind)?;
    // From here on these signals no longer just kill us.
    let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    let (Ok(mut interrupt), Ok(mut terminate)) = signals else {
        return Err(LabError::system("wait for Ctrl-C")(io::Error::last_os_error()));
    };
    note(format_args!("Ready to serve...{}", bound.chosen));
    let drain = Drain::new();
    server.serve(bound.sockets, &drain)?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    drain.begin();
    tokio::select! {
        _ = drain.finished(server.waits.stop) => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// One line of the server's log. A log that nobody reads is no reason to stop serving.
fn note(line: fmt::Arguments<'_>) {
    say(line).ok();
}

/// What hyper answered to bytes that are no request: it says only in words what was wrong with them.
fn answer_to_noise(error: &hyper::Error) -> &'static str {
    match error.is_parse_too_large() {
        true if error.to_string().contains("URI") => "414",
        true => "431",
        // The first bytes of HTTP/2, which would not understand an answer in HTTP/1.
        false if error.is_parse_version_h2() => "closed",
        false => "400",
    }
}

/// What all connections share.
#[derive(Clone, Debug)]
struct Server {
    site: Arc<Site>,
    rules: Arc<Rules>,
    /// With `--one-at-a-time`, the one turn that all connections wait for.
    turn: Option<Arc<Semaphore>>,
    waits: Waits,
}

impl Server {
    fn open(config: &Config, waits: Waits) -> Result<Self, LabError> {
        let site = Site::open(&config.root)
            .map_err(|source| LabError::NoSuchRoot { root: config.root.clone(), source })?;
        Ok(Self {
            site: Arc::new(site),
            rules: Arc::new(Rules { no_store: config.no_store, max_age: config.max_age }),
            turn: config.one_at_a_time.then(|| Arc::new(Semaphore::new(1))),
            waits,
        })
    }

    /// Accepts clients until the drain begins; each gets a task of its own.
    fn serve(&self, listeners: Vec<TcpListener>, drain: &Drain) -> Result<(), LabError> {
        let gate = Arc::new(Gate::new(CONNECTIONS, CONNECTIONS));
        for listener in listeners {
            let listener = listener.set_nonblocking(true).and_then(|()| listener.try_into());
            let listener = listener.map_err(LabError::system("listen"))?;
            let (server, owner) = (self.clone(), drain.clone());
            let each = move |accepted| {
                let conversation = server.clone().converse(accepted, owner.clone());
                owner.spawn("connection", Class::Connection, conversation);
            };
            let accepting = accept_loop(listener, Arc::clone(&gate), drain.begun(), each);
            drain.spawn("accept", Class::Background, accepting);
        }
        Ok(())
    }

    /// Talks to one client until either side closes.
    async fn converse(self, accepted: Accepted, drain: Drain) {
        let Accepted { stream, client, local: _, seat: _seat } = accepted;
        let turn = self.turn.clone();
        let _turn = match &turn {
            Some(turn) => turn.acquire().await.ok(),
            None => None,
        };
        // The kernel gives up on a client that takes nothing of what we send for so long.
        let stall = u32::try_from(self.waits.stall.as_millis()).unwrap_or(u32::MAX);
        if setsockopt(&stream, sockopt::TcpUserTimeout, &stall).is_err() {
            return;
        }
        let service = service_fn(|request| self.answer(client, request));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.waits.head)
            .keep_alive(turn.is_none())
            .title_case_headers(true)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            biased;
            ended = &mut connection => ended,
            () = drain.begun() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        // What is no HTTP has been answered by hyper; nothing else of a broken connection is news.
        if let Err(error) = ended
            && error.is_parse()
        {
            note(format_args!("{client} {}: {error}", answer_to_noise(&error)));
        }
    }

    /// Answers one request. Files are slow to open on some disks: not in the way of other clients.
    async fn answer(
        &self,
        client: SocketAddr,
        request: Request<Incoming>,
    ) -> Result<Response<FileBody>, Infallible> {
        let (site, rules) = (Arc::clone(&self.site), Arc::clone(&self.rules));
        let (head, _body) = request.into_parts();
        let line = RequestLine::new(client, &head);
        let now = SystemClock.now();
        let answered = spawn_blocking(move || rules.answer(&site, &head, now)).await;
        let response =
            answered.unwrap_or_else(|error| answer::failed(&io::Error::other(error), now));
        let status = response.status();
        Ok(response.map(|body| body.logged(line, status)))
    }
}
