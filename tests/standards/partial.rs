//! What is stored in parts, served, combined and completed (RFC 9111 §3.3, §3.4, RFC 9110 §15.3.7).

use super::row::{
    Answer, Row, Step, either, fetch, hit, not_modified, ok, reply, row, validate, wait,
};
use super::run::both;

#[tokio::test]
async fn a_part_is_stored_and_answers_for_what_it_holds() {
    both(stored).await;
}

#[tokio::test]
async fn parts_are_combined_by_a_strong_validator_only() {
    both(combined).await;
}

#[tokio::test]
async fn what_is_missing_is_asked_for() {
    both(completed).await;
}

/// 206 for ten bytes, fresh for 100 seconds, with a strong tag.
fn answer(body: &'static str, content_range: &'static str) -> Answer {
    bare(body, content_range).with("Cache-Control: max-age=100").with("ETag: \"a\"")
}

fn bare(body: &'static str, content_range: &'static str) -> Answer {
    reply(206).with(content_range).body(body)
}

/// Bytes 0 to 4 and 5 to 9.
fn head() -> Answer {
    answer("01234", "Content-Range: bytes 0-4/10")
}

fn tail() -> Answer {
    answer("56789", "Content-Range: bytes 5-9/10")
}

fn ask_head(answer: Answer) -> Step {
    fetch(answer).asking("Range: bytes=0-4")
}

fn ask_tail(answer: Answer) -> Step {
    fetch(answer).asking("Range: bytes=5-9")
}

fn part(range: &'static str, body: &'static str) -> Step {
    hit().asking(range).status(206).body(body)
}

fn whole(step: Step) -> Step {
    step.status(200).body("0123456789").lacks("Content-Range")
}

#[rustfmt::skip]
fn stored() -> Vec<Row> {
    vec![
        row("the same range again", "9111 §3.3", [ask_head(head()), part("Range: bytes=0-4", "01234").has("Content-Range: bytes 0-4/10")]),
        row("a range within", "9111 §3.3", [ask_head(head()), part("Range: bytes=1-3", "123").has("Content-Range: bytes 1-3/10")]),
        row("the first byte", "9111 §3.3", [ask_head(head()), part("Range: bytes=0-0", "0").has("Content-Range: bytes 0-0/10")]),
        row("an open end of what is the end", "9111 §3.3", [ask_tail(tail()), part("Range: bytes=5-", "56789")]),
        row("an end beyond the end", "9111 §3.3", [ask_tail(tail()), part("Range: bytes=7-99", "789").has("Content-Range: bytes 7-9/10")]),
        row("the last bytes, when the length is known", "9111 §3.3", [ask_tail(tail()), part("Range: bytes=-3", "789").has("Content-Range: bytes 7-9/10")]),
        row("for its lifetime", "9111 §3.3", [ask_head(head()), wait(99), part("Range: bytes=0-4", "01234").has("Age: 99"), wait(1), ask_head(head()).status(206)]),
        row("a part has the fields of the response", "9111 §3.3", [
            ask_head(head().with("Content-Type: text/plain").with("X-Any: 1")),
            part("Range: bytes=1-3", "123").has("Content-Type: text/plain").has("X-Any: 1").has("ETag: \"a\"").has("Content-Length: 3"),
        ]),
        row("a range that is not all there is asked for", "9111 §3.3", [ask_head(head()), ask_tail(tail()).status(206).body("56789")]),
        row("a part is no answer to a request for the whole", "9111 §3.3", [
            ask_head(head()), fetch(ok("max-age=100").body("0123456789")).status(200).body("0123456789"),
        ]),
        row("a part is no answer to HEAD without the length of the whole", "9111 §3.3", [
            ask_head(head()), either(ok("max-age=100").body("0123456789")).method("HEAD").has("Content-Length: 10"),
        ]),
        row("a first part asked for with If-Range may lack fields", "9110 §15.3.7", [
            ask_head(head()).asking("If-Range: \"a\"").status(206), ask_head(head()).status(206), part("Range: bytes=0-4", "01234"),
        ]),
        row("If-Range with the same tag", "9110 §13.1.5", [ask_head(head()), part("Range: bytes=1-3", "123").asking("If-Range: \"a\"")]),
        row("If-Range with another tag wants the whole", "9110 §13.1.5", [
            ask_head(head()), fetch(ok("max-age=100").body("0123456789")).asking("Range: bytes=1-3").asking("If-Range: \"b\"").status(200),
        ]),
        row("a client that has it", "9111 §4.3.2", [
            ask_head(head()), hit().asking("Range: bytes=0-4").asking("If-None-Match: \"a\"").status(304),
        ]),
        row("no-store", "9111 §3", [
            ask_head(bare("01234", "Content-Range: bytes 0-4/10").with("Cache-Control: no-store, max-age=100").with("ETag: \"a\"")), ask_head(head()).status(206),
        ]),
        row("no lifetime", "9111 §3", [ask_head(bare("01234", "Content-Range: bytes 0-4/10")), ask_head(head()).status(206)]),
        row("no Content-Range", "9110 §15.3.7", [
            ask_head(reply(206).with("Cache-Control: max-age=100").with("ETag: \"a\"").body("01234")), ask_head(head()).status(206),
        ]),
        row("a Content-Range with the end before the beginning", "9110 §14.4", [
            ask_head(answer("01234", "Content-Range: bytes 4-0/10")), ask_head(head()).status(206),
        ]),
        row("a Content-Range beyond the length", "9110 §14.4", [
            ask_head(answer("01234", "Content-Range: bytes 0-4/3")), ask_head(head()).status(206),
        ]),
        row("a Content-Range in another unit", "9110 §14.4", [
            ask_head(answer("01234", "Content-Range: lines 0-4/10")), ask_head(head()).status(206),
        ]),
        row("several parts in one answer are passed on", "9110 §14.6", [
            fetch(reply(206).with("Cache-Control: max-age=100").with("Content-Type: multipart/byteranges; boundary=X").body("--X--"))
                .asking("Range: bytes=0-1,5-6").status(206).body("--X--"),
            ask_head(head()).status(206),
        ]),
        row("a part that is longer than it says", "9110 §14.4", [
            ask_head(answer("0123456789", "Content-Range: bytes 0-4/10")).any_body(), ask_head(head()).status(206),
        ]),
        row("by Vary", "9111 §4.1", [
            ask_head(head().with("Vary: X-One")).asking("X-One: 1"), part("Range: bytes=0-4", "01234").asking("X-One: 1"),
            ask_head(head().with("Vary: X-One")).asking("X-One: 2").status(206),
        ]),
        row("an unsafe request takes it away", "9111 §4.4", [
            ask_head(head()), super::row::send("POST", reply(200)), ask_head(head()).status(206),
        ]),
        row("a length that is not known", "9110 §14.4", [
            ask_head(answer("01234", "Content-Range: bytes 0-4/*")), either(answer("123", "Content-Range: bytes 1-3/*")).asking("Range: bytes=1-3"),
        ]),
        row("a 416 is passed on and not stored", "9110 §15.5.17", [
            fetch(reply(416).with("Content-Range: bytes */10").with("Cache-Control: max-age=100")).asking("Range: bytes=20-").status(416),
            fetch(ok("max-age=100")),
        ]),
    ]
}

