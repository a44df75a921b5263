//! What may be stored (RFC 9111 §3): statuses, methods, credentials, cookies, bodies.

use super::row::{
    Answer, Row, Step, broken, fetch, hit, lives, never, ok, reply, reused, row, send, validate,
    wait,
};
use super::run::both;
use crate::support::origin::Reply;

#[tokio::test]
async fn every_status_is_stored_with_a_lifetime_but_those_that_answer_one_request() {
    both(statuses).await;
}

#[tokio::test]
async fn a_lifetime_is_guessed_for_some_statuses_only() {
    both(guessed).await;
}

#[tokio::test]
async fn methods_other_than_get_are_stored_only_where_they_say_so() {
    both(methods).await;
}

#[tokio::test]
async fn credentials_and_cookies_are_shared_only_where_the_response_says_so() {
    both(persons).await;
}

#[tokio::test]
async fn only_whole_bodies_are_stored() {
    both(bodies).await;
}

/// The row's reply, stored with a lifetime; then the same without asking.
fn explicit(name: &'static str, status: u16) -> Row {
    row(
        name,
        "9111 §3",
        [
            fetch(reply(status).with("Cache-Control: max-age=10")),
            wait(9),
            hit(),
            wait(1),
            fetch(ok("no-store")),
        ],
    )
}

fn not_kept(name: &'static str, section: &'static str, status: u16) -> Row {
    let first = reply(status).with("Cache-Control: public, max-age=10").with("ETag: \"a\"");
    row(name, section, [fetch(first), fetch(ok("no-store")).unsent("If-None-Match")])
}

fn guess(name: &'static str, status: u16) -> Row {
    let first = fetch(reply(status).with("Last-Modified: {-100}"));
    row(name, "9110 §15.1", [first, wait(9), hit(), wait(1), fetch(ok("no-store"))])
}

fn no_guess(name: &'static str, status: u16) -> Row {
    row(
        name,
        "9110 §15.1",
        [fetch(reply(status).with("Last-Modified: {-100}")), fetch(ok("no-store"))],
    )
}

fn public_guess(name: &'static str, status: u16) -> Row {
    let first = reply(status).with("Last-Modified: {-100}").with("Cache-Control: public");
    row(name, "9111 §4.2.2", [fetch(first), wait(9), hit(), wait(1), fetch(ok("no-store"))])
}

