//! Runs the rows of a group against a proxy in forward mode and one that stands before an origin.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use larder::cli::serve::Config;
use larder::http::target::{Mode, TargetUri};

use super::Proxy;
use super::fill::Words;
use super::row::{Answer, Check, Row, Step, Way};
use crate::support::client::{Client, request};
use crate::support::gate::Gate;
use crate::support::message::{Fields, Response};
use crate::support::origin::{Origin, Received, Reply};
use crate::support::proxy::START;

/// How often a step is asked again that needs a moment.
const PATIENCE: usize = 200;

/// Which way requests come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Absolute-form: the client chose the origin.
    Forward,
    /// Origin-form: the operator did.
    Origin,
}

/// Runs the rows in both modes; fails with everything that is not so.
pub async fn both(rows: fn() -> Vec<Row>) {
    let (forward, origin) =
        tokio::join!(failures(Kind::Forward, rows, |_| {}), failures(Kind::Origin, rows, |_| {}));
    let same = |failure: &String| forward.contains(failure) && origin.contains(failure);
    let mode = |failures: &[String], mode: &str| -> Vec<String> {
        let own = failures.iter().filter(|failure| !same(failure));
        own.map(|failure| format!("[{mode} only] {failure}")).collect()
    };
    let (forward_only, origin_only) = (mode(&forward, "forward"), mode(&origin, "origin"));
    let both = forward.iter().filter(|failure| same(failure)).cloned();
    report(&both.chain(forward_only).chain(origin_only).collect::<Vec<_>>());
}

/// Runs the rows in one mode with changed settings.
pub async fn one(kind: Kind, rows: fn() -> Vec<Row>, change: impl FnOnce(&mut Config)) {
    report(&failures(kind, rows, change).await);
}

fn report(failures: &[String]) {
    let list = failures.iter().fold(String::new(), |mut list, failure| {
        writeln!(list, "  {failure}").expect("memory");
        list
    });
    assert!(failures.is_empty(), "{} rows are not so:\n{list}", failures.len());
}

/// One proxy and one origin, which the rows of a group share.
struct World {
    kind: Kind,
    proxy: Proxy,
    origin: Origin,
    elapsed: Mutex<u64>,
}

async fn failures(
    kind: Kind,
    rows: fn() -> Vec<Row>,
    change: impl FnOnce(&mut Config),
) -> Vec<String> {
    let origin = Origin::start().await;
    let base = TargetUri::parse(&origin.url("")).expect("a URL");
    let proxy = Proxy::with(|config| {
        if kind == Kind::Origin {
            config.proxy.mode = Mode::Origin(base);
        }
        change(config);
    })
    .await;
    let world = Arc::new(World { kind, proxy, origin, elapsed: Mutex::new(0) });
    let mut failures = Vec::new();
    for (number, row) in rows().into_iter().enumerate() {
        let (name, section) = (row.name, row.section);
        let running = tokio::spawn(Running::new(world.clone(), number, kind).run(row));
        let failure = match running.await {
            Ok(result) => result.err(),
            Err(panic) => Some(format!("{panic}")),
        };
        if let Some(what) = failure {
            failures.push(format!("{name} ({section}): {what}"));
        }
    }
    failures
}

/// A row under way.
struct Running {
    world: Arc<World>,
    words: Words,
    began: u64,
    /// Status and body of each reply so far.
    replies: Vec<(u16, String)>,
    /// Which reply was the last to a GET, by what follows the path.
    last: HashMap<&'static str, usize>,
    /// The connection of the step before, when it is still open.
    client: Option<Client>,
}

impl Running {
    fn new(world: Arc<World>, number: usize, kind: Kind) -> Self {
        let began = *world.elapsed.lock().unwrap();
        let now = SystemTime::from(START) + Duration::from_secs(began);
        let base = world.origin.url("");
        let path = format!("/{kind:?}/{number}").to_lowercase();
        let words = Words { began: now, now, base, path };
        Self { world, words, began, replies: Vec::new(), last: HashMap::new(), client: None }
    }

    async fn run(mut self, row: Row) -> Result<(), String> {
        for (number, step) in row.steps.iter().enumerate() {
            let at = |what: String| format!("step {} ({:?}): {what}", number + 1, step.way);
            if step.way == Way::Wait {
                self.advance(step.wait);
            } else {
                self.step(step).await.map_err(at)?;
            }
        }
        Ok(())
    }

    fn advance(&mut self, seconds: u64) {
        self.world.proxy.advance(Duration::from_secs(seconds));
        let mut elapsed = self.world.elapsed.lock().unwrap();
        *elapsed += seconds;
        self.words.now = self.words.began + Duration::from_secs(*elapsed - self.began);
    }

    async fn step(&mut self, step: &Step) -> Result<(), String> {
        if !step.later {
            return self.attempt(step).await;
        }
        let mut result = Ok(());
        for _ in 0..PATIENCE {
            result = self.attempt(step).await;
            if result.is_ok() {
                break;
            }
            tokio::task::yield_now().await;
        }
        result
    }

