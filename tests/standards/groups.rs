//! Groups of responses (RFC 9875).

use super::Proxy;
use super::row::{Row, Step, fetch, hit, ok, reply, row, send};
use super::run::both;
use crate::support::origin::{Origin, Received, Reply};

#[tokio::test]
async fn a_group_is_invalidated_as_one() {
    both(rows).await;
}

#[tokio::test]
async fn a_group_ends_at_its_origin() {
    let (one, other, proxy) = (Origin::start().await, Origin::start().await, Proxy::start().await);
    for origin in [&one, &other] {
        origin.route("/a", Reply::cacheable(60, "page").field("Cache-Groups", "\"g\""));
        origin.route_with("/b", |_: &Received| {
            Reply::ok("").field("Cache-Group-Invalidation", "\"g\"")
        });
        proxy.get(&origin.url("/a")).await;
    }
    proxy.client().await.post(&one.url("/b"), "x").await;
    assert!(proxy.get(&other.url("/a")).await.cache_status().starts_with("larder; hit"));
    assert!(proxy.get(&one.url("/a")).await.cache_status().starts_with("larder; fwd"));
    assert_eq!((one.requests().len(), other.requests().len()), (3, 1));
}

/// Stored at `at` with these groups.
fn member(at: &'static str, groups: &'static str) -> Step {
    fetch(ok("max-age=100").with(groups)).at(at)
}

fn gone(at: &'static str) -> Step {
    fetch(ok("no-store")).at(at)
}

fn post(line: &'static str) -> Step {
    send("POST", reply(200).with(line)).at("/post")
}

/// 32 names of 32 characters.
fn many(field: &str) -> &'static str {
    let names: Vec<_> = (0..32).map(|number| format!("\"{number:032}\"")).collect();
    Box::leak(format!("{field}: {}", names.join(", ")).into_boxed_str())
}

