//! What holds for every input: made-up messages, some of them noise, many times over.
//!
//! Each property takes a few hundred cases, so that all of them together take seconds; the fuzz targets
//! in `fuzz/` look for longer.

mod ages;
mod lifetimes;
mod lines;
mod noise;
mod queries;
mod stored;
mod uris;

use proptest::test_runner::Config;

/// So many cases; a failure is printed with its input, and no file remembers it.
fn cases(count: u32) -> Config {
    Config { cases: count, failure_persistence: None, ..Config::default() }
}
