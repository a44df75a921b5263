//! The disk tier on a model disk, and bodies on disk with files that tests can break.

mod cast;
mod contract;
mod damage;
mod growing;
mod keeping;
mod log;
mod reading;
mod responses;
mod restart;
mod stage;
mod trouble;
mod troubles;
