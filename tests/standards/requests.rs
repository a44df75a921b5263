//! `Cache-Control` and `Pragma` in requests (RFC 9111 §5.2.1, §5.4).

use super::row::{Row, Step, either, fetch, hit, not_modified, ok, row, validate, wait};
use super::run::both;

#[tokio::test]
async fn a_client_says_how_old_its_answer_may_be() {
    both(limits).await;
}

#[tokio::test]
async fn a_client_may_refuse_what_is_stored_or_ask_for_nothing_else() {
    both(refusals).await;
}

fn page() -> Step {
    fetch(ok("max-age=10").with("ETag: \"a\""))
}

/// A response of ten seconds, asked for after a while with this `Cache-Control`: answered from the store.
fn used(name: &'static str, section: &'static str, age: u64, line: &'static str) -> Row {
    row(name, section, [page(), wait(age), hit().asking(line)])
}

/// The same: the origin is asked.
fn refused(name: &'static str, section: &'static str, age: u64, line: &'static str) -> Row {
    row(
        name,
        section,
        [
            page(),
            wait(age),
            validate(not_modified("\"a\"")).asking(line).sent("If-None-Match: \"a\""),
        ],
    )
}

#[rustfmt::skip]
fn limits() -> Vec<Row> {
    vec![
        used("max-age: as old as that", "9111 §5.2.1.1", 5, "Cache-Control: max-age=5"),
        refused("max-age: a second older", "9111 §5.2.1.1", 6, "Cache-Control: max-age=5"),
        used("max-age: longer than the lifetime, while fresh", "9111 §5.2.1.1", 9, "Cache-Control: max-age=100"),
        refused("max-age: longer than the lifetime, when stale", "9111 §5.2.1.1", 10, "Cache-Control: max-age=100"),
        refused("max-age=0 of a response of one second", "9111 §5.2.1.1", 1, "Cache-Control: max-age=0"),
        refused("max-age in upper case", "9111 §5.2", 6, "Cache-Control: MAX-AGE=5"),
        refused("max-age quoted", "9111 §5.2", 6, "Cache-Control: max-age=\"5\""),
        refused("max-age among others", "9111 §5.2", 6, "Cache-Control: foo=\"a, b\", max-age=5"),
        used("max-age in a quoted string", "9110 §5.6.4", 6, "Cache-Control: foo=\"max-age=5\""),
        used("max-age beyond 64 bits", "9111 §1.2.2", 6, "Cache-Control: max-age=99999999999999999999999"),
        used("min-fresh: fresh for just so long", "9111 §5.2.1.3", 5, "Cache-Control: min-fresh=5"),
        refused("min-fresh: a second less", "9111 §5.2.1.3", 6, "Cache-Control: min-fresh=5"),
        refused("min-fresh: longer than the lifetime", "9111 §5.2.1.3", 0, "Cache-Control: min-fresh=11"),
        refused("min-fresh beyond 64 bits", "9111 §1.2.2", 0, "Cache-Control: min-fresh=99999999999999999999999"),
        used("min-fresh=0", "9111 §5.2.1.3", 9, "Cache-Control: min-fresh=0"),
        refused("min-fresh of what is stale", "9111 §5.2.1.3", 10, "Cache-Control: min-fresh=0"),
        used("max-stale: just so stale", "9111 §5.2.1.2", 15, "Cache-Control: max-stale=5"),
        refused("max-stale: a second staler", "9111 §5.2.1.2", 16, "Cache-Control: max-stale=5"),
        used("max-stale without value: however stale", "9111 §5.2.1.2", 50_000, "Cache-Control: max-stale"),
        used("max-stale in upper case", "9111 §5.2", 15, "Cache-Control: MAX-STALE=5"),
        used("max-stale beyond 64 bits", "9111 §1.2.2", 1000, "Cache-Control: max-stale=99999999999999999999999"),
        used("max-stale of what is fresh", "9111 §5.2.1.2", 9, "Cache-Control: max-stale=0"),
        used("max-age and max-stale together, old enough and stale enough", "9111 §5.2.1.1", 12, "Cache-Control: max-age=100, max-stale=5"),
        refused("max-age and max-stale together, too stale", "9111 §5.2.1.1", 17, "Cache-Control: max-age=100, max-stale=5"),
        used("an unknown directive", "9111 §5.2.3", 5, "Cache-Control: foo, bar=1"),
        used("no-transform", "9111 §5.2.1.6", 5, "Cache-Control: no-transform"),
        used("an empty field", "9110 §5.6.1", 5, "Cache-Control:"),
        row("two lines count as one list", "9110 §5.3", [
            page(), wait(6), validate(not_modified("\"a\"")).asking("Cache-Control: foo").asking("Cache-Control: max-age=5"),
        ]),
        row("max-stale does not lift must-revalidate", "9111 §5.2.2.2", [
            fetch(ok("max-age=10, must-revalidate").with("ETag: \"a\"")), wait(11),
            validate(not_modified("\"a\"")).asking("Cache-Control: max-stale"),
        ]),
        row("max-stale does not lift proxy-revalidate", "9111 §5.2.2.8", [
            fetch(ok("max-age=10, proxy-revalidate").with("ETag: \"a\"")), wait(11),
            validate(not_modified("\"a\"")).asking("Cache-Control: max-stale"),
        ]),
        row("max-stale does not lift s-maxage", "9111 §5.2.2.10", [
            fetch(ok("s-maxage=10").with("ETag: \"a\"")), wait(11),
            validate(not_modified("\"a\"")).asking("Cache-Control: max-stale"),
        ]),
        row("max-stale does not lift no-cache", "9111 §5.2.2.4", [
            fetch(ok("max-age=10, no-cache").with("ETag: \"a\"")), wait(11),
            validate(not_modified("\"a\"")).asking("Cache-Control: max-stale"),
        ]),
        row("the age counts that came with the response", "9111 §5.2.1.1", [
            fetch(ok("max-age=100").with("ETag: \"a\"").with("Age: 50")), wait(1),
            validate(not_modified("\"a\"")).asking("Cache-Control: max-age=50"),
        ]),
        row("what is limited travels with the request", "9111 §5.2.1", [
            fetch(ok("max-age=10")).asking("Cache-Control: max-age=5, foo").sent("Cache-Control: max-age=5, foo"),
        ]),
    ]
}

