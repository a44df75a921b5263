//! What the origin answers: a status, fields and a body by default, and every kind of misbehaviour.

use crate::support::gate::Gate;
use crate::support::message::Fields;
use crate::support::pattern;

/// The answer to one request. Nothing is added that is not asked for, the framing field excepted.
#[derive(Clone, Debug)]
pub struct Reply {
    pub(super) lead: Vec<Lead>,
    pub(super) head: Plan,
    pub(super) body: Payload,
    pub(super) framing: Framing,
    pub(super) trailers: Fields,
    pub(super) body_gate: Option<Gate>,
    pub(super) pace: Option<Pace>,
    pub(super) cut: Option<Cut>,
    pub(super) end: End,
}

/// What comes before the final head.
#[derive(Clone, Debug)]
pub(super) enum Lead {
    Interim(Vec<u8>),
    Hold(Gate),
    ReadBody,
}

#[derive(Clone, Debug)]
pub(super) enum Plan {
    Head { version: &'static str, status: u16, reason: String, fields: Fields },
    Raw(Vec<u8>),
    Nothing,
}

#[derive(Clone, Debug)]
pub(super) enum Payload {
    Bytes(Vec<u8>),
    Pattern(u64),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Framing {
    Length,
    Chunked,
    Close,
}

#[derive(Clone, Debug)]
pub(super) struct Pace {
    pub(super) gate: Gate,
    pub(super) piece: usize,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    pub(super) after: u64,
    pub(super) end: End,
}

/// What becomes of the connection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum End {
    Keep,
    Close,
    HangUp,
    Reset,
    Stall,
    Echo,
}

impl From<&str> for Reply {
    fn from(body: &str) -> Self {
        Self::ok(body)
    }
}

impl Reply {
    /// `200 OK` with a body and its `Content-Length`.
    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::new(200).body(body)
    }

    /// `200 OK` with `Cache-Control: max-age=…`: stored, and fresh for so many seconds.
    pub fn cacheable(max_age: u64, body: impl Into<Vec<u8>>) -> Self {
        Self::ok(body).field("Cache-Control", &format!("max-age={max_age}"))
    }

    /// A response with this status and no body.
    pub fn new(status: u16) -> Self {
        let code = http::StatusCode::from_u16(status).ok();
        let reason = code.and_then(|code| code.canonical_reason()).unwrap_or("Whatever").into();
        Self::of(Plan::Head { version: "HTTP/1.1", status, reason, fields: Fields::default() })
    }

