use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONNECTION, VARY};

use super::super::tests::sample::head_of_bytes;
use super::*;

fn lines(name: &HeaderName, values: &[&[u8]]) -> HeaderMap {
    head_of_bytes(values.iter().map(|value| (name.as_str(), *value)))
}

#[test]
fn a_list_is_split_at_the_commas_that_separate_members() {
    let rows: &[(&[&[u8]], &[&str])] = &[
        (&[], &[]),
        (&[b""], &[]),
        (&[b"a"], &["a"]),
        (&[b"a,b"], &["a", "b"]),
        (&[b" a \t,\t b "], &["a", "b"]),
        (&[b",, a ,,b, ,"], &["a", "b"]),
        (&[b"a", b"b, c", b"d"], &["a", "b", "c", "d"]),
        (&[br#"x="1,2", y"#], &[r#"x="1,2""#, "y"]),
        (&[br#"x="1\",2", y"#], &[r#"x="1\",2""#, "y"]),
        (&[br#"x="1\\", y"#], &[r#"x="1\\""#, "y"]),
        (&[br#"x="", y"#], &[r#"x="""#, "y"]),
        (&["x=é, y".as_bytes()], &["x=é", "y"]),
    ];
    for (values, expected) in rows {
        let fields = lines(&CACHE_CONTROL, values);
        let found: Vec<&str> = members(&fields, &CACHE_CONTROL).collect();
        assert_eq!(found, *expected, "{values:?}");
    }
}

#[test]
fn an_unclosed_quote_hides_no_later_member() {
    let rows: &[(&[u8], &[&str])] = &[
        (br#"private="x, no-store"#, &[r#"private="x"#, "no-store"]),
        (br#"a", b"#, &[r#"a""#, "b"]),
        (br#"x="1", y="2, z"#, &[r#"x="1""#, r#"y="2"#, "z"]),
        (br#"x="1\"#, &[r#"x="1\"#]),
        (br#"x="1\", z"#, &[r#"x="1\""#, "z"]),
        (br#"x="\", y="\", z"#, &[r#"x="\", y="\""#, "z"]),
        (br#"x="\", y=\", z="#, &[r#"x="\""#, r#"y=\""#, "z="]),
        (b"\"", &["\""]),
    ];
    for (value, expected) in rows {
        let fields = lines(&CACHE_CONTROL, &[value]);
        let found: Vec<&str> = members(&fields, &CACHE_CONTROL).collect();
        assert_eq!(found, *expected, "{value:?}");
    }
}

#[test]
fn a_long_line_of_escaped_quotes_is_read_once() {
    let line = ["\"", &"\\\",".repeat(100_000)].concat();
    let fields = lines(&CACHE_CONTROL, &[line.as_bytes()]);
    assert_eq!(members(&fields, &CACHE_CONTROL).count(), 100_000);
}

#[test]
fn of_a_member_that_is_not_utf8_the_name_and_an_invalid_argument_are_left() {
    let rows: &[(&[u8], &[&str])] = &[
        (b"private=\"\xff\", no-cache", &["private=", "no-cache"]),
        (b"max-age=5\xff", &["max-age="]),
        (b"a, \xff, b", &["a", "b"]),
        (b"no\xffstore, b", &["b"]),
        (b"\xff=1, b", &["b"]),
    ];
    for (value, expected) in rows {
        let fields = lines(&CACHE_CONTROL, &[value]);
        let found: Vec<&str> = members(&fields, &CACHE_CONTROL).collect();
        assert_eq!(found, *expected, "{value:?}");
    }
}

#[test]
fn a_token_is_found_on_any_line_in_any_case_but_never_as_a_part() {
    let rows: &[(&[&[u8]], bool)] = &[
        (&[b"close"], true),
        (&[b"keep-alive, CLOSE"], true),
        (&[b"keep-alive", b"x,Close"], true),
        (&[b"closed"], false),
        (&[b"x-close"], false),
        (&[b"\"close\""], false),
        (&[], false),
    ];
    for (values, expected) in rows {
        let fields = lines(&CONNECTION, values);
        assert_eq!(contains_token(&fields, &CONNECTION, "close"), *expected, "{values:?}");
    }
}

#[test]
fn only_the_lines_of_the_asked_name_count() {
    let mut fields = lines(&VARY, &[b"accept"]);
    fields.append(CONNECTION, HeaderValue::from_static("close"));
    assert_eq!(members(&fields, &VARY).collect::<Vec<_>>(), ["accept"]);
}

#[test]
fn a_token_has_at_least_one_character_and_no_separator() {
    for good in ["a", "max-age", "!#$%&'*+-.^_`|~09azAZ"] {
        assert!(is_token(good), "{good}");
    }
    for bad in ["", " ", "a b", "a=b", "a,b", "\"a\"", "a/b", "é", "a:b", "a;b", "a\0", "(a)"] {
        assert!(!is_token(bad), "{bad}");
    }
}

#[test]
fn an_argument_is_a_token_or_a_quoted_string() {
    let rows = [
        ("60", Some("60")),
        (r#""60""#, Some("60")),
        (r#""""#, Some("")),
        (r#""a b, c""#, Some("a b, c")),
        (r#""a\"b\\c\d""#, Some(r#"a"b\cd"#)),
        ("", None),
        (" 60", None),
        ("a b", None),
        ("\"", None),
        ("\"a", None),
        ("a\"", None),
        (r#""a"b""#, None),
        (r#""a\""#, None),
    ];
    for (argument, expected) in rows {
        assert_eq!(unquote(argument).as_deref(), expected, "{argument}");
    }
}

#[test]
fn a_member_is_a_token_and_whatever_follows_is_its_argument() {
    let rows = [
        ("no-store", ("no-store", None)),
        ("max-age=60", ("max-age", Some("60"))),
        ("max-age=", ("max-age", Some(""))),
        ("x=\"a=b\"", ("x", Some("\"a=b\""))),
        ("private =\"x\"", ("private", Some(""))),
        ("max-age= 60", ("max-age", Some(" 60"))),
        ("=1", ("", Some("1"))),
        ("max-age", ("max-age", None)),
        ("max-age=60;x=1", ("max-age", Some("60;x=1"))),
        // No argument at all, and yet not none: it is invalid.
        ("no-store; max-age=60", ("no-store", Some(""))),
        ("max-age 60", ("max-age", Some(""))),
        ("max-age\"60\"", ("max-age", Some(""))),
        ("max-age:60", ("max-age", Some(""))),
        ("publicé", ("public", Some(""))),
        ("\"no-store\"", ("", Some(""))),
        ("", ("", None)),
    ];
    for (member, expected) in rows {
        assert_eq!(split_argument(member), expected, "{member}");
    }
}

#[test]
fn lines_are_combined_with_a_comma_in_their_order() {
    assert_eq!(combined(&HeaderMap::new(), &VARY), None);
    assert_eq!(combined(&lines(&VARY, &[b"a"]), &VARY), Some(b"a".to_vec()));
    assert_eq!(combined(&lines(&VARY, &[b"a", b"\xff, c"]), &VARY), Some(b"a, \xff, c".to_vec()));
}

#[test]
fn lines_that_differ_have_no_single_value() {
    assert_eq!(single(&HeaderMap::new(), &VARY), None);
    assert_eq!(single(&lines(&VARY, &[b"a", b"a"]), &VARY), Some(&b"a"[..]));
    assert_eq!(single(&lines(&VARY, &[b"a", b"b"]), &VARY), None);
}
