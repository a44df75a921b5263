//! larder beside nginx, Varnish, Traffic Server, Squid and HAProxy, and beside hyper alone.
//!
//! ```sh
//! cargo bench --bench peers                                        # all rows, about an hour
//! cargo bench --bench peers -- --only hits-1k --peers nginx,bare   # one row, two peers
//! cargo bench --bench peers -- --svg docs/peers.svg                # and the picture
//! ```
//!
//! | option | meaning |
//! | --- | --- |
//! | `--only ROW,…` | only these rows; `benches/peers/rows.rs` has them all |
//! | `--peers NAME,…` | of `bare`, `nginx`, `varnish`, `trafficserver`, `squid`, `haproxy`; all unless said |
//! | `--rounds N`, `--seconds N` | how often and how long each is measured, 5 and 4 unless said |
//! | `--gib N` | how long the large download is, 10 unless said |
//! | `--responses N` | how many are stored for the mix and for the memory of each, 100 000 unless said |
//! | `--larder PATH` | the program that is measured, the one that cargo built unless said |
//! | `--svg FILE` | where the picture goes; none unless said |
//! | `--dir PATH` | where the servers have their files, below `target/tmp` unless said; removed at the end |
//! | `--install` | installs with `apt-get` what is missing |
//!
//! It needs two cores: the server has the first, the load the second.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "this is a bench: it prints, it may fail, and it waits for other processes"
)]

#[path = "peers/bare.rs"]
mod bare;
#[path = "peers/chart.rs"]
mod chart;
#[path = "peers/costs.rs"]
mod costs;
#[path = "peers/ground.rs"]
mod ground;
#[path = "support/load.rs"]
mod load;
#[path = "support/nginx.rs"]
mod nginx;
#[path = "peers/options.rs"]
mod options;
#[path = "support/origin.rs"]
mod origin;
#[path = "peers/peer.rs"]
mod peer;
#[path = "support/process.rs"]
mod process;
#[path = "peers/rates.rs"]
mod rates;
#[path = "peers/rows.rs"]
mod rows;
#[path = "peers/squid.rs"]
mod squid;
#[path = "peers/table.rs"]
mod table;
#[path = "peers/traffic_server.rs"]
mod traffic_server;
#[path = "peers/verdict.rs"]
mod verdict;
#[path = "support/wire.rs"]
mod wire;

use std::fs;
use std::process::Command;

use ground::{Ground, Outcome};
use options::Options;
use rows::{ROWS, Row, SMALL, Work};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [word, address] = words.as_slice()
        && word == "bare"
    {
        let address = address.parse().expect("it is an address");
        return bare::serve(address, &ground::path(SMALL, 0), origin::small(0, SMALL as usize));
    }
    let options = Options::read(&words);
    have_programs(&options);
    have_files();
    versions(&options);
    let rows: Vec<&'static Row> = ROWS.iter().filter(|row| options.wants(row)).collect();
    fs::remove_dir_all(&options.dir).ok();
    fs::create_dir_all(&options.dir).expect("the directory can be made");
    let ground = Ground {
        origin: origin::Origin::start(),
        dir: options.dir.clone(),
        larder: options.larder.clone(),
        peers: options.peers.clone(),
        rounds: options.rounds,
        seconds: options.seconds,
        gib: options.gib,
        responses: options.responses,
    };
    let outcomes = measure(&ground, &rows);
    println!("\n{}\n{}", table::measured(&outcomes), table::budget(&outcomes));
    if let (Some(file), Some(chart)) = (&options.svg, chart::chart(&outcomes)) {
        fs::write(file, chart).expect("the picture can be written");
    }
    fs::remove_dir_all(&options.dir).expect("what was written can be removed");
    assert_eq!(outcomes.len(), rows.len(), "every row was measured");
}

/// Measures row after row; a row that breaks off says why, and the others go on.
fn measure(ground: &Ground, rows: &[&'static Row]) -> Vec<Outcome> {
    let is_hits = |row: &Row| matches!(row.work, Work::Hits { .. });
    let (hits, others): (Vec<_>, Vec<_>) = rows.iter().partition(|row| is_hits(row));
    let mut outcomes = Vec::new();
    if !hits.is_empty() {
        outcomes.extend(whole(|| rates::hits(ground, &hits)).unwrap_or_default());
        fs::remove_dir_all(ground.dir.join("hits")).ok();
    }
    for row in others {
        eprintln!("{}", row.title);
        outcomes.extend(whole(|| other(ground, row)).flatten());
        fs::remove_dir_all(ground.dir.join(row.id)).ok();
    }
    outcomes
}

fn other(ground: &Ground, row: &'static Row) -> Option<Outcome> {
    Some(match row.work {
        Work::Hits { .. } => return None,
        Work::Disk { size } => rates::disk(ground, row, size),
        Work::Misses => rates::misses(ground, row),
        Work::Mix => rates::mix(ground, row),
        Work::Latency => costs::latency(ground, row),
        Work::Stored => costs::stored(ground, row),
        Work::Idle => costs::idle(ground, row),
        Work::Download => costs::download(ground, row),
    })
}

/// Nothing when it broke off; what it had started is stopped by then.
fn whole<T>(work: impl FnOnce() -> T) -> Option<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).ok()
}

/// Installs what is missing, or says how to.
fn have_programs(options: &Options) {
    let missing = peer::missing(&options.peers);
    if missing.is_empty() {
        return;
    }
    let line = format!("apt-get install -y --no-install-recommends {}", missing.join(" "));
    assert!(options.install, "these are missing: run `{line}`, or let `--install` do it");
    let status = Command::new("sh").args(["-c", &line]).status().expect("apt-get runs");
    assert!(status.success(), "`{line}` failed");
}

/// As many open files as the system allows: thousands of connections are one each.
fn have_files() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("there is a limit");
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).expect("it can be raised");
    assert!(hard > 12_000, "{hard} open files are not enough: raise the limit (`ulimit -Hn`)");
}

/// Prints what is compared.
fn versions(options: &Options) {
    let programs = options
        .peers
        .iter()
        .filter_map(|peer| peer.package().map(|(program, _)| (program, peer.version())));
    for (program, option) in std::iter::once((options.larder.as_str(), "-V")).chain(programs) {
        let output = Command::new(program).arg(option).output().expect("it says its version");
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        println!("- {}", text.lines().next().unwrap_or_default());
    }
    println!("- {} rounds of {} s each", options.rounds, options.seconds);
}

impl Options {
    fn wants(&self, row: &Row) -> bool {
        self.only.is_empty() || self.only.iter().any(|id| id == row.id)
    }
}
