//! Interim responses (RFC 9110 §15.2): passed on to HTTP/1.1 clients, never stored, never mixed into
//! the final response.

use std::sync::Arc;

use bytes::Bytes;
use hyper::{HeaderMap, Request, StatusCode, Version};

use crate::http::hop_by_hop;
use crate::http::via::{self, Pseudonym};
use crate::net::ConnectionHandle;
use crate::upstream::ContinueGate;

use super::serialised;

/// Where interim responses of one exchange go.
#[derive(Clone)]
pub(super) struct Interim {
    connection: Arc<ConnectionHandle>,
    exchange: crate::net::connection::ExchangeId,
    gate: Option<ContinueGate>,
    pass_on: bool,
    pseudonym: Pseudonym,
}

impl Interim {
    /// For the exchange that is open on `connection`. With a `gate`, a 100 opens it: hyper then tells
    /// the client to go on, so the 100 is never injected as well.
    pub(super) fn new(
        connection: &Arc<ConnectionHandle>,
        version: Version,
        gate: Option<ContinueGate>,
        pseudonym: Pseudonym,
    ) -> Self {
        Self {
            connection: connection.clone(),
            exchange: connection.current_exchange(),
            gate,
            pass_on: version == Version::HTTP_11,
            pseudonym,
        }
    }

    /// Listens for the interim responses to `request`.
    pub(super) fn attach<B>(self, request: &mut Request<B>) {
        hyper::ext::on_informational(request, move |response| {
            self.receive(response.status(), response.headers());
        });
    }

    fn receive(&self, status: StatusCode, fields: &HeaderMap) {
        if let (StatusCode::CONTINUE, Some(gate)) = (status, &self.gate) {
            gate.open();
        } else if self.pass_on {
            let response = serialise(status, fields, &self.pseudonym);
            // A full queue or a finished exchange drops it: interim responses are advice.
            self.connection.push_interim(self.exchange, response);
        }
    }
}

fn serialise(status: StatusCode, fields: &HeaderMap, pseudonym: &Pseudonym) -> Bytes {
    let mut fields = fields.clone();
    hop_by_hop::strip_response(&mut fields);
    via::append(&mut fields, Version::HTTP_11, pseudonym);
    serialised::head(status, &fields).freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_early_hint_keeps_its_links_and_loses_its_connection_fields() {
        let mut fields = HeaderMap::new();
        for (name, value) in
            [("link", "</a.css>"), ("link", "</b.css>"), ("connection", "x-hop"), ("x-hop", "1")]
        {
            fields.append(name, hyper::header::HeaderValue::from_static(value));
        }
        let written = serialise(
            StatusCode::EARLY_HINTS,
            &fields,
            &Pseudonym::new("larder-00000000").unwrap(),
        );
        assert_eq!(
            std::str::from_utf8(&written).unwrap(),
            "HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\nlink: </b.css>\r\n\
             via: 1.1 larder-00000000\r\n\r\n"
        );
    }
}
