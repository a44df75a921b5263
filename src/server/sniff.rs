//! Who is calling, by the first bytes: an HTTP/1 client, a text client, or neither. Pure.

use crate::http::target::{TargetUri, parse_text};

/// The longest line of a text client; also the most that is read before a decision.
pub const LINE_LIMIT: usize = 16 * 1024;

/// Whether more bytes will come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// They may.
    No,
    /// The client has closed its side.
    Eof,
    /// Not for a while: the client waits.
    Quiet,
}

/// What the first bytes say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sniff {
    /// Nothing yet.
    Undecided,
    /// HTTP/1: a token and a space.
    Http,
    /// The text client's request.
    Text(TargetUri),
    /// Nothing that we serve.
    Refuse(NotServed),
}

/// What we do not serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotServed {
    /// A TLS ClientHello.
    Tls,
    /// An SSH client.
    Ssh,
    /// A first byte outside visible ASCII.
    Binary,
    /// A line that is neither a request line nor a hostname or URL.
    Line,
    /// A line without an end.
    TooLong,
    /// The client has closed, or fell silent, without saying anything.
    Nothing,
}

impl NotServed {
    /// A part of a sentence for the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tls => "the client speaks TLS; give it an http:// proxy URL",
            Self::Ssh => "the client speaks SSH",
            Self::Binary => "the client does not speak HTTP/1",
            Self::Line => "the first line is neither a request line, a hostname nor a URL",
            Self::TooLong => "the first line has no end",
            Self::Nothing => "the client sent nothing",
        }
    }
}

/// Tells them apart; `bytes` is all that has come so far.
pub fn classify(bytes: &[u8], ended: Ended) -> Sniff {
    let blank = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let bytes = bytes.get(blank..).unwrap_or_default();
    let Some(&first) = bytes.first() else {
        return match ended {
            Ended::Eof => Sniff::Refuse(NotServed::Nothing),
            Ended::No | Ended::Quiet => Sniff::Undecided,
        };
    };
    if first == 0x16 {
        return Sniff::Refuse(NotServed::Tls);
    }
    if !first.is_ascii_graphic() {
        return Sniff::Refuse(NotServed::Binary);
    }
    if bytes.starts_with(b"SSH-") {
        return Sniff::Refuse(NotServed::Ssh);
    }
    let token = bytes.iter().take_while(|&&byte| is_token_byte(byte)).count();
    if token > 0 && bytes.get(token) == Some(&b' ') {
        return Sniff::Http;
    }
    let end = bytes.iter().position(|&byte| byte == b'\n');
    let line = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
    if line.len() > LINE_LIMIT {
        return Sniff::Refuse(NotServed::TooLong);
    }
    if end.is_none() && ended == Ended::No {
        return Sniff::Undecided;
    }
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let quiet = end.is_none() && ended == Ended::Quiet;
    match parse_text(line) {
        // It may be the beginning of a method, or of a longer name: wait for more.
        Some(_) if quiet && !is_complete(line) => Sniff::Undecided,
        Some(target) => Sniff::Text(target),
        None if quiet && token == bytes.len() => Sniff::Undecided,
        None => Sniff::Refuse(NotServed::Line),
    }
}

/// Whether a line without an end is a whole request: a URL, `localhost`, an IPv6 address, or a name
/// with a dot.
fn is_complete(line: &[u8]) -> bool {
    let is_url = line.windows(3).any(|three| three == b"://");
    let host_end = line.iter().position(|byte| matches!(byte, b':' | b'/' | b'?'));
    let host = line.get(..host_end.unwrap_or(line.len())).unwrap_or_default();
    is_url
        || line.first() == Some(&b'[')
        || host.contains(&b'.')
        || host.eq_ignore_ascii_case(b"localhost")
}

/// RFC 9110 §5.6.2.
const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "text";

    fn word(bytes: &[u8], ended: Ended) -> String {
        match classify(bytes, ended) {
            Sniff::Undecided => "undecided".to_owned(),
            Sniff::Http => "http".to_owned(),
            Sniff::Text(target) => format!("{TEXT} {target}"),
            Sniff::Refuse(why) => format!("{why:?}"),
        }
    }

    #[test]
    fn first_bytes_tell_the_clients_apart() {
        use Ended::{Eof, No, Quiet};
        for (bytes, ended, expected) in [
            // nothing yet
            ("", No, "undecided"),
            ("", Quiet, "undecided"),
            ("", Eof, "Nothing"),
            ("\r\n\r\n", Eof, "Nothing"),
            ("\r\n", Quiet, "undecided"),
            // neither
            ("\x16\x03\x01", No, "Tls"),
            ("\r\n\x16", No, "Tls"),
            ("SSH-2.0-OpenSSH_9.2\r\n", No, "Ssh"),
            ("SSH", No, "undecided"),
            ("\x05\x01\x00", No, "Binary"),
            ("\x00", No, "Binary"),
            (" GET / HTTP/1.1", No, "Binary"),
            ("\u{e9}", No, "Binary"),
            // HTTP/1
            ("G", No, "undecided"),
            ("GET", No, "undecided"),
            ("GET", Quiet, "undecided"),
            ("GET ", No, "http"),
            ("\r\n\nGET / HTTP/1.1\r\n", No, "http"),
            ("PRI * HTTP/2.0\r\n", No, "http"),
            ("M-SEARCH * HTTP/1.1\r\n", No, "http"),
            ("www.example.com HTTP/1.1", No, "http"),
            // the text client
            ("www.example.com", No, "undecided"),
            ("www.example.com", Quiet, "text http://www.example.com/"),
            ("www.example.com", Eof, "text http://www.example.com/"),
            ("www.example.com\n", No, "text http://www.example.com/"),
            ("www.example.com\r\n", No, "text http://www.example.com/"),
            ("\r\nwww.example.com\r\nrest", No, "text http://www.example.com/"),
            ("WWW.Example.com:8080/A?b", Quiet, "text http://www.example.com:8080/A?b"),
            ("http://example.com/x", Quiet, "text http://example.com/x"),
            ("https://example.com", Eof, "text https://example.com/"),
            ("http://intranet/", Quiet, "text http://intranet/"),
            // a name without a dot
            ("intranet", Quiet, "undecided"),
            ("intranet:8080", Quiet, "undecided"),
            ("intranet/a.b", Quiet, "undecided"),
            ("intranet", Eof, "text http://intranet/"),
            ("intranet\n", No, "text http://intranet/"),
            ("localhost", Quiet, "text http://localhost/"),
            ("LOCALHOST:8080/x", Quiet, "text http://localhost:8080/x"),
            ("[::1]:8080", Quiet, "text http://[::1]:8080/"),
            // noise
            ("{}\n", No, "Line"),
            ("a.b<c>\n", No, "Line"),
            ("ftp://example.com/\n", No, "Line"),
            ("http://user@example.com/\n", No, "Line"),
            ("a/b c\n", No, "Line"),
            ("(oh no", Quiet, "Line"),
        ] {
            assert_eq!(word(bytes.as_bytes(), ended), expected, "{bytes:?} {ended:?}");
        }
    }

    #[test]
    fn a_line_without_an_end_is_not_waited_for_for_ever() {
        let long = vec![b'a'; LINE_LIMIT + 1];
        assert_eq!(classify(&long, Ended::No), Sniff::Refuse(NotServed::TooLong));
        assert_eq!(classify(&long[1..], Ended::No), Sniff::Undecided);
    }
}
