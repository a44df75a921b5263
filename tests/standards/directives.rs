//! `Cache-Control` in responses (RFC 9111 §5.2.2), and how lists and arguments are read (§5.2).

use super::row::{
    Row, either, fetch, hit, lives, never, not_modified, ok, reply, reused, row, validate, wait,
};
use super::run::both;

#[tokio::test]
async fn lifetimes_are_read_as_the_grammar_says() {
    both(lifetimes).await;
}

#[tokio::test]
async fn what_is_no_lifetime_gives_none() {
    both(malformed).await;
}

#[tokio::test]
async fn directives_that_forbid_are_obeyed() {
    both(forbidding).await;
}

#[rustfmt::skip]
fn lifetimes() -> Vec<Row> {
    vec![
        lives("max-age", "9111 §5.2.2.1", &["Cache-Control: max-age=10"], 10),
        lives("max-age of one second", "9111 §5.2.2.1", &["Cache-Control: max-age=1"], 1),
        lives("max-age in upper case", "9111 §5.2", &["Cache-Control: MAX-AGE=10"], 10),
        lives("max-age in mixed case", "9111 §5.2", &["Cache-Control: mAx-aGe=10"], 10),
        lives("the field name in lower case", "9110 §5.1", &["cache-control: max-age=10"], 10),
        lives("max-age as a quoted string", "9111 §5.2", &["Cache-Control: max-age=\"10\""], 10),
        lives("max-age quoted with a quoted pair", "9110 §5.6.4", &["Cache-Control: max-age=\"1\\0\""], 10),
        lives("leading zeros", "9111 §1.2.2", &["Cache-Control: max-age=0010"], 10),
        lives("s-maxage over a longer max-age", "9111 §4.2.1", &["Cache-Control: max-age=100, s-maxage=10"], 10),
        lives("s-maxage over a shorter max-age", "9111 §4.2.1", &["Cache-Control: max-age=5, s-maxage=10"], 10),
        lives("s-maxage before max-age", "9111 §4.2.1", &["Cache-Control: s-maxage=10, max-age=5"], 10),
        lives("s-maxage alone", "9111 §5.2.2.10", &["Cache-Control: s-maxage=10"], 10),
        lives("s-maxage in upper case", "9111 §5.2", &["Cache-Control: S-MAXAGE=10"], 10),
        lives("s-maxage quoted", "9111 §5.2", &["Cache-Control: s-maxage=\"10\""], 10),
        lives("s-maxage over Expires", "9111 §4.2.1", &["Cache-Control: s-maxage=10", "Expires: {+100}", "Date: {now}"], 10),
        lives("max-age over a later Expires", "9111 §5.3", &["Cache-Control: max-age=10", "Expires: {+100}", "Date: {now}"], 10),
        lives("max-age over an earlier Expires", "9111 §5.3", &["Cache-Control: max-age=10", "Expires: {-100}", "Date: {now}"], 10),
        lives("max-age over a malformed Expires", "9111 §5.3", &["Cache-Control: max-age=10", "Expires: 0"], 10),
        lives("two lines count as one list", "9110 §5.3", &["Cache-Control: public", "Cache-Control: max-age=10"], 10),
        lives("directives of the second line", "9110 §5.3", &["Cache-Control: max-age=100", "Cache-Control: s-maxage=10"], 10),
        lives("an unknown directive before", "9111 §5.2.3", &["Cache-Control: community=\"UCI\", max-age=10"], 10),
        lives("an unknown directive behind", "9111 §5.2.3", &["Cache-Control: max-age=10, pre-check"], 10),
        lives("an unknown directive with a number", "9111 §5.2.3", &["Cache-Control: post-check=0, max-age=10"], 10),
        lives("a comma in a quoted string divides nothing", "9110 §5.6.1", &["Cache-Control: ext=\"a, max-age=100, b\", max-age=10"], 10),
        lives("a quoted directive behind", "9110 §5.6.4", &["Cache-Control: max-age=10, ext=\"max-age=100\""], 10),
        lives("no-store within a quoted string", "9110 §5.6.4", &["Cache-Control: ext=\"no-store\", max-age=10"], 10),
        lives("a quoted string with an escaped quote", "9110 §5.6.4", &["Cache-Control: ext=\"a\\\", no-store, \\\"b\", max-age=10"], 10),
        lives("empty members", "9110 §5.6.1.2", &["Cache-Control: , ,max-age=10,, ,"], 10),
        lives("no space after the comma", "9110 §5.6.1", &["Cache-Control: public,max-age=10,ext"], 10),
        lives("tabs and spaces around the comma", "9110 §5.6.1", &["Cache-Control: public \t,\t max-age=10\t , ext"], 10),
        lives("an empty line and one that is not", "9110 §5.3", &["Cache-Control:", "Cache-Control: max-age=10"], 10),
        lives("two lifetimes, the shorter first", "9111 §4.2.1", &["Cache-Control: max-age=10, max-age=100"], 10),
        lives("two lifetimes, the longer first", "9111 §4.2.1", &["Cache-Control: max-age=100, max-age=10"], 10),
        lives("two lifetimes in two lines", "9111 §4.2.1", &["Cache-Control: max-age=100", "Cache-Control: max-age=10"], 10),
        lives("two lifetimes in two lines, the shorter first", "9111 §4.2.1", &["Cache-Control: max-age=10", "Cache-Control: max-age=100"], 10),
        lives("two s-maxage", "9111 §4.2.1", &["Cache-Control: s-maxage=100, s-maxage=10"], 10),
        lives("the same lifetime twice", "9111 §4.2.1", &["Cache-Control: max-age=10, max-age=10"], 10),
        reused("a lifetime beyond 31 bits", "9111 §1.2.2", &["Cache-Control: max-age=2147483648"]),
        reused("a lifetime beyond 32 bits", "9111 §1.2.2", &["Cache-Control: max-age=4294967296"]),
        reused("a lifetime beyond 64 bits", "9111 §1.2.2", &["Cache-Control: max-age=99999999999999999999999"]),
        reused("an s-maxage beyond 64 bits", "9111 §1.2.2", &["Cache-Control: s-maxage=99999999999999999999999"]),
        row("immutable adds no lifetime of its own", "8246 §2", [
            fetch(ok("max-age=10, immutable")), wait(9), hit(), wait(1), fetch(ok("no-store")),
        ]),
        row("immutable alone is no freshness", "8246 §2", [fetch(ok("immutable")), fetch(ok("no-store"))]),
        row("a reload is answered from what is immutable and fresh, or asked for", "8246 §2", [
            fetch(ok("max-age=10, immutable").with("ETag: \"a\"")), wait(1),
            hit(),
        ]),
        row("public needs no argument", "9111 §5.2.2.9", [fetch(ok("public, max-age=10")), hit()]),
        row("proxy-revalidate is fresh until it is stale", "9111 §5.2.2.8", [fetch(ok("proxy-revalidate, max-age=10")), wait(9), hit()]),
        row("must-revalidate is fresh until it is stale", "9111 §5.2.2.2", [fetch(ok("must-revalidate, max-age=10")), wait(9), hit()]),
        row("no-transform is no obstacle", "9111 §5.2.2.6", [fetch(ok("no-transform, max-age=10")), hit().has("Cache-Control: no-transform, max-age=10")]),
        row("request directives in a response are unknown ones", "9111 §5.2", [
            fetch(ok("max-age=10, max-stale=100, min-fresh=100, only-if-cached")), wait(9), hit(), wait(1), fetch(ok("no-store")),
        ]),
    ]
}

