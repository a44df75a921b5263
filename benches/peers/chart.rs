//! The ratios as a bar chart in SVG, for a light and for a dark page.

use super::ground::Outcome;
use super::peer::Peer;

/// Those that have a bar, each with its colour: none needs to be seen as a colour, all have a name.
const BARS: [(Peer, &str); 5] = [
    (Peer::Nginx, "#4c8f5b"),
    (Peer::Varnish, "#3d7fc1"),
    (Peer::TrafficServer, "#8e6bbf"),
    (Peer::Squid, "#c9822b"),
    (Peer::Haproxy, "#c2566e"),
];

const WIDTH: f64 = 860.0;
const LEFT: f64 = 390.0;
const RIGHT: f64 = 64.0;
const BAR: f64 = 13.0;
/// What is longer is cut, and its number says how long it is.
const MOST: f64 = 6.0;

/// Nothing where there is no ratio to show.
pub(crate) fn chart(outcomes: &[Outcome]) -> Option<String> {
    let scale = |ratio: f64| ratio.min(MOST) / MOST * (WIDTH - LEFT - RIGHT);
    let mut rows = String::new();
    let mut y = 64.0;
    for outcome in outcomes {
        let bars = BARS
            .iter()
            .filter_map(|(peer, colour)| Some((peer.name(), *colour, outcome.ratio(*peer)?)));
        let bars: Vec<_> = bars.collect();
        if bars.is_empty() {
            continue;
        }
        let middle = y + bars.len() as f64 * BAR / 2.0 + 4.0;
        rows.push_str(&format!(
            r#"<text class="title" x="{}" y="{middle}" text-anchor="end">{}</text>
"#,
            LEFT - 110.0,
            outcome.row.title
        ));
        for (name, colour, ratio) in bars {
            let (low, high) = (LEFT + scale(ratio.min), LEFT + scale(ratio.max));
            let (end, line) = (scale(ratio.median), y + BAR / 2.0 - 1.0);
            rows.push_str(&format!(
                r#"<text x="{}" y="{}" text-anchor="end">{name}</text>
<rect x="{LEFT}" y="{y}" width="{end:.1}" height="{}" fill="{colour}"/>
<path class="spread" d="M{low:.1} {line}H{high:.1}"/>
<text x="{:.1}" y="{}">{:.2}</text>
"#,
                LEFT - 8.0,
                y + BAR - 3.0,
                BAR - 2.0,
                (LEFT + end).max(high) + 6.0,
                y + BAR - 3.0,
                ratio.median
            ));
            y += BAR;
        }
        y += 12.0;
    }
    if rows.is_empty() {
        return None;
    }
    let (one, bottom) = (LEFT + scale(1.0), y - 4.0);
    Some(format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">
<title>How many times as good larder is as other proxies, on one core of the same machine</title>
<style>
text {{ font: 11px sans-serif; fill: #1f2328; }}
.title {{ font-weight: 600; font-size: 12px; }}
.head {{ font-weight: 600; font-size: 14px; }}
.one {{ stroke: #cf222e; stroke-width: 1.5; stroke-dasharray: 4 3; }}
.spread {{ stroke: #1f2328; stroke-width: 1; }}
.page {{ fill: #ffffff; }}
@media (prefers-color-scheme: dark) {{
text {{ fill: #e6edf3; }}
.spread {{ stroke: #e6edf3; }}
.one {{ stroke: #ff7b72; }}
.page {{ fill: #0d1117; }}
}}
</style>
<rect class="page" width="100%" height="100%"/>
<text class="head" x="16" y="24">larder beside other proxies: one core, the same run; longer is better for larder</text>
<text x="16" y="42">Bars: the median of the ratios. Thin lines: from the smallest to the largest. Right of the dashed line larder is ahead.</text>
<path class="one" d="M{one:.1} 54V{bottom}"/>
{rows}<text x="{one:.1}" y="{label}" text-anchor="middle">1.0: as good</text>
</svg>
"#,
        height = y + 20.0,
        label = y + 10.0,
    ))
}
