//! `Vary` and several responses under one URI (RFC 9111 §4.1).

use super::row::{Row, either, fetch, hit, ok, row, wait};
use super::run::both;

#[tokio::test]
async fn vary_names_the_fields_that_must_agree() {
    both(names).await;
}

#[tokio::test]
async fn fields_agree_when_their_values_mean_the_same() {
    both(values).await;
}

#[tokio::test]
async fn of_several_responses_the_right_one_is_chosen() {
    both(choices).await;
}

/// Stored for one request, asked for by another: `one` and `other` are field lines, `vary` the line
/// that names them.
fn agrees(
    name: &'static str,
    vary: &'static str,
    one: &[&'static str],
    other: &[&'static str],
) -> Row {
    let first = one.iter().fold(fetch(ok("max-age=10").with(vary)), |step, line| step.asking(line));
    let second = other.iter().fold(hit(), |step, line| step.asking(line));
    row(name, "9111 §4.1", [first, second])
}

fn differs(
    name: &'static str,
    vary: &'static str,
    one: &[&'static str],
    other: &[&'static str],
) -> Row {
    let first = one.iter().fold(fetch(ok("max-age=10").with(vary)), |step, line| step.asking(line));
    let second = other.iter().fold(fetch(ok("no-store")), |step, line| step.asking(line));
    row(name, "9111 §4.1", [first, second])
}

#[rustfmt::skip]
fn names() -> Vec<Row> {
    let one: &[&str] = &["X-One: 1"];
    let other: &[&str] = &["X-One: 2"];
    vec![
        agrees("the same value", "Vary: X-One", one, one),
        differs("another value", "Vary: X-One", one, other),
        differs("there and not there", "Vary: X-One", one, &[]),
        differs("not there and there", "Vary: X-One", &[], one),
        agrees("not there twice", "Vary: X-One", &[], &[]),
        agrees("a field that is not named", "Vary: X-Two", one, other),
        agrees("no Vary", "X-Any: 1", one, other),
        agrees("an empty Vary", "Vary:", one, other),
        differs("the name in another case", "Vary: x-oNE", one, other),
        agrees("the name in another case, the same value", "Vary: x-oNE", one, one),
        differs("the second of two names", "Vary: X-Two, X-One", one, other),
        differs("the first of two names", "Vary: X-One, X-Two", one, other),
        agrees("two names, both agree", "Vary: X-One, X-Two", &["X-One: 1", "X-Two: 2"], &["X-Two: 2", "X-One: 1"]),
        differs("two names, one agrees", "Vary: X-One, X-Two", &["X-One: 1", "X-Two: 2"], &["X-One: 1", "X-Two: 3"]),
        differs("two names, values exchanged", "Vary: X-One, X-Two", &["X-One: 1", "X-Two: 2"], &["X-One: 2", "X-Two: 1"]),
        agrees("three names, one not there in both", "Vary: X-One, X-Two, X-Three", &["X-One: 1", "X-Two: 2"], &["X-One: 1", "X-Two: 2"]),
        differs("empty elements and spaces", "Vary: , ,  X-One ,,", one, other),
        agrees("empty elements and spaces, the same value", "Vary: , ,  X-One ,,", one, one),
        differs("no space after the comma", "Vary: X-Two,X-One", one, other),
        agrees("the same name twice", "Vary: X-One, x-one", one, one),
        differs("an asterisk", "Vary: *", one, one),
        differs("an asterisk and nothing sent", "Vary: *", &[], &[]),
        differs("an asterisk behind a name", "Vary: X-One, *", one, one),
        differs("an asterisk before a name", "Vary: *, X-One", one, one),
        differs("an asterisk among empty elements", "Vary: ,*,", one, one),
        row("two lines count as one list", "9110 §5.3", [
            fetch(ok("max-age=10").with("Vary: X-Two").with("Vary: X-One")).asking("X-One: 1"),
            fetch(ok("max-age=10").with("Vary: X-Two").with("Vary: X-One")).asking("X-One: 2"),
            hit().asking("X-One: 1").body_of(1),
        ]),
        row("an asterisk in the second line", "9111 §4.1", [
            fetch(ok("max-age=10").with("Vary: X-One").with("Vary: *")), fetch(ok("no-store")),
        ]),
        differs("Cookie", "Vary: Cookie", &["Cookie: a=1"], &["Cookie: a=2"]),
        differs("User-Agent", "Vary: User-Agent", &["User-Agent: a"], &["User-Agent: b"]),
        differs("Authorization", "Vary: Authorization", &[], &["Authorization: Basic eDp5"]),
        differs("Origin", "Vary: Origin", &["Origin: http://a.test"], &["Origin: http://b.test"]),
    ]
}

#[rustfmt::skip]
fn values() -> Vec<Row> {
    vec![
        agrees("two lines and one", "Vary: X-One", &["X-One: a", "X-One: b"], &["X-One: a, b"]),
        differs("two lines in another order", "Vary: X-One", &["X-One: a", "X-One: b"], &["X-One: b", "X-One: a"]),
        differs("the case of an unknown field", "Vary: X-One", &["X-One: a"], &["X-One: A"]),
        differs("the order of an unknown field", "Vary: X-One", &["X-One: a, b"], &["X-One: b, a"]),
        differs("one value the beginning of the other", "Vary: X-One", &["X-One: a"], &["X-One: ab"]),
        differs("part of a list", "Vary: X-One", &["X-One: a, b"], &["X-One: a"]),
        agrees("spaces around the value", "Vary: X-One", &["X-One: a"], &["X-One:    a   "]),
        agrees("Accept-Encoding: spaces", "Vary: Accept-Encoding", &["Accept-Encoding: gzip, br"], &["Accept-Encoding: gzip,br"]),
        agrees("Accept-Encoding: order", "Vary: Accept-Encoding", &["Accept-Encoding: gzip, br"], &["Accept-Encoding: br, gzip"]),
        agrees("Accept-Encoding: case", "Vary: Accept-Encoding", &["Accept-Encoding: gzip"], &["Accept-Encoding: GZip"]),
        agrees("Accept-Encoding: lines", "Vary: Accept-Encoding", &["Accept-Encoding: gzip", "Accept-Encoding: br"], &["Accept-Encoding: gzip, br"]),
        differs("Accept-Encoding: weights", "Vary: Accept-Encoding", &["Accept-Encoding: gzip, br;q=0.5"], &["Accept-Encoding: gzip;q=0.5, br"]),
        differs("Accept-Encoding: fewer", "Vary: Accept-Encoding", &["Accept-Encoding: gzip, br"], &["Accept-Encoding: gzip"]),
        differs("Accept-Encoding: refused", "Vary: Accept-Encoding", &["Accept-Encoding: gzip"], &["Accept-Encoding: gzip;q=0"]),
        agrees("Accept-Language: spaces", "Vary: Accept-Language", &["Accept-Language: en, de;q=0.5"], &["Accept-Language: en,de;q=0.5"]),
        agrees("Accept-Language: order", "Vary: Accept-Language", &["Accept-Language: en, de;q=0.5"], &["Accept-Language: de;q=0.5, en"]),
        agrees("Accept-Language: case", "Vary: Accept-Language", &["Accept-Language: en-GB"], &["Accept-Language: EN-gb"]),
        agrees("Accept-Language: spaces around the weight", "Vary: Accept-Language", &["Accept-Language: en, de;q=0.5"], &["Accept-Language: en , de ; q=0.5"]),
        differs("Accept-Language: another", "Vary: Accept-Language", &["Accept-Language: en"], &["Accept-Language: de"]),
        differs("Accept-Language: weights", "Vary: Accept-Language", &["Accept-Language: en, de;q=0.5"], &["Accept-Language: en;q=0.5, de"]),
        agrees("Accept: spaces", "Vary: Accept", &["Accept: text/html, text/plain;q=0.5"], &["Accept: text/html,text/plain;q=0.5"]),
        agrees("Accept: order", "Vary: Accept", &["Accept: text/html, text/plain;q=0.5"], &["Accept: text/plain;q=0.5, text/html"]),
        agrees("Accept: case", "Vary: Accept", &["Accept: text/html"], &["Accept: Text/HTML"]),
        differs("Accept: another", "Vary: Accept", &["Accept: text/html"], &["Accept: text/plain"]),
        differs("Cookie: order", "Vary: Cookie", &["Cookie: a=1; b=2"], &["Cookie: b=2; a=1"]),
        differs("User-Agent: case", "Vary: User-Agent", &["User-Agent: Agent"], &["User-Agent: agent"]),
    ]
}

#[rustfmt::skip]
fn choices() -> Vec<Row> {
    let by_language = || ok("max-age=10").with("Vary: Accept-Language");
    vec![
        row("two responses, each for its own", "9111 §4.1", [
            fetch(ok("max-age=10").with("Vary: X-One")).asking("X-One: 1"),
            fetch(ok("max-age=10").with("Vary: X-One")).asking("X-One: 2"),
            hit().asking("X-One: 1").body_of(1), hit().asking("X-One: 2").body_of(2),
        ]),
        row("three responses, and each lives its own time", "9111 §4.1", [
            fetch(ok("max-age=10").with("Vary: X-One")).asking("X-One: 1"), wait(5),
            fetch(ok("max-age=10").with("Vary: X-One")).asking("X-One: 2"),
            fetch(ok("max-age=10").with("Vary: X-One")), wait(5),
            hit().asking("X-One: 2").body_of(2), hit().body_of(3),
            fetch(ok("max-age=10").with("Vary: X-One")).asking("X-One: 1"),
        ]),
        row("a newer response takes the place of the one for the same request", "9111 §4", [
            fetch(ok("max-age=10").with("Vary: X-One")).asking("X-One: 1"),
            fetch(ok("max-age=10").with("Vary: X-One")).asking("X-One: 2"), wait(1),
            fetch(ok("max-age=10").with("Vary: X-One")).asking("X-One: 1").asking("Cache-Control: no-cache"),
            hit().asking("X-One: 1").body_of(3), hit().asking("X-One: 2").body_of(2),
        ]),
        row("of two that match, the newest by Date", "9111 §4.1", [
            fetch(ok("max-age=100").with("Vary: X-One").with("Date: {-20}")).asking("X-One: 1"),
            fetch(ok("max-age=100").with("Vary: X-One, X-Two").with("Date: {-10}"))
                .asking("X-One: 1").asking("X-Two: 2").asking("Cache-Control: no-cache"),
            hit().asking("X-One: 1").asking("X-Two: 2").body_of(2),
            hit().asking("X-One: 1").asking("X-Two: 3").body_of(1),
        ]),
        row("of two that match, the newest by Date, even when it came first", "9111 §4.1", [
            fetch(ok("max-age=100").with("Vary: X-One").with("Date: {-10}")).asking("X-One: 1"),
            fetch(ok("max-age=100").with("Vary: X-One, X-Two").with("Date: {-20}"))
                .asking("X-One: 1").asking("X-Two: 2").asking("Cache-Control: no-cache"),
            hit().asking("X-One: 1").asking("X-Two: 2").body_of(1),
        ]),
        row("of two, one without Vary, the one with Vary that matches", "9111 §4.1", [
            fetch(ok("max-age=100").with("Vary: X-One").with("Date: {-20}")).asking("X-One: 1"),
            fetch(ok("max-age=100").with("Date: {-10}")).asking("X-One: 2"),
            hit().asking("X-One: 1").body_of(1),
        ]),
        row("of two, one without Vary, for a third request", "9111 §4.1", [
            fetch(ok("max-age=100").with("Vary: X-One").with("Date: {-20}")).asking("X-One: 1"),
            fetch(ok("max-age=100").with("Date: {-10}")).asking("X-One: 2"),
            either(ok("max-age=100")).asking("X-One: 3"),
        ]),
        row("Vary may change from response to response", "9111 §4.1", [
            fetch(ok("max-age=10").with("Vary: X-One")).asking("X-One: 1").asking("X-Two: 1"),
            fetch(ok("max-age=10").with("Vary: X-Two")).asking("X-One: 2").asking("X-Two: 2"),
            hit().asking("X-One: 1").asking("X-Two: 3").body_of(1),
            hit().asking("X-One: 3").asking("X-Two: 2").body_of(2),
            fetch(ok("no-store")).asking("X-One: 3").asking("X-Two: 3"),
        ]),
        row("a response with an asterisk does not hide another", "9111 §4.1", [
            fetch(ok("max-age=10").with("Vary: X-One")).asking("X-One: 1"),
            fetch(ok("max-age=10").with("Vary: *")).asking("X-One: 2"),
            hit().asking("X-One: 1").body_of(1),
        ]),
        row("the language that a request ranks highest, of a response for another request", "9111 §4.1", [
            fetch(by_language().with("Content-Language: en")).asking("Accept-Language: en"),
            hit().asking("Accept-Language: en, de;q=0.5").body_of(1),
        ]),
        row("the language that a request ranks highest, behind", "9111 §4.1", [
            fetch(by_language().with("Content-Language: en")).asking("Accept-Language: en"),
            hit().asking("Accept-Language: de;q=0.5, EN").body_of(1),
        ]),
        row("a language that a request ranks second", "9111 §4.1", [
            fetch(by_language().with("Content-Language: en")).asking("Accept-Language: en"),
            fetch(ok("no-store")).asking("Accept-Language: de, en;q=0.5"),
        ]),
        row("a language that shares its rank", "9111 §4.1", [
            fetch(by_language().with("Content-Language: en")).asking("Accept-Language: en"),
            fetch(ok("no-store")).asking("Accept-Language: en, de"),
        ]),
        row("a response in two languages", "9111 §4.1", [
            fetch(by_language().with("Content-Language: en, de")).asking("Accept-Language: en"),
            fetch(ok("no-store")).asking("Accept-Language: en, fr;q=0.5"),
        ]),
        row("a language of which only the beginning was asked for", "9111 §4.1", [
            fetch(by_language().with("Content-Language: en-GB")).asking("Accept-Language: en-GB"),
            fetch(ok("no-store")).asking("Accept-Language: en, fr;q=0.5"),
        ]),
        row("no language said", "9111 §4.1", [
            fetch(by_language()).asking("Accept-Language: en"), fetch(ok("no-store")).asking("Accept-Language: en, de;q=0.5"),
        ]),
        row("of two languages the one that is ranked highest", "9111 §4.1", [
            fetch(by_language().with("Content-Language: en")).asking("Accept-Language: en"),
            fetch(by_language().with("Content-Language: de")).asking("Accept-Language: de"),
            hit().asking("Accept-Language: en;q=0.8, de;q=0.9").body_of(2),
            hit().asking("Accept-Language: en;q=0.9, de;q=0.8").body_of(1),
        ]),
        row("a language refused with a weight of zero", "9111 §4.1", [
            fetch(by_language().with("Content-Language: en")).asking("Accept-Language: en"),
            fetch(ok("no-store")).asking("Accept-Language: en;q=0"),
        ]),
        row("another field that Vary names still counts", "9111 §4.1", [
            fetch(ok("max-age=10").with("Vary: Accept-Language, X-One").with("Content-Language: en"))
                .asking("Accept-Language: en").asking("X-One: 1"),
            fetch(ok("no-store")).asking("Accept-Language: en, de;q=0.5").asking("X-One: 2"),
        ]),
    ]
}