#[rustfmt::skip]
fn combined() -> Vec<Row> {
    let weak = |body, range| bare(body, range).with("Cache-Control: max-age=100").with("ETag: W/\"a\"");
    let other = |body, range| bare(body, range).with("Cache-Control: max-age=100").with("ETag: \"b\"");
    let dated = |body, range| bare(body, range).with("Cache-Control: max-age=100").with("Last-Modified: {-1000}").with("Date: {now}");
    let unknown = |body, range| bare(body, range).with("Cache-Control: max-age=100");
    let fresh = || fetch(ok("max-age=100").body("9876543210")).status(200).body("9876543210");
    vec![
        row("two parts make a range across both", "9111 §3.4", [ask_head(head()), ask_tail(tail()), part("Range: bytes=3-6", "3456").has("Content-Range: bytes 3-6/10")]),
        row("two parts make the whole", "9111 §3.4", [ask_head(head()), ask_tail(tail()), whole(hit()).has("Content-Length: 10")]),
        row("the second part asked for with If-Range", "9110 §15.3.7", [
            ask_head(head().with("Content-Type: text/plain")), ask_tail(tail()).asking("If-Range: \"a\"").status(206),
            whole(hit()).has("Content-Type: text/plain"),
        ]),
        row("in the other order", "9111 §3.4", [ask_tail(tail()), ask_head(head()), whole(hit())]),
        row("two parts make the whole for HEAD", "9111 §3.4", [ask_head(head()), ask_tail(tail()), hit().method("HEAD").status(200).has("Content-Length: 10")]),
        row("parts that overlap", "9111 §3.4", [
            fetch(answer("012345", "Content-Range: bytes 0-5/10")).asking("Range: bytes=0-5"),
            fetch(answer("456789", "Content-Range: bytes 4-9/10")).asking("Range: bytes=4-9"), whole(hit()),
        ]),
        row("parts with a gap are two parts", "9111 §3.4", [
            fetch(answer("01", "Content-Range: bytes 0-1/10")).asking("Range: bytes=0-1"),
            fetch(answer("89", "Content-Range: bytes 8-9/10")).asking("Range: bytes=8-9"),
            part("Range: bytes=0-1", "01"), part("Range: bytes=8-9", "89"),
            fetch(answer("4567", "Content-Range: bytes 4-7/10")).asking("Range: bytes=4-7").status(206).body("4567"),
        ]),
        row("three parts", "9111 §3.4", [
            fetch(answer("01", "Content-Range: bytes 0-1/10")).asking("Range: bytes=0-1"),
            fetch(answer("6789", "Content-Range: bytes 6-9/10")).asking("Range: bytes=6-9"),
            fetch(answer("2345", "Content-Range: bytes 2-5/10")).asking("Range: bytes=2-5"), whole(hit()),
        ]),
        row("the newest fields count", "9110 §15.3.7.3", [
            ask_head(head().with("X-Part: 1").with("X-First: 1")), ask_tail(tail().with("X-Part: 2")), whole(hit()).has("X-Part: 2").has("X-First: 1"),
        ]),
        row("two tags: not combined", "9111 §3.4", [
            ask_head(head()), ask_tail(other("vwxyz", "Content-Range: bytes 5-9/10")), fresh(),
        ]),
        row("weak tags: not combined", "9111 §3.4", [
            ask_head(weak("01234", "Content-Range: bytes 0-4/10")), ask_tail(weak("56789", "Content-Range: bytes 5-9/10")), fresh(),
        ]),
        row("no validators: not combined", "9111 §3.4", [
            ask_head(unknown("01234", "Content-Range: bytes 0-4/10")), ask_tail(unknown("56789", "Content-Range: bytes 5-9/10")), fresh(),
        ]),
        row("two lengths: not combined", "9111 §3.4", [
            ask_head(head()), ask_tail(answer("56789", "Content-Range: bytes 5-9/20")), fresh(),
        ]),
        row("a strong date combines, or not", "9110 §8.8.2.2", [
            ask_head(dated("01234", "Content-Range: bytes 0-4/10")), ask_tail(dated("56789", "Content-Range: bytes 5-9/10")),
            either(ok("max-age=100").body("0123456789")),
        ]),
        row("a whole takes the place of parts", "9111 §3.4", [
            ask_head(head()), fetch(ok("max-age=100").with("ETag: \"b\"").body("9876543210")).asking("Cache-Control: no-cache"),
            part("Range: bytes=0-4", "98765"),
        ]),
    ]
}

