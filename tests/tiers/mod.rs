//! Which tier holds what, and which one answers: memory by its bytes, the disk over a restart.

mod crash;
mod damaged;
mod limits;
mod restarts;
mod through;
