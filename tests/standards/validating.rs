//! Asking the origin whether what is stored still holds (RFC 9111 §4.3).

use super::row::{
    Row, Step, either, fetch, fetch_all, hit, not_modified, ok, reply, row, validate, wait,
};
use super::run::both;

#[tokio::test]
async fn a_stale_response_is_asked_about_with_its_validators() {
    both(asking).await;
}

#[tokio::test]
async fn a_304_freshens_what_it_speaks_of() {
    both(freshening).await;
}

#[tokio::test]
async fn a_304_that_speaks_of_something_else_is_not_believed() {
    both(mistaken).await;
}

#[tokio::test]
async fn several_stored_responses_are_asked_about_together() {
    both(variants).await;
}

fn page() -> Step {
    fetch(ok("max-age=10").with("ETag: \"a\""))
}

#[rustfmt::skip]
fn asking() -> Vec<Row> {
    vec![
        row("by a strong entity tag", "9111 §4.3.1", [
            page(), wait(10), validate(not_modified("\"a\"")).sent("If-None-Match: \"a\"").unsent("If-Modified-Since"),
        ]),
        row("by a weak entity tag", "9111 §4.3.1", [
            fetch(ok("max-age=10").with("ETag: W/\"a\"")), wait(10), validate(not_modified("W/\"a\"")).sent("If-None-Match: W/\"a\""),
        ]),
        row("by an entity tag with odd characters", "9110 §8.8.3", [
            fetch(ok("max-age=10").with("ETag: \"a,\\b'c;=\"")), wait(10), validate(reply(304)).sent("If-None-Match: \"a,\\b'c;=\""),
        ]),
        row("by an empty entity tag", "9110 §8.8.3", [
            fetch(ok("max-age=10").with("ETag: \"\"")), wait(10), validate(reply(304)).sent("If-None-Match: \"\""),
        ]),
        row("by the time of the last change", "9111 §4.3.1", [
            fetch(ok("max-age=10").with("Last-Modified: {-1000}")), wait(10),
            validate(reply(304)).sent("If-Modified-Since: {-1000}").unsent("If-None-Match"),
        ]),
        row("by the time of the last change as it came", "9111 §4.3.1", [
            fetch(ok("max-age=10").with("Last-Modified: {rfc850:-1000}")), wait(10),
            validate(reply(304)).sent("If-Modified-Since: {rfc850:-1000}"),
        ]),
        row("by both", "9111 §4.3.1", [
            fetch(ok("max-age=10").with("ETag: \"a\"").with("Last-Modified: {-1000}")), wait(10),
            validate(reply(304)).sent("If-None-Match: \"a\"").sent("If-Modified-Since: {-1000}"),
        ]),
        row("without either it is fetched", "9111 §4.3", [
            fetch(ok("max-age=10")), wait(10), fetch(ok("no-store")).unsent("If-None-Match").unsent("If-Modified-Since"),
        ]),
        row("the request's own fields travel along", "9111 §4.3.1", [
            page(), wait(10), validate(reply(304)).asking("X-Any: 1").asking("Accept: text/plain").sent("X-Any: 1").sent("Accept: text/plain"),
        ]),
        row("a client's own tag that is the stored one", "9111 §4.3.2", [
            page(), wait(10), validate(not_modified("\"a\"")).asking("If-None-Match: \"a\"").sent_member("If-None-Match: \"a\"").status(304),
        ]),
        row("a client's own tag that is another", "9111 §4.3.2", [
            page(), wait(10), validate(not_modified("\"a\"")).asking("If-None-Match: \"z\"").sent_member("If-None-Match: \"a\"").status(200),
        ]),
        row("a client's asterisk", "9111 §4.3.2", [
            page(), wait(10), fetch(not_modified("\"a\"")).asking("If-None-Match: *").status(304),
        ]),
        row("a client's date, and an entity tag of ours", "9111 §4.3.2", [
            fetch(ok("max-age=10").with("ETag: \"a\"").with("Last-Modified: {-1000}")), wait(10),
            validate(not_modified("\"a\"")).asking("If-Modified-Since: {-2000}").sent_member("If-None-Match: \"a\"").status(200),
        ]),
        row("a client's date that holds", "9111 §4.3.2", [
            fetch(ok("max-age=10").with("ETag: \"a\"").with("Last-Modified: {-1000}")), wait(10),
            validate(not_modified("\"a\"")).asking("If-Modified-Since: {-1000}").status(304),
        ]),
        row("a 200 goes to a client that has a condition, when it changed", "9111 §4.3.3", [
            page(), wait(10), validate(ok("max-age=10").with("ETag: \"b\"")).asking("If-None-Match: \"a\"").status(200),
        ]),
        row("HEAD of what is stale asks", "9111 §4.3.5", [
            page(), wait(10), fetch(ok("max-age=10").with("ETag: \"a\"")).method("HEAD").has("ETag: \"a\""),
        ]),
        row("stale by Expires", "9111 §4.3", [
            fetch(reply(200).with("Expires: {+10}").with("ETag: \"a\"")), wait(10), validate(not_modified("\"a\"").with("Expires: {+30}")), wait(19), hit(),
        ]),
        row("a stored 404 may be asked about too", "9111 §4.3", [
            fetch(reply(404).with("Cache-Control: max-age=10").with("ETag: \"a\"")), wait(10), fetch(ok("max-age=10")).status(200), hit(),
        ]),
    ]
}

