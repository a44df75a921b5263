//! The HTTP client of the lab: one connection, one request, the whole answer.
//!
//! It is written by hand, on a bare socket, to show all there is to HTTP/1.1: lines of text that end in
//! CR LF, an empty line, and three ways to say where a body ends. This file sends the request, `answer`
//! reads what comes back.

mod answer;
#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::net::TcpStream;
use std::process::ExitCode;

use self::answer::{Answer, Broken};
use super::error::LabError;
use super::sockets::addresses;
use super::terminal;

/// What the client is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The name or the address of the server.
    pub server: String,
    /// Its port.
    pub port: u16,
    /// What to ask for: a path.
    pub file: String,
    /// A proxy to go through: `host:port`.
    pub proxy: Option<String>,
    /// Asks for the head alone.
    pub head: bool,
    /// The value of `If-Modified-Since`.
    pub if_modified_since: Option<String>,
    /// The value of `If-None-Match`.
    pub if_none_match: Option<String>,
}

/// The port of `http:`, which a URL leaves out.
const HTTP_PORT: u16 = 80;

/// Gets the file and shows the answer. Exit code 0 when all of it came, whatever its status.
pub fn run(config: &Config) -> ExitCode {
    let config = config.clone();
    terminal::run(move || get(&config, &mut io::stdout().lock()))
}

fn get(config: &Config, output: &mut impl Write) -> Result<(), LabError> {
    let request = request(config)?;
    let peer = match &config.proxy {
        Some(proxy) => proxy.trim_start_matches("http://").trim_end_matches('/').to_owned(),
        None => authority(&config.server, config.port),
    };
    let mut connection = connect(&peer)?;
    // A server may answer and close before it has read all: then the answer still counts.
    let sent = connection.write_all(request.as_bytes());
    match Answer::new(connection, output).show(config.head) {
        Ok(()) => Ok(()),
        Err(Broken::Output(error)) => Err(terminal::not_written(error)),
        Err(Broken::Answer(why)) => Err(LabError::NotWhole { peer, reason: why }),
        Err(Broken::Input(error)) => {
            Err(LabError::gone(&peer, sent.as_ref().err().unwrap_or(&error)))
        }
    }
}

/// Connects to the first address that answers.
fn connect(peer: &str) -> Result<TcpStream, LabError> {
    let (host, port) = peer.rsplit_once(':').unwrap_or((peer, ""));
    let port = port.parse().map_err(|_error| LabError::NoPlace { given: peer.to_owned() })?;
    TcpStream::connect(addresses(host, port)?.as_slice())
        .map_err(|source| LabError::Unreachable { server: peer.to_owned(), source })
}

/// The request as it goes over the wire.
fn request(config: &Config) -> Result<String, LabError> {
    let method = if config.head { "HEAD" } else { "GET" };
    let authority = match config.port {
        HTTP_PORT => bracketed(&config.server),
        port => authority(&config.server, port),
    };
    let path = path(&config.file);
    // A server is asked for a path, a proxy for a whole URL (RFC 9112 §3.2).
    let target = if config.proxy.is_some() { format!("http://{authority}{path}") } else { path };
    let mut lines = vec![
        format!("{method} {target} HTTP/1.1"),
        format!("Host: {authority}"),
        "User-Agent: larder-lab".to_owned(),
        "Accept: */*".to_owned(),
        "Connection: close".to_owned(),
    ];
    lines.extend(config.if_modified_since.iter().map(|date| format!("If-Modified-Since: {date}")));
    lines.extend(config.if_none_match.iter().map(|tag| format!("If-None-Match: {}", quoted(tag))));
    // A line end inside a line would begin another one.
    match lines.iter().find(|line| line.contains(char::is_control)) {
        Some(line) => Err(LabError::NotSent { given: line.clone() }),
        None => Ok(lines.join("\r\n") + "\r\n\r\n"),
    }
}

/// An entity tag stands in double quotes, which a shell takes away.
fn quoted(tag: &str) -> String {
    let bare = tag != "*" && !tag.contains('"');
    if bare { format!("\"{tag}\"") } else { tag.to_owned() }
}

/// The name of a file as the path of a URL. What is encoded already stays so, and `?` begins a query.
fn path(file: &str) -> String {
    let mut path = String::from(if file.starts_with('/') { "" } else { "/" });
    for byte in file.bytes() {
        match byte {
            b'#' | b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => {
                path += &format!("%{byte:02X}");
            }
            b'!'..=b'~' => path.push(char::from(byte)),
            _ => path += &format!("%{byte:02X}"),
        }
    }
    path
}

fn authority(host: &str, port: u16) -> String {
    format!("{}:{port}", bracketed(host))
}

/// A host as it stands in a URL: an IPv6 address in brackets.
fn bracketed(host: &str) -> String {
    let bare = host.contains(':') && !host.starts_with('[');
    if bare { format!("[{host}]") } else { host.to_owned() }
}
