//! Targeted fields: `CDN-Cache-Control` and its like (RFC 9213).

use http::HeaderName;
use larder::cli::serve::Config;
use larder::policy::TargetList;

use super::Proxy;
use super::row::{
    Row, behind, broken, fetch, hit, lives, never, not_modified, ok, reply, row, validate, wait,
};
use super::run::{Kind, one};
use crate::support::message::Response;
use crate::support::origin::{Origin, Received, Reply};

/// Sets the target list.
fn with_targeted_fields(config: &mut Config, names: &[&'static str]) {
    let names = names.iter().map(|name| HeaderName::from_static(name));
    config.proxy.policy.targets = TargetList::new(names);
}

#[tokio::test]
async fn before_an_origin_the_targeted_field_decides_alone() {
    one(Kind::Origin, targeted, |config| with_targeted_fields(config, &["cdn-cache-control"]))
        .await;
}

#[tokio::test]
async fn of_several_targeted_fields_the_first_that_is_valid_decides() {
    let names = ["larder-cache-control", "cdn-cache-control"];
    one(Kind::Origin, several, |config| with_targeted_fields(config, &names)).await;
}

#[tokio::test]
async fn in_forward_mode_a_targeted_field_means_nothing() {
    one(Kind::Forward, untargeted, |_| {}).await;
}

#[tokio::test]
async fn in_forward_mode_two_clients_get_their_own_pages_whatever_a_targeted_field_says() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route_with("/a", |request: &Received| {
        Reply::ok(request.field("cookie").unwrap_or("nobody"))
            .field("Cache-Control", "no-store")
            .field("CDN-Cache-Control", "max-age=600")
    });
    for cookie in ["user=one", "user=two", "user=one"] {
        let response: Response = proxy.get_with(&origin.url("/a"), &[("Cookie", cookie)]).await;
        assert_eq!(response.text(), cookie);
        assert_eq!(response.field("cdn-cache-control"), Some("max-age=600"));
    }
    origin.wait_for_requests(3).await;
}

#[rustfmt::skip]
fn targeted() -> Vec<Row> {
    let no: &str = "Cache-Control: no-store";
    let long: &str = "Cache-Control: max-age=100";
    vec![
        lives("over a longer Cache-Control", "9213 §2.2", &[long, "CDN-Cache-Control: max-age=10"], 10),
        lives("over a shorter Cache-Control", "9213 §2.2", &["Cache-Control: max-age=5", "CDN-Cache-Control: max-age=10"], 10),
        lives("over no-store", "9213 §2.2", &[no, "CDN-Cache-Control: max-age=10"], 10),
        lives("over private", "9213 §2.2", &["Cache-Control: private", "CDN-Cache-Control: max-age=10"], 10),
        lives("over s-maxage", "9213 §2.2", &["Cache-Control: s-maxage=100", "CDN-Cache-Control: max-age=10"], 10),
        lives("over Expires", "9213 §2.2", &["Expires: {+100}", "CDN-Cache-Control: max-age=10"], 10),
        lives("over an Expires that has passed", "9213 §2.2", &["Expires: 0", "CDN-Cache-Control: max-age=10"], 10),
        lives("alone", "9213 §2.1", &["CDN-Cache-Control: max-age=10"], 10),
        lives("s-maxage over max-age in it", "9213 §2.1", &[long, "CDN-Cache-Control: max-age=5, s-maxage=10"], 10),
        lives("parameters are ignored", "9213 §2.1", &[long, "CDN-Cache-Control: max-age=10;x=1"], 10),
        lives("unknown directives are ignored", "9213 §2.1", &[long, "CDN-Cache-Control: foo=bar, max-age=10, baz"], 10),
        lives("two lines count as one", "9213 §2.1", &[long, "CDN-Cache-Control: foo", "CDN-Cache-Control: max-age=10"], 10),
        lives("of the same key the last", "8941 §4.2.2", &[long, "CDN-Cache-Control: max-age=50, max-age=10"], 10),
        lives("the field name in another case", "9110 §5.1", &[long, "cdn-cache-control: max-age=10"], 10),
        lives("an Age is counted", "9111 §4.2.3", &[long, "CDN-Cache-Control: max-age=20", "Age: 10"], 10),
        lives("when it is empty, Cache-Control counts", "9213 §2.2", &["CDN-Cache-Control:", "Cache-Control: max-age=10"], 10),
        lives("when it is no dictionary, Cache-Control counts", "9213 §2.2", &["CDN-Cache-Control: max-age=100,", "Cache-Control: max-age=10"], 10),
        lives("when it has an open quote, Cache-Control counts", "9213 §2.2", &["CDN-Cache-Control: max-age=100, foo=\"", "Cache-Control: max-age=10"], 10),
        lives("when its names are in upper case, Cache-Control counts", "8941 §3.2", &["CDN-Cache-Control: Max-Age=100", "Cache-Control: max-age=10"], 10),
        lives("when it has empty members, Cache-Control counts", "8941 §3.2", &["CDN-Cache-Control: max-age=100,,foo", "Cache-Control: max-age=10"], 10),
        lives("when it is a sentence, Cache-Control counts", "9213 §2.2", &["CDN-Cache-Control: &%$!", "Cache-Control: max-age=10"], 10),
        never("no-store in it", "9213 §2.2", &[long, "CDN-Cache-Control: no-store"]),
        never("private in it", "9213 §2.2", &[long, "CDN-Cache-Control: private"]),
        never("max-age=0 in it", "9213 §2.2", &[long, "CDN-Cache-Control: max-age=0"]),
        never("no-cache in it", "9213 §2.2", &[long, "CDN-Cache-Control: no-cache"]),
        never("no lifetime in it", "9213 §2.2", &[long, "CDN-Cache-Control: foo"]),
        never("no lifetime in it, and Expires", "9213 §2.2", &["Expires: {+100}", "CDN-Cache-Control: foo"]),
        never("a lifetime as a string", "9213 §2.1", &[long, "CDN-Cache-Control: max-age=\"10\""]),
        never("a lifetime as a fraction", "9213 §2.1", &[long, "CDN-Cache-Control: max-age=10.5"]),
        never("a lifetime as a token", "9213 §2.1", &[long, "CDN-Cache-Control: max-age=soon"]),
        never("a lifetime below zero", "9213 §2.1", &[long, "CDN-Cache-Control: max-age=-10"]),
        never("a lifetime without value", "9213 §2.1", &[long, "CDN-Cache-Control: max-age"]),
        never("a field that is not on the list", "9213 §2.2", &["Surrogate-Control: max-age=100", "Cache-Control: no-store"]),
        lives("a field that is not on the list forbids nothing", "9213 §2.2", &["Other-Cache-Control: no-store", "CDN-Cache-Control: max-age=10"], 10),
        row("all fields are passed on", "9213 §2.2", [
            fetch(ok("no-store").with("CDN-Cache-Control: max-age=10").with("Surrogate-Control: x")),
            hit().has("CDN-Cache-Control: max-age=10").has("Cache-Control: no-store").has("Surrogate-Control: x"),
        ]),
        row("no-cache in it is asked about", "9213 §2.2", [
            fetch(ok("max-age=100").with("CDN-Cache-Control: no-cache").with("ETag: \"a\"")), validate(not_modified("\"a\"")),
        ]),
        row("must-revalidate in it", "9213 §2.2", [
            fetch(ok("max-age=100").with("CDN-Cache-Control: max-age=10, must-revalidate")), wait(11), broken().status(504).any_body(),
        ]),
        row("must-revalidate beside it means nothing", "9213 §2.2", [
            fetch(ok("max-age=5, must-revalidate").with("CDN-Cache-Control: max-age=10")), wait(11), broken(),
        ]),
        row("stale-while-revalidate in it", "9213 §2.2", [
            fetch(ok("no-store").with("CDN-Cache-Control: max-age=10, stale-while-revalidate=5")), wait(12), behind(ok("no-store")),
        ]),
        row("stale-if-error in it", "9213 §2.2", [
            fetch(ok("no-store").with("CDN-Cache-Control: max-age=10, stale-if-error=20")), wait(12), fetch(reply(503)).body_of(1),
        ]),
        row("a 304 may change it", "9111 §3.2", [
            fetch(ok("no-store").with("CDN-Cache-Control: max-age=10").with("ETag: \"a\"")), wait(10),
            validate(not_modified("\"a\"").with("CDN-Cache-Control: max-age=20")), wait(19), hit(), wait(1), validate(not_modified("\"a\"")),
        ]),
        row("credentials and public in it", "9111 §3.5", [
            fetch(ok("private").with("CDN-Cache-Control: public, max-age=10")).asking("Authorization: Basic eDp5"), hit(),
        ]),
        row("credentials and public beside it", "9111 §3.5", [
            fetch(ok("public, max-age=10").with("CDN-Cache-Control: max-age=10")).asking("Authorization: Basic eDp5"), fetch(ok("no-store")),
        ]),
        row("an error with it", "9111 §3", [fetch(reply(503).with("CDN-Cache-Control: max-age=10")), hit()]),
    ]
}