#[rustfmt::skip]
fn freshening() -> Vec<Row> {
    let stale = || [page(), wait(10)];
    let freshened = |name, section, answer, last: Step| {
        let [page, wait] = stale();
        row(name, section, [page, wait, validate(answer), last])
    };
    vec![
        freshened("it is fresh again", "9111 §4.3.4", not_modified("\"a\"").with("Date: {now}"), hit().has("Age: 0")),
        freshened("a field that is new", "9111 §3.2", not_modified("\"a\"").with("X-New: 1"), hit().has("X-New: 1")),
        freshened("a lifetime that is new", "9111 §3.2", not_modified("\"a\"").with("Cache-Control: max-age=20"), hit().has("Cache-Control: max-age=20")),
        freshened("a Date that is new", "9111 §3.2", not_modified("\"a\"").with("Date: {now}"), hit().has("Date: {+10}")),
        freshened("a type that is new", "9111 §3.2", not_modified("\"a\"").with("Content-Type: text/html"), hit().has("Content-Type: text/html")),
        freshened("a cookie that is new", "9111 §3.2", not_modified("\"a\"").with("Set-Cookie: a=b"), hit().has("Set-Cookie: a=b")),
        freshened("a length that is wrong", "9111 §3.2", not_modified("\"a\"").with("Content-Length: 99"), hit().has("Content-Length: 7")),
        freshened("a range that makes no sense", "9111 §3.2", not_modified("\"a\"").with("Content-Range: bytes 0-1/2"), hit().lacks("Content-Range")),
        freshened("a 304 without validator", "9111 §4.3.4", reply(304).with("X-New: 1"), hit().has("X-New: 1").has("ETag: \"a\"")),
        freshened("a 304 with the tag in weak form", "9111 §4.3.4", not_modified("W/\"a\""), hit()),
        row("a field that both have", "9111 §3.2", [
            fetch(ok("max-age=10").with("ETag: \"a\"").with("X-Both: old").with("X-Old: 1")), wait(10),
            validate(not_modified("\"a\"").with("X-Both: new")).has("X-Both: new").has("X-Old: 1"),
            hit().has("X-Both: new").has("X-Old: 1"),
        ]),
        row("all lines of a field at once", "9111 §3.2", [
            fetch(ok("max-age=10").with("ETag: \"a\"").with("X-Two: 1").with("X-Two: 2")), wait(10),
            validate(not_modified("\"a\"").with("X-Two: 3")).has("X-Two: 3"), hit().has("X-Two: 3"),
        ]),
        row("the client gets the freshened head", "9111 §4.3.4", [
            page(), wait(10), validate(not_modified("\"a\"").with("Date: {now}").with("X-New: 1")).has("X-New: 1").has("Date: {+10}"),
        ]),
        row("by a weak tag on both sides", "9111 §4.3.4", [
            fetch(ok("max-age=10").with("ETag: W/\"a\"")), wait(10), validate(not_modified("W/\"a\"").with("X-New: 1")), hit().has("X-New: 1"),
        ]),
        row("by the time of the last change", "9111 §4.3.4", [
            fetch(ok("max-age=10").with("Last-Modified: {-1000}")), wait(10),
            validate(reply(304).with("Last-Modified: {-1000}").with("X-New: 1")), hit().has("X-New: 1"),
        ]),
        row("again and again", "9111 §4.3.4", [
            page(), wait(10), validate(not_modified("\"a\"")), wait(10), validate(not_modified("\"a\"")), wait(9), hit(), wait(1), validate(not_modified("\"a\"")),
        ]),
        row("a shorter lifetime counts at once", "9111 §4.3.4", [
            page(), wait(10), validate(not_modified("\"a\"").with("Cache-Control: max-age=2")), wait(1), hit(), wait(1), validate(not_modified("\"a\"")),
        ]),
        row("must-revalidate in a 304 counts", "9111 §3.2", [
            page(), wait(10), validate(not_modified("\"a\"").with("Cache-Control: max-age=10, must-revalidate")),
            hit().has("Cache-Control: max-age=10, must-revalidate"),
        ]),
        row("the same Content-Encoding is no other body", "9111 §4.3.4", [
            fetch(ok("max-age=10").with("ETag: \"a\"").with("Content-Encoding: gzip")), wait(10),
            validate(not_modified("\"a\"").with("Content-Encoding: gzip")), hit(),
        ]),
        row("a 200 takes its place", "9111 §4.3.3", [
            fetch(ok("max-age=10").with("ETag: \"a\"").with("X-Old: 1")), wait(10),
            validate(ok("max-age=10").with("ETag: \"b\"")).lacks("X-Old"), hit().lacks("X-Old").has("ETag: \"b\""),
        ]),
        row("a 404 with a lifetime takes its place", "9111 §4.3.3", [
            page(), wait(10), validate(reply(404).with("Cache-Control: max-age=10")), hit().status(404),
        ]),
        row("a 404 that is not stored goes to the client", "9111 §4.3.3", [
            page(), wait(10), validate(reply(404)).status(404),
        ]),
        row("a 503 goes to the client, and what is stored stays", "9111 §4.3.3", [
            page(), wait(10), validate(reply(503)).status(503), validate(not_modified("\"a\"")).body_of(1),
        ]),
    ]
}

