//! `larder lab PROGRAM`: the options of each program, and a session to type.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};

use crate::lab::{self, ClientConfig, ServerConfig, Transport};

mod sessions;
#[cfg(test)]
mod tests;

/// Nobody looks at a terminal for longer.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// The options of `lab`.
#[derive(Debug, Args)]
#[command(after_help = "Every program has a --help with a session to type.")]
pub struct LabArgs {
    /// What to run.
    #[command(subcommand)]
    pub program: Program,
}

/// The programs of the lab.
#[derive(Debug, Subcommand)]
pub enum Program {
    /// TCP: sends every message back until the client leaves
    #[command(after_long_help = sessions::ECHO_SERVER)]
    EchoServer(EchoServerArgs),
    /// TCP: sends what is typed and shows the reply, until the end of input
    #[command(after_long_help = sessions::ECHO_CLIENT)]
    EchoClient(EchoClientArgs),
    /// TCP: takes one message, thanks for it and closes
    #[command(after_long_help = sessions::GREET_SERVER)]
    GreetServer(GreetServerArgs),
    /// TCP: sends one message and prints the answer
    #[command(after_long_help = sessions::GREET_CLIENT)]
    GreetClient(GreetClientArgs),
    /// TCP or UDP: sends back in upper case what it got
    #[command(after_long_help = sessions::UPPER_SERVER)]
    UpperServer(UpperServerArgs),
    /// TCP or UDP: sends sentences and prints what the server made of them
    #[command(after_long_help = sessions::UPPER_CLIENT)]
    UpperClient(UpperClientArgs),
    /// UDP: shows each message and asks for a reply to it
    #[command(after_long_help = sessions::CHAT_SERVER)]
    ChatServer(ChatServerArgs),
    /// UDP: sends what is typed and shows the reply, in turn
    #[command(after_long_help = sessions::CHAT_CLIENT)]
    ChatClient(ChatClientArgs),
    /// HTTP/1.1: serves the files of a directory
    #[command(after_long_help = sessions::WEB_SERVER)]
    WebServer(WebServerArgs),
    /// HTTP/1.1: sends one GET, shows the head and the body of the answer
    #[command(after_long_help = sessions::GET)]
    Get(GetArgs),
}

/// Where a server listens.
#[derive(Debug, Args)]
pub struct Host {
    /// Listen on this address or name of this machine [default: 127.0.0.1 and ::1]
    #[arg(long, value_name = "ADDR", value_parser = NonEmptyStringValueParser::new())]
    pub host: Option<String>,
}

/// How patient a client is.
#[derive(Debug, Args)]
pub struct Wait {
    /// After this much silence, say so
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = wait)]
    pub wait: Duration,
}

/// A line end for servers that read lines.
#[derive(Debug, Args)]
pub struct Newline {
    /// End every message with a line end, for servers that read lines (readLine in Java, fgets in C)
    #[arg(long)]
    pub newline: bool,
}

/// Exactly one of the two.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Carrier {
    /// Over TCP
    #[arg(long)]
    pub tcp: bool,
    /// Over UDP
    #[arg(long)]
    pub udp: bool,
}

/// The options of `echo-server`.
#[derive(Debug, Args)]
pub struct EchoServerArgs {
    /// Listen on this port; 0 picks a free one
    #[arg(long, default_value_t = 8888)]
    pub port: u16,
    /// Where it listens.
    #[command(flatten)]
    pub host: Host,
}

/// The options of `echo-client`.
#[derive(Debug, Args)]
pub struct EchoClientArgs {
    /// The server: a name or an address
    #[arg(default_value = "localhost")]
    pub host: String,
    /// The server's port
    #[arg(long, default_value_t = 8888, value_parser = port())]
    pub port: u16,
    /// A line end for servers that read lines.
    #[command(flatten)]
    pub newline: Newline,
    /// How patient it is.
    #[command(flatten)]
    pub wait: Wait,
}

/// The options of `greet-server`.
#[derive(Debug, Args)]
pub struct GreetServerArgs {
    /// Listen on this port; 0 picks a free one
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// Where it listens.
    #[command(flatten)]
    pub host: Host,
}

/// The options of `greet-client`.
#[derive(Debug, Args)]
pub struct GreetClientArgs {
    /// The server: a name or an address
    #[arg(default_value = "localhost")]
    pub host: String,
    /// What to send
    #[arg(default_value = "Hai from client", value_parser = NonEmptyStringValueParser::new())]
    pub message: String,
    /// The server's port
    #[arg(long, default_value_t = 8080, value_parser = port())]
    pub port: u16,
    /// A line end for servers that read lines.
    #[command(flatten)]
    pub newline: Newline,
    /// How patient it is.
    #[command(flatten)]
    pub wait: Wait,
}

/// The options of `upper-server`.
#[derive(Debug, Args)]
pub struct UpperServerArgs {
    /// What carries the bytes.
    #[command(flatten)]
    pub carrier: Carrier,
    /// Listen on this port; 0 picks a free one [default: 13000 with --tcp, 12000 with --udp]
    #[arg(long)]
    pub port: Option<u16>,
    /// Where it listens.
    #[command(flatten)]
    pub host: Host,
}

