use std::time::Duration;

use http::HeaderName;

use super::*;
use crate::policy::reuse::Config;
use crate::policy::scene::{fields, instant, storable_with};
use crate::policy::{ResponseDirectives, Storable};

fn list(names: &[&'static str]) -> TargetList {
    TargetList::new(names.iter().map(|name| HeaderName::from_static(name)))
}

/// What becomes of a response: its lifetime, or why it is not stored.
fn outcome(targets: &TargetList, answered: &str) -> String {
    let config = Config { targets: targets.clone(), ..Config::default() };
    match storable_with("GET", &format!("200 | {answered}"), instant(0), &config) {
        Storable::Store(kept) => kept.freshness.lifetime().as_secs().to_string(),
        Storable::Decline(detail) => detail.as_str().to_owned(),
    }
}

#[test]
fn the_first_listed_field_that_says_something_decides_alone() {
    let targets = list(&["our-cache-control", "cdn-cache-control"]);
    #[rustfmt::skip]
    let rows = [
        ("Cache-Control: max-age=5", "5"),
        ("CDN-Cache-Control: max-age=9 | Cache-Control: max-age=5", "9"),
        ("CDN-Cache-Control: max-age=5 | Cache-Control: max-age=9", "5"),
        ("Our-Cache-Control: max-age=7 | CDN-Cache-Control: max-age=9 | Cache-Control: max-age=5", "7"),
        ("CDN-Cache-Control: max-age=9 | Our-Cache-Control: max-age=7", "7"),
        // In both directions.
        ("CDN-Cache-Control: max-age=9 | Cache-Control: no-store", "9"),
        ("CDN-Cache-Control: max-age=9 | Cache-Control: private, s-maxage=0", "9"),
        ("CDN-Cache-Control: no-store | Cache-Control: max-age=5", "no-store"),
        ("CDN-Cache-Control: private | Cache-Control: max-age=5", "private"),
        ("CDN-Cache-Control: max-age=9 | Expires: 0", "9"),
        ("CDN-Cache-Control: max-age=9 | Expires: {+60}", "9"),
        ("CDN-Cache-Control: none | Expires: {+60}", "no-freshness"),
        ("CDN-Cache-Control: none | Cache-Control: no-store | Last-Modified: {-1000}", "100"),
        // Not there, empty, or no dictionary: the next one.
        ("Our-Cache-Control: | CDN-Cache-Control: max-age=9 | Cache-Control: max-age=5", "9"),
        ("Our-Cache-Control: max-age=7, | CDN-Cache-Control: max-age=9", "9"),
        ("CDN-Cache-Control: max-age=, | Cache-Control: max-age=5", "5"),
        ("CDN-Cache-Control: &&& | Cache-Control: max-age=5", "5"),
        ("CDN-Cache-Control: Max-Age=9 | Cache-Control: max-age=5", "5"),
        ("CDN-Cache-Control: max-age=9 max-age=8 | Cache-Control: max-age=5", "5"),
        // Several lines are one dictionary; of equal names the last counts; parameters do not.
        ("CDN-Cache-Control: max-age=9 | CDN-Cache-Control: no-store", "no-store"),
        ("CDN-Cache-Control: max-age=9, max-age=8", "8"),
        ("CDN-Cache-Control: max-age=9;x=y", "9"),
        ("CDN-Cache-Control: s-maxage=8, max-age=9", "8"),
        ("CDN-Cache-Control: max-age=9, no-store;a", "no-store"),
        // The wrong type is no lifetime.
        ("CDN-Cache-Control: max-age=\"9\" | Cache-Control: max-age=5", "no-freshness"),
        ("CDN-Cache-Control: max-age=9.5 | ETag: \"a\"", "0"),
        ("CDN-Cache-Control: max-age=-9 | ETag: \"a\"", "0"),
        ("CDN-Cache-Control: max-age | ETag: \"a\"", "0"),
        ("CDN-Cache-Control: max-age=(9) | ETag: \"a\"", "0"),
        ("CDN-Cache-Control: max-age=9, s-maxage=x | ETag: \"a\"", "0"),
        // What restricts does so whatever its value, but for a plain no.
        ("CDN-Cache-Control: max-age=9, no-store=1", "no-store"),
        ("CDN-Cache-Control: max-age=9, no-store=?0", "9"),
        ("CDN-Cache-Control: max-age=9, private=\"x-a\"", "9"),
        ("CDN-Cache-Control: max-age=9, private=x", "private"),
    ];
    for (answered, expected) in rows {
        assert_eq!(outcome(&targets, answered), expected, "{answered}");
    }
}

#[test]
fn what_is_not_on_the_list_changes_nothing() {
    let rows = [
        ("CDN-Cache-Control: max-age=600 | Cache-Control: no-store", "no-store"),
        ("CDN-Cache-Control: no-store | Cache-Control: max-age=5", "5"),
        ("Surrogate-Control: no-store | Cache-Control: max-age=5", "5"),
    ];
    for (answered, expected) in rows {
        assert_eq!(outcome(&TargetList::default(), answered), expected, "{answered}");
        assert_eq!(outcome(&list(&["our-cache-control"]), answered), expected, "{answered}");
    }
}

#[test]
fn all_directives_of_cache_control_have_their_meaning_in_a_targeted_field() {
    let read = |value: &str| {
        let fields = fields(&format!("CDN-Cache-Control: {value} | Cache-Control: max-age=1"));
        ResponseDirectives::read(&fields, &TargetList::for_origin())
    };
    assert!(read("must-revalidate").must_revalidate);
    assert!(read("proxy-revalidate").proxy_revalidate);
    assert!(read("no-cache").no_cache.is_whole());
    assert_eq!(read("no-cache=\"x-a, x-b\"").no_cache.fields().len(), 2);
    assert!(read("public").public);
    assert!(!read("public=1").public);
    assert!(!read("public=?0").public);
    assert!(read("immutable, must-understand").immutable);
    assert_eq!(
        read("stale-while-revalidate=5").stale_while_revalidate,
        Some(Duration::from_secs(5))
    );
    assert_eq!(read("stale-if-error=5").stale_if_error, Some(Duration::from_secs(5)));
    assert_eq!(read("unknown").max_age, None);
}
