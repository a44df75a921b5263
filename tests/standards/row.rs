//! The language of the tables: a row is a name, a section, and steps; a step is one request, what the
//! origin answers to it, and what must come of it.
//!
//! Values of fields may hold `{…}`: see [`super::fill`].

use crate::support::origin::Reply;

/// One behaviour of a cache.
pub struct Row {
    /// What is true, in a few words.
    pub name: &'static str,
    /// Where it is written.
    pub section: &'static str,
    /// What happens, in order, on a path of its own.
    pub steps: Vec<Step>,
}

/// A row.
pub fn row<const N: usize>(name: &'static str, section: &'static str, steps: [Step; N]) -> Row {
    Row { name, section, steps: steps.into() }
}

/// What the origin has to do with a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Time passes, nothing else.
    Wait,
    /// The origin is not asked.
    Unasked,
    /// The origin is asked once for each reply.
    Asked,
    /// Asked, and the first time with a condition on what is stored.
    Validated,
    /// The origin is asked, but not before the client has its answer.
    Behind,
    /// The origin may be asked or not.
    Either,
    /// The origin is asked, and closes without an answer.
    Broken,
}

/// What must be true of a step besides its [`Way`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// The client gets this status.
    Status(u16),
    /// The client gets an error that says that the origin did not answer.
    Fails,
    /// The client gets this body.
    Body(&'static str),
    /// The client gets the body of the row's so-manieth reply, from 1.
    BodyOf(usize),
    /// The client gets whatever body.
    AnyBody,
    /// The client gets this field line; several lines count as one.
    Has(&'static str),
    /// The client gets a field of this name.
    Names(&'static str),
    /// The client gets no field of this name.
    Lacks(&'static str),
    /// The client gets no field of this name, unless the origin was asked.
    LacksUnasked(&'static str),
    /// The origin sees this field line; several lines count as one.
    Sent(&'static str),
    /// A list in a field that the origin sees has this member.
    SentMember(&'static str),
    /// The origin sees no field of this name.
    Unsent(&'static str),
    /// The last request that the origin sees has no field of this name.
    LastUnsent(&'static str),
    /// The origin sees this request-target after the path of the row.
    SentTarget(&'static str),
    /// Our member of `Cache-Status`, without `larder; `.
    Outcome(&'static str),
    /// Our member of `Cache-Status` begins so.
    OutcomeStarts(&'static str),
    /// The interim responses that the client gets.
    Interim(&'static [u16]),
    /// How often this stands in the body.
    Count(&'static str, usize),
}

/// One request, or a span of time.
#[derive(Clone)]
pub struct Step {
    pub(super) way: Way,
    pub(super) wait: u64,
    pub(super) method: &'static str,
    pub(super) suffix: &'static str,
    pub(super) target: Option<&'static str>,
    pub(super) fields: Vec<&'static str>,
    pub(super) body: Option<&'static str>,
    pub(super) replies: Vec<Answer>,
    pub(super) checks: Vec<Check>,
    pub(super) delay: u64,
    pub(super) later: bool,
}

fn step(way: Way, replies: Vec<Answer>) -> Step {
    Step {
        way,
        wait: 0,
        method: "GET",
        suffix: "",
        target: None,
        fields: Vec::new(),
        body: None,
        replies,
        checks: Vec::new(),
        delay: 0,
        later: false,
    }
}

/// So many seconds pass.
pub fn wait(seconds: u64) -> Step {
    Step { wait: seconds, ..step(Way::Wait, Vec::new()) }
}

/// A GET that the origin answers.
pub fn fetch(reply: Answer) -> Step {
    step(Way::Asked, vec![reply])
}

/// A GET for which the origin is asked once for each of these.
pub fn fetch_all<const N: usize>(replies: [Answer; N]) -> Step {
    step(Way::Asked, replies.into())
}

/// A GET that is answered without the origin.
pub fn hit() -> Step {
    step(Way::Unasked, Vec::new())
}

/// A GET that makes the proxy ask with a condition of its own.
pub fn validate(reply: Answer) -> Step {
    step(Way::Validated, vec![reply])
}

/// A GET that is answered from the store, with the origin asked behind.
pub fn behind(reply: Answer) -> Step {
    step(Way::Behind, vec![reply])
}

/// A GET of which both is right: that the origin is asked, and that it is not.
pub fn either(reply: Answer) -> Step {
    step(Way::Either, vec![reply])
}

/// A GET that the origin cannot be asked for.
pub fn broken() -> Step {
    step(Way::Broken, Vec::new())
}

/// Another method, for which the origin is asked.
pub fn send(method: &'static str, reply: Answer) -> Step {
    Step { method, body: body_of(method), ..step(Way::Asked, vec![reply]) }
}

fn body_of(method: &str) -> Option<&'static str> {
    matches!(method, "POST" | "PUT" | "PATCH").then_some("sent")
}

impl Step {
    /// With another method.
    pub fn method(mut self, method: &'static str) -> Self {
        (self.method, self.body) = (method, body_of(method));
        self
    }

    /// With something after the row's path: `?query` or `/more`.
    pub fn at(mut self, suffix: &'static str) -> Self {
        self.suffix = suffix;
        self
    }

    /// With this after the authority in place of the row's path; `{path}` is the row's path.
    pub fn target(mut self, target: &'static str) -> Self {
        self.target = Some(target);
        self
    }

    /// With a field line.
    pub fn asking(mut self, line: &'static str) -> Self {
        self.fields.push(line);
        self
    }

    /// So many seconds pass between the origin's receipt of the request and its answer.
    pub fn taking(mut self, seconds: u64) -> Self {
        self.delay = seconds;
        self
    }

    /// Asked again until it is so: what happens behind a response takes a moment.
    pub fn later(mut self) -> Self {
        self.later = true;
        self
    }

    fn check(mut self, check: Check) -> Self {
        self.checks.push(check);
        self
    }

    /// The client gets this status.
    pub fn status(self, status: u16) -> Self {
        self.check(Check::Status(status))
    }

    /// The client gets an error that says that the origin did not answer.
    pub fn fails(self) -> Self {
        self.check(Check::Fails).any_body()
    }

    /// The client gets this body.
    pub fn body(self, body: &'static str) -> Self {
        self.check(Check::Body(body))
    }

    /// The client gets the status and body of the row's so-manieth reply, from 1.
    pub fn body_of(self, reply: usize) -> Self {
        self.check(Check::BodyOf(reply))
    }

    /// The client gets whatever body.
    pub fn any_body(self) -> Self {
        self.check(Check::AnyBody)
    }

    /// The client gets this field line; several lines count as one.
    pub fn has(self, line: &'static str) -> Self {
        self.check(Check::Has(line))
    }

    /// The client gets a field of this name.
    pub fn names(self, name: &'static str) -> Self {
        self.check(Check::Names(name))
    }

    /// The client gets no field of this name.
    pub fn lacks(self, name: &'static str) -> Self {
        self.check(Check::Lacks(name))
    }

    /// The client gets no field of this name, unless the origin was asked.
    pub fn lacks_unasked(self, name: &'static str) -> Self {
        self.check(Check::LacksUnasked(name))
    }

    /// The origin sees this field line; several lines count as one.
    pub fn sent(self, line: &'static str) -> Self {
        self.check(Check::Sent(line))
    }

    /// A list that the origin sees has this member: `Name: member`.
    pub fn sent_member(self, line: &'static str) -> Self {
        self.check(Check::SentMember(line))
    }

    /// The origin sees no field of this name.
    pub fn unsent(self, name: &'static str) -> Self {
        self.check(Check::Unsent(name))
    }

    /// The last request that the origin sees has no field of this name.
    pub fn last_unsent(self, name: &'static str) -> Self {
        self.check(Check::LastUnsent(name))
    }

    /// The origin sees this request-target.
    pub fn sent_target(self, target: &'static str) -> Self {
        self.check(Check::SentTarget(target))
    }

    /// Our member of `Cache-Status`, without `larder; `.
    pub fn outcome(self, member: &'static str) -> Self {
        self.check(Check::Outcome(member))
    }

    /// Our member of `Cache-Status` begins so.
    pub fn outcome_starts(self, member: &'static str) -> Self {
        self.check(Check::OutcomeStarts(member))
    }

    /// The interim responses that the client gets.
    pub fn interim(self, statuses: &'static [u16]) -> Self {
        self.check(Check::Interim(statuses))
    }

    /// How often this stands in the body.
    pub fn count(self, text: &'static str, times: usize) -> Self {
        self.check(Check::Count(text, times))
    }
}

/// What the origin answers. Where no body is given there is one that no other reply of the row has.
#[derive(Clone)]
pub struct Answer {
    pub(super) status: u16,
    pub(super) fields: Vec<&'static str>,
    pub(super) body: Option<&'static str>,
    pub(super) interim: Vec<(u16, Vec<&'static str>)>,
    pub(super) shape: fn(Reply) -> Reply,
}

/// A reply with this status.
pub fn reply(status: u16) -> Answer {
    Answer { status, fields: Vec::new(), body: None, interim: Vec::new(), shape: |reply| reply }
}

/// 200 with this `Cache-Control`; none when empty.
pub fn ok(directives: &'static str) -> Answer {
    let answer = reply(200);
    match directives {
        "" => answer,
        // The line is built once per row, and lives as long as the tests.
        _ => answer.with(Box::leak(format!("Cache-Control: {directives}").into_boxed_str())),
    }
}

/// 304 with this entity tag.
pub fn not_modified(tag: &'static str) -> Answer {
    reply(304).with(Box::leak(format!("ETag: {tag}").into_boxed_str()))
}

impl Answer {
    /// With a field line.
    pub fn with(mut self, line: &'static str) -> Self {
        self.fields.push(line);
        self
    }

    /// With several field lines.
    pub fn with_all(mut self, lines: &[&'static str]) -> Self {
        self.fields.extend_from_slice(lines);
        self
    }

    /// With this body.
    pub fn body(mut self, body: &'static str) -> Self {
        self.body = Some(body);
        self
    }

    /// With an interim response before it.
    pub fn interim(mut self, status: u16, lines: &[&'static str]) -> Self {
        self.interim.push((status, lines.into()));
        self
    }

    /// With another framing, or an end too early.
    pub fn shaped(mut self, shape: fn(Reply) -> Reply) -> Self {
        self.shape = shape;
        self
    }
}

/// Fresh to the last of so many seconds, and not a second longer.
pub fn lives(
    name: &'static str,
    section: &'static str,
    fields: &[&'static str],
    seconds: u64,
) -> Row {
    let stored = fetch(reply(200).with_all(fields));
    let last = seconds.checked_sub(1).expect("a lifetime");
    row(name, section, [stored, wait(last), hit(), wait(1), fetch(ok("no-store"))])
}

/// Used again without asking; nothing is said about how long.
pub fn reused(name: &'static str, section: &'static str, fields: &[&'static str]) -> Row {
    row(name, section, [fetch(reply(200).with_all(fields)), wait(1), hit()])
}

/// Never used again without asking.
pub fn never(name: &'static str, section: &'static str, fields: &[&'static str]) -> Row {
    row(name, section, [fetch(reply(200).with_all(fields)), fetch(ok("no-store"))])
}