#[rustfmt::skip]
fn statuses() -> Vec<Row> {
    vec![
        explicit("200", 200), explicit("201", 201), explicit("202", 202), explicit("203", 203),
        explicit("204", 204), explicit("205", 205), explicit("207", 207), explicit("226", 226),
        explicit("299", 299), explicit("300", 300), explicit("301", 301), explicit("302", 302),
        explicit("303", 303), explicit("307", 307), explicit("308", 308), explicit("399", 399),
        explicit("400", 400), explicit("401", 401), explicit("402", 402), explicit("403", 403),
        explicit("404", 404), explicit("405", 405), explicit("406", 406), explicit("408", 408),
        explicit("409", 409), explicit("410", 410), explicit("411", 411), explicit("413", 413),
        explicit("414", 414), explicit("415", 415), explicit("417", 417), explicit("418", 418),
        explicit("421", 421), explicit("422", 422), explicit("425", 425), explicit("426", 426),
        explicit("451", 451), explicit("499", 499), explicit("500", 500), explicit("501", 501),
        explicit("502", 502), explicit("503", 503), explicit("504", 504), explicit("505", 505),
        explicit("599", 599),
        not_kept("407 is for one client", "9111 §3", 407),
        not_kept("412 answers a condition", "9111 §3", 412),
        not_kept("416 answers a range", "9111 §3", 416),
        not_kept("428", "6585 §3", 428),
        not_kept("429", "6585 §4", 429),
        not_kept("431", "6585 §5", 431),
        not_kept("511", "6585 §6", 511),
        row("a 304 that nobody asked for is not stored", "9111 §3", [
            fetch(reply(304).with("Cache-Control: max-age=10").with("ETag: \"a\"")).asking("If-None-Match: \"a\"").status(304),
            fetch(ok("no-store")).unsent("If-None-Match"),
        ]),
        row("an unknown status with no-store", "9111 §3", [fetch(reply(299).with("Cache-Control: no-store, max-age=10")), fetch(ok("no-store"))]),
        row("must-understand and an unknown status", "9111 §5.2.2.3", [
            fetch(reply(299).with("Cache-Control: must-understand, max-age=10")), fetch(ok("no-store")),
        ]),
        row("must-understand with no-store and an unknown status", "9111 §5.2.2.3", [
            fetch(reply(299).with("Cache-Control: must-understand, no-store, max-age=10")), fetch(ok("no-store")),
        ]),
        row("must-understand with no-store and a known status", "9111 §5.2.2.3", [
            fetch(ok("must-understand, no-store, max-age=10")), wait(9), hit(), wait(1), fetch(ok("no-store")),
        ]),
        row("must-understand without no-store and a known status", "9111 §5.2.2.3", [
            fetch(ok("must-understand, max-age=10")), wait(9), hit(),
        ]),
        row("must-understand in any case, behind", "9111 §5.2.2.3", [
            fetch(reply(404).with("Cache-Control: max-age=10, no-store, MUST-UNDERSTAND")), hit(),
        ]),
        lives("Expires makes an unknown status storable", "9111 §3", &["Expires: {+10}"], 10),
        row("Expires makes an error storable", "9111 §3", [fetch(reply(500).with("Expires: {+10}")), wait(9), hit()]),
        row("s-maxage makes an error storable", "9111 §3", [fetch(reply(503).with("Cache-Control: s-maxage=10")), wait(9), hit()]),
        row("a stored error has its age and reason", "9111 §4", [fetch(reply(404).with("Cache-Control: max-age=10")), wait(3), hit().has("Age: 3")]),
    ]
}

#[rustfmt::skip]
fn guessed() -> Vec<Row> {
    vec![
        guess("200 guessed", 200), guess("203 guessed", 203), guess("204 guessed", 204), guess("300 guessed", 300),
        guess("301 guessed", 301), guess("308 guessed", 308), guess("404 guessed", 404), guess("405 guessed", 405),
        guess("410 guessed", 410), guess("414 guessed", 414), guess("501 guessed", 501),
        no_guess("201 not guessed", 201), no_guess("202 not guessed", 202), no_guess("302 not guessed", 302),
        no_guess("303 not guessed", 303), no_guess("307 not guessed", 307), no_guess("400 not guessed", 400),
        no_guess("403 not guessed", 403), no_guess("409 not guessed", 409), no_guess("500 not guessed", 500),
        no_guess("502 not guessed", 502), no_guess("503 not guessed", 503), no_guess("504 not guessed", 504),
        no_guess("an unknown status not guessed", 299), no_guess("an unknown error not guessed", 599),
        public_guess("302 with public", 302), public_guess("403 with public", 403), public_guess("500 with public", 500),
        public_guess("an unknown status with public", 299),
        row("404 without anything", "9111 §3", [fetch(reply(404)), fetch(ok("no-store"))]),
        row("500 without anything", "9111 §3", [fetch(reply(500)), fetch(ok("no-store"))]),
        row("301 without anything", "9111 §3", [fetch(reply(301).with("Location: /x")), fetch(ok("no-store"))]),
    ]
}

