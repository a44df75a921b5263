//! Connections that authenticate (NTLM, Negotiate): they speak for one client and are never shared.

use std::sync::Arc;

use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderName, PROXY_AUTHENTICATE, WWW_AUTHENTICATE};
use parking_lot::Mutex;

use crate::net::{ConnectionHandle, Reach};

use super::pool::Connection;

/// What is pinned to a client connection: the place where its upstream connection rests between two
/// exchanges. The client connection owns it, and closing that closes what rests in it.
#[derive(Debug)]
pub(super) struct Pin {
    origin: Box<str>,
    place: Arc<Place>,
}

/// Where a pinned connection rests; empty while an exchange is under way.
#[derive(Debug, Default)]
pub(super) struct Place(Mutex<Option<Connection>>);

impl Place {
    /// Lays a connection down until the client's next request.
    pub(super) fn put(&self, connection: Connection) {
        *self.0.lock() = Some(connection);
    }
}

/// Takes the connection that is pinned to this client connection for `origin`, with its place.
pub(super) fn take(
    client: &ConnectionHandle,
    origin: &str,
    reach: &Reach,
) -> Option<(Connection, Arc<Place>)> {
    let pin = client.take_pinned()?.downcast::<Pin>().ok()?;
    let found = if *pin.origin == *origin {
        pin.place.0.lock().take_if(|connection| reach.allows(connection.whence()))
    } else {
        None
    };
    let place = Arc::clone(&pin.place);
    // Also for another origin: the client may come back to it.
    client.pin(pin);
    found.map(|connection| (connection, place))
}

/// Makes a place on this client connection for the connection that now authenticates.
pub(super) fn make_place(client: &ConnectionHandle, origin: &str) -> Arc<Place> {
    let place = Arc::<Place>::default();
    client.pin(Box::new(Pin { origin: origin.into(), place: Arc::clone(&place) }));
    place
}

/// Whether a request authenticates its connection.
pub(super) fn request_pins(fields: &HeaderMap) -> bool {
    names_connection_scheme(fields, &AUTHORIZATION)
}

/// Whether a response asks the client to authenticate its connection, or is a step of it.
pub(super) fn response_pins(fields: &HeaderMap) -> bool {
    names_connection_scheme(fields, &WWW_AUTHENTICATE)
        || names_connection_scheme(fields, &PROXY_AUTHENTICATE)
}

/// Looks for the schemes that authenticate a connection instead of a request. Challenges of several
/// schemes may share a line; a scheme stands at the start of a member (RFC 9110 §11.6.1).
fn names_connection_scheme(fields: &HeaderMap, name: &HeaderName) -> bool {
    fields.get_all(name).iter().any(|line| {
        line.as_bytes().split(|byte| *byte == b',').any(|member| {
            let member = member.trim_ascii();
            let end = member.iter().position(|byte| matches!(byte, b' ' | b'\t'));
            let scheme = member.get(..end.unwrap_or(member.len())).unwrap_or(member);
            [&b"ntlm"[..], b"negotiate"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheme_that_authenticates_the_connection_is_seen_among_others() {
        let rows = [
            ("NTLM", true),
            ("Negotiate", true),
            ("negotiate oRswGaAD", true),
            ("Basic realm=\"x\", NTLM", true),
            ("Basic realm=\"NTLM\"", false),
            ("Bearer NTLM", false),
            ("Basic bnRsbQ==", false),
        ];
        for (value, expected) in rows {
            let mut fields = HeaderMap::new();
            fields.insert(WWW_AUTHENTICATE, value.parse().unwrap());
            assert_eq!(response_pins(&fields), expected, "{value}");
        }
    }
}