#[rustfmt::skip]
fn mistaken() -> Vec<Row> {
    vec![
        row("another strong tag: asked once more without conditions", "9111 §4.3.4", [
            page(), wait(10), fetch_all([not_modified("\"b\""), ok("max-age=10").with("ETag: \"b\"")]).last_unsent("If-None-Match"),
            hit().has("ETag: \"b\""),
        ]),
        row("another Content-Encoding: asked once more", "9111 §4.3.4", [
            fetch(ok("max-age=10").with("ETag: \"a\"").with("Content-Encoding: gzip")), wait(10),
            fetch_all([not_modified("\"a\"").with("Content-Encoding: br"), ok("max-age=10").with("ETag: \"a\"")]).last_unsent("If-None-Match"),
        ]),
        row("a Content-Encoding where there was none", "9111 §4.3.4", [
            page(), wait(10),
            fetch_all([not_modified("\"a\"").with("Content-Encoding: br"), ok("max-age=10").with("ETag: \"a\"")]).last_unsent("If-None-Match"),
        ]),
        row("a second mistake is passed on without harm", "9111 §4.3.4", [
            page(), wait(10), fetch_all([not_modified("\"b\""), ok("no-store")]), fetch(ok("no-store")),
        ]),
        row("a 304 for a client's own condition with nothing stored", "9111 §4.3.4", [
            fetch(not_modified("\"a\"").with("Cache-Control: max-age=10")).asking("If-None-Match: \"a\"").status(304),
            fetch(ok("no-store")).unsent("If-None-Match"),
        ]),
    ]
}

