//! Runs a row: a proxy and an origin of its own, step by step.

use serde_json::Value;

use super::recorder::Recorder;
use super::table::{Row, Step};
use super::text::expand;
use crate::support::client::Client;
use crate::support::message::Response;
use crate::support::proxy::Proxy;

/// Asks for the proxy's own page: what came before it on the connection is over, byte for byte.
const OWN_PAGE: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

struct Scene {
    proxy: Proxy,
    origin: Recorder,
    client: Option<Client>,
    exchanges: usize,
}

/// Plays all steps of a row.
pub async fn run(row: Row) {
    let (proxy, origin) = (Proxy::start().await, Recorder::start().await);
    let mut scene = Scene { proxy, origin, client: None, exchanges: 0 };
    for step in &row.steps {
        scene.play(step).await;
    }
    if !row.steps.iter().any(|step| step.cut) {
        assert_eq!(shown(&scene.origin.take_seen()), "", "more came to the origin");
    }
    scene.origin.finish();
}

impl Scene {
    async fn play(&mut self, step: &Step) {
        let origin = self.origin.authority();
        let bytes = |written: &str| expand(written, &origin);
        self.origin.answer(step.answers.iter().map(|answer| bytes(answer)));
        let mut client = match self.client.take() {
            Some(client) if step.same_connection => client,
            _ => self.proxy.client().await,
        };
        let sent = bytes(&step.send);
        // A proxy that has seen enough may close before it has read all.
        client.try_send(&sent).await.ok();
        if step.half_close {
            client.half_close().await;
        }
        let responses = responses(step, &sent, &mut client).await;
        self.exchanges += responses.len();
        let line = self.proxy.log().wait_for_exchanges(self.exchanges).await.pop();
        check_client(step, &responses, &bytes);
        check_line(step, &line.unwrap_or_default());
        match step.closed {
            Some(true) => client.expect_close().await,
            Some(false) => {
                client.send(OWN_PAGE).await;
                assert_eq!(client.response().await.status, 200, "its own page");
                self.exchanges += 1;
            }
            None => {}
        }
        self.check_origin(step, &bytes).await;
        self.client = Some(client);
    }

    async fn check_origin(&self, step: &Step, bytes: &impl Fn(&str) -> Vec<u8>) {
        if step.origin_closed || step.cut {
            self.origin.closed().await;
        }
        let seen = self.origin.take_seen();
        let text = shown(&seen);
        assert_eq!(self.origin.unasked(), 0, "requests did not reach the origin: {text}");
        if step.answers.is_empty() && !step.cut {
            assert_eq!(text, "", "this was for the proxy alone");
        }
        if let Some(exactly) = &step.seen {
            assert_eq!(shown(&without_via(&seen)), shown(&bytes(exactly)), "at the origin");
        }
        holds("the origin's", &text, &step.sees, &step.never_sees, bytes);
        if let Some(connections) = step.connections {
            assert_eq!(self.origin.connections(), connections, "connections to the origin");
        }
    }
}

async fn responses(step: &Step, sent: &[u8], client: &mut Client) -> Vec<Response> {
    let text = shown(sent);
    let mut method = text.trim_start().split(' ').next().unwrap_or_default();
    let mut responses = Vec::new();
    for status in &step.status {
        let response = client.any_response_to(method).await;
        assert_eq!(response.status, *status, "{response:?}");
        responses.push(response);
        method = "GET";
    }
    if responses.is_empty() {
        client.expect_close().await;
    }
    responses
}

fn check_client(step: &Step, responses: &[Response], bytes: &impl Fn(&str) -> Vec<u8>) {
    let mut all = String::new();
    for (at, response) in responses.iter().enumerate() {
        let broken = step.broken && at + 1 == responses.len();
        assert_eq!(response.broken.is_some(), broken, "{response:?}");
        all += &shown(&response.raw);
        // Nothing came from an origin: it is a page of ours, which nobody keeps.
        let ours = response.status >= 400 && step.answers.is_empty();
        if ours && step.cache.as_deref() != Some("hit") || response.status == 502 {
            let why = response.field("proxy-status").unwrap_or_default();
            assert!(why.starts_with("larder; error="), "no page of ours: {response:?}");
            assert_eq!(response.field("cache-control"), Some("no-store"), "{response:?}");
        }
    }
    if let (Some(body), Some(last)) = (&step.body, responses.last()) {
        assert_eq!(shown(&last.body), shown(&bytes(body)), "the body");
    }
    holds("the client's", &all, &step.gets, &step.never_gets, bytes);
}

/// The line of the last exchange; one that is refused without the origin says so.
fn check_line(step: &Step, line: &Value) {
    let refused = step.status.last().is_some_and(|status| *status >= 400);
    let alone = step.answers.is_empty() && !step.cut;
    let refused = (refused && alone).then_some("refused");
    if let Some(cache) = step.cache.as_deref().or(refused) {
        assert_eq!(line["cache"], cache, "{line}");
    }
    if let Some(reason) = &step.reason {
        let said = format!("{} {}", line["error"], line["reason"]);
        assert!(said.contains(reason), "no {reason:?} in {line}");
    }
}

fn holds(
    whose: &str,
    text: &str,
    pieces: &[String],
    absent: &[String],
    bytes: &impl Fn(&str) -> Vec<u8>,
) {
    let lower = text.to_ascii_lowercase();
    for piece in pieces {
        let piece = shown(&bytes(piece)).to_ascii_lowercase();
        assert!(lower.contains(&piece), "no {piece:?} among {whose}: {text}");
    }
    for piece in absent {
        let piece = shown(&bytes(piece)).to_ascii_lowercase();
        assert!(!lower.contains(&piece), "{piece:?} among {whose}: {text}");
    }
}

/// Bytes as text, one character each.
fn shown(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

/// The same bytes with `*` for every value of `Via`, in which a name is drawn at random.
fn without_via(bytes: &[u8]) -> Vec<u8> {
    let text = shown(bytes);
    let line = |line: &str| match line.split_once(": ") {
        Some((name, _)) if name.eq_ignore_ascii_case("via") => format!("{name}: *\r\n"),
        _ => line.to_owned(),
    };
    let lines = text.split_inclusive("\r\n").map(line).collect::<String>();
    lines.chars().map(|letter| letter as u8).collect()
}
