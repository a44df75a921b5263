use super::*;
use crate::policy::scene::fields;

/// A text, and what holds of it.
type Row<T> = (&'static str, fn(&T) -> bool);

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn of_response(value: &str) -> ResponseDirectives {
    ResponseDirectives::parse(&fields(&format!("Cache-Control: {value}")))
}

fn of_request(value: &str) -> RequestDirectives {
    RequestDirectives::parse(&fields(&format!("Cache-Control: {value}")))
}

#[test]
fn a_lifetime_is_what_its_digits_say_and_zero_when_they_are_none() {
    let rows: &[(&str, Option<u64>)] = &[
        ("max-age=60", Some(60)),
        ("MAX-AGE=60", Some(60)),
        ("Max-Age=\"60\"", Some(60)),
        ("max-age=0060", Some(60)),
        ("a=1, max-age=60, b", Some(60)),
        (", ,max-age=60,,", Some(60)),
        ("max-age=0", Some(0)),
        ("max-age=2147483647", Some(2_147_483_647)),
        ("max-age=2147483648", Some(2_147_483_648)),
        ("max-age=4294967296", Some(2_147_483_648)),
        ("max-age=99999999999999999999999999", Some(2_147_483_648)),
        // Duplicates: the least.
        ("max-age=60, max-age=30", Some(30)),
        ("max-age=30, max-age=60", Some(30)),
        ("max-age=60, max-age=x", Some(0)),
        ("max-age=60 | Cache-Control: max-age=10", Some(10)),
        // Invalid: nothing lives by it.
        ("max-age", Some(0)),
        ("max-age=", Some(0)),
        ("max-age=\"\"", Some(0)),
        ("max-age=-60", Some(0)),
        ("max-age=+60", Some(0)),
        ("max-age=60.5", Some(0)),
        ("max-age=60s", Some(0)),
        ("max-age=a60", Some(0)),
        ("max-age='60'", Some(0)),
        ("max-age=\"60", Some(0)),
        ("max-age= 60", Some(0)),
        ("max-age=60;x", Some(0)),
        ("max-age=6 0", Some(0)),
        ("max-age=0x60", Some(0)),
        ("max-age:60", Some(0)),
        ("max-age 60", Some(0)),
        ("max-age; 60", Some(0)),
        // Not this directive.
        ("x-max-age=60", None),
        ("max_age=60", None),
        ("ext=\"max-age=60\"", None),
        ("ext=\"a, max-age=60, b\"", None),
        ("public", None),
    ];
    for (value, expected) in rows {
        assert_eq!(of_response(value).max_age, expected.map(secs), "{value}");
        let shared = value.to_ascii_lowercase().replace("max-age", "s-maxage");
        assert_eq!(of_response(&shared).s_maxage, expected.map(secs), "{shared}");
    }
}

#[test]
fn response_directives_are_found_in_any_case_and_on_any_line() {
    let rows: &[Row<ResponseDirectives>] = &[
        ("no-store", |d| d.no_store),
        ("No-Store", |d| d.no_store),
        ("no-store=x", |d| d.no_store),
        ("max-age=5 | Cache-Control: NO-STORE", |d| d.no_store),
        ("must-revalidate", |d| d.must_revalidate),
        ("Proxy-Revalidate", |d| d.proxy_revalidate),
        ("PUBLIC", |d| d.public),
        ("must-understand", |d| d.must_understand),
        ("immutable", |d| d.immutable),
        ("stale-while-revalidate=5", |d| d.stale_while_revalidate == Some(secs(5))),
        ("stale-if-error=5, stale-if-error=3", |d| d.stale_if_error == Some(secs(3))),
        ("stale-if-error=x", |d| d.stale_if_error == Some(secs(0))),
        ("ext=\"no-store\"", |d| !d.no_store),
        ("ext=\"unclosed, no-store", |d| d.no_store),
        ("no-storex", |d| !d.no_store),
        // Of a member with something else in it the restriction is left.
        ("no-store; max-age=60", |d| d.no_store && d.max_age.is_none()),
        ("private;max-age=60", |d| d.private == Extent::Whole),
        ("public; max-age=60", |d| !d.public),
        // What permits must stand alone.
        ("public=x", |d| !d.public),
        ("must-understand=1", |d| !d.must_understand),
    ];
    for (value, holds) in rows {
        assert!(holds(&of_response(value)), "{value}");
    }
}

#[test]
fn a_response_without_directives_has_none() {
    assert_eq!(of_response("max-lifetime=3, ext"), ResponseDirectives::default());
    let pragma = fields("Pragma: no-cache");
    assert_eq!(ResponseDirectives::parse(&pragma), ResponseDirectives::default());
}

#[test]
fn private_and_no_cache_cover_the_whole_response_or_the_fields_that_they_name() {
    let named = |names: &[&'static str]| {
        Extent::Fields(names.iter().map(|name| HeaderName::from_static(name)).collect())
    };
    let rows = [
        ("public", Extent::Nothing),
        ("private", Extent::Whole),
        ("PRIVATE", Extent::Whole),
        ("private=\"set-cookie\"", named(&["set-cookie"])),
        ("private=set-cookie", named(&["set-cookie"])),
        ("private=\"Set-Cookie, X-A\"", named(&["set-cookie", "x-a"])),
        ("private=\"x-a\", private=\"x-b\"", named(&["x-a", "x-b"])),
        ("private=\"x-a\", private", Extent::Whole),
        ("private, private=\"x-a\"", Extent::Whole),
        ("private=", Extent::Whole),
        ("private=\"\"", Extent::Whole),
        ("private=\"a b\"", Extent::Whole),
        ("private=\"x-a,,x-b\"", named(&["x-a", "x-b"])),
        ("private=\"unclosed", Extent::Whole),
        ("private =\"x-a\"", Extent::Whole),
    ];
    for (value, expected) in rows {
        assert_eq!(of_response(value).private, expected, "{value}");
        let no_cache = value.to_ascii_lowercase().replace("private", "no-cache");
        assert_eq!(of_response(&no_cache).no_cache, expected, "{no_cache}");
    }
}

#[test]
fn request_directives_are_read_and_the_more_demanding_duplicate_counts() {
    let rows: &[Row<RequestDirectives>] = &[
        ("no-cache", |d| d.no_cache),
        ("No-Cache=x", |d| d.no_cache),
        ("no-store", |d| d.no_store),
        ("only-if-cached", |d| d.only_if_cached),
        ("max-age=5, max-age=3", |d| d.max_age == Some(secs(3))),
        ("max-age=x", |d| d.max_age == Some(secs(0))),
        ("min-fresh=5, min-fresh=30", |d| d.min_fresh == Some(secs(30))),
        ("min-fresh=x", |d| d.min_fresh.is_some_and(|wanted| wanted > secs(1_000_000_000))),
        ("max-stale", |d| d.max_stale == Some(MaxStale::Any)),
        ("max-stale=7", |d| d.max_stale == Some(MaxStale::Within(secs(7)))),
        ("max-stale=7, max-stale", |d| d.max_stale == Some(MaxStale::Within(secs(7)))),
        ("max-stale, max-stale=7", |d| d.max_stale == Some(MaxStale::Within(secs(7)))),
        ("max-stale=9, max-stale=7", |d| d.max_stale == Some(MaxStale::Within(secs(7)))),
        ("max-stale=x", |d| d.max_stale == Some(MaxStale::Within(secs(0)))),
        ("stale-if-error=9", |d| d.stale_if_error == Some(secs(9))),
        ("no-transform, ext=1", |d| *d == RequestDirectives::default()),
    ];
    for (value, holds) in rows {
        assert!(holds(&of_request(value)), "{value}: {:?}", of_request(value));
    }
}

#[test]
fn pragma_counts_as_no_cache_only_without_cache_control() {
    let rows = [
        ("Pragma: no-cache", true),
        ("Pragma: No-Cache", true),
        ("Pragma: x, no-cache", true),
        ("Pragma: x", false),
        ("Pragma: no-cache | Cache-Control: max-age=5", false),
        ("Pragma: no-cache | Cache-Control: no-cache", true),
        ("", false),
    ];
    for (text, expected) in rows {
        assert_eq!(RequestDirectives::parse(&fields(text)).no_cache, expected, "{text}");
    }
}

/// A small generator, always the same: no line of it may give more life than `max-age=9` alone.
#[test]
fn no_text_beside_a_lifetime_lengthens_it() {
    const PIECES: [&str; 14] =
        ["max-age", "=", "99", "\"", ",", " ", "s", "-1", ".5", "'", "\\", "public", "\t", "9e9"];
    let mut state = 1_u64;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap()
    };
    for _ in 0..20_000 {
        let noise: String = (0..next() % 8).map(|_| PIECES[next() % PIECES.len()]).collect();
        let after = of_response(&format!("max-age=9, {noise}")).max_age;
        assert!(after.is_some_and(|life| life <= secs(9)), "max-age=9, {noise}");
        let before = of_response(&format!("{noise}, max-age=9")).max_age;
        // A quoted-string before it may rightly hold the directive.
        let swallowed = noise.contains('"');
        assert!(swallowed || before.is_some_and(|life| life <= secs(9)), "{noise}, max-age=9");
    }
}
