//! What an unsafe request makes invalid (RFC 9111 §4.4).

use super::row::{Answer, Row, Step, broken, fetch, hit, ok, reply, row, send, wait};
use super::run::both;

#[tokio::test]
async fn an_unsafe_request_that_succeeds_invalidates_its_target() {
    both(methods).await;
}

#[tokio::test]
async fn it_invalidates_what_the_answer_names_too() {
    both(named).await;
}

fn page() -> Step {
    fetch(ok("max-age=100"))
}

fn gone(name: &'static str, method: &'static str, answer: Answer) -> Row {
    row(name, "9111 §4.4", [page(), send(method, answer), fetch(ok("no-store"))])
}

fn stays(name: &'static str, method: &'static str, answer: Answer) -> Row {
    row(name, "9111 §4.4", [page(), send(method, answer), hit().body_of(1)])
}

#[rustfmt::skip]
fn methods() -> Vec<Row> {
    vec![
        gone("PUT", "PUT", reply(200)),
        gone("PUT that made something", "PUT", reply(201)),
        gone("PUT without a body in return", "PUT", reply(204)),
        gone("POST", "POST", reply(200)),
        gone("POST that is under way", "POST", reply(202)),
        gone("POST that leads elsewhere", "POST", reply(303)),
        gone("POST that is redirected", "POST", reply(302)),
        gone("DELETE", "DELETE", reply(204)),
        gone("PATCH", "PATCH", reply(200)),
        gone("an unknown method", "BREW", reply(200)),
        gone("a method in lower case is an unknown one", "get", reply(200)),
        stays("PUT that is refused", "PUT", reply(403)),
        stays("PUT that fails", "PUT", reply(500)),
        stays("POST that is not understood", "POST", reply(400)),
        stays("POST of something that is not there", "POST", reply(404)),
        stays("POST that fails at the gateway", "POST", reply(502)),
        stays("DELETE that is not allowed", "DELETE", reply(405)),
        stays("DELETE that is not there", "DELETE", reply(410)),
        stays("an unknown method that is not implemented", "BREW", reply(501)),
        stays("OPTIONS", "OPTIONS", reply(200)),
        row("a request that gets no answer leaves it, or not", "9111 §4.4", [
            page(), broken().method("DELETE").fails(),
        ]),
        row("every variant", "9111 §4.4", [
            fetch(ok("max-age=100").with("Vary: X-One")).asking("X-One: 1"),
            fetch(ok("max-age=100").with("Vary: X-One")).asking("X-One: 2"),
            send("POST", reply(200)),
            fetch(ok("no-store")).asking("X-One: 1"), fetch(ok("no-store")).asking("X-One: 2"),
        ]),
        row("what HEAD stored too", "9111 §4.4", [
            send("HEAD", ok("max-age=100")), send("POST", reply(200)), send("HEAD", ok("max-age=100")),
        ]),
        row("only this URI", "9111 §4.4", [
            page().at("?a"), page().at("?b"), page(), send("POST", reply(200)).at("?a"),
            hit().at("?b"), hit(), fetch(ok("no-store")).at("?a"),
        ]),
        row("what is stored afterwards is valid", "9111 §4.4", [page(), send("POST", reply(200)), page(), wait(99), hit().body_of(3)]),
        row("what is stale is not served after it, even without the origin", "9111 §4.4", [
            fetch(ok("max-age=10")), wait(11), send("PUT", reply(204)), broken().fails(),
        ]),
        row("the answer goes to the client as it is", "9111 §4.4", [page(), send("POST", reply(201).with("X-Any: 1")).status(201).has("X-Any: 1")]),
        row("a request with no-store too", "9111 §4.4", [page(), send("POST", reply(200)).asking("Cache-Control: no-store"), fetch(ok("no-store"))]),
        row("an answer with a lifetime too", "9111 §4.4", [page(), send("POST", ok("max-age=100")), fetch(ok("no-store"))]),
    ]
}

#[rustfmt::skip]
fn named() -> Vec<Row> {
    let gone = |name, line| row(name, "9111 §4.4", [
        page().at("/other"), send("POST", reply(201).with(line)), fetch(ok("no-store")).at("/other"),
    ]);
    let stays = |name, status, line| row(name, "9111 §4.4", [
        page().at("/other"), send("POST", reply(status).with(line)), hit().at("/other"),
    ]);
    vec![
        gone("Location, the whole URL", "Location: {url}/other"),
        gone("Location, a path", "Location: {path}/other"),
        gone("Location with a fragment", "Location: {path}/other#part"),
        gone("Content-Location, the whole URL", "Content-Location: {url}/other"),
        gone("Content-Location, a path", "Content-Location: {path}/other"),
        stays("Location of another host", 201, "Location: http://other.test{path}/other"),
        stays("Location of another scheme", 201, "Location: https://127.0.0.1{path}/other"),
        stays("Location of another port", 201, "Location: http://127.0.0.1:1{path}/other"),
        stays("Content-Location of another host", 201, "Content-Location: http://other.test{path}/other"),
        stays("Location of an error", 400, "Location: {path}/other"),
        stays("Content-Location of a failure", 500, "Content-Location: {path}/other"),
        stays("Location with another query", 201, "Location: {path}/other?x"),
        row("Location with a query", "9111 §4.4", [
            page().at("/other?x=1"), page().at("/other"), send("POST", reply(201).with("Location: {path}/other?x=1")),
            fetch(ok("no-store")).at("/other?x=1"), hit().at("/other"),
        ]),
        row("Location of 303", "9111 §4.4", [
            page().at("/other"), send("POST", reply(303).with("Location: {path}/other")), fetch(ok("no-store")).at("/other"),
        ]),
        row("both at once, and the target", "9111 §4.4", [
            page(), page().at("/a"), page().at("/b"),
            send("PUT", reply(201).with("Location: {path}/a").with("Content-Location: {path}/b")),
            fetch(ok("no-store")), fetch(ok("no-store")).at("/a"), fetch(ok("no-store")).at("/b"),
        ]),
        row("of a safe method they mean nothing", "9111 §4.4", [
            page().at("/other"), fetch(ok("max-age=100").with("Location: {path}/other").with("Content-Location: {path}/other")),
            hit().at("/other"),
        ]),
        row("every variant of what is named", "9111 §4.4", [
            fetch(ok("max-age=100").with("Vary: X-One")).at("/other").asking("X-One: 1"),
            fetch(ok("max-age=100").with("Vary: X-One")).at("/other").asking("X-One: 2"),
            send("DELETE", reply(200).with("Content-Location: {path}/other")),
            fetch(ok("no-store")).at("/other").asking("X-One: 1"), fetch(ok("no-store")).at("/other").asking("X-One: 2"),
        ]),
        row("a Location that is no URL does no harm", "9111 §4.4", [page(), send("POST", reply(201).with("Location: http://[bad")), fetch(ok("no-store"))]),
    ]
}
