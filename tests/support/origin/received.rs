//! What the origin saw: the strongest assertion is often what it did *not* see.

use crate::support::message::{Fields, Head};

/// Of a longer body only the beginning is kept.
const KEPT: usize = 32 * 1024 * 1024;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Received {
    /// Which of the origin's connections it came on, from 0.
    pub connection: usize,
    /// The method.
    pub method: String,
    /// The request-target as it stood in the request line.
    pub target: String,
    /// `HTTP/1.0` or `HTTP/1.1`.
    pub version: String,
    /// The field lines.
    pub fields: Fields,
    /// What has come of the body, without its framing (the first 32 MiB are kept).
    pub body: Vec<u8>,
    /// How many bytes of the body have come.
    pub body_length: u64,
    /// The trailer fields.
    pub trailers: Fields,
    /// Whether the body has come to its end.
    pub complete: bool,
    /// Every byte of the head.
    pub raw_head: Vec<u8>,
}

impl Received {
    pub(super) fn new(connection: usize, head: &Head) -> Self {
        let [method, target, version] = head.words().map(str::to_owned);
        Self {
            connection,
            method,
            target,
            version,
            fields: head.fields.clone(),
            body: Vec::new(),
            body_length: 0,
            trailers: Fields::default(),
            complete: false,
            raw_head: head.raw.clone(),
        }
    }

    pub(super) fn keep(&mut self, piece: &[u8]) {
        self.body_length += piece.len() as u64;
        let room = KEPT - self.body.len();
        self.body.extend_from_slice(&piece[..piece.len().min(room)]);
    }

    /// The value of a field that has one line at most.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name)
    }

    /// Whether there is a line of this field.
    pub fn has(&self, name: &str) -> bool {
        self.fields.has(name)
    }
}
