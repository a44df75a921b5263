//! `Cache-Status` (RFC 9211), and errors that are kept for a moment.

use std::time::Duration;

use larder::cli::serve::Config;

use super::row::{
    Row, behind, broken, fetch, hit, not_modified, ok, reply, row, send, validate, wait,
};
use super::run::{Kind, both, one};

/// Keeps errors without a lifetime for so many seconds.
fn with_error_lifetime(config: &mut Config, seconds: u64) {
    config.proxy.policy.error_lifetime = Duration::from_secs(seconds);
}

#[tokio::test]
async fn cache_status_says_what_came_of_a_request() {
    both(outcomes).await;
}

#[tokio::test]
async fn errors_without_a_lifetime_are_kept_as_long_as_the_settings_say() {
    one(Kind::Forward, kept, |config| with_error_lifetime(config, 5)).await;
}

#[rustfmt::skip]
fn outcomes() -> Vec<Row> {
    let page = || fetch(ok("max-age=10").with("ETag: \"a\""));
    vec![
        row("stored", "9211 §2.5", [page().outcome("fwd=uri-miss; stored")]),
        row("a hit", "9211 §2.1", [page(), wait(3), hit().outcome("hit; ttl=7")]),
        row("a hit, seconds of a lifetime by Expires", "9211 §2.4", [
            fetch(reply(200).with("Expires: {+20}").with("Date: {now}")), wait(3), hit().outcome("hit; ttl=17"),
        ]),
        row("not stored", "9211 §2.8", [fetch(ok("no-store")).outcome("fwd=uri-miss; detail=no-store")]),
        row("not stored: private", "9211 §2.8", [fetch(ok("private, max-age=10")).outcome("fwd=uri-miss; detail=private")]),
        row("not stored: credentials", "9211 §2.8", [
            fetch(ok("max-age=10")).asking("Authorization: Basic eDp5").outcome("fwd=uri-miss; detail=authorization"),
        ]),
        row("not stored: no lifetime", "9211 §2.8", [fetch(reply(200)).outcome("fwd=uri-miss; detail=no-freshness")]),
        row("another variant", "9211 §2.2", [
            fetch(ok("max-age=10").with("Vary: X-One")).asking("X-One: 1"), fetch(ok("max-age=10").with("Vary: X-One")).asking("X-One: 2").outcome("fwd=vary-miss; stored"),
        ]),
        row("stale and still right", "9211 §2.3", [page(), wait(10), validate(not_modified("\"a\"")).outcome("fwd=stale; fwd-status=304; ttl=10")]),
        row("stale and replaced", "9211 §2.3", [
            page(), wait(10), validate(ok("max-age=10")).outcome_starts("fwd=stale"), hit().outcome("hit; ttl=10"),
        ]),
        row("the request refuses what is stored", "9211 §2.2", [
            page(), validate(not_modified("\"a\"")).asking("Cache-Control: no-cache").outcome("fwd=request; fwd-status=304; ttl=10"),
        ]),
        row("the request refuses for its age", "9211 §2.2", [
            page(), wait(5), validate(not_modified("\"a\"")).asking("Cache-Control: max-age=1").outcome_starts("fwd=request; fwd-status=304"),
        ]),
        row("the method", "9211 §2.2", [send("POST", reply(200)).outcome_starts("fwd=method")]),
        row("an unknown method", "9211 §2.2", [send("BREW", reply(200)).outcome_starts("fwd=method")]),
        row("a 304 for the client", "9211 §2.1", [page(), hit().asking("If-None-Match: \"a\"").status(304).outcome("hit; ttl=10")]),
        row("a part", "9211 §2.1", [page(), hit().asking("Range: bytes=0-1").status(206).any_body().outcome("hit; ttl=10")]),
        row("a part that is not there", "9211 §2.2", [
            fetch(reply(206).with("Content-Range: bytes 0-4/10").with("Cache-Control: max-age=10").with("ETag: \"a\"").body("01234")).asking("Range: bytes=0-4"),
            fetch(reply(206).with("Content-Range: bytes 5-9/10").with("Cache-Control: max-age=10").with("ETag: \"a\"").body("56789"))
                .asking("Range: bytes=5-9").status(206).outcome_starts("fwd=partial"),
        ]),
        row("HEAD", "9211 §2.1", [page(), hit().method("HEAD").outcome("hit; ttl=10")]),
        row("stale, as the client allows", "9211 §2.4", [page(), wait(12), hit().asking("Cache-Control: max-stale").outcome("hit; ttl=-2; detail=max-stale")]),
        row("stale, without the origin", "9211 §2.4", [page(), wait(12), broken().outcome_starts("hit; ttl=-2")]),
        row("stale, being asked about behind", "5861 §3", [
            fetch(ok("max-age=10, stale-while-revalidate=5")), wait(12), behind(ok("max-age=10")).outcome("hit; ttl=-2; detail=stale-while-revalidate"),
        ]),
        row("behind what others said", "9211 §2", [
            fetch(ok("max-age=10").with("Cache-Status: inner; hit; ttl=5")).has("Cache-Status: inner; hit; ttl=5, larder; fwd=uri-miss; stored"),
            hit().has("Cache-Status: inner; hit; ttl=5, larder; hit; ttl=10"),
        ]),
        row("ours is not stored", "9211 §2", [page(), hit(), wait(1), hit().has("Cache-Status: larder; hit; ttl=9")]),
        row("what another larder said stays", "9211 §2", [
            fetch(ok("max-age=10").with("Cache-Status: larder; fwd=miss")), hit().has("Cache-Status: larder; fwd=miss, larder; hit; ttl=10"),
        ]),
        row("with a condition of the client's that travels", "9211 §2.2", [
            fetch(reply(304)).asking("If-None-Match: \"x\"").status(304).outcome_starts("fwd=uri-miss"),
        ]),
        row("an error of the origin", "9211 §2.2", [fetch(reply(500)).outcome_starts("fwd=uri-miss")]),
        row("an error that is ours is no hit", "9209 §2", [broken().fails().names("Proxy-Status")]),
        row("what an unsafe request took away", "9211 §2.2", [
            page(), send("POST", reply(200)), fetch(ok("max-age=10")).outcome("fwd=uri-miss; stored"),
        ]),
        row("errors are not kept of themselves", "9111 §3", [fetch(reply(404)), fetch(reply(404))]),
    ]
}

#[rustfmt::skip]
fn kept() -> Vec<Row> {
    let kept = |name, status| row(name, "9111 §4.2.2", [fetch(reply(status)), wait(4), hit(), wait(1), fetch(ok("no-store"))]);
    vec![
        kept("404", 404), kept("410", 410), kept("500", 500), kept("502", 502), kept("503", 503), kept("504", 504),
        row("an error with a lifetime keeps it", "9111 §4.2.1", [fetch(reply(404).with("Cache-Control: max-age=10")), wait(9), hit()]),
        row("an error with no-store is not kept", "9111 §5.2.2.5", [fetch(reply(503).with("Cache-Control: no-store")), fetch(reply(503))]),
        row("an error for one client is not kept", "9111 §5.2.2.7", [fetch(reply(404).with("Cache-Control: private")), fetch(reply(404))]),
        row("an answer that is no error is not kept", "9111 §3", [fetch(reply(200)), fetch(reply(200))]),
        row("an error to credentials is not kept", "9111 §3.5", [fetch(reply(404)).asking("Authorization: Basic eDp5"), fetch(reply(404))]),
    ]
}
