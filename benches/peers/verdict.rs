//! What the rounds say: ratios between larder and the others, and whether the budget is reached.

use super::ground::{Measured, Outcome, Sample};
use super::peer::Peer;
use super::process::median;
use super::rows::{Budget, Work};

/// The smallest, the middle and the largest.
#[derive(Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) min: f64,
    pub(crate) median: f64,
    pub(crate) max: f64,
}

impl Spread {
    fn of(values: &[f64]) -> Option<Self> {
        let min = values.iter().copied().reduce(f64::min)?;
        let max = values.iter().copied().reduce(f64::max)?;
        Some(Self { min, median: median(values), max })
    }
}

impl Measured {
    pub(crate) fn spread(&self, of: impl Fn(&Sample) -> Option<f64>) -> Option<Spread> {
        let values: Vec<f64> = self.rounds.iter().filter_map(of).collect();
        Spread::of(&values).filter(|_| self.wrong.is_none())
    }
}

impl Outcome {
    pub(crate) fn of(&self, peer: Peer) -> Option<&Measured> {
        self.measured.iter().find(|measured| measured.peer == peer && measured.wrong.is_none())
    }

    /// How many times as good larder is as this one, round by round: above 1 it is ahead.
    pub(crate) fn ratio(&self, peer: Peer) -> Option<Spread> {
        // What is later than the origin itself has no ratio to that.
        if self.row.work == Work::Latency && peer == Peer::Direct {
            return None;
        }
        self.ratio_of(
            Peer::Larder,
            peer,
            |sample| Some(sample.value),
            self.row.work.less_is_better(),
        )
    }

    /// The same by what each request had computed: it says more where the machine does other work.
    pub(crate) fn busy_ratio(&self, peer: Peer) -> Option<Spread> {
        self.ratio_of(Peer::Larder, peer, |sample| sample.busy, true)
    }

    fn ratio_of(
        &self,
        ours: Peer,
        theirs: Peer,
        of: impl Fn(&Sample) -> Option<f64>,
        less_is_better: bool,
    ) -> Option<Spread> {
        let pairs = self.of(ours)?.rounds.iter().zip(&self.of(theirs)?.rounds);
        let ratio = |(ours, theirs)| {
            let (ours, theirs) = (of(ours)?, of(theirs)?);
            let ratio = if less_is_better { theirs / ours } else { ours / theirs };
            (ratio.is_finite() && ratio > 0.0).then_some(ratio)
        };
        Spread::of(&pairs.filter_map(ratio).collect::<Vec<f64>>())
    }

    /// What is asked for in words, and whether it is reached; `None` where it was not measured.
    pub(crate) fn judge(&self, budget: &Budget) -> (String, Option<(f64, bool)>) {
        let ours = self.of(Peer::Larder);
        match *budget {
            Budget::AtLeast(peer, times) => {
                let found = self.ratio(peer).map(|ratio| (ratio.median, ratio.median >= times));
                (format!("at least {times} × {}", peer.name()), found)
            }
            Budget::TailOf(peer) => {
                let found = self.ratio_of(Peer::Larder, peer, |sample| sample.p99, false);
                let found = found.map(|ratio| (ratio.median, ratio.median <= 1.0));
                (format!("99 % within at most 1 × {}", peer.name()), found)
            }
            Budget::AtMost(limit) => {
                let found = ours.and_then(|ours| ours.spread(|sample| Some(sample.value)));
                let found = found.map(|value| (value.median, value.median <= limit));
                (format!("at most {limit} {}", self.row.work.unit()), found)
            }
            Budget::Logged(times) => {
                let found = self.ratio_of(Peer::Logging, Peer::Larder, |sample| sample.busy, false);
                let found = found.map(|ratio| (ratio.median, ratio.median <= times));
                (format!("with the log on at most {times} × the computing"), found)
            }
            Budget::Flat(limit) => {
                let found = ours.and_then(|ours| ours.spread(|sample| sample.grown));
                let found = found.map(|grown| (grown.max, grown.max <= limit));
                (format!("memory grows by at most {limit} MiB"), found)
            }
        }
    }
}
