//! What is served stale, and what never is (RFC 9111 §4.2.4, RFC 5861).

use super::row::{
    Answer, Row, Step, behind, broken, fetch, hit, not_modified, ok, reply, row, validate, wait,
};
use super::run::both;

#[tokio::test]
async fn a_stale_response_goes_out_when_the_origin_cannot_be_asked() {
    both(disconnected).await;
}

#[tokio::test]
async fn stale_if_error_covers_failures_of_the_origin() {
    both(failing).await;
}

#[tokio::test]
async fn stale_while_revalidate_answers_at_once() {
    both(revalidating).await;
}

/// Two seconds stale, and the origin does not answer: served all the same.
fn served(
    name: &'static str,
    section: &'static str,
    answer: Answer,
    asking: &[&'static str],
) -> Row {
    let last = asking.iter().fold(broken(), |step, line| step.asking(line));
    row(name, section, [fetch(answer), wait(12), last.has("Age: 12")])
}

/// The same, but the client gets an error: this one, or when 0 any that says so.
fn refused(
    name: &'static str,
    section: &'static str,
    answer: Answer,
    asking: &[&'static str],
    status: u16,
) -> Row {
    let last = asking.iter().fold(broken(), |step, line| step.asking(line));
    let last = if status == 0 { last.fails() } else { last.status(status).any_body() };
    row(name, section, [fetch(answer), wait(12), last])
}

#[rustfmt::skip]
fn disconnected() -> Vec<Row> {
    let page = || ok("max-age=10");
    vec![
        served("without a validator", "9111 §4.2.4", page(), &[]),
        served("with a validator", "9111 §4.2.4", page().with("ETag: \"a\""), &[]),
        served("by Expires", "9111 §4.2.4", reply(200).with("Expires: {+10}"), &[]),
        served("with a heuristic lifetime", "9111 §4.2.4", reply(200).with("Last-Modified: {-100}"), &[]),
        served("public", "9111 §4.2.4", ok("public, max-age=10"), &[]),
        served("with stale-if-error", "5861 §4", ok("max-age=10, stale-if-error=100"), &[]),
        refused("must-revalidate", "9111 §5.2.2.2", ok("max-age=10, must-revalidate"), &[], 504),
        refused("must-revalidate with a validator", "9111 §5.2.2.2", ok("max-age=10, must-revalidate").with("ETag: \"a\""), &[], 504),
        refused("must-revalidate in upper case", "9111 §5.2", ok("max-age=10, MUST-REVALIDATE"), &[], 504),
        refused("must-revalidate in a second line", "9110 §5.3", page().with("Cache-Control: must-revalidate"), &[], 504),
        refused("proxy-revalidate", "9111 §5.2.2.8", ok("max-age=10, proxy-revalidate"), &[], 504),
        refused("s-maxage", "9111 §5.2.2.10", ok("s-maxage=10"), &[], 504),
        refused("no-cache", "9111 §5.2.2.4", ok("max-age=10, no-cache").with("ETag: \"a\""), &[], 0),
        refused("must-revalidate over stale-if-error", "5861 §4", ok("max-age=10, must-revalidate, stale-if-error=100"), &[], 504),
        refused("must-revalidate over max-stale", "9111 §5.2.2.2", ok("max-age=10, must-revalidate"), &["Cache-Control: max-stale"], 504),
        refused("for a request with no-cache", "9111 §5.2.1.4", page(), &["Cache-Control: no-cache"], 0),
        refused("for a request with Pragma: no-cache", "9111 §5.4", page(), &["Pragma: no-cache"], 0),
        refused("for a request with min-fresh", "9111 §5.2.1.3", page(), &["Cache-Control: min-fresh=1"], 0),
        refused("for a request with max-age", "9111 §5.2.1.1", page(), &["Cache-Control: max-age=100"], 0),
        row("with nothing stored there is an error", "9110 §15.6.3", [broken().fails()]),
        row("with nothing stored for this variant there is an error", "9111 §4.1", [
            fetch(ok("max-age=10").with("Vary: X-One")).asking("X-One: 1"), broken().asking("X-One: 2").fails(),
        ]),
        row("no-cache without more is not served even when it is new", "9111 §5.2.2.4", [
            fetch(ok("no-cache").with("ETag: \"a\"")), broken().fails(),
        ]),
        row("after the disconnection it is asked about again", "9111 §4.2.4", [
            fetch(page().with("ETag: \"a\"")), wait(12), broken(), validate(not_modified("\"a\"")), hit(),
        ]),
        row("a stored error goes out stale too", "9111 §4.2.4", [
            fetch(reply(404).with("Cache-Control: max-age=10")), wait(12), broken().status(404),
        ]),
        row("HEAD of what is stale", "9111 §4.2.4", [fetch(page()), wait(12), broken().method("HEAD").status(200)]),
        row("a client that has it", "9111 §4.3.2", [
            fetch(page().with("ETag: \"a\"")), wait(12), broken().asking("If-None-Match: \"a\"").status(304),
        ]),
        row("a range of what is stale", "9110 §14.2", [
            fetch(page().body("0123456789")), wait(12), broken().asking("Range: bytes=2-3").status(206).body("23"),
        ]),
    ]
}

#[rustfmt::skip]
fn failing() -> Vec<Row> {
    let held = |name, status: u16| row(name, "5861 §4", [
        fetch(ok("max-age=10, stale-if-error=20")), wait(12), fetch(reply(status)).body_of(1).has("Age: 12"),
    ]);
    let passed = |name, section, directives: &'static str, status: u16| row(name, section, [
        fetch(ok(directives)), wait(12), fetch(reply(status)).status(status).body_of(2),
    ]);
    vec![
        held("500", 500), held("502", 502), held("503", 503), held("504", 504),
        passed("404 is an answer", "5861 §4", "max-age=10, stale-if-error=20", 404),
        passed("403 is an answer", "5861 §4", "max-age=10, stale-if-error=20", 403),
        passed("501 is an answer", "5861 §4", "max-age=10, stale-if-error=20", 501),
        passed("without it a failure goes to the client", "5861 §4", "max-age=10", 503),
        passed("a window of nothing", "5861 §4", "max-age=10, stale-if-error=0", 503),
        passed("a window that has passed", "5861 §4", "max-age=10, stale-if-error=1", 503),
        passed("a window that is no number", "5861 §4", "max-age=10, stale-if-error=soon", 503),
        passed("must-revalidate over it", "9111 §5.2.2.2", "max-age=10, must-revalidate, stale-if-error=20", 503),
        passed("proxy-revalidate over it", "9111 §5.2.2.8", "max-age=10, proxy-revalidate, stale-if-error=20", 503),
        row("to the last second of the window", "5861 §4", [
            fetch(ok("max-age=10, stale-if-error=5")), wait(15), fetch(reply(503)).body_of(1), wait(1), fetch(reply(503)).body_of(3),
        ]),
        row("in upper case and quoted", "9111 §5.2", [
            fetch(ok("max-age=10, STALE-IF-ERROR=\"20\"")), wait(12), fetch(reply(503)).body_of(1),
        ]),
        row("with a validator", "5861 §4", [
            fetch(ok("max-age=10, stale-if-error=20").with("ETag: \"a\"")), wait(12), validate(reply(500)).body_of(1),
        ]),
        row("in the request", "5861 §4", [
            fetch(ok("max-age=10")), wait(12), fetch(reply(503)).asking("Cache-Control: stale-if-error=20").body_of(1),
        ]),
        row("in the request, a window that has passed", "5861 §4", [
            fetch(ok("max-age=10")), wait(12), fetch(reply(503)).asking("Cache-Control: stale-if-error=1").status(503).body_of(2),
        ]),
        row("in the request, must-revalidate over it", "9111 §5.2.2.2", [
            fetch(ok("max-age=10, must-revalidate")), wait(12),
            fetch(reply(503)).asking("Cache-Control: stale-if-error=20").status(503).body_of(2),
        ]),
        row("a window that has passed and no connection", "5861 §4", [
            fetch(ok("max-age=10, stale-if-error=1")), wait(13), broken().fails(),
        ]),
        row("what is served so does not take the failure's place", "5861 §4", [
            fetch(ok("max-age=10, stale-if-error=20").with("ETag: \"a\"")), wait(12), validate(reply(503)).body_of(1),
            validate(not_modified("\"a\"")).body_of(1), hit().body_of(1),
        ]),
    ]
}