#[rustfmt::skip]
fn rows() -> Vec<Row> {
    vec![
        row("all members go at once", "9875 §2.2.1", [
            member("/a", "Cache-Groups: \"one\""), member("/b", "Cache-Groups: \"one\""), post("Cache-Group-Invalidation: \"one\""), gone("/a"), gone("/b"),
        ]),
        row("another group stays", "9875 §2.1", [
            member("/a", "Cache-Groups: \"one\""), member("/b", "Cache-Groups: \"two\""), post("Cache-Group-Invalidation: \"one\""), gone("/a"), hit().at("/b"),
        ]),
        row("no group stays", "9875 §2.1", [
            fetch(ok("max-age=100")).at("/a"), post("Cache-Group-Invalidation: \"one\""), hit().at("/a"),
        ]),
        row("one of several groups of a response", "9875 §2.1", [
            member("/a", "Cache-Groups: \"zero\", \"one\", \"two\""), post("Cache-Group-Invalidation: \"one\""), gone("/a"),
        ]),
        row("one of several groups that are invalidated", "9875 §3", [
            member("/a", "Cache-Groups: \"two\""), post("Cache-Group-Invalidation: \"one\", \"two\""), gone("/a"),
        ]),
        row("groups in two lines", "9110 §5.3", [
            fetch(ok("max-age=100").with("Cache-Groups: \"zero\"").with("Cache-Groups: \"one\"")).at("/a"), post("Cache-Group-Invalidation: \"one\""), gone("/a"),
        ]),
        row("invalidation in two lines", "9110 §5.3", [
            member("/a", "Cache-Groups: \"two\""),
            send("POST", reply(200).with("Cache-Group-Invalidation: \"one\"").with("Cache-Group-Invalidation: \"two\"")).at("/post"), gone("/a"),
        ]),
        row("names are compared with their case", "9875 §2.1", [
            member("/a", "Cache-Groups: \"One\""), post("Cache-Group-Invalidation: \"one\""), hit().at("/a"),
        ]),
        row("names are compared with their spaces", "9875 §2.1", [
            member("/a", "Cache-Groups: \"one \""), post("Cache-Group-Invalidation: \"one\""), hit().at("/a"),
        ]),
        row("a name with an escaped quote", "9875 §2", [
            member("/a", "Cache-Groups: \"o\\\"ne\""), post("Cache-Group-Invalidation: \"o\\\"ne\""), gone("/a"),
        ]),
        row("parameters are ignored", "9875 §2", [
            member("/a", "Cache-Groups: \"one\";x=1"), post("Cache-Group-Invalidation: \"one\";y"), gone("/a"),
        ]),
        row("a token is no name", "9875 §3", [member("/a", "Cache-Groups: \"one\""), post("Cache-Group-Invalidation: one"), hit().at("/a")]),
        row("a field that is no list means nothing", "9875 §3", [member("/a", "Cache-Groups: \"one\""), post("Cache-Group-Invalidation: \"one"), hit().at("/a")]),
        row("in the answer to GET it means nothing", "9875 §3", [
            member("/a", "Cache-Groups: \"one\""), fetch(ok("no-store").with("Cache-Group-Invalidation: \"one\"")).at("/get"), hit().at("/a"),
        ]),
        row("in the answer to HEAD it means nothing", "9875 §3", [
            member("/a", "Cache-Groups: \"one\""), send("HEAD", ok("no-store").with("Cache-Group-Invalidation: \"one\"")).at("/get"), hit().at("/a"),
        ]),
        row("in the answer to OPTIONS it means nothing", "9875 §3", [
            member("/a", "Cache-Groups: \"one\""), send("OPTIONS", reply(200).with("Cache-Group-Invalidation: \"one\"")).at("/get"), hit().at("/a"),
        ]),
        row("PUT, DELETE and PATCH invalidate too", "9875 §3", [
            member("/a", "Cache-Groups: \"one\""), member("/b", "Cache-Groups: \"two\""), member("/c", "Cache-Groups: \"three\""),
            send("PUT", reply(201).with("Cache-Group-Invalidation: \"one\"")).at("/x"),
            send("DELETE", reply(204).with("Cache-Group-Invalidation: \"two\"")).at("/x"),
            send("PATCH", reply(200).with("Cache-Group-Invalidation: \"three\"")).at("/x"),
            gone("/a"), gone("/b"), gone("/c"),
        ]),
        row("it does not spread from group to group", "9875 §2.2.1", [
            member("/a", "Cache-Groups: \"one\", \"two\""), member("/b", "Cache-Groups: \"two\""), post("Cache-Group-Invalidation: \"one\""), gone("/a"), hit().at("/b"),
        ]),
        row("what is stored afterwards is valid", "9875 §2.2.1", [
            member("/a", "Cache-Groups: \"one\""), post("Cache-Group-Invalidation: \"one\""), member("/a", "Cache-Groups: \"one\""), hit().at("/a"),
        ]),
        row("every variant goes", "9875 §2.2.1", [
            fetch(ok("max-age=100").with("Cache-Groups: \"one\"").with("Vary: X-One")).asking("X-One: 1"),
            fetch(ok("max-age=100").with("Cache-Groups: \"one\"").with("Vary: X-One")).asking("X-One: 2"),
            post("Cache-Group-Invalidation: \"one\""), fetch(ok("no-store")).asking("X-One: 1"), fetch(ok("no-store")).asking("X-One: 2"),
        ]),
        row("only the variant that is a member goes", "9875 §2.2.1", [
            fetch(ok("max-age=100").with("Cache-Groups: \"one\"").with("Vary: X-One")).asking("X-One: 1"),
            fetch(ok("max-age=100").with("Cache-Groups: \"two\"").with("Vary: X-One")).asking("X-One: 2"),
            post("Cache-Group-Invalidation: \"one\""), fetch(ok("no-store")).asking("X-One: 1"), hit().asking("X-One: 2").body_of(2),
        ]),
        row("the fields are passed on", "9875 §2", [
            member("/a", "Cache-Groups: \"one\""), hit().at("/a").has("Cache-Groups: \"one\""),
            post("Cache-Group-Invalidation: \"none\"").has("Cache-Group-Invalidation: \"none\""),
        ]),
        row("32 groups of 32 characters, the last of them", "9875 §2", [
            fetch(ok("max-age=100").with(many("Cache-Groups"))).at("/a"), post("Cache-Group-Invalidation: \"00000000000000000000000000000031\""), gone("/a"),
        ]),
        row("32 groups of 32 characters are invalidated", "9875 §3", [
            member("/a", "Cache-Groups: \"00000000000000000000000000000031\""), member("/b", "Cache-Groups: \"00000000000000000000000000000000\""),
            post(many("Cache-Group-Invalidation")), gone("/a"), gone("/b"),
        ]),
    ]
}