    async fn attempt(&mut self, step: &Step) -> Result<(), String> {
        let target = match step.target {
            Some(target) => self.words.fill(target),
            None => format!("{}{}", self.words.path, step.suffix),
        };
        let gate = (step.delay > 0).then(Gate::new);
        let (first, held) = (self.replies.len(), self.last.get(step.suffix).copied());
        let replies = self.replies(&step.replies, gate.as_ref());
        if step.method == "GET" && step.way != Way::Unasked {
            let mut bodies =
                (first..self.replies.len()).filter(|reply| self.replies[*reply].0 != 304);
            if let Some(reply) = bodies.next_back() {
                self.last.insert(step.suffix, reply);
            }
        }
        let expected = self.expected(step, held);
        let before = self.world.origin.requests().len();
        let routed = step.checks.iter().find_map(|check| match check {
            Check::SentTarget(target) => Some(self.words.fill(target)),
            _ => None,
        });
        self.route(step, routed.as_ref().unwrap_or(&target), replies);
        let response = self.ask(step, &target, before, gate).await;
        if step.way == Way::Behind {
            self.world.origin.wait_for("a request behind", |all| all.len() > before).await;
        }
        let requests = self.world.origin.requests()[before..].to_vec();
        asked(step, &requests)?;
        Found { response: &response, requests: &requests, running: self, expected }.check(step)
    }

    /// The replies as the origin sends them; a body for each that has none.
    fn replies(&mut self, answers: &[Answer], gate: Option<&Gate>) -> VecDeque<Reply> {
        let mut replies = VecDeque::new();
        for answer in answers {
            let number = self.replies.len() + 1;
            let bodiless = matches!(answer.status, 204 | 304);
            let body = answer.body.map_or_else(|| format!("reply {number}"), str::to_owned);
            let body = if bodiless { String::new() } else { body };
            let mut reply = Reply::new(answer.status).body(body.clone());
            for line in &answer.fields {
                let (name, value) = self.line(line);
                reply = reply.field(&name, &value);
            }
            for (status, lines) in &answer.interim {
                let lines: Vec<_> = lines.iter().map(|line| self.line(line)).collect();
                let fields: Vec<_> = lines.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
                reply = reply.interim(*status, &fields);
            }
            if let Some(gate) = gate {
                reply = reply.after(gate);
            }
            self.replies.push((answer.status, body));
            replies.push_back((answer.shape)(reply));
        }
        replies
    }

    /// Name and value of a field line.
    fn line(&self, line: &str) -> (String, String) {
        let (name, value) = line.split_once(':').expect("a field line");
        (name.to_owned(), self.words.fill(value.trim()))
    }

    fn route(&self, step: &Step, target: &str, replies: VecDeque<Reply>) {
        let (replies, broken) = (Mutex::new(replies), step.way == Way::Broken);
        self.world.origin.route_with(target, move |_| {
            let unasked = || Reply::new(418).body("not to be asked");
            if broken {
                Reply::nothing()
            } else {
                replies.lock().unwrap().pop_front().unwrap_or_else(unasked)
            }
        });
    }

    async fn ask(
        &mut self,
        step: &Step,
        target: &str,
        before: usize,
        gate: Option<Gate>,
    ) -> Response {
        let mut lines: Vec<_> = step.fields.iter().map(|line| self.line(line)).collect();
        if let Some(body) = step.body {
            lines.push(("Content-Length".into(), body.len().to_string()));
        }
        let fields: Vec<_> = lines.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let url = format!("{}{target}", self.words.base);
        let mut text = request(step.method, &url, &fields);
        if self.world.kind == Kind::Origin {
            text = text.replacen(&url, target, 1);
        }
        text += step.body.unwrap_or_default();
        let mut client = match self.client.take() {
            Some(client) => client,
            None => Client::connect(self.world.proxy.address()).await,
        };
        client.send(text).await;
        if let Some(gate) = gate {
            self.world.origin.wait_for("the request", |all| all.len() > before).await;
            self.advance(step.delay);
            gate.open();
        }
        let response = client.any_response_to(step.method).await;
        let open = !response.fields.all("connection").concat().to_lowercase().contains("close");
        self.client = Some(client).filter(|_| open && response.broken.is_none());
        response
    }

    /// Status and body that the client gets, where the step does not say.
    fn expected(&self, step: &Step, held: Option<usize>) -> (u16, Option<String>) {
        let named = step.checks.iter().find_map(|check| match check {
            Check::BodyOf(reply) => Some(*reply - 1),
            _ => None,
        });
        let own = self.replies.len().checked_sub(1);
        let of_get = self.last.get(step.suffix).copied();
        let reply = match step.way {
            Way::Asked if step.method != "GET" => named.or(own),
            Way::Behind => named.or(held),
            _ => named.or(of_get).or(own),
        };
        let (mut status, body) = reply.map_or((200, None), |reply| {
            let (status, body) = &self.replies[reply];
            (*status, Some(body.clone()))
        });
        let mut body = body.filter(|_| step.way != Way::Either);
        for check in &step.checks {
            match check {
                Check::Status(wanted) => status = *wanted,
                Check::Body(wanted) => body = Some((*wanted).into()),
                Check::AnyBody => body = None,
                _ => {}
            }
        }
        let empty = step.method == "HEAD" || status == 304 || status == 204;
        (status, if empty { Some(String::new()) } else { body })
    }
}

