//! Conditions of the client's own, judged against what is stored (RFC 9110 §13, RFC 9111 §4.3.2).

use super::row::{Row, Step, fetch, hit, not_modified, ok, reply, row, wait};
use super::run::both;

#[tokio::test]
async fn entity_tags_are_compared_weakly() {
    both(tags).await;
}

#[tokio::test]
async fn dates_are_compared_where_there_are_no_tags() {
    both(dates).await;
}

#[tokio::test]
async fn what_is_not_ours_to_judge_is_the_origins() {
    both(others).await;
}

fn page() -> Step {
    fetch(
        ok("max-age=100")
            .with("ETag: \"a\"")
            .with("Last-Modified: {-1000}")
            .with("Date: {now}")
            .with("Vary: Accept"),
    )
}

/// The client has it: 304 out of the store.
fn has(name: &'static str, stored: Step, conditions: &[&'static str]) -> Row {
    let second = conditions.iter().fold(hit(), |step, line| step.asking(line));
    row(name, "9110 §13.1", [stored, second.status(304)])
}

/// The client has something else: 200 out of the store.
fn lacks(name: &'static str, stored: Step, conditions: &[&'static str]) -> Row {
    let second = conditions.iter().fold(hit(), |step, line| step.asking(line));
    row(name, "9110 §13.1", [stored, second.status(200)])
}

#[rustfmt::skip]
fn tags() -> Vec<Row> {
    let weak = || fetch(ok("max-age=100").with("ETag: W/\"a\""));
    vec![
        has("the same tag", page(), &["If-None-Match: \"a\""]),
        has("the same tag in weak form", page(), &["If-None-Match: W/\"a\""]),
        has("a weak stored tag and a strong one", weak(), &["If-None-Match: \"a\""]),
        has("a weak stored tag and the same", weak(), &["If-None-Match: W/\"a\""]),
        has("one of a list", page(), &["If-None-Match: \"x\", \"a\", \"y\""]),
        has("the last of a list without spaces", page(), &["If-None-Match: \"x\",W/\"y\",\"a\""]),
        has("one of a list with empty elements", page(), &["If-None-Match: , \"x\",, \"a\","]),
        has("in a second line", page(), &["If-None-Match: \"x\"", "If-None-Match: \"a\""]),
        has("an asterisk", page(), &["If-None-Match: *"]),
        has("an asterisk and a stored response without tag", fetch(ok("max-age=100")), &["If-None-Match: *"]),
        has("a tag with a comma in it", fetch(ok("max-age=100").with("ETag: \"a,b\"")), &["If-None-Match: \"x\", \"a,b\""]),
        has("an empty tag", fetch(ok("max-age=100").with("ETag: \"\"")), &["If-None-Match: \"\""]),
        has("the tag holds, the date does not", page(), &["If-None-Match: \"a\"", "If-Modified-Since: {-2000}"]),
        lacks("another tag", page(), &["If-None-Match: \"b\""]),
        lacks("a tag in another case", page(), &["If-None-Match: \"A\""]),
        lacks("a part of a tag with a comma", fetch(ok("max-age=100").with("ETag: \"a,b\"")), &["If-None-Match: \"b\""]),
        lacks("a tag without quotes", page(), &["If-None-Match: a"]),
        lacks("the sign of weakness in lower case", page(), &["If-None-Match: w/\"a\""]),
        lacks("an empty list", page(), &["If-None-Match:"]),
        lacks("a tag and a stored response without", fetch(ok("max-age=100")), &["If-None-Match: \"a\""]),
        lacks("the date holds, the tag does not", page(), &["If-None-Match: \"b\"", "If-Modified-Since: {-1000}"]),
        row("a 304 has what the client needs", "9110 §15.4.5", [
            fetch(ok("max-age=100").with("ETag: \"a\"").with("Date: {now}").with("Expires: {+50}").with("Vary: Accept").with("Content-Location: /x")),
            wait(3),
            hit().asking("If-None-Match: \"a\"").status(304).has("ETag: \"a\"").has("Cache-Control: max-age=100").has("Date: {+0}")
                .has("Expires: {+50}").has("Vary: Accept").has("Content-Location: /x").has("Age: 3").lacks("Content-Length").lacks("Content-Type"),
        ]),
        row("HEAD has conditions too", "9110 §13.1.2", [
            page(), hit().method("HEAD").asking("If-None-Match: \"a\"").status(304), hit().method("HEAD").asking("If-None-Match: \"b\"").status(200),
        ]),
    ]
}

