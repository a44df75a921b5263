//! What the command line says.

use std::path::{Path, PathBuf};

use super::peer::Peer;

pub(crate) struct Options {
    pub(crate) rounds: u64,
    pub(crate) seconds: u64,
    pub(crate) only: Vec<String>,
    pub(crate) peers: Vec<Peer>,
    pub(crate) svg: Option<PathBuf>,
    pub(crate) larder: String,
    pub(crate) dir: PathBuf,
    pub(crate) gib: u64,
    pub(crate) responses: u64,
    pub(crate) install: bool,
}

impl Options {
    pub(crate) fn read(words: &[String]) -> Self {
        let mut options = Self {
            rounds: 5,
            seconds: 4,
            only: Vec::new(),
            peers: Peer::ALL.to_vec(),
            svg: None,
            larder: env!("CARGO_BIN_EXE_larder").to_owned(),
            dir: Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-peers"),
            gib: 10,
            responses: 100_000,
            install: false,
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().expect("the option has a value").clone();
            match word.as_str() {
                "--rounds" => options.rounds = number(&value()).max(1),
                "--seconds" => options.seconds = number(&value()).max(1),
                "--gib" => options.gib = number(&value()).max(1),
                "--only" => options.only.extend(value().split(',').map(str::to_owned)),
                "--responses" => options.responses = number(&value()).max(1),
                "--peers" => options.peers = peers(&value()),
                "--svg" => options.svg = Some(value().into()),
                "--larder" => options.larder = value(),
                "--dir" => options.dir = value().into(),
                "--install" => options.install = true,
                // What cargo adds.
                "--bench" => {}
                other => panic!("{other} is no option of this bench; benches/peers.rs lists them"),
            }
        }
        options
    }
}

/// Those of a list that are compared with larder, which is always there.
fn peers(list: &str) -> Vec<Peer> {
    let ours = [Peer::Larder, Peer::Logging, Peer::Direct];
    let named = list.split(',').map(|name| {
        let same = |peer: &&Peer| format!("{peer:?}").eq_ignore_ascii_case(name);
        *Peer::ALL.iter().find(same).unwrap_or_else(|| panic!("{name} is no peer"))
    });
    let named: Vec<Peer> = named.collect();
    Peer::ALL.into_iter().filter(|peer| ours.contains(peer) || named.contains(peer)).collect()
}

fn number(text: &str) -> u64 {
    text.parse().expect("it is a number")
}
