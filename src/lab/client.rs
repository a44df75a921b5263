//! The text client: sends a bare hostname, prints the whole answer.
//!
//! It is as small as the client of a networking lab: it opens a socket, sends what was typed and
//! nothing else, and prints what comes back until the proxy closes.

use std::io::{self, BufRead, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::ExitCode;

use super::error::reason;

#[cfg(test)]
mod tests;

/// Where the proxy listens when nothing else is said.
pub const DEFAULT_PROXY: &str = "127.0.0.1:3128";

/// What stands before each line that is read.
const PROMPT: &[u8] = b"Input request: ";

/// A longer line is no request that the proxy takes.
const LONGEST: u64 = 16 * 1024;

/// What the client is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The proxy: `host:port`.
    pub proxy: String,
    /// What to ask for, one after another; when empty, it prompts and reads lines.
    pub hosts: Vec<String>,
}

/// Why a request got no answer, or not the whole of it.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens there.
    #[error("cannot reach the proxy at {proxy}: {}; start it with: larder serve", reason(.source))]
    Unreachable {
        /// Where the proxy should be.
        proxy: String,
        /// Why.
        source: io::Error,
    },
    /// It is not where a proxy could be.
    #[error("cannot find the proxy {proxy:?}: {}; write --proxy host:port", reason(.source))]
    NoSuchProxy {
        /// What was given.
        proxy: String,
        /// Why.
        source: io::Error,
    },
    /// The proxy closed the connection at once.
    #[error("the proxy gave no answer to {request:?}; it takes host[:port][/path] or a URL")]
    NoAnswer {
        /// What was sent.
        request: String,
    },
    /// The connection broke.
    #[error("the answer to {request:?} broke off: {}", reason(.source))]
    BrokenOff {
        /// What was sent.
        request: String,
        /// Why.
        source: io::Error,
    },
    /// The input or the output of the client itself.
    #[error("cannot {what}: {}", reason(.source))]
    Terminal {
        /// Read the input or write the output.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
}

impl ClientError {
    /// Whether there is no sense in asking for anything more.
    fn is_final(&self) -> bool {
        !matches!(self, Self::NoAnswer { .. } | Self::BrokenOff { .. })
    }
}

/// Runs the client on this process's own input and output. Exit code 1 when anything failed.
pub fn run(config: &Config) -> ExitCode {
    let (input, output, errors) = (io::stdin().lock(), io::stdout().lock(), io::stderr().lock());
    match converse(config, input, output, errors) {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(1),
    }
}

/// Asks for everything that `config` or `input` names; true when nothing failed.
fn converse(
    config: &Config,
    mut input: impl BufRead,
    mut output: impl Write,
    mut errors: impl Write,
) -> bool {
    let mut requests = config.hosts.iter();
    let mut sound = true;
    loop {
        let request = if config.hosts.is_empty() {
            prompt(&mut input, &mut output)
        } else {
            Ok(requests.next().map(|host| host.as_bytes().to_vec()))
        };
        let outcome = match request {
            Ok(Some(request)) => ask(&config.proxy, &request, &mut output, config.hosts.is_empty()),
            Ok(None) => return sound,
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            // Whoever reads the output has had enough: nothing failed.
            if let ClientError::Terminal { source, .. } = &error
                && source.kind() == io::ErrorKind::BrokenPipe
            {
                return sound;
            }
            sound = false;
            writeln!(errors, "{error}").ok();
            if error.is_final() {
                return false;
            }
        }
    }
}

/// Reads a request; none at the end of input or at an empty line.
fn prompt(
    input: &mut impl BufRead,
    output: &mut impl Write,
) -> Result<Option<Vec<u8>>, ClientError> {
    output.write_all(PROMPT).and_then(|()| output.flush()).map_err(cannot_write)?;
    let mut line = Vec::new();
    let read = input.by_ref().take(LONGEST).read_until(b'\n', &mut line);
    read.map_err(|source| ClientError::Terminal { what: "read the input", source })?;
    if line.is_empty() {
        // The end of input leaves the cursor behind the prompt.
        output.write_all(b"\n").and_then(|()| output.flush()).map_err(cannot_write)?;
    }
    let request = line.trim_ascii();
    Ok((!request.is_empty()).then(|| request.to_vec()))
}

fn cannot_write(source: io::Error) -> ClientError {
    ClientError::Terminal { what: "write the answer", source }
}

/// Sends `request` as those bytes alone and copies the whole answer to `output` as it arrives.
fn ask(
    proxy: &str,
    request: &[u8],
    output: &mut impl Write,
    end_line: bool,
) -> Result<(), ClientError> {
    let mut connection = connect(proxy)?;
    let named = || String::from_utf8_lossy(request).into_owned();
    let broken = |source| ClientError::BrokenOff { request: named(), source };
    // The end of input says that the request is whole, so that the proxy need not wait for more.
    let sent = connection.write_all(request).and_then(|()| connection.shutdown(Shutdown::Write));
    let mut chunk = vec![0; 64 * 1024];
    let mut last = None;
    loop {
        let arrived = match connection.read(&mut chunk) {
            Ok(0) => break,
            Ok(length) => chunk.get(..length).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(source) => return Err(broken(source)),
        };
        output.write_all(arrived).and_then(|()| output.flush()).map_err(cannot_write)?;
        last = arrived.last().copied();
    }
    match last {
        None if let Err(source) = sent => Err(broken(source)),
        None => Err(ClientError::NoAnswer { request: named() }),
        // The next prompt begins a line of its own.
        Some(byte) if end_line && byte != b'\n' => output.write_all(b"\n").map_err(cannot_write),
        // A proxy that answers and hangs up before it has heard us out has still answered.
        Some(_) => Ok(()),
    }
}

fn connect(proxy: &str) -> Result<TcpStream, ClientError> {
    use std::net::ToSocketAddrs as _;
    let addresses = proxy
        .to_socket_addrs()
        .map_err(|source| ClientError::NoSuchProxy { proxy: proxy.to_owned(), source })?;
    let addresses: Vec<_> = addresses.collect();
    TcpStream::connect(addresses.as_slice())
        .map_err(|source| ClientError::Unreachable { proxy: proxy.to_owned(), source })
}