#[rustfmt::skip]
fn revalidating() -> Vec<Row> {
    let page = |directives| fetch(ok(directives).with("ETag: \"a\""));
    let asked = |name, section, directives: &'static str, age, asking: &'static str| row(name, section, [
        fetch(ok(directives).with("ETag: \"a\"")), wait(age), validate(not_modified("\"a\"")).asking(asking),
    ]);
    let new: fn() -> Step = || behind(ok("max-age=10").with("ETag: \"b\""));
    vec![
        row("the old one at once, then the new one", "5861 §3", [
            page("max-age=10, stale-while-revalidate=5"), wait(12), new().has("Age: 12"), hit().later().body_of(2).has("ETag: \"b\""),
        ]),
        row("to the last second of the window", "5861 §3", [page("max-age=10, stale-while-revalidate=5"), wait(15), new()]),
        row("not when the window has passed", "5861 §3", [
            page("max-age=10, stale-while-revalidate=5"), wait(16), validate(ok("max-age=10").with("ETag: \"b\"")),
        ]),
        row("the origin is asked with a condition", "5861 §3", [
            page("max-age=10, stale-while-revalidate=5"), wait(12), behind(not_modified("\"a\"").with("X-New: 1")).sent("If-None-Match: \"a\""),
            hit().later().has("X-New: 1"),
        ]),
        row("without a validator it is fetched behind", "5861 §3", [
            fetch(ok("max-age=10, stale-while-revalidate=5")), wait(12), behind(ok("max-age=10")).unsent("If-None-Match"), hit().later().body_of(2),
        ]),
        row("while it is fresh nobody is asked", "5861 §3", [page("max-age=10, stale-while-revalidate=5"), wait(9), hit()]),
        row("in upper case", "9111 §5.2", [page("max-age=10, STALE-WHILE-REVALIDATE=5"), wait(12), new()]),
        row("with an Expires", "5861 §3", [
            fetch(ok("stale-while-revalidate=5").with("Expires: {+10}").with("Date: {now}")), wait(12), behind(ok("max-age=10")),
        ]),
        row("a client that has it gets 304 at once", "9111 §4.3.2", [
            page("max-age=10, stale-while-revalidate=5"), wait(12), new().asking("If-None-Match: \"a\"").status(304),
        ]),
        row("a failure behind leaves what is stored", "5861 §3", [
            page("max-age=10, stale-while-revalidate=5"), wait(12), behind(reply(503)), wait(4),
            fetch(ok("max-age=10")).later(), hit(),
        ]),
        row("HEAD is answered at once too", "5861 §3", [
            page("max-age=10, stale-while-revalidate=5"), wait(12), behind(not_modified("\"a\"")).method("HEAD").status(200),
        ]),
        asked("must-revalidate over it", "9111 §5.2.2.2", "max-age=10, must-revalidate, stale-while-revalidate=5", 12, "X-Any: 1"),
        asked("proxy-revalidate over it", "9111 §5.2.2.8", "max-age=10, proxy-revalidate, stale-while-revalidate=5", 12, "X-Any: 1"),
        asked("s-maxage over it", "9111 §5.2.2.10", "s-maxage=10, stale-while-revalidate=5", 12, "X-Any: 1"),
        asked("no-cache over it", "9111 §5.2.2.4", "max-age=10, no-cache, stale-while-revalidate=5", 12, "X-Any: 1"),
        asked("not for a request with no-cache", "9111 §5.2.1.4", "max-age=10, stale-while-revalidate=5", 12, "Cache-Control: no-cache"),
        asked("not for a request with max-age", "9111 §5.2.1.1", "max-age=10, stale-while-revalidate=5", 12, "Cache-Control: max-age=100"),
        asked("not for a request with min-fresh", "9111 §5.2.1.3", "max-age=10, stale-while-revalidate=5", 12, "Cache-Control: min-fresh=1"),
        asked("a window that is no number", "5861 §3", "max-age=10, stale-while-revalidate=soon", 12, "X-Any: 1"),
        asked("a window of nothing", "5861 §3", "max-age=10, stale-while-revalidate=0", 12, "X-Any: 1"),
        asked("no window", "5861 §3", "max-age=10, stale-while-revalidate", 12, "X-Any: 1"),
        asked("in the request it means nothing", "5861 §3", "max-age=10", 12, "Cache-Control: stale-while-revalidate=100"),
    ]
}
