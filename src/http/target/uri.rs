//! The target URI (RFC 9110 §7.1), normalised once.

use std::fmt::{self, Write as _};
use std::net::IpAddr;
use std::sync::Arc;

use http::Uri;
use http::uri::PathAndQuery;

use super::{TargetError, authority, reference};

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

    /// The scheme of this name, in any case.
    fn parse(text: &str) -> Option<Self> {
        [Self::Http, Self::Https].into_iter().find(|s| s.as_str().eq_ignore_ascii_case(text))
    }

    /// The port that is left out of a URI of this scheme.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
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
        let host_start = text.len();
        text.push_str(host);
        text.get_mut(host_start..).unwrap_or_default().make_ascii_lowercase();
        let host_end = text.len();
        if port != scheme.default_port() {
            // Writing to a string cannot fail.
            write!(text, ":{port}").ok();
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

    /// Reads an absolute `http` or `https` URL. Path and query stay byte for byte; a fragment is cut off.
    /// `None` when it is anything else, or when there is a user name in it.
    pub fn parse(absolute: &str) -> Option<Self> {
        let uri = Uri::try_from(absolute).ok()?;
        let path_and_query = uri.path_and_query()?.as_str();
        self::absolute(uri.scheme_str()?, uri.authority()?.as_str(), path_and_query).ok()
    }

    /// Reads back what [`as_str`](Self::as_str) wrote: the URI whose text is exactly this one. `None` when
    /// there is none, such as where a host is in upper case.
    pub fn from_normal(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let (authority, path_and_query) = rest.split_at_checked(rest.find('/')?)?;
        // It must be one that HTTP can carry; a fragment would silently be cut off.
        PathAndQuery::try_from(path_and_query)
            .ok()
            .filter(|read| read.as_str() == path_and_query)?;
        absolute(scheme, authority, path_and_query).ok().filter(|uri| uri.as_str() == text)
    }

    /// The URI that a reference in a response to this one means, such as `Location`'s (RFC 3986 §5.2):
    /// dot segments are removed, other than that path and query stay byte for byte, and a fragment is cut
    /// off. `None` when it is no URI that larder could fetch.
    pub fn resolve(&self, reference: &str) -> Option<Self> {
        reference::resolve(self, reference)
    }

    /// Whether scheme, host and port are the same (RFC 9110 §4.3.1).
    pub fn same_origin(&self, other: &Self) -> bool {
        self.scheme == other.scheme && self.port == other.port && self.host() == other.host()
    }

    /// The host as an address, when it is one and not a name.
    pub fn literal_ip(&self) -> Option<IpAddr> {
        self.host().trim_start_matches('[').trim_end_matches(']').parse().ok()
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

    /// The URI origin (RFC 6454 §6): scheme and authority.
    pub fn origin(&self) -> &str {
        self.part(0, self.path_start as usize)
    }

    /// Scheme, authority and path, without the query.
    pub fn without_query(&self) -> &str {
        self.text.split_once('?').map_or(&self.text, |(before, _)| before)
    }

    /// The query without its `?`; `None` when there is no `?`.
    pub fn query(&self) -> Option<&str> {
        self.text.split_once('?').map(|(_, query)| query)
    }

    fn part(&self, from: usize, to: usize) -> &str {
        self.text.get(from..to).unwrap_or_default()
    }
}

/// Puts a URI together from what was received, after checking scheme, host and port.
pub(super) fn absolute(
    scheme: &str,
    authority: &str,
    path_and_query: &str,
) -> Result<TargetUri, TargetError> {
    let known = Scheme::parse(scheme).ok_or_else(|| TargetError::UnknownScheme(scheme.into()))?;
    let (host, port) = authority::parse(authority)?;
    Ok(TargetUri::new(known, &host, port.unwrap_or(known.default_port()), path_and_query))
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
