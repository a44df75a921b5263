//! `No-Vary-Search`: queries that ask for the same (draft-ietf-httpbis-no-vary-search).

use super::row::{Row, fetch, hit, ok, row, wait};
use super::run::both;

#[tokio::test]
async fn queries_that_a_response_calls_the_same_get_the_same() {
    both(rows).await;
}

/// Stored under `one` with this rule; a request with `other` gets it.
fn same(name: &'static str, rule: &'static str, one: &'static str, other: &'static str) -> Row {
    row(
        name,
        "No-Vary-Search",
        [fetch(ok("max-age=10").with(rule)).at(one), hit().at(other).body_of(1)],
    )
}

fn differs(name: &'static str, rule: &'static str, one: &'static str, other: &'static str) -> Row {
    row(
        name,
        "No-Vary-Search",
        [fetch(ok("max-age=10").with(rule)).at(one), fetch(ok("no-store")).at(other)],
    )
}

#[rustfmt::skip]
fn rows() -> Vec<Row> {
    vec![
        same("a parameter that is named: another value", "No-Vary-Search: params=(\"utm\")", "?id=1&utm=2", "?id=1&utm=3"),
        same("a parameter that is named: not there", "No-Vary-Search: params=(\"utm\")", "?id=1&utm=2", "?id=1"),
        same("a parameter that is named: there", "No-Vary-Search: params=(\"utm\")", "?id=1", "?id=1&utm=2"),
        same("a parameter that is named: elsewhere", "No-Vary-Search: params=(\"utm\")", "?id=1&utm=2", "?utm=2&id=1"),
        same("a parameter that is named: several times", "No-Vary-Search: params=(\"utm\")", "?id=1", "?utm=1&id=1&utm=2"),
        same("two parameters that are named", "No-Vary-Search: params=(\"utm\" \"ref\")", "?id=1&utm=2&ref=3", "?ref=9&id=1"),
        same("nothing is left of the query", "No-Vary-Search: params=(\"utm\")", "?utm=2", ""),
        same("a query where there was none", "No-Vary-Search: params=(\"utm\")", "", "?utm=2"),
        same("the name is encoded in the query", "No-Vary-Search: params=(\"utm\")", "?id=1", "?id=1&%75tm=2"),
        same("a parameter without value", "No-Vary-Search: params=(\"utm\")", "?id=1", "?id=1&utm"),
        same("all parameters", "No-Vary-Search: params", "?a=1&b=2", "?c=3"),
        same("all parameters, said aloud", "No-Vary-Search: params=?1", "?a=1&b=2", "?c=3"),
        same("all parameters, and no query", "No-Vary-Search: params", "?a=1&b=2", ""),
        same("all parameters but one", "No-Vary-Search: params, except=(\"id\")", "?id=1&a=2", "?b=3&id=1"),
        same("the order", "No-Vary-Search: key-order", "?a=1&b=2", "?b=2&a=1"),
        same("the order, said aloud", "No-Vary-Search: key-order=?1", "?a=1&b=2", "?b=2&a=1"),
        same("the order, and a parameter", "No-Vary-Search: key-order, params=(\"utm\")", "?a=1&utm=0&b=2", "?b=2&a=1&utm=5"),
        same("the order, and another way to write it", "No-Vary-Search: key-order", "?a=1&b=x+y", "?b=x%20y&%61=1"),
        same("a parameter and the order", "No-Vary-Search: params=(\"utm\"), key-order", "?a=1&b=2&utm=1", "?b=2&a=1"),
        same("parameters of the members are ignored", "No-Vary-Search: params=(\"utm\";x);y", "?id=1&utm=2", "?id=1"),
        same("unknown members are ignored", "No-Vary-Search: params=(\"utm\"), foo=1", "?id=1&utm=2", "?id=1"),
        differs("a parameter that is not named", "No-Vary-Search: params=(\"utm\")", "?id=1", "?id=2"),
        differs("a parameter that is not named: not there", "No-Vary-Search: params=(\"utm\")", "?id=1", ""),
        differs("the case of a name", "No-Vary-Search: params=(\"utm\")", "?id=1", "?id=1&UTM=2"),
        differs("a value that is named like a parameter", "No-Vary-Search: params=(\"utm\")", "?id=1", "?id=utm"),
        differs("the one parameter that counts", "No-Vary-Search: params, except=(\"id\")", "?id=1&a=2", "?id=2&a=2"),
        differs("the one parameter that counts: not there", "No-Vary-Search: params, except=(\"id\")", "?id=1&a=2", "?a=2"),
        differs("the order, where it is not named", "No-Vary-Search: params=(\"utm\")", "?a=1&b=2", "?b=2&a=1"),
        differs("the order of the same name", "No-Vary-Search: key-order", "?a=1&a=2", "?a=2&a=1"),
        differs("the order does not make values equal", "No-Vary-Search: key-order", "?a=1&b=2", "?a=2&b=1"),
        differs("the order, denied", "No-Vary-Search: key-order=?0", "?a=1&b=2", "?b=2&a=1"),
        differs("all parameters, denied", "No-Vary-Search: params=?0", "?a=1", "?a=2"),
        differs("an empty rule", "No-Vary-Search:", "?a=1", "?a=2"),
        differs("no rule", "X-Any: 1", "?a=1", "?a=2"),
        differs("tokens in place of strings", "No-Vary-Search: params=(utm)", "?id=1&utm=2", "?id=1"),
        differs("a number", "No-Vary-Search: params=5", "?a=1", "?a=2"),
        differs("the order as a string", "No-Vary-Search: key-order=\"yes\"", "?a=1&b=2", "?b=2&a=1"),
        differs("no dictionary", "No-Vary-Search: params=(\"utm\"", "?id=1&utm=2", "?id=1"),
        differs("another path", "No-Vary-Search: params", "/a?x=1", "/b?x=1"),
        row("for its lifetime", "No-Vary-Search", [
            fetch(ok("max-age=10").with("No-Vary-Search: params")).at("?a"), wait(9), hit().at("?b").body_of(1).has("Age: 9"), wait(1), fetch(ok("no-store")).at("?b"),
        ]),
        row("Vary counts as well", "No-Vary-Search", [
            fetch(ok("max-age=10").with("No-Vary-Search: params").with("Vary: X-One")).at("?a").asking("X-One: 1"),
            hit().at("?b").asking("X-One: 1").body_of(1), fetch(ok("no-store")).at("?b").asking("X-One: 2"),
        ]),
        row("the rule of one response says nothing of another", "No-Vary-Search", [
            fetch(ok("max-age=10")).at("?a=1"), fetch(ok("max-age=10").with("No-Vary-Search: params=(\"x\")")).at("?b=1&x=1"),
            hit().at("?b=1").body_of(2), hit().at("?a=1").body_of(1), fetch(ok("no-store")).at("?a=1&x=1"),
        ]),
        row("the field is passed on", "No-Vary-Search", [
            fetch(ok("max-age=10").with("No-Vary-Search: params")).at("?a"), hit().at("?a").has("No-Vary-Search: params"),
        ]),
    ]
}
