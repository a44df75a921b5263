use http::header::IF_NONE_MATCH;

use super::super::tests::sample::{Lines, head, head_of_bytes};
use super::*;

const NOW: Timestamp = Timestamp::from_unix_secs(1_785_542_400);

#[test]
fn an_entity_tag_is_read_as_the_grammar_says() {
    /// Whether it is weak, and what it holds.
    type Tag<'a> = (bool, &'a [u8]);
    let rows: &[(&[u8], Option<Tag<'_>>)] = &[
        (b"\"a\"", Some((false, b"a"))),
        (b"W/\"a\"", Some((true, b"a"))),
        (b"\"\"", Some((false, b""))),
        (b"W/\"\"", Some((true, b""))),
        (br#""a\""#, Some((false, br"a\"))),
        (b"\"a,b\"", Some((false, b"a,b"))),
        (b"\"\xe9\"", Some((false, b"\xe9"))),
        (b"", None),
        (b"a", None),
        (b"\"", None),
        (b"\"a", None),
        (b"a\"", None),
        (b"w/\"a\"", None),
        (b"W/a", None),
        (b"W/ \"a\"", None),
        (b"\"a b\"", None),
        (b"\"a\"b", None),
        (b"\"a\" ", None),
        (b"*", None),
    ];
    for (text, expected) in rows {
        let found = EntityTag::parse(text);
        let found = found.as_ref().map(|tag| (tag.weak, &*tag.opaque));
        assert_eq!(found, *expected, "{}", text.escape_ascii());
    }
}

#[test]
fn entity_tags_compare_as_in_the_table_of_the_rfc() {
    let rows = [
        ("W/\"1\"", "W/\"1\"", false, true),
        ("W/\"1\"", "W/\"2\"", false, false),
        ("W/\"1\"", "\"1\"", false, true),
        ("\"1\"", "\"1\"", true, true),
        ("\"a\"", "\"A\"", false, false),
    ];
    for (one, other, strong, weak) in rows {
        let tags = (EntityTag::parse(one).unwrap(), EntityTag::parse(other).unwrap());
        assert_eq!(tags.0.strong_eq(&tags.1), strong, "{one} {other}");
        assert_eq!(tags.1.strong_eq(&tags.0), strong, "{one} {other}");
        assert_eq!(tags.0.weak_eq(&tags.1), weak, "{one} {other}");
        assert_eq!(tags.1.weak_eq(&tags.0), weak, "{one} {other}");
    }
}

#[test]
fn a_list_of_entity_tags_is_read_over_all_lines() {
    let rows: &[(&[&[u8]], &str)] = &[
        (&[], ""),
        (&[b"\"a\""], "a"),
        (&[b"\"a\", W/\"b\"", b"\"c\""], "a W/b c"),
        (&[b",, \"a\" ,\t\"b\","], "a b"),
        (&[b"\"a,b\",\"c\""], "a,b c"),
        (&[br#""a\", "b""#], r"a\ b"),
        (&[b"junk, \"a\""], "a"),
        (&[b"\"a\"x, \"b\""], "b"),
        (&[b"\"\xe9\", \"b\""], "\u{fffd} b"),
        (&[b"\"a, \"b"], ""),
        (&[b"*"], ""),
    ];
    for (values, expected) in rows {
        let fields = head_of_bytes(values.iter().map(|value| ("if-none-match", *value)));
        let found: Vec<_> = entity_tags(&fields, &IF_NONE_MATCH)
            .map(|tag| {
                let weak = if tag.weak { "W/" } else { "" };
                format!("{weak}{}", String::from_utf8_lossy(&tag.opaque))
            })
            .collect();
        assert_eq!(found.join(" "), *expected, "{values:?}");
    }
}

#[test]
fn a_response_has_the_validators_that_it_states_clearly() {
    const DATE: (&str, &str) = ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT");
    const OTHER: (&str, &str) = ("last-modified", "Sun, 06 Nov 1994 08:49:38 GMT");
    let rows: &[(Lines<'_>, Option<&str>, Option<u64>)] = &[
        (&[], None, None),
        (&[("etag", "\"a\""), DATE], Some("\"a\""), Some(784_111_777)),
        (&[("etag", "W/\"a\"")], Some("W/\"a\""), None),
        (&[("etag", "a"), ("last-modified", "yesterday")], None, None),
        (&[("etag", "\"a\""), ("etag", "\"a\"")], Some("\"a\""), None),
        (&[("etag", "\"a\""), ("etag", "\"b\"")], None, None),
        (&[DATE, OTHER], None, None),
    ];
    for (lines, etag, modified) in rows {
        let found = Validators::read(&head(lines), NOW);
        let tag = found.etag.as_ref().map(|tag| format!("{tag:?}"));
        assert_eq!(tag.as_deref(), *etag, "{lines:?}");
        assert_eq!(found.last_modified.map(Timestamp::unix_secs), *modified, "{lines:?}");
        assert_eq!(found.is_empty(), etag.is_none() && modified.is_none(), "{lines:?}");
    }
}

#[test]
fn a_modification_date_is_strong_from_one_second_before_the_date() {
    const MODIFIED: (&str, &str) = ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT");
    let rows: &[(Lines<'_>, bool)] = &[
        (&[MODIFIED, ("date", "Sun, 06 Nov 1994 08:49:38 GMT")], true),
        (&[MODIFIED, ("date", "Sun, 06 Nov 1994 08:49:37 GMT")], false),
        (&[MODIFIED, ("date", "Sun, 06 Nov 1994 08:49:36 GMT")], false),
        (&[MODIFIED, ("date", "junk")], false),
        (&[MODIFIED], false),
        (&[("date", "Sun, 06 Nov 1994 08:49:38 GMT")], false),
    ];
    for (lines, strong) in rows {
        assert_eq!(strong_last_modified(&head(lines), NOW).is_some(), *strong, "{lines:?}");
    }
}
