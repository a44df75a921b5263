//! What the proxy answers for itself: its pages, `OPTIONS *`, `Max-Forwards: 0`.

use std::fmt::Write as _;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{ALLOW, AUTHORIZATION, COOKIE, HeaderValue, PROXY_AUTHORIZATION};
use hyper::{Method, Request, Response, StatusCode};

use crate::body::Body;
use crate::http::target::{Mode, ServerTarget};
use crate::http::via;
use crate::net::ConnectionHandle;
use crate::telemetry::CacheWord;

use super::Shared;
use super::error::ProxyError;
use super::exchange::Exchange;
use super::respond;

const HTML: &str = "text/html; charset=utf-8";
const METHODS: &str = "CONNECT, DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, TRACE";

/// Answers a request for the proxy itself.
pub(super) fn answer(
    shared: &Arc<Shared>,
    exchange: &mut Exchange,
    request: &Request<Incoming>,
    what: &ServerTarget,
    connection: &ConnectionHandle,
) -> Result<Response<Body>, ProxyError> {
    let path = match what {
        ServerTarget::Asterisk => {
            exchange.outcome(CacheWord::Own, None);
            return Ok(options(shared));
        }
        ServerTarget::Page(path) => path,
    };
    if path.split('?').next() != Some("/") {
        return Err(ProxyError::NoSuchPage { path: path.to_string() });
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(ProxyError::PageMethod);
    }
    exchange.outcome(CacheWord::Own, None);
    let page = welcome(connection, &shared.config.mode);
    Ok(without_body_for_head(request, respond::own(StatusCode::OK, HTML, page, shared.clock.now())))
}

/// `Max-Forwards: 0` makes us the final recipient of OPTIONS and TRACE (RFC 9110 §7.6.2).
pub(super) fn last_hop(
    shared: &Arc<Shared>,
    exchange: &mut Exchange,
    request: &Request<Incoming>,
) -> Option<Response<Body>> {
    if !matches!(*request.method(), Method::OPTIONS | Method::TRACE)
        || via::max_forwards(request.headers()) != Some(0)
    {
        return None;
    }
    exchange.outcome(CacheWord::Own, None);
    if request.method() == Method::OPTIONS {
        return Some(options(shared));
    }
    let seen = reflect(request);
    Some(respond::own(StatusCode::OK, "message/http", seen, shared.clock.now()))
}

fn options(shared: &Shared) -> Response<Body> {
    let mut response = respond::own(StatusCode::OK, "text/plain", "", shared.clock.now());
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(METHODS));
    response
}

/// The request as TRACE shows it, without what a client must not send in one (RFC 9110 §9.3.8).
fn reflect(request: &Request<Incoming>) -> String {
    let mut text = format!("{} {} {:?}\r\n", request.method(), request.uri(), request.version());
    for (name, value) in request.headers() {
        if ![AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION].contains(name) {
            let value = String::from_utf8_lossy(value.as_bytes());
            // Writing to a String never fails.
            write!(text, "{name}: {value}\r\n").ok();
        }
    }
    text.push_str("\r\n");
    text
}

fn without_body_for_head(request: &Request<Incoming>, response: Response<Body>) -> Response<Body> {
    if request.method() == Method::HEAD { response.map(|_body| Body::Empty) } else { response }
}

/// The page at `/`: what this is, and how to point a browser at it.
fn welcome(connection: &ConnectionHandle, mode: &Mode) -> String {
    let at = connection.local();
    let gateway = match mode {
        Mode::Gateway => format!(
            "<h2>Gateway</h2><p>This proxy also fetches <code>http://{at}/www.example.com/path</code> \
             from <code>http://www.example.com/path</code>.</p>"
        ),
        Mode::Forward | Mode::Origin(_) => String::new(),
    };
    format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>larder</title>\n\
         <h1>larder</h1>\n\
         <p>This is a caching web proxy. It is not a web site: point a program at it as its proxy.</p>\n\
         <ul>\n\
         <li>Firefox: Settings, Network Settings, Manual proxy configuration, HTTP Proxy \
         <code>{ip}</code>, Port <code>{port}</code>, and also for HTTPS.</li>\n\
         <li>Chromium: <code>chromium --proxy-server=http://{at}</code></li>\n\
         <li>curl, pip, cargo, git and others: <code>export http_proxy=http://{at} \
         https_proxy=http://{at}</code></li>\n\
         <li>The text client: <code>larder client --proxy {at}</code></li>\n\
         </ul>\n{gateway}\n\
         <p>What was read from the cache says so in the field <code>Cache-Status</code>.</p>\n</html>\n",
        ip = at.ip(),
        port = at.port(),
    )
}
