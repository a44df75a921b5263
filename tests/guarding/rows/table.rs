//! The tables: what a row may say. docs/TESTING.md has the language.

use toml::{Table, Value};

/// Rows about one section of an RFC, or about one attack.
pub struct Section {
    pub about: String,
    pub rows: Vec<Row>,
}

/// A scene with a proxy and an origin of its own.
pub struct Row {
    pub name: String,
    pub steps: Vec<Step>,
}

/// What a client sends, what the origin answers, and what both must get.
pub struct Step {
    /// The bytes of the client.
    pub send: String,
    /// They are sent on the connection of the step before.
    pub same_connection: bool,
    /// The client ends its side after them.
    pub half_close: bool,
    /// What the origin answers to the requests that must reach it, one after the other. It must see no
    /// other, and no byte when there is none.
    pub answers: Vec<String>,
    /// The origin must have seen exactly this; the value of `Via` is `*`.
    pub seen: Option<String>,
    /// Pieces that it must have seen.
    pub sees: Vec<String>,
    /// Pieces, in any case, that it must not have seen.
    pub never_sees: Vec<String>,
    /// How many connections it must have had so far.
    pub connections: Option<usize>,
    /// It may see the beginning of a request, and must not see its end.
    pub cut: bool,
    /// It must see its connections closed.
    pub origin_closed: bool,
    /// The statuses that the client must get, one after the other; none when it is closed unserved.
    pub status: Vec<u16>,
    /// The body of the last response.
    pub body: Option<String>,
    /// The body of the last response must break off.
    pub broken: bool,
    /// Pieces that the client must get.
    pub gets: Vec<String>,
    /// Pieces, in any case, that it must not get.
    pub never_gets: Vec<String>,
    /// The connection is closed after the last response, or serves on.
    pub closed: Option<bool>,
    /// The word for the cache in the line of the last exchange.
    pub cache: Option<String>,
    /// A part of the error, or of the detail, in that line.
    pub reason: Option<String>,
}

/// Reads one file of sections.
pub fn parse(text: &str) -> Vec<Section> {
    let mut table: Table = text.parse().unwrap_or_else(|why| panic!("{why}"));
    let sections = tables(table.remove("section"));
    assert!(table.is_empty(), "what is {table:?}?");
    sections.into_iter().map(section).collect()
}

fn section(mut table: Table) -> Section {
    let about = text(table.remove("about")).expect("a section is about something");
    let rows = tables(table.remove("row")).into_iter().map(row).collect();
    assert!(table.is_empty(), "{about}: what is {table:?}?");
    Section { about, rows }
}

fn row(mut table: Table) -> Row {
    let name = text(table.remove("name")).expect("a row has a name");
    let mut steps = tables(table.remove("step"));
    if steps.is_empty() {
        steps.push(table);
    } else {
        assert!(table.is_empty(), "{name}: what is {table:?} beside its steps?");
    }
    let steps = steps.into_iter().map(|table| step(&name, table)).collect();
    Row { name, steps }
}

fn step(name: &str, mut table: Table) -> Step {
    let mut take = |key: &str| table.remove(key);
    let step = Step {
        send: text(take("send")).unwrap_or_else(|| head(&mut take)),
        same_connection: flag(take("same_connection")).unwrap_or(false),
        half_close: flag(take("half_close")).unwrap_or(false),
        answers: texts(take("answer")),
        seen: text(take("seen")),
        sees: texts(take("sees")),
        never_sees: texts(take("never_sees")),
        connections: number(take("connections")),
        cut: flag(take("cut")).unwrap_or(false),
        origin_closed: flag(take("origin_closed")).unwrap_or(false),
        status: statuses(take("status")),
        body: text(take("body")),
        broken: flag(take("broken")).unwrap_or(false),
        gets: texts(take("gets")),
        never_gets: texts(take("never_gets")),
        closed: flag(take("closed")),
        cache: text(take("cache")),
        reason: text(take("reason")),
    };
    assert!(table.is_empty(), "{name}: what is {table:?}?");
    step
}

/// The bytes of a client by their parts: `line`, `fields`, `content`.
fn head(take: &mut impl FnMut(&str) -> Option<Value>) -> String {
    let line = text(take("line")).unwrap_or_else(|| "GET {url} HTTP/1.1".into());
    let fields = text(take("fields")).unwrap_or_else(|| "Host: {origin}\n".into());
    let content = text(take("content")).unwrap_or_default();
    let end = if fields.is_empty() || fields.ends_with('\n') { "\n" } else { "\n\n" };
    format!("{line}\n{fields}{end}{content}")
}

fn tables(value: Option<Value>) -> Vec<Table> {
    let Some(value) = value else { return Vec::new() };
    let Value::Array(values) = value else { panic!("{value} is no list") };
    let table = |value| match value {
        Value::Table(table) => table,
        other => panic!("{other} is no table"),
    };
    values.into_iter().map(table).collect()
}

fn text(value: Option<Value>) -> Option<String> {
    value.map(|value| value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned())
}

fn texts(value: Option<Value>) -> Vec<String> {
    match value {
        None => Vec::new(),
        Some(Value::Array(values)) => {
            values.into_iter().map(|value| text(Some(value)).expect("a text")).collect()
        }
        one => vec![text(one).expect("a text")],
    }
}

fn flag(value: Option<Value>) -> Option<bool> {
    value.map(|value| value.as_bool().unwrap_or_else(|| panic!("{value} is not true or false")))
}

fn number(value: Option<Value>) -> Option<usize> {
    value.map(|value| {
        let number = value.as_integer().unwrap_or_else(|| panic!("{value} is no number"));
        usize::try_from(number).expect("a count")
    })
}

fn statuses(value: Option<Value>) -> Vec<u16> {
    let Some(value) = value else { panic!("a step has a status") };
    let values = match value {
        Value::Array(values) => values,
        one => vec![one],
    };
    let status = |value| u16::try_from(number(Some(value)).expect("a status")).expect("a status");
    values.into_iter().map(status).collect()
}
