//! HEAD (RFC 9110 §9.3.2, RFC 9111 §4.3.5).

use super::row::{Row, Step, either, fetch, hit, ok, reply, row, send, wait};
use super::run::both;
use crate::support::origin::Reply;

#[tokio::test]
async fn head_is_answered_from_what_get_stored() {
    both(answered).await;
}

#[tokio::test]
async fn what_head_brings_freshens_or_invalidates() {
    both(freshened).await;
}

fn page() -> Step {
    fetch(ok("max-age=10").with("ETag: \"a\"").with("Last-Modified: {-1000}").body("0123456789"))
}

/// A HEAD that goes to the origin although what is stored is fresh.
fn head(answer: super::row::Answer) -> Step {
    send("HEAD", answer.body("9876543210")).asking("Cache-Control: no-cache")
}

#[rustfmt::skip]
fn answered() -> Vec<Row> {
    vec![
        row("HEAD of what is stored", "9110 §9.3.2", [page(), hit().method("HEAD").has("Content-Length: 10").has("ETag: \"a\"")]),
        row("HEAD of what is stored says its age", "9111 §5.1", [page(), wait(4), hit().method("HEAD").has("Age: 4")]),
        row("HEAD of what came chunked", "9110 §9.3.2", [
            fetch(ok("max-age=10").shaped(Reply::chunked)), hit().method("HEAD").lacks("Transfer-Encoding"),
        ]),
        row("HEAD of a stored 404", "9111 §4", [fetch(reply(404).with("Cache-Control: max-age=10")), hit().method("HEAD").status(404)]),
        row("HEAD chooses by Vary", "9111 §4.1", [
            fetch(ok("max-age=10").with("Vary: X-One")).asking("X-One: 1"), hit().method("HEAD").asking("X-One: 1"),
            send("HEAD", ok("no-store")).asking("X-One: 2"),
        ]),
        row("HEAD of what is not stored", "9110 §9.3.2", [send("HEAD", ok("no-store"))]),
        row("what HEAD brings is no answer to GET", "9111 §4", [send("HEAD", ok("max-age=10")), fetch(ok("max-age=10")), hit()]),
        row("what HEAD brings answers HEAD", "9111 §4", [send("HEAD", ok("max-age=10").body("0123456789")), hit().method("HEAD").has("Content-Length: 10")]),
        row("what HEAD brings answers HEAD for its lifetime", "9111 §4", [
            send("HEAD", ok("max-age=10")), wait(10), send("HEAD", ok("max-age=10")),
        ]),
        row("HEAD with no-store is not stored", "9111 §3", [send("HEAD", ok("no-store")), send("HEAD", ok("no-store"))]),
        row("HEAD with only-if-cached", "9111 §5.2.1.7", [page(), hit().method("HEAD").asking("Cache-Control: only-if-cached")]),
        row("HEAD never has a body", "9110 §9.3.2", [send("HEAD", reply(200).body("0123456789")).has("Content-Length: 10")]),
        row("HEAD invalidates nothing by being asked", "9110 §9.2.1", [page(), head(ok("max-age=10").with("ETag: \"a\"").with("Last-Modified: {-1000}")), hit()]),
    ]
}

#[rustfmt::skip]
fn freshened() -> Vec<Row> {
    let same = || ok("max-age=20").with("ETag: \"a\"").with("Last-Modified: {-1000}");
    vec![
        row("HEAD with the same validators freshens", "9111 §4.3.5", [
            page(), wait(9), head(same().with("Date: {now}").with("X-New: 1")), wait(19), hit().has("X-New: 1").has("ETag: \"a\""),
        ]),
        row("what HEAD freshened is fresh no longer than it says", "9111 §4.3.5", [
            page(), wait(9), head(same().with("Date: {now}")), wait(20), fetch(ok("no-store")),
        ]),
        row("HEAD with another tag invalidates", "9111 §4.3.5", [
            page(), head(ok("max-age=20").with("ETag: \"b\"").with("Last-Modified: {-1000}")), fetch(ok("no-store")),
        ]),
        row("HEAD with another time of change invalidates", "9111 §4.3.5", [
            fetch(ok("max-age=10").with("Last-Modified: {-1000}").body("0123456789")),
            head(ok("max-age=20").with("Last-Modified: {-10}")), fetch(ok("no-store")),
        ]),
        row("HEAD with another length invalidates", "9111 §4.3.5", [
            page(), send("HEAD", same().body("longer than before")).asking("Cache-Control: no-cache"), fetch(ok("no-store")),
        ]),
        row("HEAD with a failure leaves what is stored", "9111 §4.3.5", [page(), head(reply(503)).status(503), hit()]),
        row("HEAD of another request's variant leaves this one", "9111 §4.3.5", [
            fetch(ok("max-age=10").with("Vary: X-One").with("ETag: \"a\"")).asking("X-One: 1"),
            head(ok("max-age=10").with("Vary: X-One").with("ETag: \"b\"")).asking("X-One: 2"),
            hit().asking("X-One: 1"),
        ]),
        row("GET after a HEAD of something not stored", "9111 §4.3.5", [
            send("HEAD", ok("max-age=10").with("ETag: \"a\"")), fetch(ok("max-age=10").with("ETag: \"b\"")), hit(),
            either(ok("max-age=10").with("ETag: \"b\"")).method("HEAD"),
        ]),
    ]
}
