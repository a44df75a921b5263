//! One HTTP/1.1 connection of a client that knows only what this bench needs.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

/// A kept-alive connection.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

/// The head of a response.
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) length: u64,
    /// All lines, as they came.
    pub(crate) text: String,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("it listens");
        stream.set_nodelay(true).ok();
        Self { stream: BufReader::with_capacity(256 << 10, stream) }
    }

    /// Asks for a target, with more field lines, each with its line end.
    pub(crate) fn ask(&mut self, target: &str, host: SocketAddr, lines: &str) -> Head {
        let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n");
        self.stream.get_mut().write_all(request.as_bytes()).expect("the server reads");
        let mut text = String::new();
        while !text.ends_with("\r\n\r\n") {
            let read = self.stream.read_line(&mut text).expect("the server answers");
            assert!(read > 0, "the server hung up: {text}");
        }
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
        let length = field(&text, "content-length").and_then(|length| length.parse().ok());
        Head { status: status.expect("a status"), length: length.unwrap_or(0), text }
    }

    /// Reads the body, piece by piece.
    pub(crate) fn body(&mut self, length: u64, mut each: impl FnMut(&[u8])) {
        let mut left = length;
        while left > 0 {
            let piece = self.stream.fill_buf().expect("the body goes on");
            assert!(!piece.is_empty(), "the body ends {left} bytes too early");
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
            each(piece.get(..most).expect("so much is there"));
            self.stream.consume(most);
            left -= most as u64;
        }
    }

    /// Asks, and reads the whole body.
    pub(crate) fn get(&mut self, target: &str, host: SocketAddr, lines: &str) -> (Head, Vec<u8>) {
        let head = self.ask(target, host, lines);
        let mut body = vec![0; usize::try_from(head.length).expect("it is short")];
        self.stream.read_exact(&mut body).expect("the body is whole");
        (head, body)
    }
}

impl Head {
    /// Whether the response came from the cache.
    pub(crate) fn is_hit(&self) -> bool {
        field(&self.text, "cache-status").is_some_and(|value| value.contains("hit"))
    }
}

/// The value of a field.
fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    lines.map(|(n, v)| (n, v.trim())).find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v)
}