fn asked(step: &Step, requests: &[Received]) -> Result<(), String> {
    let (count, wanted) = (requests.len(), step.replies.len());
    let fits = match step.way {
        Way::Wait => true,
        Way::Unasked => count == 0,
        Way::Asked | Way::Validated | Way::Behind => count == wanted,
        Way::Either => count <= wanted,
        Way::Broken => count > 0,
    };
    if !fits {
        return Err(format!("the origin was asked {count} times"));
    }
    let condition = |request: &Received| {
        request.has("if-none-match") || request.has("if-modified-since") || request.has("if-range")
    };
    match step.way {
        Way::Validated if !condition(&requests[0]) => Err("asked without a condition".into()),
        _ => Ok(()),
    }
}

/// What a step brought.
struct Found<'a> {
    response: &'a Response,
    requests: &'a [Received],
    running: &'a Running,
    expected: (u16, Option<String>),
}

impl Found<'_> {
    fn check(&self, step: &Step) -> Result<(), String> {
        let (status, body) = (&self.response.status, String::from_utf8_lossy(&self.response.body));
        let whole = self.response.broken.is_none();
        let (wanted, text) = &self.expected;
        let same = text.as_ref().is_none_or(|text| *text == body);
        let free = step.way == Way::Either || step.checks.contains(&Check::Fails);
        if !free && status != wanted || whole && !same {
            let outcome = self.response.cache_status();
            return Err(format!("{status} {body:?} ({outcome}), expected {wanted} {text:?}"));
        }
        step.checks.iter().try_for_each(|check| self.one(check))
    }

    fn one(&self, check: &Check) -> Result<(), String> {
        let fields = &self.response.fields;
        let outcome = self.response.cache_status();
        let outcome = outcome.strip_prefix("larder; ").unwrap_or(outcome);
        let asked = self.requests.first().map(|request| &request.fields);
        let all_asked = || self.requests.iter().map(|request| &request.fields);
        let last = self.requests.last().map(|request| &request.fields);
        let interim = || -> Vec<_> {
            self.response.interim.iter().filter_map(|head| head.status().ok()).collect()
        };
        let got = match check {
            Check::Status(_) | Check::Body(_) | Check::BodyOf(_) | Check::AnyBody => return Ok(()),
            Check::Fails => {
                let status = self.response.status;
                fail_unless(matches!(status, 502 | 504), &status.to_string())
            }
            Check::Has(line) => self.line(Some(fields), line),
            Check::Sent(line) => self.line(asked, line),
            Check::SentMember(line) => self.list(asked, line),
            Check::Names(name) => fail_unless(fields.has(name), "none"),
            Check::Lacks(name) => {
                fail_unless(!fields.has(name), &format!("{:?}", fields.all(name)))
            }
            Check::LacksUnasked(name) => {
                fail_unless(!self.requests.is_empty() || !fields.has(name), "it")
            }
            Check::Unsent(name) => fail_unless(!all_asked().any(|fields| fields.has(name)), "sent"),
            Check::LastUnsent(name) => fail_unless(!last.is_some_and(|f| f.has(name)), "sent"),
            Check::SentTarget(target) => {
                let target = self.running.words.fill(target);
                let sent = self.requests.first().map(|request| request.target.clone());
                fail_unless(sent.as_ref() == Some(&target), &format!("{sent:?}"))
            }
            Check::Outcome(member) => fail_unless(outcome == *member, outcome),
            Check::OutcomeStarts(member) => fail_unless(outcome.starts_with(member), outcome),
            Check::Interim(statuses) => {
                fail_unless(interim() == *statuses, &format!("{:?}", interim()))
            }
            Check::Count(text, times) => {
                let body = String::from_utf8_lossy(&self.response.body);
                fail_unless(body.matches(text).count() == *times, &body)
            }
        };
        got.map_or(Ok(()), |got| Err(format!("{check:?}, got {got}")))
    }

    fn line(&self, fields: Option<&Fields>, line: &str) -> Option<String> {
        let (name, value) = self.running.line(line);
        let got = fields.map(|fields| fields.all(&name).join(", "));
        fail_unless(got.as_ref() == Some(&value), &format!("{got:?}"))
    }

    fn list(&self, fields: Option<&Fields>, line: &str) -> Option<String> {
        let (name, member) = self.running.line(line);
        let got = fields.map(|fields| fields.all(&name).join(","));
        let members = got.as_deref().unwrap_or_default();
        let found = members.split(',').any(|one| one.trim() == member);
        fail_unless(found, members)
    }
}

fn fail_unless(so: bool, got: &str) -> Option<String> {
    (!so).then(|| got.to_owned())
}
