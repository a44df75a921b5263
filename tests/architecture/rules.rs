//! The rules of the house as tables: what is not to be written, where, and why.

use std::fmt;

/// A rule that the code keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A module imports only from rows below its own.
    Imports,
    /// `http`, `policy` and `time` do no I/O, wait for nothing and lock nothing.
    Purity,
    /// Only `SystemClock` reads the wall clock.
    WallClock,
    /// Only `upstream` and `lab` dial and resolve names.
    Dialling,
    /// Only `net` and `lab` accept.
    Accepting,
    /// Only the disk tier, and what reads settings or writes logs, touches files.
    Files,
    /// Tasks and threads are started in the files that [`SPAWNERS`] names.
    Spawning,
    /// Nothing outside tests panics.
    Panics,
    /// Only `proxy::{respond, error}`, and `lab` for itself, make responses.
    Responses,
    /// Every queue is bounded.
    Queues,
    /// Tests wait for events: only the gate may sleep.
    Sleeping,
    /// No file is longer than 500 lines.
    Length,
    /// The median file of src/ is shorter than 200 lines.
    Median,
    /// Names say what a thing is.
    Names,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// All rules: each has a fixture that must fail.
pub const ALL: [Rule; 14] = [
    Rule::Imports,
    Rule::Purity,
    Rule::WallClock,
    Rule::Dialling,
    Rule::Accepting,
    Rule::Files,
    Rule::Spawning,
    Rule::Panics,
    Rule::Responses,
    Rule::Queues,
    Rule::Sleeping,
    Rule::Length,
    Rule::Median,
    Rule::Names,
];

/// The rows of the import table. A module imports only from rows below its own; `cli` from all.
pub const ROWS: [(&str, u8); 15] = [
    ("cli", 9),
    ("server", 8),
    ("lab", 8),
    ("proxy", 7),
    ("admin", 7),
    ("collapse", 6),
    ("body", 5),
    ("store", 4),
    ("upstream", 4),
    ("telemetry", 3),
    ("policy", 2),
    ("net", 2),
    ("http", 1),
    ("time", 0),
    ("main", 9),
];

/// The files that may start tasks or threads, each with the reason why it has to.
pub const SPAWNERS: [(&str, &str); 10] = [
    ("src/net/drain.rs", "owns every task of the proxy: all others ask it"),
    ("src/upstream/pool.rs", "a connection's driver lives as long as its connection"),
    (
        "src/upstream/connect.rs",
        "a late look-up that nobody needs any more is finished, to be remembered",
    ),
    (
        "src/proxy/authenticate.rs",
        "to check a password takes a core for as long as its hash wants: not one of those that serve",
    ),
    ("src/telemetry/output.rs", "the log is written by a thread of its own"),
    (
        "src/store/disk/pool.rs",
        "who waits for the device is a thread of its own, not the runtime's",
    ),
    ("src/store/disk/threads.rs", "what is stored is written, synced and found by three threads"),
    (
        "src/store/opening.rs",
        "what takes as long as the disk likes, once at the start and once at the end",
    ),
    ("src/lab/", "the lab's programs are programs of their own: a thread for each client"),
    ("src/cli/", "builds the runtime, and waits for signals"),
];

/// The files that may touch files besides the disk tier, each with the reason.
pub const FILE_USERS: [(&str, &str); 8] = [
    ("src/store/disk/", "the disk tier"),
    ("src/store/disk.rs", "the disk tier"),
    ("src/store/inspect.rs", "looks into the disk tier of a stopped proxy"),
    ("src/telemetry/", "writes the log file"),
    ("src/cli/", "reads the settings file"),
    ("src/lab/", "the lab's programs are programs of their own"),
    ("src/upstream/resolve.rs", "reads the hosts file"),
    ("src/upstream/watched.rs", "sees that a file has changed"),
];

/// Something that is not to be written: `a::b` is a run of segments of a path, `a!` a macro,
/// `.a` a member, `.a()` a method that is called, `a()` a function that is called by this name.
pub struct Ban {
    /// The rule that forbids it.
    pub rule: Rule,
    /// What is forbidden.
    pub words: &'static [&'static str],
    /// Only files whose path begins so; empty for all of src/.
    pub only: &'static [&'static str],
    /// Not in files whose path begins so.
    pub except: &'static [&'static str],
    /// Whether test code is free of it.
    pub tests_are_free: bool,
    /// What to do instead.
    pub instead: &'static str,
}

const PURE: &[&str] = &["src/http/", "src/policy/", "src/time.rs"];
const WALL_CLOCK: &[&str] =
    &["SystemTime::now", "Utc::now", "Local::now", "OffsetDateTime::now_utc", "clock_gettime"];

