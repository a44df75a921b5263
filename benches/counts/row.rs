//! What is counted: kinds of requests, asked for one after the other on one kept-alive connection.

use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use super::origin::Origin;
use super::process::Server;
use super::wire::Client;

const SIZE: usize = 1024;

/// A kind of request; every body has 1 KiB, every head eight fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    /// A hit from memory.
    Hit,
    /// A response that is not stored yet, from an origin that keeps its connection.
    Miss,
    /// A hit from disk that the page cache has.
    DiskHit,
    /// A hit from memory, with its access line in a file.
    LoggedHit,
}

impl Row {
    pub(crate) const ALL: [Self; 4] = [Self::Hit, Self::Miss, Self::DiskHit, Self::LoggedHit];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::DiskHit => "disk-hit",
            Self::LoggedHit => "logged-hit",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|row| row.name() == name)
    }

    /// By how much its instructions may grow, in hundredths. Three runs of a hit or a miss lie within one.
    /// A hit from disk is not held to its instructions: the disk's threads work by the clock, and runs of
    /// one build were a quarter apart.
    pub(crate) fn margin(self) -> Option<f64> {
        match self {
            Self::Hit | Self::LoggedHit => Some(5.0),
            Self::Miss => Some(10.0),
            Self::DiskHit => None,
        }
    }

    /// The options of larder for it.
    pub(crate) fn options(self, dir: &Path) -> Vec<String> {
        let path = |name: &str| dir.join(name).display().to_string();
        let cache = path("cache");
        let log = path("log");
        let words: &[&str] = match self {
            Self::Hit | Self::Miss => &["--disk", "0", "--log-level", "warn"],
            Self::DiskHit => {
                &["--cache-dir", &cache, "--max-memory-object", "512", "--log-level", "warn"]
            }
            Self::LoggedHit => &["--disk", "0", "--log-file", &log],
        };
        words.iter().map(|&word| word.to_owned()).collect()
    }

    /// Asks so many times, and checks what comes.
    pub(crate) fn ask(self, server: &Server, origin: &Origin, times: u64) {
        let mut client = Client::connect(server.address);
        let mut get = |n: u64| {
            let target = format!("http://{}/small/{SIZE}/{}", origin.address, 1_000_000 + n);
            let (head, body) = client.get(&target, origin.address, "");
            assert!(head.status == 200 && body.len() == SIZE, "{}", head.text);
            head.is_hit()
        };
        assert!(!get(0), "nothing is stored yet");
        if self == Self::DiskHit {
            // Until it is written: a quarter of a second, and the programs that count make it longer.
            sleep(Duration::from_secs(2));
        }
        for n in 1..=times {
            let hit = if self == Self::Miss { get(n) } else { get(0) };
            assert_eq!(hit, self != Self::Miss, "request {n} of {}", self.name());
        }
    }
}