#[rustfmt::skip]
fn dates() -> Vec<Row> {
    let dated = || fetch(ok("max-age=100").with("Date: {-20}"));
    let changed = || fetch(ok("max-age=100").with("Last-Modified: {-1000}"));
    vec![
        has("the same date", page(), &["If-Modified-Since: {-1000}"]),
        has("a later date", page(), &["If-Modified-Since: {-999}"]),
        has("the same date, no tag stored", changed(), &["If-Modified-Since: {-1000}"]),
        has("the same date in the form of RFC 850", page(), &["If-Modified-Since: {rfc850:-1000}"]),
        has("the same date in the form of asctime", page(), &["If-Modified-Since: {asctime:-1000}"]),
        has("stored in another form", fetch(ok("max-age=100").with("Last-Modified: {rfc850:-1000}")), &["If-Modified-Since: {-1000}"]),
        has("no Last-Modified: by Date, the same", dated(), &["If-Modified-Since: {-20}"]),
        has("no Last-Modified: by Date, later", dated(), &["If-Modified-Since: {-10}"]),
        has("neither: by the time of receipt", fetch(ok("max-age=100")), &["If-Modified-Since: {+0}"]),
        lacks("an earlier date", page(), &["If-Modified-Since: {-1001}"]),
        lacks("no Last-Modified: by Date, earlier", dated(), &["If-Modified-Since: {-21}"]),
        lacks("neither: before the time of receipt", fetch(ok("max-age=100")), &["If-Modified-Since: {-1}"]),
        lacks("no date", page(), &["If-Modified-Since: yesterday"]),
        lacks("an empty date", page(), &["If-Modified-Since:"]),
        lacks("a date in another zone", page(), &["If-Modified-Since: {zone:-900}"]),
        lacks("a number", page(), &["If-Modified-Since: 1900000000"]),
    ]
}

#[rustfmt::skip]
fn others() -> Vec<Row> {
    let not_met = || reply(412).with("Cache-Control: max-age=100");
    vec![
        row("If-Match goes to the origin", "9110 §13.1.1", [
            page(), fetch(not_met()).asking("If-Match: \"b\"").sent("If-Match: \"b\"").status(412), hit().body_of(1),
        ]),
        row("If-Match goes to the origin even when it holds", "9110 §13.1.1", [
            page(), fetch(ok("no-store")).asking("If-Match: \"a\"").sent("If-Match: \"a\""),
        ]),
        row("If-Unmodified-Since goes to the origin", "9110 §13.1.4", [
            page(), fetch(not_met()).asking("If-Unmodified-Since: {-2000}").sent("If-Unmodified-Since: {-2000}").status(412), hit().body_of(1),
        ]),
        row("with nothing stored, tags travel as they are", "9111 §4.3", [
            fetch(reply(304)).asking("If-None-Match: W/\"x\" ,\"y\"").sent("If-None-Match: W/\"x\" ,\"y\"").status(304),
        ]),
        row("with nothing stored, dates travel as they are", "9111 §4.3", [
            fetch(reply(304)).asking("If-Modified-Since: {rfc850:-10}").sent("If-Modified-Since: {rfc850:-10}").status(304),
        ]),
        row("a whole answer to a condition is stored for all", "9111 §4.3.3", [
            fetch(ok("max-age=100").with("ETag: \"b\"")).asking("If-None-Match: \"a\""), hit().has("ETag: \"b\""),
        ]),
        row("a stored 404 goes out whatever the condition", "9110 §13.2.1", [
            fetch(reply(404).with("Cache-Control: max-age=100").with("ETag: \"a\"")), hit().asking("If-None-Match: \"a\"").status(404),
        ]),
        row("a stored redirect goes out whatever the condition", "9110 §13.2.1", [
            fetch(reply(301).with("Cache-Control: max-age=100").with("ETag: \"a\"").with("Location: /x")),
            hit().asking("If-None-Match: \"a\"").status(301).has("Location: /x"),
        ]),
        row("a stored 404 goes out whatever the date", "9110 §13.2.1", [
            fetch(reply(404).with("Cache-Control: max-age=100").with("Last-Modified: {-100}")), hit().asking("If-Modified-Since: {+0}").status(404),
        ]),
        row("the 304 that we made is not stored", "9111 §4.3.2", [
            page(), hit().asking("If-None-Match: \"a\"").status(304), hit().body_of(1),
        ]),
        row("a condition on another method goes along", "9110 §13.2.1", [
            page(), fetch(reply(412)).method("PUT").asking("If-None-Match: *").sent("If-None-Match: *"), hit().body_of(1),
        ]),
        row("after freshening the new tag counts", "9111 §4.3.4", [
            page(), wait(100), fetch(ok("max-age=100").with("ETag: \"b\"")), hit().asking("If-None-Match: \"b\"").status(304),
            hit().asking("If-None-Match: \"a\"").body_of(2),
        ]),
        row("a client that has the stored one, while it is being asked about", "9111 §4.3.2", [
            page(), wait(100), fetch(not_modified("\"a\"")).asking("If-None-Match: \"a\"").status(304).has("ETag: \"a\""),
        ]),
    ]
}
