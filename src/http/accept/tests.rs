use super::super::tests::sample::head;
use super::*;

#[test]
fn a_weight_has_at_most_three_decimals_and_is_at_most_one() {
    let rows = [
        ("0", Some(0)),
        ("0.", Some(0)),
        ("0.5", Some(500)),
        ("0.05", Some(50)),
        ("0.123", Some(123)),
        ("0.000", Some(0)),
        ("1", Some(1000)),
        ("1.", Some(1000)),
        ("1.000", Some(1000)),
        ("1.001", None),
        ("0.1234", None),
        ("2", None),
        ("00", None),
        (".5", None),
        ("", None),
        ("-0.5", None),
        ("+1", None),
        ("0,5", None),
        ("0.5x", None),
    ];
    for (text, expected) in rows {
        assert_eq!(Quality::parse(text).map(Quality::thousandths), expected, "{text}");
    }
}

#[test]
fn preferences_come_in_their_order_over_all_lines() {
    let head = head(&[("accept", "Text/HTML;Level=\"1\" ; q=0.5;ext=1,, */*"), ("accept", "a/b")]);
    let all = preferences(&head, &ACCEPT).unwrap();
    let named = |text: &str, value: &str| (text.to_owned(), value.to_owned());
    assert_eq!(all.len(), 3);
    assert_eq!((all[0].range.as_str(), all[0].quality.thousandths()), ("text/html", 500));
    assert_eq!(all[0].parameters, [named("level", "1")]);
    assert_eq!((all[1].range.as_str(), all[2].range.as_str()), ("*/*", "a/b"));
    assert_eq!(preferences(&HeaderMap::new(), &ACCEPT), Some(vec![]));
}

#[test]
fn a_list_with_a_malformed_member_says_nothing() {
    for text in ["en;q=x", "en;q=2", "en;q", "en fr", "é", "a/b/c", ";q=1", "en, de;q=", "en;=1"] {
        let head = head(&[("accept-language", text)]);
        assert_eq!(preferences(&head, &ACCEPT_LANGUAGE), None, "{text}");
        assert_eq!(favourite_language(&head), None, "{text}");
        assert_eq!(language_quality(&head, "fr"), Quality::BEST, "{text}");
    }
}

#[test]
fn the_favourite_language_is_the_only_one_ranked_highest() {
    let rows = [
        ("en", Some("en")),
        ("EN-us", Some("en-us")),
        ("en, de;q=0.5", Some("en")),
        ("de;q=0.5, en;q=0.501", Some("en")),
        ("en-US, en;q=0.9, *;q=0.1", Some("en-us")),
        ("en, de", None),
        ("en, en", None),
        ("en;q=0.5, *", None),
        ("en, *", None),
        ("*", None),
        ("en;q=0", None),
        ("", None),
    ];
    for (text, expected) in rows {
        let found = favourite_language(&head(&[("accept-language", text)]));
        assert_eq!(found.as_deref(), expected, "{text}");
    }
    assert_eq!(favourite_language(&HeaderMap::new()), None);
}

#[test]
fn a_language_is_liked_as_the_longest_range_that_it_begins_with() {
    let rows = [
        ("en", "en", 1000),
        ("en", "EN-gb", 1000),
        ("en-gb", "en", 0),
        ("en", "enx", 0),
        ("en;q=0.5, en-gb;q=0.9", "en-GB-oed", 900),
        ("en-gb;q=0.9, en;q=0.5", "en-us", 500),
        ("en, *;q=0.1", "fr", 100),
        ("en;q=0, *", "en", 0),
        ("", "fr", 1000),
    ];
    for (text, tag, expected) in rows {
        let found = language_quality(&head(&[("accept-language", text)]), tag);
        assert_eq!(found.thousandths(), expected, "{text}: {tag}");
    }
}

#[test]
fn a_coding_is_liked_by_its_name_and_identity_unless_excluded() {
    let rows = [
        ("gzip, br;q=0.5", "GZIP", 1000),
        ("gzip, br;q=0.5", "br", 500),
        ("gzip", "br", 0),
        ("gzip", "identity", 1),
        ("gzip, identity;q=0", "identity", 0),
        ("gzip, *;q=0", "identity", 0),
        ("*;q=0.3", "br", 300),
        ("identity;q=0.2, *;q=0", "identity", 200),
        ("", "br", 1000),
    ];
    for (text, coding, expected) in rows {
        let found = coding_quality(&head(&[("accept-encoding", text)]), coding);
        assert_eq!(found.thousandths(), expected, "{text}: {coding}");
    }
}

#[test]
fn a_media_type_is_liked_as_its_most_specific_range() {
    let all = "text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, \
               text/plain;format=fixed;q=0.4, */*;q=0.5";
    let rows = [
        (all, "text/plain;format=flowed", 1000),
        (all, "text/plain", 700),
        (all, "text/html", 300),
        (all, "image/jpeg", 500),
        (all, "Text/Plain; Format=\"fixed\"; charset=utf-8", 400),
        (all, "text/html;level=3", 300),
        ("text/html", "text/css", 0),
        ("text/html;q=0, */*", "text/html", 0),
        ("text/html", "no type", 1),
        ("", "text/css", 1000),
    ];
    for (text, media_type, expected) in rows {
        let found = media_quality(&head(&[("accept", text)]), media_type);
        assert_eq!(found.thousandths(), expected, "{text}: {media_type}");
    }
}
