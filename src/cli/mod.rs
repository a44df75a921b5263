//! The command line: the only room that knows how a setting is typed.
