//! The lab: small network programs, and the text client.

pub mod client;