#[rustfmt::skip]
fn several() -> Vec<Row> {
    vec![
        lives("the first of the list", "9213 §2.2", &["CDN-Cache-Control: max-age=100", "Larder-Cache-Control: max-age=10", "Cache-Control: no-store"], 10),
        lives("the second where the first is not there", "9213 §2.2", &["CDN-Cache-Control: max-age=10", "Cache-Control: no-store"], 10),
        lives("the second where the first is empty", "9213 §2.2", &["Larder-Cache-Control:", "CDN-Cache-Control: max-age=10"], 10),
        lives("the second where the first is no dictionary", "9213 §2.2", &["Larder-Cache-Control: max-age=", "CDN-Cache-Control: max-age=10"], 10),
        lives("Cache-Control where neither is there", "9213 §2.2", &["Cache-Control: max-age=10"], 10),
        never("the first forbids", "9213 §2.2", &["CDN-Cache-Control: max-age=100", "Larder-Cache-Control: no-store"]),
        never("the first says nothing of a lifetime", "9213 §2.2", &["CDN-Cache-Control: max-age=100", "Larder-Cache-Control: foo"]),
    ]
}

#[rustfmt::skip]
fn untargeted() -> Vec<Row> {
    vec![
        never("it gives no lifetime", "9213 §3", &["CDN-Cache-Control: max-age=100"]),
        never("it does not lift no-store", "9213 §3", &["Cache-Control: no-store", "CDN-Cache-Control: max-age=100"]),
        never("it does not lift private", "9213 §3", &["Cache-Control: private, max-age=100", "CDN-Cache-Control: max-age=100"]),
        lives("it forbids nothing", "9213 §3", &["Cache-Control: max-age=10", "CDN-Cache-Control: no-store"], 10),
        lives("it shortens nothing", "9213 §3", &["Cache-Control: max-age=10", "CDN-Cache-Control: max-age=1"], 10),
        row("it is passed on", "9213 §3", [
            fetch(ok("max-age=10").with("CDN-Cache-Control: no-store")), hit().has("CDN-Cache-Control: no-store"),
        ]),
    ]
}
