//! The one test binary: what larder promises, by capability. `support` is the language the tests speak.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "this is a test: a panic is how it fails, and everything is public to everything"
)]

mod architecture;
mod caching;
mod collapsing;
mod conformance;
mod forwarding;
mod guarding;
mod lab;
mod on_disk;
mod operating;
mod overload;
mod properties;
mod security;
mod standards;
mod storing;
mod streaming;
mod support;
mod tiers;
mod tunnelling;

use support::proxy::Proxy;