#[rustfmt::skip]
fn malformed() -> Vec<Row> {
    vec![
        never("max-age=0", "9111 §4.2.1", &["Cache-Control: max-age=0"]),
        never("s-maxage=0 over max-age", "9111 §4.2.1", &["Cache-Control: max-age=100, s-maxage=0"]),
        never("a negative lifetime", "9111 §4.2.1", &["Cache-Control: max-age=-10"]),
        never("a fractional lifetime", "9111 §4.2.1", &["Cache-Control: max-age=0.9"]),
        never("a fractional lifetime below one", "9111 §4.2.1", &["Cache-Control: max-age=.5"]),
        never("no number at all", "9111 §4.2.1", &["Cache-Control: max-age=soon"]),
        never("a letter before the number", "9111 §4.2.1", &["Cache-Control: max-age=a100"]),
        never("a sign before the number", "9111 §1.2.2", &["Cache-Control: max-age=+100"]),
        never("hexadecimal", "9111 §1.2.2", &["Cache-Control: max-age=0x64"]),
        never("no argument", "9111 §5.2.2.1", &["Cache-Control: max-age"]),
        never("an empty argument", "9111 §5.2.2.1", &["Cache-Control: max-age="]),
        never("an empty quoted argument", "9111 §5.2.2.1", &["Cache-Control: max-age=\"\""]),
        never("single quotes", "9111 §4.2.1", &["Cache-Control: max-age='100'"]),
        never("a colon in place of the equals sign", "9111 §5.2", &["Cache-Control: max-age:100"]),
        never("a space before the equals sign", "9111 §5.2", &["Cache-Control: max-age =100"]),
        never("a space behind the equals sign", "9111 §5.2", &["Cache-Control: max-age= 100"]),
        never("a directive with max-age in its name", "9111 §5.2", &["Cache-Control: x-max-age=100"]),
        never("a lifetime within a quoted string only", "9110 §5.6.4", &["Cache-Control: ext=\"max-age=100\""]),
        never("a bad lifetime beside an Expires in the future", "9111 §4.2.1", &["Cache-Control: max-age=soon", "Expires: {+100}"]),
        never("a bad s-maxage beside a good max-age", "9111 §4.2.1", &["Cache-Control: s-maxage=soon, max-age=100"]),
        never("a good lifetime and a bad one", "9111 §4.2.1", &["Cache-Control: max-age=100, max-age=soon"]),
        never("a bad lifetime and a good one", "9111 §4.2.1", &["Cache-Control: max-age=soon, max-age=100"]),
        never("max-age=0 and a longer one", "9111 §4.2.1", &["Cache-Control: max-age=0, max-age=100"]),
        never("max-age=0 in the second line", "9111 §4.2.1", &["Cache-Control: max-age=100", "Cache-Control: max-age=0"]),
        never("public gives no lifetime", "9111 §5.2.2.9", &["Cache-Control: public"]),
        never("max-age=0 beside an Expires in the future", "9111 §5.3", &["Cache-Control: max-age=0", "Expires: {+100}"]),
        never("max-stale in a response gives nothing", "9111 §5.2.1.2", &["Cache-Control: max-age=0, max-stale=100"]),
    ]
}

