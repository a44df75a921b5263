//! What a stored head keeps, and what it never holds (RFC 9111 §3.1, RFC 9110 §7.6).

use super::row::{Row, fetch, hit, not_modified, ok, reply, row, send, validate, wait};
use super::run::both;
use crate::support::origin::Reply;

#[tokio::test]
async fn a_stored_head_keeps_what_belongs_to_the_response() {
    both(kept).await;
}

#[tokio::test]
async fn a_stored_head_holds_nothing_that_was_for_one_connection() {
    both(dropped).await;
}

/// A response with these lines; a hit has them too.
fn keeps(name: &'static str, lines: &[&'static str], seen: &'static str) -> Row {
    row(name, "9111 §3.1", [fetch(ok("max-age=10").with_all(lines)).has(seen), hit().has(seen)])
}

/// A response with these lines; nobody gets a field of this name.
fn drops(name: &'static str, lines: &[&'static str], dropped: &'static str) -> Row {
    row(
        name,
        "9111 §3.1",
        [fetch(ok("max-age=10").with_all(lines)).lacks(dropped), hit().lacks(dropped)],
    )
}

#[rustfmt::skip]
fn kept() -> Vec<Row> {
    vec![
        keeps("an unknown field", &["X-Anything: at all"], "X-Anything: at all"),
        keeps("two lines of an unknown field in their order", &["X-Two: a", "X-Two: b"], "X-Two: a, b"),
        keeps("two lines with others between", &["X-Two: b", "X-One: 1", "X-Two: a"], "X-Two: b, a"),
        keeps("a field without value", &["X-Empty:"], "X-Empty:"),
        keeps("spaces inside a value", &["X-Spaces: a   b"], "X-Spaces: a   b"),
        keeps("Content-Type", &["Content-Type: text/plain; charset=\"utf-8\""], "Content-Type: text/plain; charset=\"utf-8\""),
        keeps("Content-Encoding", &["Content-Encoding: gzip"], "Content-Encoding: gzip"),
        keeps("Content-Language", &["Content-Language: de, en"], "Content-Language: de, en"),
        keeps("Content-Location", &["Content-Location: /x"], "Content-Location: /x"),
        keeps("Content-Disposition", &["Content-Disposition: attachment"], "Content-Disposition: attachment"),
        keeps("a strong entity tag", &["ETag: \"a\\b\""], "ETag: \"a\\b\""),
        keeps("a weak entity tag", &["ETag: W/\"a\""], "ETag: W/\"a\""),
        keeps("Last-Modified as it came", &["Last-Modified: {rfc850:-100}"], "Last-Modified: {rfc850:-100}"),
        keeps("Link", &["Link: </a>; rel=next", "Link: </b>; rel=prev"], "Link: </a>; rel=next, </b>; rel=prev"),
        keeps("Vary", &["Vary: Accept"], "Vary: Accept"),
        keeps("Warning", &["Warning: 299 - \"x\""], "Warning: 299 - \"x\""),
        keeps("WWW-Authenticate", &["WWW-Authenticate: Basic realm=\"x\""], "WWW-Authenticate: Basic realm=\"x\""),
        keeps("Strict-Transport-Security", &["Strict-Transport-Security: max-age=1"], "Strict-Transport-Security: max-age=1"),
        keeps("Server", &["Server: one/1"], "Server: one/1"),
        keeps("Access-Control-Allow-Origin", &["Access-Control-Allow-Origin: *"], "Access-Control-Allow-Origin: *"),
        keeps("a Via of others", &["Via: 1.1 other"], "Cache-Control: max-age=10"),
        row("Via names each hop once", "9110 §7.6.3", [
            fetch(ok("max-age=10")).names("Via"), hit().names("Via"),
        ]),
        row("the length of the whole", "9110 §8.6", [
            fetch(ok("max-age=10").body("0123456789")), hit().has("Content-Length: 10"),
        ]),
        row("a length where it came chunked", "9110 §8.6", [
            fetch(ok("max-age=10").body("0123456789").shaped(Reply::chunked)), hit().has("Content-Length: 10").lacks("Transfer-Encoding"),
        ]),
        row("no-transform leaves the body", "9111 §5.2.2.6", [
            fetch(ok("max-age=10, no-transform").with("Content-Encoding: identity").body("  raw  ")), hit().body("  raw  "),
        ]),
        row("the head of a 204 too", "9111 §3.1", [
            fetch(reply(204).with("Cache-Control: max-age=10").with("X-Any: 1")), hit().has("X-Any: 1"),
        ]),
    ]
}

#[rustfmt::skip]
fn dropped() -> Vec<Row> {
    vec![
        drops("a field that Connection names", &["Connection: X-Hop", "X-Hop: 1"], "X-Hop"),
        drops("a field that Connection names in another case", &["Connection: x-hOP", "X-Hop: 1"], "X-Hop"),
        drops("one of several that Connection names", &["Connection: close, X-Hop", "X-Hop: 1"], "X-Hop"),
        drops("one that a second Connection line names", &["Connection: keep-alive", "Connection: X-Hop", "X-Hop: 1"], "X-Hop"),
        drops("Keep-Alive", &["Keep-Alive: timeout=5"], "Keep-Alive"),
        drops("Proxy-Connection", &["Proxy-Connection: keep-alive"], "Proxy-Connection"),
        drops("Proxy-Authenticate", &["Proxy-Authenticate: Basic realm=\"x\""], "Proxy-Authenticate"),
        drops("Proxy-Authentication-Info", &["Proxy-Authentication-Info: x=\"y\""], "Proxy-Authentication-Info"),
        drops("TE", &["TE: trailers"], "TE"),
        drops("Upgrade", &["Connection: upgrade", "Upgrade: h2c"], "Upgrade"),
        row("Cache-Control may not be taken away by Connection", "9110 §7.6.1", [
            fetch(ok("no-store, max-age=10").with("Connection: Cache-Control")), fetch(ok("no-store")),
        ]),
        row("what Connection names in a request does not travel", "9110 §7.6.1", [
            fetch(ok("max-age=10")).asking("Connection: X-Hop").asking("X-Hop: 1").unsent("X-Hop"),
        ]),
        row("Proxy-Authorization does not travel", "9110 §11.7.2", [
            fetch(ok("max-age=10")).asking("Proxy-Authorization: Basic eDp5").unsent("Proxy-Authorization"),
        ]),
        row("what Connection names in a 304 is not taken over", "9111 §3.2", [
            fetch(ok("max-age=10").with("ETag: \"a\"")), wait(10),
            validate(not_modified("\"a\"").with("Connection: X-Hop").with("X-Hop: 1")).lacks("X-Hop"),
            hit().lacks("X-Hop"),
        ]),
        row("requests say by way of whom", "9110 §7.6.3", [
            fetch(ok("max-age=10")).asking("Via: 1.0 before").sent_member("Via: 1.0 before"),
        ]),
        row("Max-Forwards means nothing for GET", "9110 §7.6.2", [
            fetch(ok("max-age=10")).asking("Max-Forwards: 0"), hit().asking("Max-Forwards: 0"),
        ]),
        row("a POST's answer is dated and passed on whole", "9110 §6.6.1", [
            send("POST", reply(201).with("Location: {path}/1")).has("Location: {path}/1").names("Date"),
        ]),
    ]
}
