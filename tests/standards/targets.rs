//! Which requests are for the same URI (RFC 9110 §4.2.3, §7.7, RFC 9111 §2, §4).

use super::Proxy;
use super::row::{Row, fetch, hit, ok, row};
use super::run::{Kind, both, one};
use crate::support::origin::{Origin, Reply};

#[tokio::test]
async fn path_and_query_are_compared_byte_for_byte() {
    both(rows).await;
}

#[tokio::test]
async fn an_empty_path_is_the_root() {
    one(Kind::Forward, forward, |_| {}).await;
}

#[tokio::test]
async fn scheme_and_host_are_compared_in_lower_case() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::cacheable(60, "page"));
    let port = origin.address().port();
    for start in ["http://localhost", "http://LocalHost", "HTTP://LOCALHOST"] {
        let url = format!("{start}:{port}/a");
        assert_eq!(proxy.get(&url).await.text(), "page", "{url}");
    }
    origin.only_request();
}

#[rustfmt::skip]
fn rows() -> Vec<Row> {
    let same = |name, target| row(name, "9110 §7.7", [
        fetch(ok("max-age=10")).target(target).sent_target(target), hit().target(target),
    ]);
    let other = |name, one, other| row(name, "9110 §7.7", [
        fetch(ok("max-age=10")).target(one).sent_target(one), fetch(ok("max-age=10")).target(other).sent_target(other),
    ]);
    vec![
        same("a query", "{path}?a=b&c=d"),
        same("an empty query", "{path}?"),
        same("a question mark in the query", "{path}?a?b"),
        same("percent signs", "{path}/%7Ea%20b%2F"),
        same("percent signs in lower case", "{path}/%7ea%c3%a4"),
        same("dot segments", "{path}/./a/../b"),
        same("two slashes", "{path}//a"),
        same("odd characters that are allowed", "{path}/;=,$!*'()@:+~"),
        same("odd characters in the query", "{path}?[]|^`{path}"),
        other("another path", "{path}/a", "{path}/b"),
        other("a slash more", "{path}/a", "{path}/a/"),
        other("another query", "{path}?a", "{path}?b"),
        other("a query and none", "{path}?a", "{path}"),
        other("an empty query and none", "{path}?", "{path}"),
        other("the order of a query", "{path}?a=1&b=2", "{path}?b=2&a=1"),
        other("the case of the path", "{path}/a", "{path}/A"),
        other("percent signs, decoded", "{path}/%7Ea", "{path}/~a"),
        other("percent signs, their case", "{path}/%c3", "{path}/%C3"),
        other("dot segments, removed", "{path}/a/../b", "{path}/b"),
        other("a plus sign and a space", "{path}?a+b", "{path}?a%20b"),
    ]
}

#[rustfmt::skip]
fn forward() -> Vec<Row> {
    vec![
        row("an empty path is the root", "9110 §4.2.3", [
            fetch(ok("max-age=10")).target("").sent_target("/"), hit().target("/").body_of(1),
        ]),
        row("an empty path with a query is the root with it", "9110 §4.2.3", [
            fetch(ok("max-age=10")).target("?x").sent_target("/?x"), hit().target("/?x").body_of(1),
        ]),
        row("an empty path with an empty query", "9110 §4.2.3", [
            fetch(ok("max-age=10")).target("/?").sent_target("/?"), hit().target("/?"),
        ]),
    ]
}
