//! Heads and whole messages as they were on the wire.

use super::wire::Broken;

/// Field lines in their order, names as they came. Bytes outside UTF-8 read as U+FFFD.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// Adds a line.
    pub fn push(&mut self, name: &str, value: &str) {
        self.0.push((name.into(), value.into()));
    }

    /// Adds `Name: value` as it stands on the wire.
    pub fn push_line(&mut self, line: &str) -> Result<(), String> {
        let (name, value) = line.split_once(':').ok_or(format!("field line {line:?}"))?;
        if name.is_empty() || name.contains([' ', '\t']) {
            return Err(format!("field name {name:?}"));
        }
        self.push(name, value.trim_matches([' ', '\t']));
        Ok(())
    }

    /// The values of all lines of one field.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let same = |line: &&(String, String)| line.0.eq_ignore_ascii_case(name);
        self.0.iter().filter(same).map(|(_, value)| value.as_str()).collect()
    }

    /// The value of a field that has one line at most.
    pub fn get(&self, name: &str) -> Option<&str> {
        let lines = self.all(name);
        assert!(lines.len() < 2, "{name} has {} lines: {lines:?}", lines.len());
        lines.first().copied()
    }

    /// Whether there is a line of this field.
    pub fn has(&self, name: &str) -> bool {
        !self.all(name).is_empty()
    }

    /// All lines.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The lines as they are written.
    pub fn to_wire(&self) -> String {
        self.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect()
    }
}

/// How a body's end is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    None,
    /// `Content-Length`.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
    /// The end of the connection.
    Close,
}

/// A start line and fields.
#[derive(Clone, Debug)]
pub struct Head {
    /// The first line without its end.
    pub start: String,
    /// The field lines.
    pub fields: Fields,
    /// Every byte of it.
    pub raw: Vec<u8>,
}

impl Head {
    /// Reads a head that ends in an empty line.
    pub fn parse(raw: Vec<u8>) -> Result<Self, String> {
        let text = String::from_utf8_lossy(&raw).into_owned();
        let mut lines = text.trim_end_matches("\r\n").split("\r\n");
        let start = lines.next().unwrap_or_default().to_owned();
        let mut fields = Fields::default();
        for line in lines {
            fields.push_line(line)?;
        }
        Ok(Self { start, fields, raw })
    }

    /// The words of the start line: three, the last may hold spaces.
    pub fn words(&self) -> [&str; 3] {
        let mut words = self.start.splitn(3, ' ');
        std::array::from_fn(|_| words.next().unwrap_or_default())
    }

    /// The status code of a response's head.
    pub fn status(&self) -> Result<u16, Broken> {
        let [version, code, _] = self.words();
        let code = code.parse().ok().filter(|_| version.starts_with("HTTP/1."));
        code.ok_or_else(|| Broken::Malformed(format!("status line {:?}", self.start)))
    }

    /// How the body of a request with this head is framed (RFC 9112 §6.3).
    pub fn request_framing(&self) -> Result<Framing, Broken> {
        Ok(self.framing()?.unwrap_or(Framing::None))
    }

    /// How the body of the response to a request with this method is framed (RFC 9112 §6.3).
    pub fn response_framing(&self, method: &str) -> Result<Framing, Broken> {
        let status = self.status()?;
        let tunnel = method == "CONNECT" && (200..300).contains(&status);
        if method == "HEAD" || status < 200 || status == 204 || status == 304 || tunnel {
            return Ok(Framing::None);
        }
        Ok(self.framing()?.unwrap_or(Framing::Close))
    }

    fn framing(&self) -> Result<Option<Framing>, Broken> {
        let malformed = |what: &str| Err(Broken::Malformed(format!("{what} in {:?}", self.start)));
        let (lengths, codings) =
            (self.fields.all("content-length"), self.fields.all("transfer-encoding"));
        match (lengths.as_slice(), codings.as_slice()) {
            ([], []) => Ok(None),
            ([length], []) => match length.parse() {
                Ok(length) => Ok(Some(Framing::Length(length))),
                Err(_) => malformed("a bad Content-Length"),
            },
            ([], [coding]) if coding.eq_ignore_ascii_case("chunked") => Ok(Some(Framing::Chunked)),
            _ => malformed("ambiguous framing"),
        }
    }
}

/// A response as a client got it.
#[derive(Clone, Debug)]
pub struct Response {
    /// `HTTP/1.0` or `HTTP/1.1`.
    pub version: String,
    /// The status code.
    pub status: u16,
    /// The reason phrase.
    pub reason: String,
    /// The fields of the final head.
    pub fields: Fields,
    /// The body without its framing: all that came, when it broke off.
    pub body: Vec<u8>,
    /// The trailer fields of a chunked body.
    pub trailers: Fields,
    /// How the end of the body was told.
    pub framing: Framing,
    /// The interim responses that came before.
    pub interim: Vec<Head>,
    /// Why the body did not come to its end.
    pub broken: Option<Broken>,
    /// Every byte, interim responses included.
    pub raw: Vec<u8>,
}

impl Response {
    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is text")
    }

    /// The value of a field that has one line at most.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name)
    }

    /// The last member of `Cache-Status`, which is ours; empty when there is none.
    pub fn cache_status(&self) -> &str {
        let lines = self.fields.all("cache-status");
        lines.last().and_then(|line| line.rsplit(", ").next()).unwrap_or_default()
    }
}