#[rustfmt::skip]
fn methods() -> Vec<Row> {
    const FRESH: &str = "Cache-Control: max-age=10";
    vec![
        row("POST is passed on each time", "9111 §4", [
            send("POST", reply(200).with(FRESH)), send("POST", reply(200).with(FRESH)),
        ]),
        row("POST with a lifetime alone is not there for GET", "9110 §9.3.3", [
            send("POST", reply(200).with(FRESH)), fetch(ok("no-store")),
        ]),
        row("POST with a lifetime and the same Content-Location", "9110 §9.3.3", [
            send("POST", reply(200).with(FRESH).with("Content-Location: {path}")), wait(9), hit().body_of(1),
        ]),
        row("POST with an absolute Content-Location", "9110 §9.3.3", [
            send("POST", reply(200).with(FRESH).with("Content-Location: {url}")), hit().body_of(1),
        ]),
        row("POST stored for GET does not answer a POST", "9110 §9.3.3", [
            send("POST", reply(200).with(FRESH).with("Content-Location: {path}")),
            send("POST", reply(200).with(FRESH).with("Content-Location: {path}")),
        ]),
        row("POST with another Content-Location", "9110 §9.3.3", [
            send("POST", reply(200).with(FRESH).with("Content-Location: {path}/other")),
            fetch(ok("no-store")), fetch(ok("no-store")).at("/other"),
        ]),
        row("POST with Content-Location and no lifetime", "9110 §9.3.3", [
            send("POST", reply(200).with("Content-Location: {path}").with("Last-Modified: {-1000}")), fetch(ok("no-store")),
        ]),
        row("POST with Content-Location and no-store", "9110 §9.3.3", [
            send("POST", ok("no-store, max-age=10").with("Content-Location: {path}")), fetch(ok("no-store")),
        ]),
        row("PATCH with a lifetime and the same Content-Location", "5789 §2", [
            send("PATCH", reply(200).with(FRESH).with("Content-Location: {path}")), hit().body_of(1),
        ]),
        row("PATCH with a lifetime alone", "5789 §2", [send("PATCH", reply(200).with(FRESH)), fetch(ok("no-store"))]),
        row("PUT is never stored", "9110 §9.3.4", [
            send("PUT", reply(200).with(FRESH).with("Content-Location: {path}")), fetch(ok("no-store")),
        ]),
        row("DELETE is never stored", "9110 §9.3.5", [
            send("DELETE", reply(200).with(FRESH).with("Content-Location: {path}")), fetch(ok("no-store")),
        ]),
        row("OPTIONS is never stored", "9110 §9.3.7", [
            send("OPTIONS", reply(200).with(FRESH)), send("OPTIONS", reply(200).with(FRESH)), fetch(ok("no-store")),
        ]),
        row("an unknown method is never stored", "9111 §3", [
            send("BREW", reply(200).with(FRESH)), send("BREW", reply(200).with(FRESH)), fetch(ok("no-store")),
        ]),
        row("a stored GET does not answer OPTIONS", "9111 §4", [fetch(reply(200).with(FRESH)), send("OPTIONS", reply(200))]),
        row("a stored GET does not answer a lower-case get", "9110 §9.1", [fetch(reply(200).with(FRESH)), send("get", reply(200))]),
        row("an unknown method is passed on with its body", "9110 §9.1", [send("BREW", reply(200))]),
    ]
}