#[rustfmt::skip]
fn refusals() -> Vec<Row> {
    vec![
        refused("no-cache", "9111 §5.2.1.4", 1, "Cache-Control: no-cache"),
        refused("no-cache in upper case", "9111 §5.2", 1, "Cache-Control: NO-CACHE"),
        refused("no-cache beside max-stale", "9111 §5.2.1.4", 1, "Cache-Control: max-stale, no-cache"),
        refused("Pragma: no-cache alone", "9111 §5.4", 1, "Pragma: no-cache"),
        refused("Pragma: no-cache in upper case", "9111 §5.4", 1, "Pragma: NO-CACHE"),
        refused("Pragma with others", "9111 §5.4", 1, "Pragma: foo, no-cache"),
        used("another Pragma", "9111 §5.4", 1, "Pragma: foo"),
        row("Pragma beside Cache-Control means nothing", "9111 §5.4", [
            page(), wait(1), hit().asking("Pragma: no-cache").asking("Cache-Control: max-age=100"),
        ]),
        row("no-cache without a validator fetches, and what came is stored", "9111 §5.2.1.4", [
            fetch(ok("max-age=10")), fetch(ok("max-age=10")).asking("Cache-Control: no-cache"), hit(),
        ]),
        row("no-cache gets what is new, and others too", "9111 §5.2.1.4", [
            page(), validate(ok("max-age=10").with("ETag: \"b\"")).asking("Cache-Control: no-cache"), hit().has("ETag: \"b\""),
        ]),
        row("no-cache makes what is stored young", "9111 §4.3.4", [
            page(), wait(9), validate(not_modified("\"a\"").with("Date: {now}")).asking("Cache-Control: no-cache"), wait(9), hit().has("Age: 9"),
        ]),
        row("no-store may be answered from the store or not", "9111 §5.2.1.5", [
            page(), either(ok("max-age=10")).asking("Cache-Control: no-store"),
        ]),
        row("no-store does not take away what is stored and fresh", "9111 §5.2.1.5", [
            page(), either(ok("max-age=10")).asking("Cache-Control: no-store"), hit().any_body(),
        ]),
        row("no-store in upper case is not stored", "9111 §5.2", [
            fetch(ok("max-age=10")).asking("Cache-Control: NO-STORE"), fetch(ok("no-store")),
        ]),
        row("only-if-cached and there", "9111 §5.2.1.7", [page(), hit().asking("Cache-Control: only-if-cached")]),
        row("only-if-cached and not there", "9111 §5.2.1.7", [hit().asking("Cache-Control: only-if-cached").status(504).any_body()]),
        row("only-if-cached and stale", "9111 §5.2.1.7", [
            page(), wait(10), hit().asking("Cache-Control: only-if-cached").status(504).any_body(),
        ]),
        row("only-if-cached, stale and allowed so", "9111 §5.2.1.7", [
            page(), wait(10), hit().asking("Cache-Control: only-if-cached, max-stale"),
        ]),
        row("only-if-cached, and stale beyond what is allowed", "9111 §5.2.1.7", [
            page(), wait(16), hit().asking("Cache-Control: only-if-cached, max-stale=5").status(504).any_body(),
        ]),
        row("only-if-cached and too old", "9111 §5.2.1.7", [
            page(), wait(6), hit().asking("Cache-Control: only-if-cached, max-age=5").status(504).any_body(),
        ]),
        row("only-if-cached and no-cache", "9111 §5.2.1.7", [
            page(), hit().asking("Cache-Control: only-if-cached, no-cache").status(504).any_body(),
        ]),
        row("only-if-cached in upper case", "9111 §5.2", [hit().asking("Cache-Control: ONLY-IF-CACHED").status(504).any_body()]),
        row("only-if-cached and another variant", "9111 §5.2.1.7", [
            fetch(ok("max-age=10").with("Vary: X-One")).asking("X-One: 1"),
            hit().asking("X-One: 2").asking("Cache-Control: only-if-cached").status(504).any_body(),
        ]),
        row("a 504 of ours is not stored", "9111 §5.2.1.7", [
            hit().asking("Cache-Control: only-if-cached").status(504).any_body(), page(), hit(),
        ]),
    ]
}
