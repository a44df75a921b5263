//! Nominated request fields (RFC 9111 §4.1): which fields `Vary` names, and their values.

mod asked;
mod encoding;
mod normal;

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use http::header::VARY;
use http::{HeaderMap, HeaderName, HeaderValue};

pub(super) use self::asked::Asked;
use crate::http::list;

/// What the `Vary` lines of a response name, `*` included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Nomination {
    /// These fields; none without `Vary`.
    Fields(Vec<HeaderName>),
    /// `*` somewhere, or a member that is no field name: no other request matches.
    Anything,
}

impl Nomination {
    /// Reads all lines.
    pub(super) fn parse(response: &HeaderMap) -> Self {
        let mut names = Vec::new();
        for member in list::members(response, &VARY) {
            match HeaderName::from_bytes(member.as_bytes()) {
                Ok(name) if member != "*" => names.push(name),
                _ => return Self::Anything,
            }
        }
        Self::Fields(names)
    }
}

/// The request fields that a stored response's `Vary` nominates, with their values normalised as far
/// as their grammar allows. Empty when the response has no `Vary`. Equal when the normalised values
/// are equal. Clones share one block.
#[derive(Clone, Debug, Default)]
pub struct NominatedFields(Option<Arc<Nominated>>);

#[derive(Debug)]
struct Nominated {
    /// Where the normalised entries end.
    normal_len: usize,
    /// Names in order, each once, with normalised values (see [`push_entry`]). Then the same as
    /// received, where that differs: most clients send exactly this again, and then nothing needs to
    /// be normalised to see that it matches.
    block: Box<[u8]>,
}

impl Nominated {
    fn normal(&self) -> &[u8] {
        self.block.get(..self.normal_len).unwrap_or_default()
    }

    fn received(&self) -> &[u8] {
        match self.block.get(self.normal_len..) {
            Some(received) if !received.is_empty() => received,
            _ => &self.block,
        }
    }
}

impl NominatedFields {
    /// Reads the values of `names` from the request.
    pub fn read(names: impl IntoIterator<Item = HeaderName>, request: &HeaderMap) -> Self {
        let mut names: Vec<_> = names.into_iter().collect();
        names.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        names.dedup();
        if names.is_empty() {
            return Self(None);
        }
        let (mut block, mut received) = (Vec::new(), Vec::new());
        for name in &names {
            let value = list::combined(request, name);
            let normal = value.as_deref().map(|value| normal::normalised(name.as_str(), value));
            push_entry(&mut block, name, normal.as_deref());
            push_entry(&mut received, name, value.as_deref());
        }
        let normal_len = block.len();
        if received != block {
            block.append(&mut received);
        }
        Self(Some(Arc::new(Nominated { normal_len, block: block.into() })))
    }

    /// Whether `request` has the same values in the nominated fields.
    pub fn matches(&self, request: &HeaderMap) -> bool {
        let Some(nominated) = &self.0 else {
            return true;
        };
        entries(nominated.received()).all(|(name, value)| is_same(request, name, value))
            || entries(nominated.normal()).all(|(name, value)| means_same(request, name, value))
    }

    /// Whether this field is nominated.
    pub fn names(&self, field: &HeaderName) -> bool {
        entries(self.as_bytes()).any(|(name, _)| name == field.as_str())
    }

    /// Whether the same fields are nominated, whatever their values.
    fn nominates_same(&self, other: &Self) -> bool {
        let (own, its) = (entries(self.as_bytes()), entries(other.as_bytes()));
        own.map(|(name, _)| name).eq(its.map(|(name, _)| name))
    }

    /// Whether no field is nominated.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The names with their normalised values as bytes: the same exactly for equal ones.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], |nominated| nominated.normal())
    }

    /// Bytes of memory that this holds besides itself; clones share them.
    pub fn weight(&self) -> usize {
        let counts_and_lengths = 2 * size_of::<usize>() + size_of::<Nominated>();
        self.0.as_ref().map_or(0, |nominated| counts_and_lengths + nominated.block.len())
    }
}

impl PartialEq for NominatedFields {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for NominatedFields {}

impl Hash for NominatedFields {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

/// Whether the field is one line of exactly these bytes, or absent where `value` is `None`.
fn is_same(request: &HeaderMap, name: &str, value: Option<&[u8]>) -> bool {
    let mut lines = request.get_all(name).iter();
    let first = lines.next().map(HeaderValue::as_bytes);
    first == value && lines.next().is_none()
}

/// Whether the field's normalised value is this one.
fn means_same(request: &HeaderMap, name: &str, value: Option<&[u8]>) -> bool {
    let now = HeaderName::from_bytes(name.as_bytes())
        .ok()
        .and_then(|name| list::combined(request, &name))
        .map(|combined| normal::normalised(name, &combined));
    now.as_deref() == value
}

/// Appends one entry: length and bytes of the name, then 0, or 1 with length and bytes of the value.
fn push_entry(block: &mut Vec<u8>, name: &HeaderName, value: Option<&[u8]>) {
    let name = name.as_str().as_bytes();
    push_text(block, name);
    match value {
        None => block.push(0),
        Some(value) => {
            block.push(1);
            push_text(block, value);
        }
    }
}

fn push_text(block: &mut Vec<u8>, text: &[u8]) {
    let len = u32::try_from(text.len()).unwrap_or(u32::MAX);
    block.extend_from_slice(&len.to_be_bytes());
    block.extend_from_slice(text);
}

/// The entries of a block that [`push_entry`] made.
fn entries(block: &[u8]) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
    let mut rest = block;
    std::iter::from_fn(move || {
        let name = std::str::from_utf8(take_text(&mut rest)?).ok()?;
        let (present, after) = rest.split_first()?;
        rest = after;
        let value = if *present == 1 { Some(take_text(&mut rest)?) } else { None };
        Some((name, value))
    })
}

fn take_text<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (len, after) = rest.split_first_chunk::<4>()?;
    let len = usize::try_from(u32::from_be_bytes(*len)).ok()?;
    let (text, after) = after.split_at_checked(len)?;
    *rest = after;
    Some(text)
}

#[cfg(test)]
mod tests;
