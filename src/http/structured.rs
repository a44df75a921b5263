//! Structured fields (RFC 9651), all lines of a name combined: dictionaries, and lists of strings.
//!
//! Strict, as §1.1 of that RFC wants it: one mistake, and the whole field counts as absent.

use http::{HeaderMap, HeaderName};
use sfv::{BareItem, ListEntry, Parser};

use super::list::combined;

/// The longest field that is read: as long as a whole head may be. Longer ones count as absent.
const LONGEST: usize = 64 * 1024;

/// The value of a member, its parameters left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A whole number of at most 15 digits.
    Integer(i64),
    /// `?1`, or a name alone; `?0`.
    Boolean(bool),
    /// A quoted string.
    String(String),
    /// A word without quotes.
    Token(String),
    /// An inner list: `(a b)`.
    Inner(Vec<Value>),
    /// A type that none of our fields uses: decimal, bytes, date, display string.
    Other,
}

/// A dictionary. Of members with the same name the last one counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dictionary(Vec<(String, Value)>);

impl Dictionary {
    /// The value of this member; names know case.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.iter().find_map(|(known, value)| (known == name).then_some(value))
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Whether it has no members.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Reads a field that holds a dictionary; `None` when it is absent or is none. An empty field is an
/// empty dictionary.
pub fn dictionary(fields: &HeaderMap, name: &HeaderName) -> Option<Dictionary> {
    let members: sfv::Dictionary = Parser::new(&text(fields, name)?).parse().ok()?;
    let members = members.into_iter().map(|(name, entry)| (name.into(), Value::from(entry)));
    Some(Dictionary(members.collect()))
}

/// Reads a field that holds a list of strings; `None` when it is absent, or when a member of it is
/// anything else.
pub fn strings(fields: &HeaderMap, name: &HeaderName) -> Option<Vec<String>> {
    let members: sfv::List = Parser::new(&text(fields, name)?).parse().ok()?;
    members.into_iter().map(|entry| Value::from(entry).into_string()).collect()
}

fn text(fields: &HeaderMap, name: &HeaderName) -> Option<Vec<u8>> {
    let length: usize = fields.get_all(name).iter().map(|line| line.len() + 2).sum();
    (length <= LONGEST).then(|| combined(fields, name)).flatten()
}

impl Value {
    /// The string that it is.
    pub fn into_string(self) -> Option<String> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }
}

impl From<ListEntry> for Value {
    fn from(entry: ListEntry) -> Self {
        match entry {
            ListEntry::Item(item) => item.bare_item.into(),
            ListEntry::InnerList(inner) => {
                Self::Inner(inner.items.into_iter().map(|item| item.bare_item.into()).collect())
            }
        }
    }
}

impl From<BareItem> for Value {
    fn from(item: BareItem) -> Self {
        match item {
            BareItem::Integer(number) => Self::Integer(number.into()),
            BareItem::Boolean(answer) => Self::Boolean(answer),
            BareItem::String(text) => Self::String(text.into()),
            BareItem::Token(word) => Self::Token(word.into()),
            BareItem::Decimal(_)
            | BareItem::ByteSequence(_)
            | BareItem::Date(_)
            | BareItem::DisplayString(_) => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests;
