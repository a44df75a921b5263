//! The disk tier on a model disk, and bodies on disk with files that tests can break.

mod budget;
mod cast;
mod chance;
mod contract;
mod damage;
mod growing;
mod histories;
mod keeping;
mod log;
mod power;
mod races;
mod reading;
mod responses;
mod restart;
mod stage;
mod threads;
mod tiers;
mod trouble;
mod troubles;
