use http::{HeaderMap, HeaderValue};

use super::*;
use crate::http::no_vary_search::NO_VARY_SEARCH;
use crate::store::contract::key;

fn rule(text: &'static str) -> QueryRule {
    let fields = HeaderMap::from_iter([(NO_VARY_SEARCH, HeaderValue::from_static(text))]);
    QueryRule::parse(&fields).unwrap()
}

fn like(queries: &Queries, path: &str) -> Vec<String> {
    let keys = queries.like(&key(path));
    keys.iter().map(|key| key.uri().path_and_query().to_owned()).collect()
}

#[test]
fn a_key_is_found_by_every_query_that_its_rule_makes_the_same() {
    let queries = Queries::default();
    let none: [&str; 0] = [];
    assert_eq!(like(&queries, "/a?x=1"), none);
    queries.add(&key("/a?x=1&utm=2"), &rule("params=(\"utm\")"));
    queries.add(&key("/a?x=1&utm=2"), &rule("params=(\"utm\")"));
    let rows: [(&str, &[&str]); 7] = [
        ("/a?x=1", &["/a?x=1&utm=2"]),
        ("/a?utm=3&x=1", &["/a?x=1&utm=2"]),
        ("/a?x=1&utm=2", &[]),
        ("/a?x=2", &[]),
        ("/a", &[]),
        ("/b?x=1", &[]),
        ("/a/?x=1", &[]),
    ];
    for (path, expected) in rows {
        assert_eq!(like(&queries, path), expected, "{path}");
    }
    queries.add(&key("/a?b=1&x=1"), &rule("key-order"));
    queries.add(&key("/a?x=1&b=1&utm=5"), &rule("params=(\"utm\")"));
    assert_eq!(like(&queries, "/a?x=1&b=1"), ["/a?x=1&b=1&utm=5", "/a?b=1&x=1"]);
    assert_eq!(queries.sizes(), [3, 3, 1]);
    let head = CacheKey::head(key("/a?x=1").uri().clone());
    assert!(queries.like(&head).is_empty(), "what HEAD got is apart");
}

#[test]
fn what_is_not_stored_is_tidied_away() {
    let queries = Queries::default();
    for n in 0..3 * STEP {
        queries.add(&key(&format!("/{}?x={n}", n % 10)), &rule("key-order"));
    }
    assert_eq!(queries.sizes(), [3 * STEP, 3 * STEP, 10]);
    for _ in 0..4 {
        queries.tidy(|key, _| key.uri().as_str().contains("/3?"));
    }
    assert_eq!(queries.sizes()[2], 1);
    for _ in 0..4 {
        queries.tidy(|_, _| false);
    }
    assert_eq!(queries.sizes(), [0, 0, 0]);
}

#[test]
fn everything_is_bounded() {
    let queries = Queries::default();
    let ignoring = rule("params=(\"utm\")");
    for n in 0..2 * KEYS_OF_A_PLACE {
        queries.add(&key(&format!("/?utm={n}")), &ignoring);
    }
    assert_eq!(like(&queries, "/").len(), KEYS_OF_A_PLACE);
    assert_eq!(queries.sizes(), [KEYS_OF_A_PLACE, 1, 1]);
    let rules = ["\"a\"", "\"b\"", "\"c\"", "\"d\"", "\"e\"", "\"f\"", "\"g\"", "\"h\"", "\"i\""];
    for name in rules {
        let text: &'static str = Box::leak(format!("params=({name})").into_boxed_str());
        queries.add(&key("/?y=1"), &rule(text));
    }
    assert!(queries.state.read().rules.values().all(|rules| rules.len() <= RULES));
    for _ in 0..3 {
        queries.tidy(|_, _| false);
    }
    assert_eq!(queries.sizes(), [0, 0, 0]);
}
