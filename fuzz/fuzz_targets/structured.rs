//! Structured fields, and what is made of them: groups, the rule for queries, preferences. The first
//! line is the field, the second and third are queries.
#![no_main]

use http::header::{ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE};
use http::{HeaderMap, HeaderValue};
use larder::http::accept::{
    Quality, coding_quality, favourite_language, language_quality, media_quality, preferences,
};
use larder::http::cache_groups::{CACHE_GROUPS, groups};
use larder::http::no_vary_search::{NO_VARY_SEARCH, QueryRule};
use larder::http::structured::{dictionary, strings};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut lines = input.splitn(3, |byte| *byte == b'\n');
    let Ok(value) = HeaderValue::from_bytes(lines.next().unwrap_or_default()) else { return };
    let mut head = HeaderMap::new();
    for name in [CACHE_GROUPS, NO_VARY_SEARCH, ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE] {
        head.insert(name, value.clone());
    }

    if let Some(members) = dictionary(&head, &NO_VARY_SEARCH) {
        assert!(members.iter().all(|(name, value)| members.get(name) == Some(value)));
    }
    let named = strings(&head, &CACHE_GROUPS).unwrap_or_default();
    assert!(groups(&head).iter().all(|group| named.iter().any(|name| **name == **group)));

    let queries: Vec<Option<&str>> = lines.map(|line| std::str::from_utf8(line).ok()).collect();
    if let Some(rule) = QueryRule::parse(&head) {
        let one = queries.first().copied().flatten();
        let other = queries.get(1).copied().flatten();
        assert_eq!(rule.equivalent(one, other), rule.equivalent(other, one));
        let form = rule.normal_form(one);
        assert_eq!(rule.normal_form(Some(&form)), form);
        assert!(rule.equivalent(one, Some(&form)));
    }

    if let Some(all) = preferences(&head, &ACCEPT_LANGUAGE) {
        assert!(all.iter().all(|one| one.quality <= Quality::BEST));
        if let Some(favourite) = favourite_language(&head) {
            assert!(all.iter().any(|one| one.range == favourite));
            assert!(language_quality(&head, &favourite) > Quality::NONE);
        }
    }
    if let Ok(text) = value.to_str() {
        for quality in
            [coding_quality(&head, text), media_quality(&head, text), language_quality(&head, text)]
        {
            assert!(quality <= Quality::BEST);
        }
    }
});
