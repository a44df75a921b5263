//! The command line as clap sees it. Values stay text here: [`super::settings`] reads options,
//! environment and file with the same words and the same messages.

use std::ffi::OsString;

use clap::{Parser, Subcommand};

use crate::lab::client;

pub mod cache;
pub mod lab;
#[cfg(test)]
mod tests;

/// A caching web proxy: what was fetched once is served again.
#[derive(Debug, Parser)]
#[command(name = "larder", version, about, args_conflicts_with_subcommands = true)]
pub struct Args {
    /// What to do; `serve` when none is given.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The options of `serve`, which may be left out.
    #[command(flatten)]
    pub serve: ServeArgs,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the proxy (the default)
    Serve(Box<ServeArgs>),
    /// Look into the cache directory of a stopped proxy
    Cache(cache::CacheArgs),
    /// The text client of the lab: sends a bare hostname, prints the whole answer
    Client(ClientArgs),
    /// The small network programs of the lab: servers and clients to try, and to write against
    Lab(lab::LabArgs),
}

/// The options of `serve`. Each is also a key of the settings file and a variable `LARDER_…`.
#[derive(Debug, Default, clap::Args)]
#[command(
    after_help = "Each option is also a key of the settings file (with `_`) and an environment \
variable LARDER_…; an option beats the environment, the environment beats the file. Sizes read 512KiB, \
256MiB, 10GB; durations read 30s, 5m."
)]
pub struct ServeArgs {
    /// Where clients connect [default: 127.0.0.1:3128]; may be repeated; port 0 picks a free port
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<Vec<OsString>>,
    /// A settings file in TOML
    #[arg(long, value_name = "FILE")]
    pub config: Option<OsString>,
    /// Where the disk tier lives [default: cache]; made if missing
    #[arg(long, value_name = "DIR")]
    pub cache_dir: Option<OsString>,
    /// Byte budget of the disk tier, 0 turns it off [default: 10GiB]
    #[arg(long, value_name = "SIZE")]
    pub disk: Option<OsString>,
    /// Start with an empty cache directory; removes only files that larder made
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", hide_possible_values = true)]
    pub reset_cache: Option<OsString>,
    /// Byte budget of the memory tier [default: 256MiB]
    #[arg(long, value_name = "SIZE")]
    pub memory: Option<OsString>,
    /// Larger responses live on disk only; without a disk tier, up to an eighth of --memory is kept
    /// in memory [default: 1MiB]
    #[arg(long, value_name = "SIZE")]
    pub max_memory_object: Option<OsString>,
    /// Larger responses are passed through, not stored [default: 8GiB]
    #[arg(long, value_name = "SIZE")]
    pub max_object: Option<OsString>,
    /// Threads that serve [default: number of cores]
    #[arg(long, value_name = "N")]
    pub workers: Option<OsString>,
    /// Reverse mode: origin-form requests go to this origin
    #[arg(long, value_name = "URL")]
    pub origin: Option<OsString>,
    /// Targeted fields to listen to (RFC 9213), with commas between them [default: CDN-Cache-Control
    /// with --origin, else none]
    #[arg(long, value_name = "LIST")]
    pub targeted_fields: Option<OsString>,
    /// Fetch /HOST/PATH from http://HOST/PATH
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", hide_possible_values = true)]
    pub gateway: Option<OsString>,
    /// pretty, json, squid or combined [default: pretty]
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<OsString>,
    /// off, error, warn, info, debug or trace [default: info]; warn silences access lines
    #[arg(long, value_name = "LEVEL")]
    pub log_level: Option<OsString>,
    /// Append the log to this file [default: standard output]; opened again on SIGUSR1
    #[arg(long, value_name = "FILE")]
    pub log_file: Option<OsString>,
    /// Certificates (PEM) trusted besides the machine's
    #[arg(long, value_name = "FILE")]
    pub upstream_ca: Option<OsString>,
}

impl ServeArgs {
    /// The options that are also keys, under the names of their keys. `config` is none: a settings
    /// file cannot name another.
    pub(super) fn given(&self) -> impl Iterator<Item = (&'static str, &[OsString])> {
        fn one(value: Option<&OsString>) -> Option<&[OsString]> {
            value.map(std::slice::from_ref)
        }
        [
            ("listen", self.listen.as_deref()),
            ("cache_dir", one(self.cache_dir.as_ref())),
            ("disk", one(self.disk.as_ref())),
            ("reset_cache", one(self.reset_cache.as_ref())),
            ("memory", one(self.memory.as_ref())),
            ("max_memory_object", one(self.max_memory_object.as_ref())),
            ("max_object", one(self.max_object.as_ref())),
            ("workers", one(self.workers.as_ref())),
            ("origin", one(self.origin.as_ref())),
            ("targeted_fields", one(self.targeted_fields.as_ref())),
            ("gateway", one(self.gateway.as_ref())),
            ("log_format", one(self.log_format.as_ref())),
            ("log_level", one(self.log_level.as_ref())),
            ("log_file", one(self.log_file.as_ref())),
            ("upstream_ca", one(self.upstream_ca.as_ref())),
        ]
        .into_iter()
        .filter_map(|(key, words)| Some((key, words?)))
    }

    /// The keys that are options, and therefore environment variables.
    pub(super) const KEYS: [&'static str; 15] = [
        "listen",
        "cache_dir",
        "disk",
        "reset_cache",
        "memory",
        "max_memory_object",
        "max_object",
        "workers",
        "origin",
        "targeted_fields",
        "gateway",
        "log_format",
        "log_level",
        "log_file",
        "upstream_ca",
    ];
}

/// The options of `client`.
#[derive(Debug, clap::Args)]
pub struct ClientArgs {
    /// Where the proxy listens
    #[arg(long, value_name = "ADDR", default_value = client::DEFAULT_PROXY)]
    pub proxy: String,
    /// What to ask for, one after another; when empty, it prompts.
    #[arg(
        value_name = "HOST",
        help = "Ask for these, one after another, without a prompt: host[:port][/path] or a URL"
    )]
    pub hosts: Vec<String>,
}

impl ClientArgs {
    pub(super) fn into_config(self) -> client::Config {
        client::Config { proxy: self.proxy, hosts: self.hosts }
    }
}
