//! Queries under `No-Vary-Search`, and parts of a whole.

use http::{HeaderMap, HeaderValue};
use larder::http::QueryRule;
use larder::http::range::{RangeAnswer, requested, select};
use proptest::prelude::*;

use super::cases;

fn query() -> impl Strategy<Value = Option<String>> {
    let pair = prop::sample::select(
        &["a=1", "a=2", "b", "b=", "c=%31", "c=1", "%61=1", "u=7", "", "=x", "d=+", "d=%20", "%ff"]
            [..],
    );
    prop::option::of(prop::collection::vec(pair, 0..5).prop_map(|pairs| pairs.join("&")))
}

fn rule() -> impl Strategy<Value = QueryRule> {
    let rules = [
        "key-order",
        "params=(\"a\" \"u\")",
        "key-order, params=(\"u\")",
        "except=(\"a\" \"c\")",
        "key-order, except=(\"b\")",
        "except=()",
    ];
    prop::sample::select(rules.to_vec()).prop_map(|rule| {
        let mut head = HeaderMap::new();
        head.insert("no-vary-search", HeaderValue::from_static(rule));
        QueryRule::parse(&head).unwrap()
    })
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn queries_that_ask_for_the_same_have_one_form(
        rule in rule(), one in query(), other in query(), third in query(),
    ) {
        let (one, other, third) = (one.as_deref(), other.as_deref(), third.as_deref());
        let same = rule.equivalent(one, other);
        prop_assert_eq!(same, rule.normal_form(one) == rule.normal_form(other));
        prop_assert_eq!(same, rule.equivalent(other, one));
        prop_assert!(rule.equivalent(one, one));
        if same && rule.equivalent(other, third) {
            prop_assert!(rule.equivalent(one, third));
        }
        let form = rule.normal_form(one);
        prop_assert!(rule.equivalent(one, Some(&form)));
    }

    #[test]
    fn parts_lie_within_the_whole_and_hold_what_was_asked_for(
        set in prop::collection::vec("[0-9]{1,3}-[0-9]{0,3}|-[0-9]{1,3}", 1..14),
        length in 0..600_u64,
    ) {
        let mut head = HeaderMap::new();
        head.insert("range", HeaderValue::try_from(format!("bytes={}", set.join(","))).unwrap());
        let parts = match select(&head, length) {
            RangeAnswer::Whole => return Ok(()),
            RangeAnswer::Unsatisfiable => vec![],
            RangeAnswer::Part { first, last } => vec![(first, last)],
            RangeAnswer::Parts(parts) => parts,
        };
        prop_assert!(parts.iter().all(|(first, last)| first <= last && *last < length));
        for (first, last) in requested(&head).unwrap().into_iter().filter_map(|r| r.within(length)) {
            let within = parts.iter().filter(|(from, to)| *from <= first && last <= *to).count();
            prop_assert_eq!(within, 1);
        }
        let mut sorted = parts.clone();
        sorted.sort_unstable();
        prop_assert!(sorted.windows(2).all(|pair| pair[0].1 < pair[1].0));
    }
}