/// What is forbidden by its words alone.
pub const BANS: &[Ban] = &[
    Ban {
        rule: Rule::Purity,
        words: &[
            "tokio",
            "hyper",
            "async",
            ".await",
            "std::fs",
            "std::thread",
            "std::process",
            "std::env",
            "TcpStream",
            "TcpListener",
            "TcpSocket",
            "UdpSocket",
            "UnixStream",
            "UnixListener",
            "ToSocketAddrs",
            "socket2",
            "nix",
            "Mutex",
            "RwLock",
            "Condvar",
            "parking_lot",
            "Instant",
            ".elapsed()",
        ],
        only: PURE,
        except: &[],
        tests_are_free: true,
        instead: "take what is needed as an argument",
    },
    Ban {
        rule: Rule::Purity,
        words: &["Clock", "SharedClock", "SystemClock", "ManualClock"],
        only: &["src/http/", "src/policy/"],
        except: &[],
        tests_are_free: true,
        instead: "take `now` as an argument",
    },
    Ban {
        rule: Rule::WallClock,
        words: WALL_CLOCK,
        only: &["src/", "tests/"],
        except: &["src/time.rs"], // looked at more closely
        tests_are_free: false,
        instead: "ask the Clock",
    },
    Ban {
        rule: Rule::Dialling,
        words: &[
            "TcpStream::connect",
            "TcpStream::connect_timeout",
            "TcpStream::connect_std",
            "TcpSocket::connect",
            "UnixStream",
            "UdpSocket",
            "lookup_host",
            "ToSocketAddrs",
            "hickory_resolver",
            "hyper::client",
            ".connect()",
        ],
        only: &[],
        except: &["src/upstream/", "src/lab/"],
        tests_are_free: true,
        instead: "ask upstream",
    },
    Ban {
        rule: Rule::Accepting,
        words: &[".accept()", ".poll_accept()", "TcpListener::accept", "UnixListener"],
        only: &[],
        except: &["src/net/", "src/lab/"],
        tests_are_free: true,
        instead: "take connections from net::accept",
    },
    Ban {
        rule: Rule::Spawning,
        words: &[
            "spawn()",
            "tokio::spawn",
            "task::spawn",
            "thread::spawn",
            "spawn_blocking",
            "spawn_local",
            "thread::Builder",
            "thread::scope",
            "JoinSet",
            "TaskTracker",
            "LocalSet",
            "Handle::current",
            "Runtime::new",
            "new_multi_thread",
            "new_current_thread",
            ".spawn_blocking()",
            ".spawn_local()",
        ],
        only: &[],
        except: &[], // SPAWNERS
        tests_are_free: true,
        instead: "hand the future to net::drain::Drain, which owns it",
    },
    Ban {
        rule: Rule::Files,
        words: &["std::fs", "tokio::fs", "File::open", "File::create", "OpenOptions"],
        only: &[],
        except: PURE, // and FILE_USERS
        tests_are_free: true,
        instead: "only the disk tier touches files",
    },
    Ban {
        rule: Rule::Panics,
        words: &[
            ".unwrap()",
            ".expect()",
            ".unwrap_err()",
            ".expect_err()",
            "panic!",
            "todo!",
            "unimplemented!",
            "unreachable!",
        ],
        only: &[],
        except: &[],
        tests_are_free: true,
        instead: "return an error, or state the invariant: #[expect(clippy::…, reason = \"…\")]",
    },
    Ban {
        rule: Rule::Responses,
        words: &["Response::builder", "Response::new", "Response::default"],
        only: &[],
        except: &["src/proxy/respond", "src/proxy/error", "src/lab/", "src/admin/"],
        tests_are_free: true,
        instead: "return what proxy::respond or proxy::error makes a response of",
    },
    Ban {
        rule: Rule::Queues,
        words: &["unbounded_channel", "UnboundedSender", "std::sync::mpsc::channel"],
        only: &[],
        except: &[],
        tests_are_free: true,
        instead: "bound it, and write down what happens when it is full",
    },
    Ban {
        rule: Rule::Sleeping,
        words: &["time::sleep", "thread::sleep", "sleep_until", "sleep()", ".sleep()"],
        only: &["tests/"],
        except: &["tests/support/gate.rs"],
        tests_are_free: false,
        instead: "wait for the event: Gate, within, eventually",
    },
];

/// Words that say nothing; `Handler` is the name of one trait.
pub const EMPTY_WORDS: [&str; 11] = [
    "util",
    "utils",
    "common",
    "helper",
    "helpers",
    "manager",
    "processor",
    "data",
    "info",
    "misc",
    "handler",
];
