//! Bodies on disk: what is tested with files that tests can break.

mod contract;
mod growing;
mod keeping;
mod reading;
mod responses;
mod stage;
mod troubles;
