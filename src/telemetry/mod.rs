//! What happened: log, access log; makes no decisions.
