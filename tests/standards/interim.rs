//! Interim responses (RFC 9110 §15.2).

use super::row::{Row, fetch, hit, ok, reply, row, wait};
use super::run::both;

#[tokio::test]
async fn interim_responses_are_passed_on_and_never_stored() {
    both(rows).await;
}

#[rustfmt::skip]
fn rows() -> Vec<Row> {
    vec![
        row("103", "8297 §2", [fetch(ok("max-age=10").interim(103, &["Link: </a>"])).interim(&[103]).lacks("Link"), hit().interim(&[]).lacks("Link")]),
        row("102", "2518 §10.1", [fetch(ok("max-age=10").interim(102, &[])).interim(&[102]), hit().interim(&[])]),
        row("several", "9110 §15.2", [
            fetch(ok("max-age=10").interim(102, &[]).interim(103, &["Link: </a>"]).interim(103, &["Link: </b>"])).interim(&[102, 103, 103]), hit().interim(&[]),
        ]),
        row("an unknown one", "9110 §15.2", [fetch(ok("max-age=10").interim(199, &[])).interim(&[199]), hit().interim(&[])]),
        row("a lifetime in it is none", "8297 §2", [fetch(reply(200).interim(103, &["Cache-Control: max-age=100"])), fetch(ok("no-store"))]),
        row("no-store in it forbids nothing", "8297 §2", [fetch(ok("max-age=10").interim(103, &["Cache-Control: no-store"])), wait(9), hit()]),
        row("a tag in it is none", "8297 §2", [
            fetch(ok("max-age=10").interim(103, &["ETag: \"a\""])).lacks("ETag"), wait(10), fetch(ok("no-store")).unsent("If-None-Match"),
        ]),
        row("Vary in it counts for nothing", "8297 §2", [
            fetch(ok("max-age=10").interim(103, &["Vary: X-One"])).asking("X-One: 1"), hit().asking("X-One: 2"),
        ]),
        row("before what is not stored", "9110 §15.2", [fetch(ok("no-store").interim(103, &["Link: </a>"])).interim(&[103])]),
        row("before an error", "9110 §15.2", [fetch(reply(404).interim(103, &["Link: </a>"])).interim(&[103])]),
    ]
}
