//! The standards, clause by clause, as a client and an origin see them: tables of behaviours.
//!
//! Each test is a group; its rows run against a proxy in forward mode and one before an origin, and a
//! failure names all rows that are not so. [`row`] is the language, [`fill`] what `{…}` stands for in it,
//! and [`run`] runs it.
//!
//! ```text
//! directives      Cache-Control in responses               RFC 9111 §5.2.2
//! freshness       Expires, Age, Date, heuristics           RFC 9111 §4.2, §5.1, §5.3
//! storing         statuses, methods, what may be kept      RFC 9111 §3
//! heads           what a stored head keeps                 RFC 9111 §3.1
//! requests        Cache-Control and Pragma in requests     RFC 9111 §5.2.1, §5.4
//! varying         Vary, several variants                   RFC 9111 §4.1
//! validating      asking the origin                        RFC 9111 §4.3
//! conditions      conditions of the client's own           RFC 9110 §13
//! heading         HEAD                                     RFC 9111 §4.3.5
//! stale           what is served stale                     RFC 9111 §4.2.4, RFC 5861
//! invalidating    unsafe methods                           RFC 9111 §4.4
//! ranges          parts of what is stored whole            RFC 9110 §14
//! partial         what is stored in parts                  RFC 9111 §3.3, §3.4
//! interim         1xx                                      RFC 9110 §15.2
//! targets         which URI is which                       RFC 9110 §4.2.3
//! targeted        CDN-Cache-Control                        RFC 9213
//! groups          Cache-Groups                             RFC 9875
//! searches        No-Vary-Search
//! outcomes        Cache-Status                             RFC 9211
//! ```

mod conditions;
mod directives;
mod fill;
mod freshness;
mod groups;
mod heading;
mod heads;
mod interim;
mod invalidating;
mod outcomes;
mod partial;
mod ranges;
mod requests;
mod row;
mod run;
mod searches;
mod stale;
mod storing;
mod targeted;
mod targets;
mod validating;
mod varying;

use super::Proxy;
