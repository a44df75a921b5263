//! Bodies on disk: what is tested with files that tests can break.

mod contract;
mod reading;
mod responses;
mod stage;
