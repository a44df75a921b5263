//! Request-target forms (RFC 9112 §3.2): what a request asks for.

mod authority;
mod reference;
mod uri;

use http::{Method, Uri};
use thiserror::Error;

pub use authority::Authority;
pub use uri::{Scheme, TargetUri};

/// What a request-target asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A resource to fetch or to answer from the cache.
    Resource(TargetUri),
    /// `CONNECT host:port`.
    Tunnel(Authority),
    /// The proxy itself: `OPTIONS *` or one of its own pages.
    Server(ServerTarget),
}

/// What is asked of the proxy itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerTarget {
    /// `OPTIONS *`.
    Asterisk,
    /// Origin-form: path and query of one of our own pages.
    Page(Box<str>),
}

/// What a request in origin-form (`GET /path`) means. The other forms mean the same in each mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One of the proxy's own pages.
    Forward,
    /// A resource of this origin: of the URI, scheme, host and port are used.
    Origin(TargetUri),
    /// `/HOST[:port]/PATH` is `http://HOST[:port]/PATH`; without a host it is one of our own pages.
    Gateway,
}

/// Why a request-target cannot be served. The client is at fault (400); each sentence says what to do.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TargetError {
    /// There is something before an `@` (RFC 9110 §4.2.4).
    #[error(
        "The target has a user name in it; send credentials in the Authorization field instead."
    )]
    Userinfo,
    /// No host, or none that can be looked up.
    #[error(
        "'{0}' is not a host; write a name such as www.example.com or an address such as [::1]."
    )]
    InvalidHost(Box<str>),
    /// A colon without a port from 1 to 65535 after it.
    #[error(
        "'{0}' has no valid port; write one from 1 to 65535 after the colon, or no colon at all."
    )]
    InvalidPort(Box<str>),
    /// `CONNECT` without a port (RFC 9110 §9.3.6).
    #[error("CONNECT needs a port; write {0}:443.")]
    MissingPort(Box<str>),
    /// Neither `http` nor `https`.
    #[error("The scheme '{0}' is not served here; use http or https.")]
    UnknownScheme(Box<str>),
    /// `CONNECT` with anything but `host:port`.
    #[error("CONNECT takes a host and a port; write CONNECT www.example.com:443.")]
    TunnelForm,
    /// `host:port` with another method than `CONNECT`.
    #[error("Only CONNECT takes a bare host and port; write the whole URL, http://{0}/.")]
    AuthorityForm(Box<str>),
    /// `*` with another method than `OPTIONS`.
    #[error("Only OPTIONS takes '*'; write the whole URL, http://www.example.com/.")]
    AsteriskForm,
}

/// Tells what a request asks for by the form of its target (RFC 9112 §3.2). `Host` is not looked at: in
/// absolute-form the target wins over it (§3.2.2).
pub fn resolve(method: &Method, uri: &Uri, mode: &Mode) -> Result<Target, TargetError> {
    if method == Method::CONNECT {
        return match (uri.scheme_str(), uri.authority()) {
            (None, Some(authority)) => tunnel(authority.as_str()),
            _ => Err(TargetError::TunnelForm),
        };
    }
    match (uri.scheme_str(), uri.authority()) {
        (Some(scheme), authority) => {
            let authority = authority.map_or("", |authority| authority.as_str());
            uri::absolute(scheme, authority, path_and_query(uri)).map(Target::Resource)
        }
        (None, Some(authority)) => Err(TargetError::AuthorityForm(authority.as_str().into())),
        (None, None) if uri.path() == "*" => match *method {
            Method::OPTIONS => Ok(Target::Server(ServerTarget::Asterisk)),
            _ => Err(TargetError::AsteriskForm),
        },
        (None, None) => origin_form(path_and_query(uri), mode),
    }
}

/// Reads what a text client sends: `host[:port][/path][?query]`, or an `http://` or `https://` URL, in
/// visible ASCII, with or without line ends around it. `None` when it is anything else.
pub fn parse_text(line: &[u8]) -> Option<TargetUri> {
    let text = std::str::from_utf8(line).ok()?.trim_matches(['\r', '\n']);
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let starts_with = |prefix: &str| {
        text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    if starts_with("http://") || starts_with("https://") {
        TargetUri::parse(text)
    } else {
        TargetUri::parse(&format!("http://{text}"))
    }
}

fn tunnel(authority: &str) -> Result<Target, TargetError> {
    let (host, port) = authority::parse(authority)?;
    let host = host.to_ascii_lowercase().into_boxed_str();
    match port {
        Some(port) => Ok(Target::Tunnel(Authority { host, port })),
        None => Err(TargetError::MissingPort(host)),
    }
}

fn origin_form(path_and_query: &str, mode: &Mode) -> Result<Target, TargetError> {
    let page = || Ok(Target::Server(ServerTarget::Page(path_and_query.into())));
    match mode {
        Mode::Forward => page(),
        Mode::Origin(base) => {
            let (scheme, host, port) = (base.scheme(), base.host(), base.port());
            Ok(Target::Resource(TargetUri::new(scheme, host, port, path_and_query)))
        }
        Mode::Gateway => {
            let named = path_and_query.strip_prefix('/').unwrap_or_default();
            let end = named.find(['/', '?']).unwrap_or(named.len());
            match named.split_at_checked(end) {
                None | Some(("", _)) => page(),
                Some((host, rest)) => uri::absolute("http", host, rest).map(Target::Resource),
            }
        }
    }
}

fn path_and_query(uri: &Uri) -> &str {
    uri.path_and_query().map_or("/", |text| text.as_str())
}

#[cfg(test)]
mod tests;
