//! The first bytes of a connection: what was decided stays decided whatever comes next, and whoever has sent
//! all is not kept waiting.
#![no_main]

use larder::server::sniff::{Ended, Sniff, classify};
use libfuzzer_sys::fuzz_target;

/// So many beginnings of an input are looked at.
const BEGINNINGS: usize = 128;

fuzz_target!(|input: &[u8]| {
    assert_ne!(classify(input, Ended::Eof), Sniff::Undecided);
    let whole = classify(input, Ended::No);
    for end in 0..input.len().min(BEGINNINGS) {
        let beginning = classify(&input[..end], Ended::No);
        assert!(beginning == Sniff::Undecided || beginning == whole, "after {end} bytes");
    }
    if let Sniff::Text(target) = whole {
        assert!(!target.host().is_empty() && target.port() > 0);
    }
});
