use http::HeaderValue;
use http::header::IF_NONE_MATCH;

use super::*;

const NOW: Timestamp = Timestamp::from_unix_secs(1_785_542_400);

fn fields(lines: &[(HeaderName, &[u8])]) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for (name, value) in lines {
        fields.append(name, HeaderValue::from_bytes(value).unwrap());
    }
    fields
}

#[test]
fn an_entity_tag_is_read_as_the_grammar_says() {
    let rows: &[(&[u8], Option<(bool, &[u8])>)] = &[
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
    let rows: &[(&[&[u8]], &[(bool, &[u8])])] = &[
        (&[], &[]),
        (&[b"\"a\""], &[(false, b"a")]),
        (&[b"\"a\", W/\"b\"", b"\"c\""], &[(false, b"a"), (true, b"b"), (false, b"c")]),
        (&[b",, \"a\" ,\t\"b\","], &[(false, b"a"), (false, b"b")]),
        (&[b"\"a,b\",\"c\""], &[(false, b"a,b"), (false, b"c")]),
        (&[br#""a\", "b""#], &[(false, br"a\"), (false, b"b")]),
        (&[b"junk, \"a\""], &[(false, b"a")]),
        (&[b"\"a\"x, \"b\""], &[(false, b"b")]),
        (&[b"\"a, \"b"], &[]),
        (&[b"*"], &[]),
    ];
    for (values, expected) in rows {
        let lines: Vec<_> = values.iter().map(|value| (IF_NONE_MATCH, *value)).collect();
        let found: Vec<_> = entity_tags(&fields(&lines), &IF_NONE_MATCH)
            .map(|(weak, opaque)| (weak, opaque.to_vec()))
            .collect();
        let expected: Vec<_> = expected.iter().map(|(weak, o)| (*weak, o.to_vec())).collect();
        assert_eq!(found, expected, "{values:?}");
    }
}

#[test]
fn a_response_has_the_validators_that_it_states_clearly() {
    let date = b"Sun, 06 Nov 1994 08:49:37 GMT";
    let other = b"Sun, 06 Nov 1994 08:49:38 GMT";
    let rows: &[(&[(HeaderName, &[u8])], Option<&str>, Option<u64>)] = &[
        (&[], None, None),
        (&[(ETAG, b"\"a\""), (LAST_MODIFIED, date)], Some("\"a\""), Some(784_111_777)),
        (&[(ETAG, b"W/\"a\"")], Some("W/\"a\""), None),
        (&[(ETAG, b"a"), (LAST_MODIFIED, b"yesterday")], None, None),
        (&[(ETAG, b"\"a\""), (ETAG, b"\"a\"")], Some("\"a\""), None),
        (&[(ETAG, b"\"a\""), (ETAG, b"\"b\"")], None, None),
        (&[(LAST_MODIFIED, date), (LAST_MODIFIED, other)], None, None),
    ];
    for (lines, etag, modified) in rows {
        let found = Validators::read(&fields(lines), NOW);
        let tag = found.etag.as_ref().map(|tag| format!("{tag:?}"));
        assert_eq!(tag.as_deref(), *etag, "{lines:?}");
        assert_eq!(found.last_modified.map(Timestamp::unix_secs), *modified, "{lines:?}");
        assert_eq!(found.is_empty(), etag.is_none() && modified.is_none(), "{lines:?}");
    }
}

#[test]
fn a_modification_date_is_strong_from_one_second_before_the_date() {
    let modified: &[u8] = b"Sun, 06 Nov 1994 08:49:37 GMT";
    let rows: &[(Option<&[u8]>, bool)] = &[
        (Some(b"Sun, 06 Nov 1994 08:49:38 GMT"), true),
        (Some(b"Sun, 06 Nov 1994 08:49:37 GMT"), false),
        (Some(b"Sun, 06 Nov 1994 08:49:36 GMT"), false),
        (Some(b"junk"), false),
        (None, false),
    ];
    for (date, strong) in rows {
        let mut lines = vec![(LAST_MODIFIED, modified)];
        lines.extend(date.map(|date| (DATE, date)));
        assert_eq!(strong_last_modified(&fields(&lines), NOW).is_some(), *strong, "{date:?}");
    }
}
