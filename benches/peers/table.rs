//! The outcome as Markdown.

use super::ground::Outcome;
use super::peer::Peer;
use super::verdict::Spread;

/// What each server did, and larder's ratio to it.
pub(crate) fn measured(outcomes: &[Outcome]) -> String {
    let mut out = String::from(
        "| work | server | median (smallest to largest) | 99 % within | computing each | \
         larder is so many times as good | … by computing |\n\
         | --- | --- | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for outcome in outcomes {
        for measured in &outcome.measured {
            let title = outcome.row.title;
            let name = measured.peer.name();
            if let Some(wrong) = &measured.wrong {
                let wrong = wrong.lines().next().unwrap_or_default();
                out.push_str(&format!("| {title} | {name} | wrong: {wrong} | | | | |\n"));
                continue;
            }
            let unit = outcome.row.work.unit();
            let value =
                measured.spread(|sample| Some(sample.value)).map(|value| spread(value, unit));
            let p99 =
                measured.spread(|sample| sample.p99).map(|p99| format!("{:.2} ms", p99.median));
            let busy = measured.spread(|sample| sample.busy);
            let busy = busy.map(|busy| format!("{:.2} µs", busy.median));
            let other = Some(measured.peer).filter(|peer| *peer != Peer::Larder);
            let ratio = other.and_then(|peer| outcome.ratio(peer)).map(|ratio| spread(ratio, ""));
            let computing = other.and_then(|peer| outcome.busy_ratio(peer));
            let computing = computing.map(|ratio| spread(ratio, ""));
            let cells =
                [value, p99, busy, ratio, computing].map(Option::unwrap_or_default).join(" | ");
            out.push_str(&format!("| {title} | {name} | {cells} |\n"));
        }
    }
    out
}

/// What must be reached, and whether it is.
pub(crate) fn budget(outcomes: &[Outcome]) -> String {
    let mut out =
        String::from("| work | budget | median | reached |\n| --- | --- | ---: | --- |\n");
    for outcome in outcomes {
        for budget in outcome.row.budgets {
            let (wanted, found) = outcome.judge(budget);
            let (found, reached) = match found {
                Some((found, true)) => (number(found), "reached"),
                Some((found, false)) => (number(found), "not reached"),
                None => (String::new(), "not measured"),
            };
            out.push_str(&format!("| {} | {wanted} | {found} | {reached} |\n", outcome.row.title));
        }
    }
    out
}

fn spread(spread: Spread, unit: &str) -> String {
    let (min, median, max) = (number(spread.min), number(spread.median), number(spread.max));
    format!("{median} {unit} ({min} to {max})").replace("  ", " ")
}

fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
