//! Heads for the tests of this room.

use http::{HeaderMap, HeaderName, HeaderValue};

/// Field lines as a test writes them: name and value.
pub(in crate::http) type Lines<'a> = &'a [(&'a str, &'a str)];

/// A head with these field lines, in their order.
pub(in crate::http) fn head(lines: Lines<'_>) -> HeaderMap {
    head_of_bytes(lines.iter().map(|(name, value)| (*name, value.as_bytes())))
}

/// A head whose values need not be text.
pub(in crate::http) fn head_of_bytes<'a>(
    lines: impl IntoIterator<Item = (&'a str, &'a [u8])>,
) -> HeaderMap {
    let mut head = HeaderMap::new();
    for (name, value) in lines {
        head.append(HeaderName::try_from(name).unwrap(), HeaderValue::from_bytes(value).unwrap());
    }
    head
}
