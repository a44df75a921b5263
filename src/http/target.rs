//! Request-target forms (RFC 9112 §3.2) and the target URI (RFC 9110 §7.1), normalised once.

use std::fmt;
use std::sync::Arc;

/// The schemes that larder fetches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// `http`, port 80.
    Http,
    /// `https`, port 443.
    Https,
}

impl Scheme {
    /// The scheme in lower case, without `://`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port that is left out of a URI of this scheme.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

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

/// A host in lower case (IPv6 in brackets) and a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Authority {
    /// The host as it stands in a URI: lower case, IPv6 in brackets.
    pub host: Box<str>,
    /// The port, never 0.
    pub port: u16,
}

/// What is asked of the proxy itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerTarget {
    /// `OPTIONS *`.
    Asterisk,
    /// Origin-form: path and query of one of our own pages.
    Page(Box<str>),
}

/// A target URI: scheme and host in lower case, default port dropped, empty path `/`, path and query
/// byte for byte as received. Cheap to clone. Equal exactly when the text is equal.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TargetUri {
    text: Arc<str>,
    scheme: Scheme,
    port: u16,
    host_end: u32,
    path_start: u32,
}

impl TargetUri {
    /// Puts a URI together. `host` must be a valid host (IPv6 in brackets); `path_and_query` starts
    /// with `/`, or with `?`, or is empty.
    pub fn new(scheme: Scheme, host: &str, port: u16, path_and_query: &str) -> Self {
        let mut text = String::with_capacity(host.len() + path_and_query.len() + 16);
        text.push_str(scheme.as_str());
        text.push_str("://");
        text.extend(host.chars().map(|c| c.to_ascii_lowercase()));
        let host_end = text.len();
        if port != scheme.default_port() {
            text.push(':');
            text.push_str(&port.to_string());
        }
        let path_start = text.len();
        if !path_and_query.starts_with('/') {
            text.push('/');
        }
        text.push_str(path_and_query);
        let offset = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self {
            text: text.into(),
            scheme,
            port,
            host_end: offset(host_end),
            path_start: offset(path_start),
        }
    }

    /// The whole URI.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host in lower case, IPv6 in brackets.
    pub fn host(&self) -> &str {
        self.part(self.scheme.as_str().len() + 3, self.host_end as usize)
    }

    /// The port, the scheme's default when none is written.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `host[:port]`, as the `Host` field wants it.
    pub fn authority(&self) -> &str {
        self.part(self.scheme.as_str().len() + 3, self.path_start as usize)
    }

    /// Path and query, at least `/`.
    pub fn path_and_query(&self) -> &str {
        self.part(self.path_start as usize, self.text.len())
    }

    fn part(&self, from: usize, to: usize) -> &str {
        self.text.get(from..to).unwrap_or_default()
    }
}

impl fmt::Debug for TargetUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for TargetUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
