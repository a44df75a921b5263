//! Groups of responses (RFC 9875): what belongs together, and what a response invalidates.
//!
//! A group means something only within one origin, and only as it is written, byte for byte; whom that
//! concerns is for the caller to know, and so is whether the method was safe.

use http::{HeaderMap, HeaderName};

use super::structured::strings;

/// The groups that a response belongs to.
pub const CACHE_GROUPS: HeaderName = HeaderName::from_static("cache-groups");

/// The groups that a response to an unsafe request invalidates.
pub const CACHE_GROUP_INVALIDATION: HeaderName =
    HeaderName::from_static("cache-group-invalidation");

/// The most groups of one response; those after them are left out.
const MOST: usize = 128;

/// The longest name of a group; a longer one is left out.
const LONGEST: usize = 256;

/// The groups that a response belongs to (`Cache-Groups`), each once, sorted.
pub fn groups(response: &HeaderMap) -> Vec<Box<str>> {
    read(response, &CACHE_GROUPS)
}

/// The groups that a response invalidates (`Cache-Group-Invalidation`), each once, sorted. To be
/// ignored where the request's method is safe.
pub fn invalidated_groups(response: &HeaderMap) -> Vec<Box<str>> {
    read(response, &CACHE_GROUP_INVALIDATION)
}

fn read(response: &HeaderMap, name: &HeaderName) -> Vec<Box<str>> {
    if !response.contains_key(name) {
        return Vec::new();
    }
    let named = strings(response, name).unwrap_or_default().into_iter();
    let mut groups: Vec<Box<str>> =
        named.filter(|group| group.len() <= LONGEST).take(MOST).map(Into::into).collect();
    groups.sort_unstable();
    groups.dedup();
    groups
}

#[cfg(test)]
mod tests {
    use super::super::tests::sample::head;
    use super::*;

    fn of(values: &[&str]) -> Vec<Box<str>> {
        let lines: Vec<_> = values.iter().map(|value| ("cache-groups", *value)).collect();
        groups(&head(&lines))
    }

    #[test]
    fn groups_are_the_strings_of_all_lines_byte_for_byte() {
        let rows: &[(&[&str], &[&str])] = &[
            (&[], &[]),
            (&["\"a\""], &["a"]),
            (&["\"b\", \"a\"", "\"c\""], &["a", "b", "c"]),
            (&["\"a\", \"A\", \"a\""], &["A", "a"]),
            (&["\"a\";revalidate, \" a\""], &[" a", "a"]),
            (&["\"\""], &[""]),
            (&[""], &[]),
            (&["a"], &[]),
            (&["\"a\", b"], &[]),
            (&["\"a\", 1"], &[]),
        ];
        for (values, expected) in rows {
            let found = of(values);
            assert!(found.iter().map(AsRef::as_ref).eq(expected.iter().copied()), "{values:?}");
        }
    }

    #[test]
    fn many_and_long_groups_are_kept_and_absurd_ones_left_out() {
        let many: Vec<_> = (0..1_000).map(|n| format!("\"{n:032}\"")).collect();
        assert_eq!(of(&[&many.join(", ")]).len(), MOST);
        let long = |length: usize| format!("\"{}\", \"a\"", "x".repeat(length));
        assert_eq!(of(&[&long(LONGEST)]).len(), 2);
        assert_eq!(of(&[&long(LONGEST + 1)]).len(), 1);
    }

    #[test]
    fn what_is_invalidated_stands_in_a_field_of_its_own() {
        let head = head(&[("cache-groups", "\"a\""), ("cache-group-invalidation", "\"b\"")]);
        assert_eq!(groups(&head), [Box::from("a")]);
        assert_eq!(invalidated_groups(&head), [Box::from("b")]);
    }
}
