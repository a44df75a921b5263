//! Parts of what is stored whole (RFC 9110 §14, §13.1.5).

use super::row::{Row, Step, fetch, hit, not_modified, ok, reply, row, validate, wait};
use super::run::both;
use crate::support::origin::Reply;

#[tokio::test]
async fn a_part_is_served_out_of_the_stored_whole() {
    both(parts).await;
}

#[tokio::test]
async fn a_range_that_does_not_count_gets_the_whole() {
    both(wholes).await;
}

#[tokio::test]
async fn if_range_gets_the_part_only_of_the_same_version() {
    both(conditional).await;
}

const BODY: &str = "0123456789";

fn page() -> Step {
    let answer = ok("max-age=100").with("ETag: \"a\"").with("Last-Modified: {-1000}");
    fetch(answer.with("Date: {now}").with("Content-Type: text/plain").body(BODY))
}

fn part(
    name: &'static str,
    range: &'static str,
    text: &'static str,
    content_range: &'static str,
) -> Row {
    row(name, "9110 §14.2", [page(), hit().asking(range).status(206).body(text).has(content_range)])
}

/// Several parts: each stands once in the answer with its range.
fn several(name: &'static str, range: &'static str, parts: &[(&'static str, &'static str)]) -> Row {
    let answer = hit().asking(range).status(206).any_body().lacks("Content-Range");
    let last = parts.iter().fold(answer, |step, (text, range)| step.count(text, 1).count(range, 1));
    row(name, "9110 §14.6", [page(), last])
}

fn unsatisfiable(name: &'static str, range: &'static str) -> Row {
    row(
        name,
        "9110 §15.5.17",
        [page(), hit().asking(range).status(416).any_body().has("Content-Range: bytes */10")],
    )
}

#[rustfmt::skip]
fn parts() -> Vec<Row> {
    vec![
        part("from and to", "Range: bytes=2-4", "234", "Content-Range: bytes 2-4/10"),
        part("the first byte", "Range: bytes=0-0", "0", "Content-Range: bytes 0-0/10"),
        part("the last byte", "Range: bytes=9-9", "9", "Content-Range: bytes 9-9/10"),
        part("all bytes", "Range: bytes=0-9", BODY, "Content-Range: bytes 0-9/10"),
        part("with an open end", "Range: bytes=7-", "789", "Content-Range: bytes 7-9/10"),
        part("with an end beyond the end", "Range: bytes=7-99", "789", "Content-Range: bytes 7-9/10"),
        part("with an end beyond 64 bits", "Range: bytes=7-99999999999999999999999", "789", "Content-Range: bytes 7-9/10"),
        part("the last three bytes", "Range: bytes=-3", "789", "Content-Range: bytes 7-9/10"),
        part("more last bytes than there are", "Range: bytes=-99", BODY, "Content-Range: bytes 0-9/10"),
        part("the unit in upper case", "Range: BYTES=2-4", "234", "Content-Range: bytes 2-4/10"),
        part("leading zeros", "Range: bytes=002-004", "234", "Content-Range: bytes 2-4/10"),
        part("an empty element of the list", "Range: bytes=,2-4", "234", "Content-Range: bytes 2-4/10"),
        several("two parts", "Range: bytes=0-1,6-7", &[("\r\n01\r\n", "bytes 0-1/10"), ("\r\n67\r\n", "bytes 6-7/10")]),
        several("two parts with a space", "Range: bytes=0-1, 6-7", &[("\r\n01\r\n", "bytes 0-1/10"), ("\r\n67\r\n", "bytes 6-7/10")]),
        several("two parts in another order", "Range: bytes=6-7,0-1", &[("\r\n01\r\n", "bytes 0-1/10"), ("\r\n67\r\n", "bytes 6-7/10")]),
        several("a part and the last bytes", "Range: bytes=0-0,-2", &[("\r\n0\r\n", "bytes 0-0/10"), ("\r\n89\r\n", "bytes 8-9/10")]),
        row("several parts have a type with a boundary", "9110 §14.6", [
            page(), hit().asking("Range: bytes=0-1,6-7").status(206).any_body().count("text/plain", 2).names("Content-Type"),
        ]),
        row("one part that can be satisfied of several", "9110 §14.2", [page(), hit().asking("Range: bytes=2-4,20-30").status(206).any_body()]),
        row("a part has the fields of the whole", "9110 §15.3.7", [
            page(), wait(4), hit().asking("Range: bytes=2-4").status(206).body("234").has("ETag: \"a\"").has("Age: 4").has("Date: {+0}")
                .has("Cache-Control: max-age=100").has("Content-Length: 3").has("Content-Type: text/plain"),
        ]),
        row("the whole is there afterwards", "9110 §14.2", [page(), hit().asking("Range: bytes=2-4").status(206).body("234"), hit()]),
        row("a part of what came chunked", "9110 §14.2", [
            fetch(ok("max-age=100").body(BODY).shaped(Reply::chunked)),
            hit().asking("Range: bytes=2-4").status(206).body("234").has("Content-Range: bytes 2-4/10"),
        ]),
        row("a part of what has no validator", "9110 §14.2", [
            fetch(ok("max-age=100").body(BODY)), hit().asking("Range: bytes=-1").status(206).body("9"),
        ]),
        row("a part of what is stale, when it still holds", "9111 §4.3.4", [
            page(), wait(100), validate(not_modified("\"a\"").with("Date: {now}")).asking("Range: bytes=2-4").status(206).body("234").has("Content-Range: bytes 2-4/10"),
            hit(),
        ]),
        row("an origin that ignores the range fills the store", "9110 §14.2", [
            fetch(ok("max-age=100").body(BODY)).asking("Range: bytes=2-4").status(200), hit().asking("Range: bytes=2-4").status(206).body("234"),
        ]),
        unsatisfiable("begins behind the end", "Range: bytes=10-"),
        unsatisfiable("lies behind the end", "Range: bytes=10-20"),
        unsatisfiable("the last no bytes", "Range: bytes=-0"),
        unsatisfiable("begins beyond 64 bits", "Range: bytes=99999999999999999999999-"),
        unsatisfiable("all parts lie behind the end", "Range: bytes=10-11,20-30"),
    ]
}

