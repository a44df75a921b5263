//! The pure parts of a request, and the look-ups: each alone, on what a browser sends and a stored response
//! of 1 KiB with eight fields.
//!
//! ```sh
//! cargo bench --bench micro              # all
//! cargo bench --bench micro -- decision  # those with this in their names
//! ```

#![expect(clippy::expect_used, reason = "this is a bench: it may fail")]

#[path = "micro/world.rs"]
mod world;

use std::hint::black_box;

use criterion::{BatchSize, Criterion};
use http::{Method, Uri};
use larder::http::target::resolve;
use larder::http::{Mode, Target, hop_by_hop};
use larder::policy::{
    CacheKey, Config, Decision, RequestDirectives, RequestView, ResponseDirectives, StoredHead,
    decide, select,
};
use larder::store::{StoredResponse, Tier};

use world::{Filled, fields, head, key, uri};

/// What a browser sends with a request for a page.
const REQUEST: &[(&str, &str)] = &[
    ("host", "localhost:8080"),
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
    ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    ("accept-language", "en-US,en;q=0.5"),
    ("accept-encoding", "gzip, deflate"),
    ("connection", "keep-alive"),
    ("cache-control", "max-age=60"),
];

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    keys(&mut criterion);
    directives(&mut criterion);
    decisions(&mut criterion);
    heads(&mut criterion);
    lookups(&mut criterion);
    criterion.final_summary();
}

/// From a request-target to a key.
fn keys(criterion: &mut Criterion) {
    let target: Uri = "http://localhost:8080/1k/00000007?a=b".parse().expect("it is a URI");
    criterion.bench_function("key of an absolute-form target", |bench| {
        bench.iter(|| match resolve(&Method::GET, black_box(&target), &Mode::Forward) {
            Ok(Target::Resource(uri)) => CacheKey::new(uri),
            other => unreachable!("{other:?}"),
        });
    });
}

fn directives(criterion: &mut Criterion) {
    let (request, response) = (fields(REQUEST), fields(world::RESPONSE));
    criterion.bench_function("directives of a request", |bench| {
        bench.iter(|| RequestDirectives::parse(black_box(&request)));
    });
    criterion.bench_function("directives of a response", |bench| {
        bench.iter(|| ResponseDirectives::parse(black_box(&response)));
    });
    let long = [(
        "cache-control",
        "public, max-age=3600, s-maxage=60, stale-while-revalidate=30, stale-if-error=600, \
         no-cache=\"set-cookie, x-user\", must-understand, ext=\"a, b\"",
    )];
    let long = fields(&long);
    criterion.bench_function("directives of a response, eight of them", |bench| {
        bench.iter(|| ResponseDirectives::parse(black_box(&long)));
    });
}

/// Which stored response a request selects, and what is to be done with it.
fn decisions(criterion: &mut Criterion) {
    let fields = fields(REQUEST);
    let (uri, directives) = (uri(7), RequestDirectives::parse(&fields));
    let request =
        RequestView { method: &Method::GET, uri: &uri, fields: &fields, directives: &directives };
    let config = Config::default();
    let languages = |count: usize| -> Vec<StoredHead> {
        // The request's own is the last of them.
        let others = (1..count).map(|n| format!("x-{n}"));
        let all = others.chain(["en-US,en;q=0.5".to_owned()]);
        all.map(|language| world::varying(&language)).collect()
    };
    let rows = [
        ("decision: one response", vec![head()]),
        ("decision: one of 2 variants", languages(2)),
        ("decision: one of 100 variants", languages(100)),
    ];
    for (name, stored) in rows {
        let decision = || {
            let candidate = select(black_box(&stored), &request, world::NOW).candidate(&stored);
            decide(&request, candidate, world::NOW, &config)
        };
        assert!(matches!(decision(), Decision::Reuse { .. }), "{name}: it is a hit");
        criterion.bench_function(name, |bench| bench.iter(decision));
    }
}

/// The fields of a hit, out of the block in which they are stored; those of a miss, into it.
fn heads(criterion: &mut Criterion) {
    let (stored, came) = (head(), fields(world::RESPONSE));
    criterion.bench_function("head of a hit", |bench| {
        bench.iter(|| black_box(&stored).fields_without_validation());
    });
    criterion.bench_function("age and ttl of a hit", |bench| {
        bench.iter(|| (black_box(&stored).current_age(world::NOW), stored.ttl(world::NOW)));
    });
    criterion.bench_function("head to store", |bench| {
        bench.iter(|| world::keep(black_box(&came)));
    });
    let request = fields(REQUEST);
    criterion.bench_function("head to forward, hop-by-hop fields removed", |bench| {
        bench.iter_batched_ref(
            || request.clone(),
            hop_by_hop::strip_request,
            BatchSize::SmallInput,
        );
    });
}

/// Looking up: what is there, and what is not, in memory and on disk.
fn lookups(criterion: &mut Criterion) {
    for tier in [Tier::Memory, Tier::Disk] {
        let filled = Filled::with(tier);
        let name = if tier == Tier::Memory { "memory" } else { "disk" };
        let (there, absent) = (key(7), key(world::COUNT + 7));
        assert_eq!(filled.find(&there).as_slice().first().map(StoredResponse::tier), Some(tier));
        assert!(filled.find(&absent).as_slice().is_empty());
        for (what, key) in [("found", there), ("not there", absent)] {
            criterion.bench_function(&format!("look-up in {name}, {what}"), |bench| {
                bench.iter(|| filled.find(black_box(&key)));
            });
        }
    }
}