#[rustfmt::skip]
fn persons() -> Vec<Row> {
    fn with(reply: Answer) -> Step { fetch(reply).asking("Authorization: Basic eDp5") }
    vec![
        row("credentials", "9111 §3.5", [with(ok("max-age=10")), fetch(ok("no-store"))]),
        row("credentials, and the same again", "9111 §3.5", [with(ok("max-age=10")), with(ok("max-age=10"))]),
        row("credentials and Expires", "9111 §3.5", [with(reply(200).with("Expires: {+10}")), fetch(ok("no-store"))]),
        row("credentials are sent to the origin", "9110 §11.6.2", [with(ok("max-age=10")).sent("Authorization: Basic eDp5")]),
        row("credentials and public", "9111 §3.5", [with(ok("public, max-age=10")), hit()]),
        row("credentials and s-maxage", "9111 §3.5", [with(ok("s-maxage=10")), hit()]),
        row("credentials and must-revalidate", "9111 §3.5", [with(ok("must-revalidate, max-age=10")), hit()]),
        row("credentials and proxy-revalidate", "9111 §3.5", [with(ok("proxy-revalidate, max-age=10")), fetch(ok("no-store"))]),
        row("credentials, public and private", "9111 §3.5", [with(ok("public, private, max-age=10")), fetch(ok("no-store"))]),
        row("what is stored without credentials answers with them", "9111 §4", [
            fetch(ok("max-age=10")), hit().asking("Authorization: Basic eDp5"),
        ]),
        row("credentials of a response that is public but without a lifetime", "9111 §3.5", [
            with(ok("public").with("Last-Modified: {-100}")), hit(),
        ]),
        reused("a cookie with a lifetime", "9111 §7.3", &["Cache-Control: max-age=10", "Set-Cookie: a=b"]),
        reused("a cookie with Expires", "9111 §7.3", &["Expires: {+10}", "Set-Cookie: a=b"]),
        row("two cookies stay two lines", "9110 §5.3", [
            fetch(ok("max-age=10").with("Set-Cookie: a=b; Path=/").with("Set-Cookie: c=d")), hit().has("Set-Cookie: a=b; Path=/, c=d"),
        ]),
        never("a cookie with public but without a lifetime", "9111 §7.3", &["Cache-Control: public", "Last-Modified: {-100000}", "Set-Cookie: a=b"]),
        row("a cookie in the request changes nothing", "9111 §7.3", [
            fetch(ok("max-age=10")).asking("Cookie: a=b").sent("Cookie: a=b"), hit().asking("Cookie: c=d"),
        ]),
        row("no-store in the request", "9111 §5.2.1.5", [fetch(ok("max-age=10")).asking("Cache-Control: no-store"), fetch(ok("no-store"))]),
    ]
}

#[rustfmt::skip]
fn bodies() -> Vec<Row> {
    vec![
        row("a chunked body", "9111 §3", [fetch(ok("max-age=10").shaped(Reply::chunked)), hit()]),
        row("a body that ends with the connection", "9111 §3.3", [fetch(ok("max-age=10").shaped(Reply::until_close)), hit()]),
        row("an answer of HTTP/1.0", "9111 §3", [fetch(ok("max-age=10").shaped(Reply::http10)), hit()]),
        row("Expires in an answer of HTTP/1.0", "9111 §5.3", [
            fetch(reply(200).with("Expires: {+10}").shaped(Reply::http10)), wait(9), hit(),
        ]),
        row("an empty body", "9111 §3", [fetch(ok("max-age=10").body("")), hit()]),
        row("a body that breaks off is not stored", "9111 §3.3", [
            fetch(ok("max-age=10").body("0123456789").shaped(|r| r.cut_after(4))).any_body(), fetch(ok("no-store")),
        ]),
        row("a chunked body that breaks off is not stored", "9111 §3.3", [
            fetch(ok("max-age=10").body("0123456789").shaped(|r| r.chunked().cut_after(4))).any_body(), fetch(ok("no-store")),
        ]),
        row("trailers are not mixed into the head", "9110 §6.5.1", [
            fetch(ok("max-age=10").shaped(|r| r.trailer("X-Sum", "1"))), hit().lacks("X-Sum"),
        ]),
        row("a lifetime in a trailer is none", "9110 §6.5.1", [
            fetch(ok("").shaped(|r| r.trailer("Cache-Control", "max-age=10"))), fetch(ok("no-store")),
        ]),
        row("nothing is stored of what did not come", "9111 §3", [broken().fails(), fetch(ok("no-store"))]),
        row("what cannot be stored takes the place of what was stale", "9111 §4.3.3", [
            fetch(ok("max-age=10").with("ETag: \"a\"")), wait(10), validate(ok("no-store")),
            fetch(ok("no-store")).unsent("If-None-Match"),
        ]),
    ]
}