#[rustfmt::skip]
fn forbidding() -> Vec<Row> {
    vec![
        never("no-store", "9111 §5.2.2.5", &["Cache-Control: no-store"]),
        never("no-store with a lifetime", "9111 §5.2.2.5", &["Cache-Control: no-store, max-age=100"]),
        never("no-store behind a lifetime", "9111 §5.2.2.5", &["Cache-Control: max-age=100, no-store"]),
        never("no-store in upper case", "9111 §5.2", &["Cache-Control: max-age=100, NO-STORE"]),
        never("no-store in a line of its own", "9110 §5.3", &["Cache-Control: max-age=100", "Cache-Control: no-store"]),
        never("no-store after empty members", "9110 §5.6.1.2", &["Cache-Control: max-age=100,,, no-store"]),
        never("no-store with an argument that it does not take", "9111 §5.2.2.5", &["Cache-Control: max-age=100, no-store=1"]),
        never("no-store after a quoted string", "9110 §5.6.4", &["Cache-Control: max-age=100, ext=\"a\\\\\", no-store"]),
        never("private", "9111 §5.2.2.7", &["Cache-Control: private, max-age=100"]),
        never("private in upper case", "9111 §5.2", &["Cache-Control: PRIVATE, max-age=100"]),
        never("private beside s-maxage", "9111 §5.2.2.7", &["Cache-Control: private, s-maxage=100"]),
        never("private beside public", "9111 §5.2.2.7", &["Cache-Control: public, private, max-age=100"]),
        never("no-cache without a validator", "9111 §5.2.2.4", &["Cache-Control: no-cache, max-age=100"]),
        never("no-cache in upper case", "9111 §5.2", &["Cache-Control: No-Cache, max-age=100"]),
        row("no-store is not kept even with a validator", "9111 §5.2.2.5", [
            fetch(ok("no-store").with("ETag: \"a\"")), fetch(ok("no-store")).unsent("If-None-Match"),
        ]),
        row("private is not kept even with a validator", "9111 §5.2.2.7", [
            fetch(ok("private, max-age=100").with("ETag: \"a\"")), fetch(ok("no-store")).unsent("If-None-Match"),
        ]),
        row("no-cache is asked about each time", "9111 §5.2.2.4", [
            fetch(ok("no-cache, max-age=100").with("ETag: \"a\"")),
            validate(not_modified("\"a\"")).sent("If-None-Match: \"a\""),
            validate(not_modified("\"a\"")).sent("If-None-Match: \"a\""),
        ]),
        row("no-cache without a lifetime is kept and asked about", "9111 §5.2.2.4", [
            fetch(ok("no-cache").with("ETag: \"a\"")), validate(not_modified("\"a\"")),
        ]),
        row("no-cache is kept with Last-Modified too", "9111 §5.2.2.4", [
            fetch(ok("no-cache").with("Last-Modified: {-1000}")),
            validate(reply(304)).sent("If-Modified-Since: {-1000}"),
        ]),
        row("no-cache may be lifted by a 304", "9111 §3.2", [
            fetch(ok("no-cache").with("ETag: \"a\"")),
            validate(not_modified("\"a\"").with("Cache-Control: max-age=10")), hit(),
        ]),
        row("private with field names keeps the rest", "9111 §5.2.2.7", [
            fetch(ok("private=\"X-User\", max-age=10").with("X-User: me").with("X-All: us")).has("X-User: me"),
            hit().has("X-All: us").lacks("X-User"),
        ]),
        row("private with several field names, in any case", "9111 §5.2.2.7", [
            fetch(ok("max-age=10, private=\"x-user,  X-OTHER\"").with("X-User: me").with("X-Other: it").with("X-All: us")),
            hit().has("X-All: us").lacks("X-User").lacks("X-Other"),
        ]),
        row("private with a field name as a token", "9111 §5.2.2.7", [
            fetch(ok("private=x-user, max-age=10").with("X-User: me").with("X-All: us")),
            hit().has("X-All: us").lacks("X-User"),
        ]),
        never("private with and without field names", "9111 §5.2.2.7", &["Cache-Control: private=\"X-User\", private, max-age=10", "X-User: me"]),
        row("no-cache with field names: not those without asking", "9111 §5.2.2.4", [
            fetch(ok("no-cache=\"X-User\", max-age=10").with("X-User: me").with("ETag: \"a\"")).has("X-User: me"),
            either(not_modified("\"a\"")).lacks_unasked("X-User").has("ETag: \"a\""),
        ]),
        row("no-cache with an empty argument is no-cache or harmless", "9111 §5.2.2.4", [
            fetch(ok("no-cache, no-cache=\"\", max-age=10")), fetch(ok("no-store")),
        ]),
        row("a response without anything is asked for again", "9111 §4.2", [fetch(reply(200)), fetch(reply(200))]),
        row("Pragma in a response means nothing", "9111 §5.4", [
            fetch(ok("max-age=10").with("Pragma: no-cache")), wait(9), hit().has("Pragma: no-cache"),
        ]),
        row("Pragma alone in a response means nothing", "9111 §5.4", [
            fetch(reply(200).with("Expires: {+10}").with("Pragma: no-cache")), wait(9), hit(),
        ]),
        never("Surrogate-Control and the like give no lifetime", "9213 §2.2", &["Surrogate-Control: max-age=100"]),
    ]
}
