use super::super::tests::sample::head;
use super::*;

fn rule(value: &str) -> Option<QueryRule> {
    QueryRule::parse(&head(&[("no-vary-search", value)]))
}

fn except(names: &[&str]) -> Parameters {
    Parameters::Except(names.iter().copied().map(Box::from).collect())
}

fn only(names: &[&str]) -> Parameters {
    Parameters::Only(names.iter().copied().map(Box::from).collect())
}

#[test]
fn the_rule_is_what_the_field_says() {
    let rows = [
        ("key-order", except(&[]), false),
        ("key-order=?1", except(&[]), false),
        ("key-order;x=1", except(&[]), false),
        ("params=(\"a\")", except(&["a"]), true),
        ("params=(\"b\" \"a\" \"b\");x", except(&["a", "b"]), true),
        ("params=(\"a\";x)", except(&["a"]), true),
        ("params=(\"a\"), key-order", except(&["a"]), false),
        ("except=(\"x\")", only(&["x"]), true),
        ("except=()", only(&[]), true),
        ("key-order, except=(\"x\")", only(&["x"]), false),
        ("params=(\"a\"), unknown=5", except(&["a"]), true),
        ("params=(\"%C3%A9+%E6%B0%97\")", except(&["é 気"]), true),
        (
            "params=(\"a%26b\" \"a&c\" \"a=d\" \"\" \"%ff\")",
            except(&["", "a&b", "a&c", "a=d", "\u{fffd}"]),
            true,
        ),
        // As the earlier drafts had it.
        ("params", only(&[]), true),
        ("params, except=(\"x\")", only(&["x"]), true),
        ("params, except=()", only(&[]), true),
    ];
    for (value, parameters, ordered) in rows {
        assert_eq!(rule(value), Some(QueryRule { parameters, ordered }), "{value}");
    }
}

#[test]
fn what_is_invalid_or_says_nothing_is_no_rule() {
    for value in [
        "",
        "unknown",
        "key-order=?0",
        "params=()",
        "params=(), key-order=?0",
        "key-order=\"yes\"",
        "key-order=1",
        "key-order=(), params=(\"a\")",
        "params=\"a\"",
        "params=a",
        "params=(a)",
        "params=(\"a\" b)",
        "params=?0",
        "params=?0, key-order",
        "params=(\"a\"), except=(\"x\")",
        "params=(), except=()",
        "params=?0, except=(\"x\")",
        "except=\"x\"",
        "except=(x)",
        "except=?1",
        "except",
        "params, except",
        "params=(\"a\"",
        "Params=(\"a\")",
        "params=(\"a\"),",
    ] {
        assert_eq!(rule(value), None, "{value}");
    }
    assert_eq!(QueryRule::parse(&HeaderMap::new()), None);
    let lines = head(&[("no-vary-search", "key-order"), ("no-vary-search", "params=(\"a\")")]);
    assert_eq!(QueryRule::parse(&lines), rule("key-order, params=(\"a\")"));
}

#[test]
fn queries_are_compared_as_the_rule_says() {
    let rows = [
        ("key-order", Some("a=1&b=2"), Some("b=2&a=1"), true),
        ("key-order", Some("a=1&b=2&a=3"), Some("b=2&a=1&a=3"), true),
        ("key-order", Some("a=1&a=2"), Some("a=2&a=1"), false),
        ("key-order", Some("a=1"), Some("a=1&b"), false),
        ("params=(\"u\")", Some("u=1&a=2"), Some("a=2&u=3&u"), true),
        ("params=(\"u\")", Some("u=1"), None, true),
        ("params=(\"u\")", Some("a=1&b=2"), Some("b=2&a=1"), false),
        ("params=(\"u\")", Some("U=1"), None, false),
        ("params=(\"u\")", Some("a=1"), Some("a=2"), false),
        ("params=(\"\")", Some("=1&a"), Some("a"), true),
        ("except=(\"id\")", Some("id=1&x=2"), Some("y&id=1"), true),
        ("except=(\"id\")", Some("id=1"), Some("id=2"), false),
        ("except=(\"id\")", Some("id=1"), Some("x=1"), false),
        ("except=()", Some("a=1"), None, true),
        ("params", Some("a=1"), Some("b"), true),
        ("key-order, except=(\"a\" \"b\")", Some("a=1&c&b=2"), Some("b=2&a=1"), true),
        ("params=(\"%C3%A9+x\")", Some("é+x=1"), Some("%C3%A9%20x=4"), true),
    ];
    for (value, one, other, expected) in rows {
        let rule = rule(value).unwrap();
        assert_eq!(rule.equivalent(one, other), expected, "{value}: {one:?} {other:?}");
        assert_eq!(rule.equivalent(other, one), expected, "{value}: {other:?} {one:?}");
    }
}

#[test]
fn under_any_rule_a_query_is_read_like_a_form() {
    let rule = rule("key-order").unwrap();
    let rows = [
        (None, Some(""), true),
        (Some("a=x"), Some("%61=%78"), true),
        (Some("a=é"), Some("a=%C3%A9"), true),
        (Some("a=%f6"), Some("a=%ef%bf%bd"), true),
        (Some("a=x&&&&"), Some("a=x"), true),
        (Some("a="), Some("a"), true),
        (Some("a=%20"), Some("a=+"), true),
        (Some("a=%2B"), Some("a=+"), false),
        (Some("a=%zz"), Some("a=%25zz"), true),
        (Some("a=b=c"), Some("a=b%3Dc"), true),
        (Some("a;b"), Some("a&b"), false),
        (Some("a=%C3%A9"), Some("a=e%CC%81"), false),
        (Some("a=1%26b=2"), Some("a=1&b=2"), false),
    ];
    for (one, other, expected) in rows {
        assert_eq!(rule.equivalent(one, other), expected, "{one:?} {other:?}");
    }
}

#[test]
fn the_normal_form_is_its_own_and_tells_apart_what_differs() {
    let rule = rule("key-order, params=(\"u\")").unwrap();
    for query in ["", "b=2&a=1", "a=%26&%3d=é", "a=\u{fffd}&a=+", "u=1&x", "%00=%0a"] {
        let form = rule.normal_form(Some(query));
        assert_eq!(rule.normal_form(Some(&form)), form, "{query}");
        assert!(rule.equivalent(Some(query), Some(&form)), "{query}");
    }
    assert_eq!(rule.normal_form(Some("b=2&u=7&a=1")), "a=1&b=2");
}
