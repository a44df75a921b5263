//! The rows: what is measured, and what must be reached.

use super::peer::Peer;

/// One kind of work that all are measured at.
pub(crate) struct Row {
    /// What `--only` calls it.
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) work: Work,
    pub(crate) budgets: &'static [Budget],
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// One response from memory, over and over.
    Hits { size: u64, connections: u32, closing: bool },
    /// A thousand responses from disk, in turn, the page cache warm.
    Disk { size: u64 },
    /// Each URL new.
    Misses,
    /// One in ten is new, the others are drawn from 100 000, the first the most often.
    Mix,
    /// How much later the first byte of a miss comes than from the origin itself.
    Latency,
    /// Resident memory for each stored response.
    Stored,
    /// Resident memory for each idle connection.
    Idle,
    /// One large body.
    Download,
}

/// What must be reached.
pub(crate) enum Budget {
    /// So many times as good as this one.
    AtLeast(Peer, f64),
    /// 99 of 100 are answered no later than by this one.
    TailOf(Peer),
    /// The value itself.
    AtMost(f64),
    /// So many times the computing of a request that is not logged.
    Logged(f64),
    /// MiB by which resident memory may grow meanwhile.
    Flat(f64),
}

impl Work {
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Self::Hits { .. } | Self::Disk { .. } | Self::Misses | Self::Mix => "requests/s",
            Self::Latency => "µs",
            Self::Stored => "bytes",
            Self::Idle => "KiB",
            Self::Download => "MB/s",
        }
    }

    /// Whether less of its unit is better.
    pub(crate) fn less_is_better(self) -> bool {
        matches!(self, Self::Latency | Self::Stored | Self::Idle)
    }

    pub(crate) fn includes(self, peer: Peer) -> bool {
        use Peer::*;
        match self {
            Self::Hits { size, .. } => peer != Direct && (peer != Bare || size == SMALL),
            Self::Disk { .. } => matches!(peer, Larder | Nginx),
            Self::Misses | Self::Mix => !matches!(peer, Logging | Bare | Direct),
            Self::Latency => !matches!(peer, Logging | Bare),
            // The others keep it in files as well, or have taken their memory before.
            Self::Stored => matches!(peer, Larder | Varnish | Squid),
            Self::Idle => !matches!(peer, Logging | Direct),
            Self::Download => matches!(peer, Larder | Direct),
        }
    }
}

pub(crate) const SMALL: u64 = 1 << 10;

const fn hits(size: u64, connections: u32) -> Work {
    Work::Hits { size, connections, closing: false }
}

pub(crate) const ROWS: &[Row] = &[
    Row {
        id: "hits-1k",
        title: "hit 1 KiB, 64 connections",
        work: hits(SMALL, 64),
        budgets: &[
            Budget::AtLeast(Peer::Nginx, 1.4),
            Budget::AtLeast(Peer::TrafficServer, 2.0),
            Budget::AtLeast(Peer::Varnish, 2.0),
            Budget::AtLeast(Peer::Squid, 3.0),
            Budget::AtLeast(Peer::Bare, 0.8),
            Budget::Logged(1.1),
        ],
    },
    Row {
        id: "hits-1k-1000",
        title: "hit 1 KiB, 1000 connections",
        work: hits(SMALL, 1000),
        budgets: &[Budget::AtLeast(Peer::Nginx, 1.4), Budget::TailOf(Peer::Nginx)],
    },
    Row {
        id: "hits-1k-closing",
        title: "hit 1 KiB, a new connection each",
        work: Work::Hits { size: SMALL, connections: 64, closing: true },
        budgets: &[],
    },
    Row {
        id: "hits-16k",
        title: "hit 16 KiB, 64 connections",
        work: hits(16 << 10, 64),
        budgets: &[Budget::AtLeast(Peer::Nginx, 1.2)],
    },
    Row {
        id: "hits-16k-1000",
        title: "hit 16 KiB, 1000 connections",
        work: hits(16 << 10, 1000),
        budgets: &[Budget::AtLeast(Peer::Nginx, 1.2)],
    },
    Row {
        id: "hits-1m",
        title: "hit 1 MiB, 64 connections",
        work: hits(1 << 20, 64),
        budgets: &[Budget::AtLeast(Peer::TrafficServer, 1.0)],
    },
    Row {
        id: "hits-1m-1000",
        title: "hit 1 MiB, 1000 connections",
        work: hits(1 << 20, 1000),
        budgets: &[Budget::AtLeast(Peer::TrafficServer, 1.0)],
    },
    Row {
        id: "disk-1k",
        title: "disk hit 1 KiB",
        work: Work::Disk { size: SMALL },
        budgets: &[Budget::AtLeast(Peer::Nginx, 1.0)],
    },
    Row {
        id: "disk-64k",
        title: "disk hit 64 KiB",
        work: Work::Disk { size: 64 << 10 },
        budgets: &[Budget::AtLeast(Peer::Nginx, 1.0)],
    },
    Row {
        id: "misses",
        title: "misses, each URL new, 1 KiB",
        work: Work::Misses,
        budgets: &[Budget::AtLeast(Peer::TrafficServer, 1.0)],
    },
    Row { id: "mix", title: "mixed sizes, 10 % misses", work: Work::Mix, budgets: &[] },
    Row {
        id: "latency",
        title: "first byte of a miss, later than direct",
        work: Work::Latency,
        budgets: &[Budget::AtMost(150.0)],
    },
    Row {
        id: "stored",
        title: "memory per stored 1 KiB response",
        work: Work::Stored,
        budgets: &[Budget::AtMost(1900.0), Budget::AtLeast(Peer::Varnish, 1.0)],
    },
    Row {
        id: "idle",
        title: "memory per idle connection",
        work: Work::Idle,
        budgets: &[Budget::AtMost(24.0)],
    },
    Row {
        id: "download",
        title: "a large download",
        work: Work::Download,
        budgets: &[Budget::AtLeast(Peer::Direct, 0.8), Budget::Flat(16.0)],
    },
];
