//! The command line of `larder cache`.

use std::ffi::OsString;

use clap::Subcommand;

/// The options of `cache`.
#[derive(Debug, clap::Args)]
#[command(after_help = "The proxy that uses the directory has to be stopped.")]
pub struct CacheArgs {
    /// What to do with it.
    #[command(subcommand)]
    pub command: CacheCommand,
    /// The cache directory [default: LARDER_CACHE_DIR, or else cache]
    #[arg(long, value_name = "DIR", global = true)]
    pub cache_dir: Option<OsString>,
}

/// What can be done with a cache directory.
#[derive(Debug, Subcommand)]
pub enum CacheCommand {
    /// List what is stored: method, URL, status, bytes of body, when it was stored, until when it is
    /// fresh, and how often it was used lately
    Ls {
        /// Only what begins with this, such as `http://www.example.com/`
        #[arg(value_name = "URL-PREFIX")]
        prefix: Option<String>,
    },
    /// Read every byte, compare it with its checksum, and report what is damaged
    Verify,
    /// Count what is stored
    Stats,
}