#[rustfmt::skip]
fn wholes() -> Vec<Row> {
    let whole = |name, range| row(name, "9110 §14.2", [page(), hit().asking(range).status(200).lacks("Content-Range")]);
    vec![
        whole("another unit", "Range: lines=1-2"),
        whole("an end before the beginning", "Range: bytes=5-2"),
        whole("no number", "Range: bytes=x"),
        whole("no dash", "Range: bytes=5"),
        whole("nothing", "Range: bytes="),
        whole("a dash alone", "Range: bytes=-"),
        whole("no unit", "Range: 2-4"),
        whole("an empty value", "Range:"),
        whole("a negative beginning", "Range: bytes=--3"),
        whole("a good part and a bad one", "Range: bytes=2-4,x"),
        whole("a fraction", "Range: bytes=1.5-3"),
        row("HEAD", "9110 §14.2", [page(), hit().method("HEAD").asking("Range: bytes=2-4").has("Content-Length: 10").lacks("Content-Range")]),
        row("HEAD behind the end", "9110 §14.2", [page(), hit().method("HEAD").asking("Range: bytes=20-").status(200)]),
        row("a stored 404", "9110 §14.2", [
            fetch(reply(404).with("Cache-Control: max-age=100").body(BODY)), hit().asking("Range: bytes=2-4").status(404),
        ]),
        row("a stored 404, behind the end", "9110 §14.2", [
            fetch(reply(404).with("Cache-Control: max-age=100").body(BODY)), hit().asking("Range: bytes=20-").status(404),
        ]),
        row("a stored redirect", "9110 §14.2", [
            fetch(reply(301).with("Cache-Control: max-age=100").body(BODY)), hit().asking("Range: bytes=2-4").status(301),
        ]),
        row("a condition comes before the range", "9110 §13.2.2", [
            page(), hit().asking("Range: bytes=2-4").asking("If-None-Match: \"a\"").status(304).lacks("Content-Range"),
        ]),
        row("a date comes before the range", "9110 §13.2.2", [
            page(), hit().asking("Range: bytes=2-4").asking("If-Modified-Since: {-1000}").status(304),
        ]),
        row("a condition comes before a range behind the end", "9110 §13.2.2", [
            page(), hit().asking("Range: bytes=20-").asking("If-None-Match: \"a\"").status(304),
        ]),
        row("a condition that does not hold leaves the range", "9110 §13.2.2", [
            page(), hit().asking("Range: bytes=2-4").asking("If-None-Match: \"b\"").status(206).body("234"),
        ]),
    ]
}

#[rustfmt::skip]
fn conditional() -> Vec<Row> {
    let held = |name, stored, condition| row(name, "9110 §13.1.5", [
        stored, hit().asking("Range: bytes=2-4").asking(condition).status(206).body("234"),
    ]);
    let not_held = |name, stored, condition| row(name, "9110 §13.1.5", [
        stored, hit().asking("Range: bytes=2-4").asking(condition).status(200).lacks("Content-Range"),
    ]);
    let weak = || fetch(ok("max-age=100").with("ETag: W/\"a\"").body(BODY));
    let young = || fetch(ok("max-age=100").with("Last-Modified: {+0}").with("Date: {now}").body(BODY));
    vec![
        held("the same tag", page(), "If-Range: \"a\""),
        held("the same date", page(), "If-Range: {-1000}"),
        not_held("another tag", page(), "If-Range: \"b\""),
        not_held("the tag in weak form", page(), "If-Range: W/\"a\""),
        not_held("a weak tag on both sides", weak(), "If-Range: W/\"a\""),
        not_held("a weak tag and a strong one", weak(), "If-Range: \"a\""),
        not_held("an earlier date", page(), "If-Range: {-1001}"),
        not_held("a later date", page(), "If-Range: {-999}"),
        not_held("a date that may have been too early to tell", young(), "If-Range: {+0}"),
        not_held("neither tag nor date", page(), "If-Range: nonsense"),
        not_held("a tag where none is stored", fetch(ok("max-age=100").body(BODY)), "If-Range: \"a\""),
        not_held("a date where none is stored", fetch(ok("max-age=100").body(BODY)), "If-Range: {-1000}"),
        row("a false condition makes no 416", "9110 §13.1.5", [
            page(), hit().asking("Range: bytes=20-").asking("If-Range: \"b\"").status(200),
        ]),
        row("a true condition and a range behind the end", "9110 §13.1.5", [
            page(), hit().asking("Range: bytes=20-").asking("If-Range: \"a\"").status(416).any_body(),
        ]),
        row("without Range it means nothing", "9110 §13.1.5", [page(), hit().asking("If-Range: \"b\"").status(200)]),
        row("with nothing stored both travel", "9110 §13.1.5", [
            fetch(ok("no-store").body(BODY)).asking("Range: bytes=2-4").asking("If-Range: \"b\"").sent("Range: bytes=2-4").sent("If-Range: \"b\""),
        ]),
    ]
}