#[rustfmt::skip]
fn completed() -> Vec<Row> {
    let weak = || bare("01234", "Content-Range: bytes 0-4/10").with("Cache-Control: max-age=100").with("ETag: W/\"a\"");
    vec![
        row("the rest is asked for, and the client gets the whole", "9111 §3.3", [
            ask_head(head()), whole(validate(tail())).sent("If-Range: \"a\""), whole(hit()),
        ]),
        row("the beginning is asked for", "9111 §3.3", [
            ask_tail(tail()), whole(validate(head())).sent("If-Range: \"a\"").sent("Range: bytes=0-4"), whole(hit()),
        ]),
        row("when it has changed, the origin sends the whole", "9110 §13.1.5", [
            ask_head(head()), validate(ok("max-age=100").with("ETag: \"b\"").body("abcdefghij")).status(200).body("abcdefghij"),
            hit().body("abcdefghij"),
        ]),
        row("a range of which a part is there", "9111 §3.3", [
            ask_head(head()), validate(answer("56", "Content-Range: bytes 5-6/10")).asking("Range: bytes=3-6").status(206).body("3456")
                .sent("If-Range: \"a\"").sent("Range: bytes=5-6").has("Content-Range: bytes 3-6/10"),
        ]),
        row("a weak tag completes nothing", "9111 §3.4", [
            ask_head(weak()), fetch(ok("max-age=100").body("0123456789")).unsent("If-Range").unsent("Range").status(200),
        ]),
        row("a part that is stale is asked about", "9111 §4.3.1", [
            ask_head(head()), wait(100), validate(not_modified("\"a\"").with("Date: {now}")).asking("Range: bytes=0-4").status(206).body("01234")
                .sent("If-None-Match: \"a\""),
            part("Range: bytes=0-4", "01234"),
        ]),
        row("a stale part is not asked about by a request for more", "9111 §4.3.1", [
            ask_head(head()), wait(100), ask_tail(tail()).unsent("If-None-Match").status(206).body("56789"),
        ]),
        row("a stale part is not asked about by a request for the whole", "9111 §4.3.1", [
            ask_head(head()), wait(100), fetch(ok("max-age=100").body("0123456789")).unsent("If-None-Match").status(200).body("0123456789"),
        ]),
    ]
}
