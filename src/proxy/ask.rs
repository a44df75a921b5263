//! What a client asks for, as it will be forwarded: everything that later steps read.

use ::http::request;
use hyper::header::{CONTENT_LENGTH, EXPECT, HOST, HeaderName, HeaderValue, RANGE};
use hyper::{HeaderMap, Method, Version};

use crate::http::{TargetUri, hop_by_hop, precondition};
use crate::net::Reach;
use crate::net::connection::EmptyPath;
use crate::policy::cache_control::RequestDirectives;
use crate::policy::storable::RequestView;
use crate::policy::{self, CacheKey, StoredHead};
use crate::time::Timestamp;

/// A request for a resource, without its body. Policy reads it as it will be forwarded, so that a
/// field named in `Connection` neither loosens nor poisons anything.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    /// The method as received.
    pub(super) method: Method,
    /// The version received.
    pub(super) version: Version,
    /// The key, with the target URI in it.
    pub(super) key: CacheKey,
    /// End-to-end fields; no `Host`, no framing.
    pub(super) fields: HeaderMap,
    /// `Cache-Control` and `Pragma`, typed.
    pub(super) directives: RequestDirectives,
    /// What this client may reach.
    pub(super) reach: Reach,
    /// The protocol to upgrade to, when it is one that may pass.
    pub(super) upgrade: Option<HeaderValue>,
    /// Whether the client takes trailers.
    pub(super) trailers: bool,
    /// Whether the client waits for a 100 before it sends its body.
    pub(super) expects_continue: bool,
    /// Whether it is an `OPTIONS` for the server as a whole: the target had no path (RFC 9112 §3.2.4).
    pub(super) asterisk: bool,
    /// Whether the request carries content.
    pub(super) content: bool,
    /// Whether it is a GET that takes a stored response as it is: no conditions, no `Range`.
    pub(super) is_plain: bool,
}

impl Ask {
    /// Takes a head; `content` says whether a body follows.
    pub(super) fn read(head: request::Parts, uri: TargetUri, reach: Reach, content: bool) -> Self {
        let mut fields = head.headers;
        let upgrade = hop_by_hop::upgrade_protocol(&fields, head.version);
        let trailers = hop_by_hop::wants_trailers(&fields);
        hop_by_hop::strip_request(&mut fields);
        fields.remove(HOST);
        fields.remove(CONTENT_LENGTH);
        // RFC 9110 §10.1.1: the expectation of an HTTP/1.0 client is not one.
        let expects_continue = content
            && head.version == Version::HTTP_11
            && fields
                .get(EXPECT)
                .is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"100-continue"));
        if head.version == Version::HTTP_10 {
            fields.remove(EXPECT);
        }
        let directives = RequestDirectives::parse(&fields);
        let is_particular = |name: &HeaderName| {
            matches!(name.as_str(), "if-modified-since" | "if-none-match" | "if-range" | "range")
        };
        let is_plain = head.method == Method::GET && !fields.keys().any(is_particular);
        Self {
            method: head.method,
            version: head.version,
            key: CacheKey::new(uri),
            fields,
            directives,
            reach,
            upgrade,
            trailers,
            expects_continue,
            asterisk: head.extensions.get::<EmptyPath>().is_some(),
            content,
            is_plain,
        }
    }

    /// The target URI.
    pub(super) fn uri(&self) -> &TargetUri {
        self.key.uri()
    }

    /// The view that policy takes.
    pub(super) fn view(&self) -> RequestView<'_> {
        let Self { method, fields, directives, .. } = self;
        RequestView { method, uri: self.uri(), fields, directives }
    }

    /// Whether a stored response may answer it: GET and HEAD without content.
    pub(super) fn cacheable(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD) && !self.content && self.upgrade.is_none()
    }

    /// Whether it may share a fetch with others.
    pub(super) fn collapsible(&self) -> bool {
        self.cacheable() && self.method == Method::GET && policy::reuse::may_collapse(&self.view())
    }

    /// Whether it may be sent twice (RFC 9110 §9.2.2): idempotent, and nothing was streamed.
    pub(super) fn repeatable(&self) -> bool {
        self.method.is_idempotent() && !self.content
    }

    /// The key under which its answer is stored.
    pub(super) fn answer_key(&self) -> CacheKey {
        match self.method {
            Method::HEAD => CacheKey::head(self.uri().clone()),
            _ => self.key.clone(),
        }
    }

    /// Whether its `Range` counts (RFC 9110 §14.2): for GET alone, and where `If-Range` holds.
    pub(super) fn ranged(&self, stored: &StoredHead, now: Timestamp) -> bool {
        self.method == Method::GET
            && self.fields.contains_key(RANGE)
            && precondition::if_range_holds(&self.fields, &stored.fields(), now)
    }
}
