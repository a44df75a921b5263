//! The request as it goes to the origin: target, Host, framing, Via; RFC 9110 §7.6, RFC 9112 §3.2.

use hyper::body::Incoming;
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderValue, TE, TRANSFER_ENCODING, UPGRADE,
};
use hyper::{HeaderMap, Method, Request, Uri, Version};

use crate::http::via::{self, Pseudonym};
use crate::upstream::{ContinueGate, IncomingBody, Outgoing};

use super::ask::Ask;
use super::error::ProxyError;

/// The request without its body, as the origin will see it. `fields` are the ask's, or a copy of them
/// with other conditions.
pub(super) fn head(
    ask: &Ask,
    mut fields: HeaderMap,
    pseudonym: &Pseudonym,
) -> Result<Request<()>, ProxyError> {
    let uri = ask.uri();
    let host = HeaderValue::from_str(uri.authority())
        .map_err(|_error| ProxyError::Malformed("the host of the target is no field value"))?;
    fields.insert(HOST, host);
    via::append(&mut fields, ask.version, pseudonym);
    if ask.method == Method::OPTIONS || ask.method == Method::TRACE {
        via::decrement_max_forwards(&mut fields);
    }
    connection_options(ask, &mut fields);
    let target: Uri = if ask.asterisk { "*" } else { uri.path_and_query() }
        .parse()
        .map_err(|_error| ProxyError::Malformed("the path of the target is not a path"))?;
    let mut request = Request::new(());
    *request.method_mut() = ask.method.clone();
    *request.uri_mut() = target;
    *request.version_mut() = Version::HTTP_11;
    *request.headers_mut() = fields;
    Ok(request)
}

/// `TE: trailers` and `Upgrade` are ours to ask for again: they name one hop.
fn connection_options(ask: &Ask, fields: &mut HeaderMap) {
    let mut options = Vec::new();
    if let Some(protocol) = &ask.upgrade {
        fields.insert(UPGRADE, protocol.clone());
        options.push("upgrade");
    }
    if ask.trailers {
        fields.insert(TE, HeaderValue::from_static("trailers"));
        options.push("te");
    }
    let value = match options.as_slice() {
        ["upgrade", "te"] => "upgrade, te",
        ["upgrade"] => "upgrade",
        ["te"] => "te",
        _ => return,
    };
    fields.insert(CONNECTION, HeaderValue::from_static(value));
}

/// The client's body on its way, and the framing that describes it (RFC 9112 §6).
pub(super) fn body(
    incoming: Incoming,
    fields: &mut HeaderMap,
    gate: Option<ContinueGate>,
) -> Outgoing {
    use http_body::Body as _;
    if incoming.is_end_stream() {
        return Outgoing::Empty;
    }
    match incoming.size_hint().exact() {
        Some(length) => {
            fields.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        // Said out loud, because a client of hyper sends no body of unknown length with a GET.
        None => {
            fields.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
    }
    let body = IncomingBody::new(incoming);
    Outgoing::Incoming(match gate {
        Some(gate) => body.with_gate(gate),
        None => body,
    })
}