#[rustfmt::skip]
fn variants() -> Vec<Row> {
    let one = || fetch(ok("max-age=100").with("Vary: X-One").with("ETag: \"a\"").with("Last-Modified: {-1000}")).asking("X-One: 1");
    let two = || fetch(ok("max-age=100").with("Vary: X-One").with("ETag: \"b\"").with("Last-Modified: {-900}")).asking("X-One: 2");
    let third = |reply| validate(reply).asking("X-One: 3");
    vec![
        row("all their tags, and no date", "9111 §4.3.1", [
            one(), two(),
            third(not_modified("\"b\"").with("Vary: X-One")).sent_member("If-None-Match: \"a\"").sent_member("If-None-Match: \"b\"")
                .unsent("If-Modified-Since").body_of(2),
        ]),
        row("the one that the 304 names answers", "9111 §4.3.4", [
            one(), two(), third(not_modified("\"a\"").with("Vary: X-One")).body_of(1),
        ]),
        row("the others stay as they are", "9111 §4.3.4", [
            one(), two(), third(not_modified("\"a\"").with("X-New: 1")).body_of(1).has("X-New: 1"),
            hit().asking("X-One: 1").body_of(1), hit().asking("X-One: 2").body_of(2).lacks("X-New"),
        ]),
        row("a 200 is stored beside them", "9111 §4.3.3", [
            one(), two(), third(ok("max-age=100").with("Vary: X-One").with("ETag: \"c\"")),
            hit().asking("X-One: 1").body_of(1), hit().asking("X-One: 2").body_of(2), hit().asking("X-One: 3").body_of(3),
        ]),
        row("joined with the client's list", "9111 §4.3.2", [
            one(), two(),
            third(not_modified("\"b\"")).asking("If-None-Match: \"z\"").sent_member("If-None-Match: \"a\"")
                .sent_member("If-None-Match: \"b\"").sent_member("If-None-Match: \"z\"").status(200).body_of(2).status(200),
        ]),
        row("a 304 for what only the client has is passed on", "9111 §4.3.4", [
            one(), two(), third(not_modified("\"z\"")).asking("If-None-Match: \"z\"").status(304),
            hit().asking("X-One: 1").body_of(1), hit().asking("X-One: 2").body_of(2),
        ]),
        row("a 304 for what the client has too", "9111 §4.3.2", [
            one(), two(), third(not_modified("\"b\"")).asking("If-None-Match: \"b\"").status(304),
        ]),
        row("a 304 for nothing that anybody has: asked once more", "9111 §4.3.4", [
            one(), two(), fetch_all([not_modified("\"q\""), ok("no-store")]).asking("X-One: 3").last_unsent("If-None-Match"),
        ]),
        row("one variant and a request for another", "9111 §4.3.1", [
            one(), third(not_modified("\"a\"")).sent_member("If-None-Match: \"a\"").body_of(1),
        ]),
        row("a variant without tag is not asked about by date", "9111 §4.3.1", [
            fetch(ok("max-age=100").with("Vary: X-One").with("Last-Modified: {-1000}")).asking("X-One: 1"),
            fetch(ok("no-store")).asking("X-One: 3").unsent("If-Modified-Since"),
        ]),
        row("what was freshened for a third request", "9111 §4.3.4", [
            one(), two(), third(not_modified("\"b\"").with("Vary: X-One")).body_of(2),
            either(not_modified("\"b\"")).asking("X-One: 3"),
        ]),
        row("all that the request could have chosen are freshened by a strong tag", "9111 §4.3.4", [
            fetch(ok("max-age=10").with("Vary: X-One").with("ETag: \"a\"").with("Date: {-2}")).asking("X-One: 1"),
            fetch(ok("max-age=10").with("Vary: X-One, X-Two").with("ETag: \"a\"").with("Date: {-1}"))
                .asking("X-One: 1").asking("X-Two: 2").asking("Cache-Control: no-cache"),
            wait(10),
            validate(not_modified("\"a\"").with("Date: {now}").with("X-New: 1")).asking("X-One: 1").asking("X-Two: 2").body_of(2),
            hit().asking("X-One: 1").asking("X-Two: 2").any_body().has("X-New: 1"),
            hit().asking("X-One: 1").asking("X-Two: 3").body_of(1).has("X-New: 1"),
        ]),
        row("only the newest that the request could have chosen is freshened by a weak tag", "9111 §4.3.4", [
            fetch(ok("max-age=10").with("Vary: X-One").with("ETag: W/\"a\"").with("Date: {-2}")).asking("X-One: 1"),
            fetch(ok("max-age=10").with("Vary: X-One, X-Two").with("ETag: W/\"a\"").with("Date: {-1}"))
                .asking("X-One: 1").asking("X-Two: 2").asking("Cache-Control: no-cache"),
            wait(10),
            validate(not_modified("W/\"a\"").with("Date: {now}")).asking("X-One: 1").asking("X-Two: 2").body_of(2),
            hit().asking("X-One: 1").asking("X-Two: 2").body_of(2),
            fetch(ok("no-store")).asking("X-One: 1").asking("X-Two: 3"),
        ]),
        row("what another request would choose is not freshened with it", "9111 §4.3.4", [
            fetch(ok("max-age=10").with("Vary: X-One").with("ETag: \"a\"")).asking("X-One: 1"),
            fetch(ok("max-age=10").with("Vary: X-One").with("ETag: \"b\"")).asking("X-One: 2"), wait(10),
            validate(not_modified("\"a\"")).asking("X-One: 1").body_of(1),
            validate(not_modified("\"b\"")).asking("X-One: 2").body_of(2),
        ]),
    ]
}
