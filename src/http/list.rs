//! Comma lists, tokens and quoted strings (RFC 9110 §5.6), over all field lines of a name.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName};

/// The members of a list-based field, over all its lines in order (RFC 9110 §5.6.1). A comma inside a
/// quoted-string does not split; a quote that is never closed is an ordinary character, so that it hides
/// nothing that follows it. Empty members are left out, and so is the whitespace around them.
///
/// Of a member that is not UTF-8 only the name and the `=` are left, which is an argument that nobody
/// takes for valid; without an `=` the member is left out.
pub fn members<'a>(
    fields: &'a HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'a str> + use<'a> {
    fields
        .get_all(name)
        .iter()
        .flat_map(|line| split(line.as_bytes()))
        .filter_map(readable)
        .filter(|member| !member.is_empty())
}

/// Whether a list-based field has the member `token`, in any case.
pub fn contains_token(fields: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    members(fields, name).any(|member| member.eq_ignore_ascii_case(token))
}

/// Whether `text` is a token (RFC 9110 §5.6.2).
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_tchar)
}

/// The value of an argument: a token as it is, a quoted-string without its quotes and backslashes
/// (RFC 9110 §5.6.4). `None` when it is neither.
pub fn unquote(argument: &str) -> Option<Cow<'_, str>> {
    let Some(inner) = argument.strip_prefix('"') else {
        return is_token(argument).then_some(Cow::Borrowed(argument));
    };
    let inner = inner.strip_suffix('"')?;
    if !inner.contains(['"', '\\']) {
        return Some(Cow::Borrowed(inner));
    }
    let mut text = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => return None,
            '\\' => text.push(chars.next()?),
            _ => text.push(c),
        }
    }
    Some(Cow::Owned(text))
}

/// A member taken apart: the token that it begins with, and its argument as written (see [`unquote`]).
/// Whatever else stands between the two, or in place of the `=`, leaves the token with an argument that
/// is invalid, so that `no-store; max-age=60` stays `no-store`, `private ="x"` stays private, and
/// `max-age =60` is no lifetime. Whitespace behind the `=` is part of the argument, which is then invalid.
pub fn split_argument(member: &str) -> (&str, Option<&str>) {
    let end = member.bytes().position(|byte| !is_tchar(byte)).unwrap_or(member.len());
    let (name, rest) = member.split_at_checked(end).unwrap_or((member, ""));
    (name, (!rest.is_empty()).then(|| rest.strip_prefix('=').unwrap_or_default()))
}

/// All lines of a field as one value, joined with `, ` (RFC 9110 §5.2). `None` when it is absent.
pub fn combined(fields: &HeaderMap, name: &HeaderName) -> Option<Vec<u8>> {
    let mut lines = fields.get_all(name).iter();
    let mut all = lines.next()?.as_bytes().to_vec();
    for line in lines {
        all.extend_from_slice(b", ");
        all.extend_from_slice(line.as_bytes());
    }
    Some(all)
}

/// The field's only value; `None` when it is absent or when its lines differ, for then nobody can say
/// which one is meant.
pub(super) fn single<'a>(fields: &'a HeaderMap, name: &HeaderName) -> Option<&'a [u8]> {
    let mut lines = fields.get_all(name).iter();
    let first = lines.next()?;
    lines.all(|line| line == first).then_some(first.as_bytes())
}

/// Whether `c` is optional whitespace (RFC 9110 §5.6.3).
pub(super) fn is_ows(c: char) -> bool {
    c == ' ' || c == '\t'
}

fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// One line, taken apart at its commas.
fn split(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(line);
    let mut quoting = true;
    std::iter::from_fn(move || {
        let line = rest?;
        let (member, after) = line.split_at_checked(member_len(line, &mut quoting))?;
        rest = after.split_first().map(|(_comma, after)| after);
        Some(member)
    })
}

/// The length of the first member, up to its comma or the end. `quoting` turns false at a quote that is
/// never closed: then none after it is either, and to look again for each would take quadratic time.
fn member_len(line: &[u8], quoting: &mut bool) -> usize {
    let mut at = 0;
    while let Some(byte) = line.get(at) {
        match byte {
            b',' => return at,
            b'"' if *quoting => match line.get(at..).and_then(quoted_len) {
                Some(quoted) => at += quoted,
                None => *quoting = false,
            },
            _ => at += 1,
        }
    }
    at
}

/// The length of the quoted-string that `text` starts with; `None` when it is never closed.
fn quoted_len(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// A member as text, trimmed; see [`members`] for what is left of one that is not UTF-8.
fn readable(member: &[u8]) -> Option<&str> {
    let text = match std::str::from_utf8(member) {
        Ok(text) => text,
        Err(error) => {
            let valid = std::str::from_utf8(member.get(..error.valid_up_to())?).ok()?;
            valid.get(..=valid.find('=')?)?
        }
    };
    Some(text.trim_matches(is_ows))
}

#[cfg(test)]
mod tests;
