//! One finished exchange, as the access log tells it.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use ::http::{HeaderValue, Method, Version};

use crate::policy::outcome::ForwardReason;
use crate::time::Timestamp;

/// What became of one exchange. The proxy fills it when the response's *body* has ended.
#[derive(Clone, Debug)]
pub struct AccessRecord {
    /// The client's address.
    pub client: IpAddr,
    /// The name of the user, where the proxy asked for one and the password was right.
    pub user: Option<Box<str>>,
    /// The request method; none when the request could not be parsed.
    pub method: Option<Method>,
    /// The target URI, `host:port` of a tunnel, or what arrived in its place. May be hostile.
    pub url: String,
    /// The version the client spoke.
    pub version: Version,
    /// The status sent to the client; 0 when none was sent.
    pub status: u16,
    /// Bytes of body sent to the client; in a tunnel, bytes towards the client.
    pub bytes: u64,
    /// Bytes of body received from the client; in a tunnel, bytes from the client.
    pub bytes_up: u64,
    /// From the first byte of the request to the last byte of the response.
    pub duration: Duration,
    /// When the exchange ended.
    pub time: Timestamp,
    /// What the cache did.
    pub cache: CacheWord,
    /// Where the body came from: `memory`, `disk` or `origin`.
    pub tier: Option<&'static str>,
    /// Why it was forwarded, for Squid's format; none when it was not.
    pub forward: Option<ForwardReason>,
    /// Why it was forwarded, not stored or refused (the words of `Cache-Status`).
    pub reason: Option<Cow<'static, str>>,
    /// What went wrong, as a plain sentence.
    pub error: Option<String>,
    /// The request's `Referer`, for the combined format.
    pub referer: Option<HeaderValue>,
    /// The request's `User-Agent`, for the combined format.
    pub user_agent: Option<HeaderValue>,
    /// The response's `Content-Type`, for Squid's format.
    pub content_type: Option<HeaderValue>,
    /// The address that was asked upstream, for Squid's format; none when nobody was asked.
    pub peer: Option<IpAddr>,
}

/// What the cache did in an exchange: the values of `cache=` and their messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CacheWord {
    /// Answered from the cache, fresh.
    Hit,
    /// Answered from the cache although stale.
    Stale,
    /// Stale, and the origin said that it still holds.
    Revalidated,
    /// Fetched from the origin.
    Miss,
    /// Shared the fetch of another request.
    Collapsed,
    /// Passed through: the cache had no part in it.
    Bypass,
    /// A tunnel.
    Tunnel,
    /// One of the proxy's own answers.
    Own,
    /// Refused by the rules.
    Refused,
    /// Failed.
    Error,
}

impl CacheWord {
    /// Every word, in the order of the table that users read.
    pub const ALL: [Self; 10] = [
        Self::Hit,
        Self::Stale,
        Self::Revalidated,
        Self::Miss,
        Self::Collapsed,
        Self::Bypass,
        Self::Tunnel,
        Self::Own,
        Self::Refused,
        Self::Error,
    ];

    /// The value of the field `cache`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Stale => "stale",
            Self::Revalidated => "revalidated",
            Self::Miss => "miss",
            Self::Collapsed => "collapsed",
            Self::Bypass => "bypass",
            Self::Tunnel => "tunnel",
            Self::Own => "own",
            Self::Refused => "refused",
            Self::Error => "error",
        }
    }

    /// The message of the access line.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Hit => "Read from cache",
            Self::Stale => "Served stale from cache",
            Self::Revalidated => "Revalidated with origin",
            Self::Miss => "Fetched from origin",
            Self::Collapsed => "Joined a fetch under way",
            Self::Bypass => "Passed through",
            Self::Tunnel => "Tunnelled",
            Self::Own => "Answered here",
            Self::Refused => "Refused",
            Self::Error => "Failed",
        }
    }
}
