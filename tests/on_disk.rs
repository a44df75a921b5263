//! The suites about caching once more: a memory tier that holds nothing, so that everything goes through the
//! disk. They say `Proxy`, and where they are included says which one that is.
#![expect(clippy::duplicate_mod, reason = "the same tests of another proxy")]

#[path = "caching/mod.rs"]
mod caching;
#[path = "standards/mod.rs"]
mod standards;
#[path = "storing/mod.rs"]
mod storing;

use crate::support::proxy::ProxyOnDisk as Proxy;