/// The options of `upper-client`.
#[derive(Debug, Args)]
pub struct UpperClientArgs {
    /// What carries the bytes.
    #[command(flatten)]
    pub carrier: Carrier,
    /// The server: a name or an address; asked for where it is not given
    pub host: Option<String>,
    /// The server's port; asked for where it is not given
    #[arg(long, value_parser = port())]
    pub port: Option<u16>,
    /// A line end for servers that read lines.
    #[command(flatten)]
    pub newline: Newline,
    /// Over UDP, how often a sentence is sent before it is given up
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub tries: u32,
    /// How patient it is.
    #[command(flatten)]
    pub wait: Wait,
}

/// The options of `chat-server`.
#[derive(Debug, Args)]
pub struct ChatServerArgs {
    /// Listen on this port; 0 picks a free one
    #[arg(long, default_value_t = 12000)]
    pub port: u16,
    /// Where it listens.
    #[command(flatten)]
    pub host: Host,
}

/// The options of `chat-client`.
#[derive(Debug, Args)]
pub struct ChatClientArgs {
    /// The server: a name or an address
    #[arg(default_value = "localhost")]
    pub host: String,
    /// The server's port
    #[arg(long, default_value_t = 12000, value_parser = port())]
    pub port: u16,
    /// How patient it is.
    #[command(flatten)]
    pub wait: Wait,
}

/// The options of `web-server`.
#[derive(Debug, Args)]
pub struct WebServerArgs {
    /// The directory whose files are served
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub root: PathBuf,
    /// Listen on this port; 0 picks a free one
    #[arg(long, default_value_t = 6789)]
    pub port: u16,
    /// Where it listens.
    #[command(flatten)]
    pub host: Host,
    /// Serve one connection after another, as the first exercise asks
    #[arg(long)]
    pub one_at_a_time: bool,
    /// Forbid caches to store: Cache-Control: no-store
    #[arg(long, conflicts_with = "max_age")]
    pub no_store: bool,
    /// Let caches use an answer for this many seconds: Cache-Control: max-age=N
    #[arg(long, value_name = "N")]
    pub max_age: Option<u64>,
}

/// The options of `get`.
#[derive(Debug, Args)]
pub struct GetArgs {
    /// The server: a name or an address
    pub server_host: String,
    /// The server's port
    #[arg(value_parser = port())]
    pub server_port: u16,
    /// What to ask for: a file of the server
    pub filename: String,
    /// Go through this proxy
    #[arg(long, value_name = "HOST:PORT")]
    pub proxy: Option<String>,
    /// Ask for the head alone: HEAD in place of GET
    #[arg(long)]
    pub head: bool,
    /// Only when changed since this date
    #[arg(long, value_name = "DATE")]
    pub if_modified_since: Option<String>,
    /// Only when it is not what has this entity tag
    #[arg(long, value_name = "ETAG")]
    pub if_none_match: Option<String>,
}

/// A port to connect to: 0 is none.
fn port() -> clap::builder::RangedI64ValueParser<u16> {
    clap::value_parser!(u16).range(1..)
}

fn wait(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(wait) if wait.is_zero() || wait > LONGEST_WAIT => {
            Err("write a time above zero, and a day at most".to_owned())
        }
        Ok(wait) => Ok(wait),
        Err(error) => Err(format!("{error}; write 500ms or 2s")),
    }
}

impl Carrier {
    fn transport(&self) -> Transport {
        if self.udp { Transport::Udp } else { Transport::Tcp }
    }
}

impl Program {
    /// Runs the program, until it ends.
    pub(crate) fn run(self) -> ExitCode {
        let server = |host: Host, port| ServerConfig { host: host.host, port };
        let client = |host, port, wait: Wait| ClientConfig { host, port, wait: wait.wait };
        match self {
            Self::EchoServer(args) => lab::echo_server::run(server(args.host, args.port)),
            Self::EchoClient(args) => lab::echo_client::run(lab::echo_client::Config {
                server: client(args.host, args.port, args.wait),
                newline: args.newline.newline,
            }),
            Self::GreetServer(args) => lab::greet_server::run(server(args.host, args.port)),
            Self::GreetClient(args) => lab::greet_client::run(lab::greet_client::Config {
                server: client(args.host, args.port, args.wait),
                message: args.message,
                newline: args.newline.newline,
            }),
            Self::UpperServer(args) => {
                let transport = args.carrier.transport();
                let port = args.port.unwrap_or(lab::upper_server::default_port(transport));
                lab::upper_server::run(transport, server(args.host, port))
            }
            Self::UpperClient(args) => lab::upper_client::run(lab::upper_client::Config {
                transport: args.carrier.transport(),
                host: args.host,
                port: args.port,
                newline: args.newline.newline,
                tries: args.tries,
                wait: args.wait.wait,
            }),
            Self::ChatServer(args) => lab::chat_server::run(server(args.host, args.port)),
            Self::ChatClient(args) => {
                lab::chat_client::run(client(args.host, args.port, args.wait))
            }
            Self::WebServer(args) => lab::web_server::run(&lab::web_server::Config {
                host: args.host.host,
                port: args.port,
                root: args.root,
                one_at_a_time: args.one_at_a_time,
                no_store: args.no_store,
                max_age: args.max_age,
            }),
            Self::Get(args) => lab::get::run(&lab::get::Config {
                server: args.server_host,
                port: args.server_port,
                file: args.filename,
                proxy: args.proxy,
                head: args.head,
                if_modified_since: args.if_modified_since,
                if_none_match: args.if_none_match,
            }),
        }
    }
}
