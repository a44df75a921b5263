//! Listeners: serves whatever handler it is given.