    /// These bytes, whatever they are; then the connection is closed.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self::of(Plan::Raw(bytes.into())).close()
    }

    /// No byte, ever: the connection stays open.
    pub fn never() -> Self {
        Self { end: End::Stall, ..Self::of(Plan::Nothing) }
    }

    /// The connection is closed without an answer.
    pub fn nothing() -> Self {
        Self::of(Plan::Nothing).close()
    }

    /// The connection is reset without an answer.
    pub fn reset() -> Self {
        Self { end: End::Reset, ..Self::of(Plan::Nothing) }
    }

    /// `101 Switching Protocols`; afterwards every byte comes back.
    pub fn echo(protocol: &str) -> Self {
        let reply = Self::new(101).field("Upgrade", protocol).field("Connection", "Upgrade");
        Self { end: End::Echo, ..reply }
    }

    fn of(head: Plan) -> Self {
        Self {
            lead: vec![Lead::ReadBody],
            head,
            body: Payload::Bytes(Vec::new()),
            framing: Framing::Length,
            trailers: Fields::default(),
            body_gate: None,
            pace: None,
            cut: None,
            end: End::Keep,
        }
    }

    /// Adds a field line.
    pub fn field(mut self, name: &str, value: &str) -> Self {
        match &mut self.head {
            Plan::Head { fields, .. } => fields.push(name, value),
            _ => panic!("a reply without a head has no fields"),
        }
        self
    }

    /// Another reason phrase.
    pub fn reason(mut self, words: &str) -> Self {
        if let Plan::Head { reason, .. } = &mut self.head {
            *reason = words.into();
        }
        self
    }

    /// An HTTP/1.0 status line; the connection is closed after it.
    pub fn http10(mut self) -> Self {
        if let Plan::Head { version, .. } = &mut self.head {
            *version = "HTTP/1.0";
        }
        self.end = End::Close;
        self
    }

    /// The body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Payload::Bytes(body.into());
        self
    }

    /// A body of `length` bytes that nobody holds in memory ([`pattern`]).
    pub fn pattern(mut self, length: u64) -> Self {
        self.body = Payload::Pattern(length);
        self
    }

    /// Sends the body chunked.
    pub fn chunked(mut self) -> Self {
        self.framing = Framing::Chunked;
        self
    }

    /// Ends the body by closing.
    pub fn until_close(mut self) -> Self {
        self.framing = Framing::Close;
        self.close()
    }

    /// A trailer field, after a chunked body.
    pub fn trailer(mut self, name: &str, value: &str) -> Self {
        self.trailers.push(name, value);
        self.chunked()
    }

    /// An interim response, 1xx. A 100 goes out before the request's body is read.
    pub fn interim(mut self, status: u16, fields: &[(&str, &str)]) -> Self {
        let mut text = format!("HTTP/1.1 {status} Interim\r\n");
        for (name, value) in fields {
            text += &format!("{name}: {value}\r\n");
        }
        let lead = Lead::Interim((text + "\r\n").into_bytes());
        match status {
            100 => self.lead.insert(0, lead),
            _ => self.lead.push(lead),
        }
        self
    }

    /// Holds what follows (further interim responses, the head) until the gate opens.
    pub fn after(mut self, gate: &Gate) -> Self {
        self.lead.push(Lead::Hold(gate.clone()));
        self
    }

    /// Reads nothing of the request's body until the gate opens, and sends no 100 before it.
    pub fn reading_after(mut self, gate: &Gate) -> Self {
        self.lead.insert(0, Lead::Hold(gate.clone()));
        self
    }

    /// Sends the head at once, the body when the gate opens.
    pub fn body_after(mut self, gate: &Gate) -> Self {
        self.body_gate = Some(gate.clone());
        self
    }

    /// Sends the body in pieces of `piece` bytes, each waiting at the gate for its pass.
    pub fn paced(mut self, gate: &Gate, piece: usize) -> Self {
        self.pace = Some(Pace { gate: gate.clone(), piece });
        self
    }

    /// Closes the connection after so many bytes of the body.
    pub fn cut_after(self, bytes: u64) -> Self {
        self.cut(bytes, End::HangUp)
    }

    /// Resets the connection after so many bytes of the body.
    pub fn reset_after(self, bytes: u64) -> Self {
        self.cut(bytes, End::Reset)
    }

    /// Sends nothing more after so many bytes of the body, and keeps the connection.
    pub fn stall_after(self, bytes: u64) -> Self {
        self.cut(bytes, End::Stall)
    }

    fn cut(mut self, after: u64, end: End) -> Self {
        self.cut = Some(Cut { after, end });
        self
    }

    /// Answers without waiting for the request's body.
    pub fn early(mut self) -> Self {
        self.lead.retain(|lead| !matches!(lead, Lead::ReadBody));
        self
    }

    /// Closes the connection after the response, without having said so.
    pub fn hang_up(mut self) -> Self {
        self.end = End::HangUp;
        self
    }

    /// Says `Connection: close`, and closes after the response.
    pub fn close(mut self) -> Self {
        self.end = End::Close;
        self
    }

    /// The status line and fields, framing included, as they are sent in answer to `method`.
    pub(super) fn head_bytes(&self, method: &str) -> Vec<u8> {
        let (version, status, reason, fields) = match &self.head {
            Plan::Head { version, status, reason, fields } => (version, *status, reason, fields),
            Plan::Raw(bytes) => return bytes.clone(),
            Plan::Nothing => return Vec::new(),
        };
        let mut text = format!("{version} {status} {reason}\r\n{}", fields.to_wire());
        let framed = fields.has("content-length") || fields.has("transfer-encoding");
        let empty = status == 204 || status == 304 || status < 200;
        let tunnel = method == "CONNECT" && (200..300).contains(&status);
        if !(framed || empty || tunnel) {
            match self.framing {
                Framing::Length => text += &format!("Content-Length: {}\r\n", self.body.len()),
                Framing::Chunked => text += "Transfer-Encoding: chunked\r\n",
                Framing::Close => {}
            }
        }
        if self.end == End::Close && !fields.has("connection") {
            text += "Connection: close\r\n";
        }
        (text + "\r\n").into_bytes()
    }

    /// Whether a body follows the head in answer to `method`.
    pub(super) fn has_body(&self, method: &str) -> bool {
        let bodiless = |status| status == 204 || status == 304 || status < 200;
        match &self.head {
            Plan::Head { status, .. } => method != "HEAD" && !bodiless(*status),
            _ => false,
        }
    }
}

impl Payload {
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Pattern(length) => *length,
        }
    }

    /// At most `most` bytes from `offset` on.
    pub(super) fn piece(&self, offset: u64, most: u64) -> Vec<u8> {
        let count = usize::try_from(most.min(self.len() - offset)).unwrap();
        match self {
            Self::Bytes(bytes) => {
                let from = usize::try_from(offset).unwrap();
                bytes[from..from + count].to_vec()
            }
            Self::Pattern(_) => pattern::bytes(offset, count),
        }
    }
}
