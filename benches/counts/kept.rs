//! What is kept in the repository, and how what was measured compares with it.

use std::fmt::Write as _;
use std::fs;

use toml::{Table, Value};

use super::measure::{Calls, Instructions};
use super::row::Row;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/counts/counts.toml");

/// So many calls more for a request are not what a timer adds.
const CALLS_MARGIN: f64 = 0.25;

const HEAD: &str = "\
# What a request costs: instructions under callgrind, system calls under strace (benches/counts.rs).
# Written by `cargo bench --profile dev --bench counts -- --larder target/release/larder --write`;
# changed only in a commit that says why.
";

/// What one row costs.
pub(crate) struct Counts {
    pub(crate) instructions: Instructions,
    pub(crate) calls: Calls,
}

/// What was measured, and with what.
pub(crate) struct Measured {
    pub(crate) rustc: String,
    pub(crate) valgrind: String,
    pub(crate) rows: Vec<(Row, Counts)>,
}

/// The file.
pub(crate) struct Kept(Table);

impl Kept {
    /// Nothing is kept where there is no file.
    pub(crate) fn read() -> Result<Self, String> {
        let text = fs::read_to_string(FILE).unwrap_or_default();
        text.parse().map(Self).map_err(|error| format!("{FILE}: {error}"))
    }

    /// Says what the figures are compared with.
    pub(crate) fn introduce(&self, measured: &Measured) {
        if !self.same_compiler(measured) {
            println!(
                "what is kept was built by {}: instructions are shown beside it, not held to it",
                self.text("rustc").unwrap_or("nothing")
            );
        }
    }

    /// One line for a row.
    pub(crate) fn compare(&self, row: Row, counts: &Counts) {
        let (was, now) = (self.number(row, "instructions"), &counts.instructions);
        let change = was.map(|was| format!(" {:+.1} % of {was:.0}", growth(was, now.median)));
        println!(
            "{:<10} {:>7.0} instructions ({:.0} to {:.0}){}",
            row.name(),
            now.median,
            now.least,
            now.most,
            change.unwrap_or_default()
        );
        let named: Vec<String> =
            counts.calls.named.iter().map(|(name, calls)| format!("{name} {calls:.2}")).collect();
        println!("{:<10} {:>7.2} system calls: {}", "", counts.calls.sum, named.join(", "));
    }

    /// A sentence for each count that is greater than it may be.
    pub(crate) fn grown(&self, measured: &Measured) -> Vec<String> {
        let mut sentences = Vec::new();
        for (row, counts) in &measured.rows {
            let name = row.name();
            let kept = self.number(*row, "instructions").zip(self.number(*row, "system_calls"));
            let Some((instructions, calls)) = kept else {
                sentences.push(format!("no counts are kept for a {name}"));
                continue;
            };
            let now = counts.instructions.median;
            let grown = growth(instructions, now);
            let margin = row.margin().filter(|_| self.same_compiler(measured));
            if let Some(margin) = margin.filter(|margin| grown > *margin) {
                sentences.push(format!(
                    "a {name} takes {now:.0} instructions, {grown:.1} % more than the {instructions:.0} \
                     that are kept; {margin} % are allowed"
                ));
            }
            let now = counts.calls.sum;
            if now > calls + CALLS_MARGIN {
                sentences
                    .push(format!("a {name} takes {now:.2} system calls; {calls:.2} are kept"));
            }
        }
        sentences
    }

    fn same_compiler(&self, measured: &Measured) -> bool {
        self.text("rustc") == Some(&measured.rustc)
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.as_str()
    }

    fn number(&self, row: Row, key: &str) -> Option<f64> {
        match self.0.get(row.name())?.get(key)? {
            Value::Integer(number) => Some(*number as f64),
            value => value.as_float(),
        }
    }
}

/// In hundredths of what was.
fn growth(was: f64, now: f64) -> f64 {
    (now / was - 1.0) * 100.0
}

/// Writes the file anew.
pub(crate) fn write(measured: &Measured) -> Result<(), String> {
    let mut text = HEAD.to_owned();
    let (rustc, valgrind) = (&measured.rustc, &measured.valgrind);
    write!(text, "rustc = \"{rustc}\"\nvalgrind = \"{valgrind}\"\n").ok();
    for (row, Counts { instructions, calls }) in &measured.rows {
        write!(
            text,
            "\n[{}]\ninstructions = {:.0}\nsystem_calls = {:.2}\n",
            row.name(),
            instructions.median,
            calls.sum
        )
        .ok();
    }
    fs::write(FILE, text).map_err(|error| format!("{FILE}: {error}"))
}
