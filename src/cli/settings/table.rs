//! The table of settings: key, type, how it is typed, default.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use ipnet::IpNet;

use super::layer::{Given, Source};
use crate::cli::value::{
    AccessRule, Address, Buffer, Count, Fault, FieldNames, Flag, Form, Kind, Level, List, Maybe,
    Name, Network, Number, OriginUrl, Ports, Server, Size, Span, Typed, Wait,
};
use crate::http::target::TargetUri;
use crate::proxy::{Rule, Users};
use crate::telemetry::Format;
use crate::telemetry::log::{DEFAULT_QUEUE, Filter};

const KIB: usize = 1024;
const MIB: u64 = 1024 * 1024;
const GIB: u64 = 1024 * MIB;

/// Makes [`Settings`], its [`Layer`] and the reading of a key from rows
/// `key: type = kind, default;`.
macro_rules! settings {
    ($( $(#[$doc:meta])+ $key:ident: $type:ty = $kind:ty, $default:expr; )+) => {
        /// Every setting of `larder serve`. A field's name is its key in the settings file.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Settings {
            $( $(#[$doc])+ pub $key: $type, )+
            /// Whether terminal colours are welcome (`NO_COLOR` and `TERM=dumb` say no). Not a key.
            pub colour: bool,
            /// What is in the file that `proxy_users` names. Not a key.
            pub users: Option<Arc<Users>>,
        }

        impl Settings {
            /// Every key of the settings file.
            pub const KEYS: &'static [&'static str] = &[$(stringify!($key)),+];

            /// The keys whose values are not those of `other`.
            pub(super) fn differing(&self, other: &Self) -> Vec<&'static str> {
                let mut keys = Vec::new();
                $( if self.$key != other.$key { keys.push(stringify!($key)); } )+
                keys
            }

            /// Takes the value of `key` from `other`.
            pub(super) fn take(&mut self, key: &str, other: &Self) {
                match key {
                    $( stringify!($key) => self.$key.clone_from(&other.$key), )+
                    _ => {}
                }
            }
        }

        impl Default for Settings {
            fn default() -> Self {
                Self { $( $key: $default, )+ colour: true, users: None }
            }
        }

        /// What one source, or several, gave.
        #[derive(Debug, Default)]
        pub(super) struct Layer {
            $( pub(super) $key: Option<Given<$type>>, )+
        }

        impl Layer {
            /// Reads the value of `key`; `None` when there is no such key.
            pub(super) fn set(
                &mut self,
                key: &str,
                typed: Typed<'_>,
                source: impl FnOnce() -> Source,
            ) -> Option<Result<(), Fault>> {
                Some(match key {
                    $( stringify!($key) => <$kind as Kind>::read(typed).map(|value| {
                        self.$key = Some(Given { value, source: source() });
                    }), )+
                    _ => return None,
                })
            }

            /// This layer where it says something, `below` elsewhere.
            pub(super) fn over(self, below: Self) -> Self {
                Self { $( $key: self.$key.or(below.$key), )+ }
            }

            /// The settings: this layer where it says something, defaults elsewhere.
            pub(super) fn settle(self) -> Settings {
                let default = Settings::default();
                Settings {
                    $( $key: self.$key.map_or(default.$key, |given| given.value), )+
                    ..default
                }
            }
        }
    };
}

settings! {
    // --- options ---------------------------------------------------------------------------------

    /// Where clients connect; port 0 picks a free one.
    listen: Vec<SocketAddr> = List<Address>, vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 3128))];
    /// The directory of the disk tier; made if missing.
    cache_dir: PathBuf = Name, PathBuf::from("cache");
    /// Byte budget of the disk tier; 0 turns it off.
    disk: u64 = Size, 10 * GIB;
    /// Whether to start with an empty cache directory; removes only files that larder made.
    reset_cache: bool = Flag, false;
    /// Byte budget of the memory tier.
    memory: u64 = Size, 256 * MIB;
    /// The largest response, in bytes, that the memory tier takes when there is a disk tier.
    max_memory_object: u64 = Size, MIB;
    /// The largest response, in bytes, that is stored at all.
    max_object: u64 = Size, 8 * GIB;
    /// Threads that serve.
    workers: usize = Count, std::thread::available_parallelism().map_or(1, usize::from);
    /// The origin of reverse mode: scheme and authority, path `/`.
    origin: Option<TargetUri> = Maybe<OriginUrl>, None;
    /// The targeted fields that are listened to (RFC 9213), the most wanted first; when not given,
    /// `CDN-Cache-Control` with `origin` and none without.
    targeted_fields: Vec<HeaderName> = FieldNames, Vec::new();
    /// Whether origin-form `/HOST/PATH` is fetched from `http://HOST/PATH`.
    gateway: bool = Flag, false;
    /// The format of the log.
    log_format: Format = Form, Format::Pretty;
    /// What is logged.
    log_level: Filter = Level, Filter::default();
    /// The file that the log is appended to; standard output when none.
    log_file: Option<PathBuf> = Maybe<Name>, None;
    /// Certificates in PEM that are trusted besides the machine's.
    upstream_ca: Option<PathBuf> = Maybe<Name>, None;

    // --- who may use it, and for what ---------------------------------------------------------------

    /// The rules that come before the safe defaults, in order.
    http_access: Vec<Rule> = List<AccessRule>, Vec::new();
    /// Client networks that are served besides loopback, private and directly attached ones.
    allow_clients: Vec<IpNet> = List<Network>, Vec::new();
    /// Ports that `CONNECT` may ask for.
    tunnel_ports: Vec<RangeInclusive<u16>> = List<Ports>, vec![443..=443, 80..=80];
    /// Ports that plain requests may ask for.
    ports: Vec<RangeInclusive<u16>> = List<Ports>, vec![80..=80, 443..=443, 1024..=65535];
    /// Whether clients that are not on loopback are kept from private addresses too.
    deny_private: bool = Flag, false;
    /// The file of those who have to say a password, as `htpasswd` writes it; none: nobody has to.
    proxy_users: Option<PathBuf> = Maybe<Name>, None;

    // --- the listener --------------------------------------------------------------------------------

    /// A request head, in bytes; more is a 431.
    max_head: usize = Buffer<usize>, 64 * KIB;
    /// One request field, in bytes; more is a 431.
    max_field: usize = Buffer<usize>, 32 * KIB;
    /// Fields of a request; more is a 431.
    max_fields: usize = Count, 100;
    /// A request-target, in bytes; more is a 414.
    max_target: usize = Buffer<usize>, 16 * KIB;
    /// From accepting a connection to its first byte.
    first_byte_wait: Duration = Wait, Duration::from_secs(30);
    /// From the first byte of a request head to its last.
    head_wait: Duration = Wait, Duration::from_secs(10);
    /// Between two requests of one client connection.
    idle_wait: Duration = Wait, Duration::from_secs(60);
    /// Silence that ends a text client's request when it has no line end.
    quiet_wait: Duration = Wait, Duration::from_millis(250);
    /// Silence within a request body that is wanted.
    body_stall_wait: Duration = Wait, Duration::from_secs(30);
    /// The slowest request body, in bytes a second; 0 allows any.
    body_min_rate: u64 = Number<u64>, 1024;
    /// How long a request body may be slower than that.
    body_rate_grace: Duration = Span, Duration::from_secs(10);
    /// A client that takes nothing of its response.
    write_stall_wait: Duration = Wait, Duration::from_secs(60);
    /// Client connections; none: min(10000, (open files - 100) / 3).
    max_connections: Option<usize> = Maybe<Count>, None;
    /// Connections of one client address that is not on loopback.
    max_connections_per_client: usize = Count, 1024;
    /// How long requests in flight may take after a signal to stop.
    drain_wait: Duration = Span, Duration::from_secs(30);

    // --- upstream ------------------------------------------------------------------------------------

    /// Connecting to one address.
    connect_wait: Duration = Wait, Duration::from_secs(5);
    /// Connecting to all addresses of a host together.
    connect_total_wait: Duration = Wait, Duration::from_secs(10);
    /// From the last byte of the request to the first of the response; longer is a 504.
    response_wait: Duration = Wait, Duration::from_secs(60);
    /// Silence within a response body that is being read.
    read_wait: Duration = Wait, Duration::from_secs(300);
    /// How long an idle upstream connection is kept.
    upstream_idle_wait: Duration = Span, Duration::from_secs(30);
    /// Idle connections kept per origin.
    idle_per_origin: usize = Number<usize>, 32;
    /// Idle connections kept over all origins.
    idle_total: usize = Number<usize>, 2048;
    /// Connections per origin.
    connections_per_origin: usize = Count, 256;
    /// Requests that may wait for a connection of one origin.
    queue_per_origin: usize = Number<usize>, 1024;
    /// How long a request waits for a connection.
    queue_wait: Duration = Wait, Duration::from_secs(10);
    /// A response head, in bytes; more is a 502.
    max_response_head: usize = Buffer<usize>, 64 * KIB;
    /// Fields of a response; more is a 502.
    max_response_fields: usize = Count, 200;
    /// One DNS query.
    dns_wait: Duration = Wait, Duration::from_secs(5);
    /// How long a DNS failure is remembered when the server does not say.
    dns_negative: Duration = Span, Duration::from_secs(10);
    /// DNS servers in place of the system's.
    dns_servers: Vec<SocketAddr> = List<Server>, Vec::new();
    /// The hosts file; none: the system's.
    hosts_file: Option<PathBuf> = Maybe<Name>, None;

    // --- the exchange --------------------------------------------------------------------------------

    /// Silence that closes a tunnel.
    tunnel_idle_wait: Duration = Wait, Duration::from_secs(300);
    /// The longest life of a tunnel.
    tunnel_lifetime: Duration = Wait, Duration::from_secs(24 * 60 * 60);
    /// How long a request waits for the head of a fetch under way before it goes alone.
    collapse_wait: Duration = Span, Duration::from_secs(5);
    /// How long a key that proved unshareable is remembered.
    unshareable_memory: Duration = Span, Duration::from_secs(120);
    /// How many of them are remembered.
    unshareable_limit: usize = Number<usize>, 4096;
    /// How stale a response may be served at most when the origin fails.
    max_stale: Duration = Span, Duration::from_secs(24 * 60 * 60);
    /// How long an error without a lifetime of its own is kept, and a failure to reach the origin is
    /// answered for; 0 turns it off, ten seconds are the most.
    error_lifetime: Duration = Span, Duration::ZERO;
    /// Requests in flight; more get a 503.
    requests_in_flight: usize = Count, 20_000;
    /// Bytes of bodies in flight that may be joined, over all; a quarter of `memory` when not given.
    spool_budget: u64 = Size, 64 * MIB;
    /// How far, in bytes, a body is read ahead of its fastest reader.
    read_ahead: u64 = Buffer<u64>, 256 * 1024;
    /// How long one reader may hold up the others of the same body.
    slow_reader_wait: Duration = Wait, Duration::from_secs(60);
    /// A fetch that its last reader has left is finished when so few bytes are missing.
    finish_within: u64 = Size, MIB;


    // --- the disk tier -------------------------------------------------------------------------------

    /// How many bytes a second of new responses are written behind while they are still in memory; 0: no
    /// limit.
    write_behind_rate: u64 = Size, 64 * MIB;

    // --- the log -------------------------------------------------------------------------------------

    /// Bytes of log lines that may wait to be written; more are dropped and counted.
    log_queue: usize = Buffer<usize>, DEFAULT_QUEUE;
}
