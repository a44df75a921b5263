//! Which tier holds what: memory by its bytes, the disk over a restart.

mod limits;
mod restarts;
