//! How far an invalidation reaches: HEAD, other queries, groups.

use super::*;
use crate::policy::Interval;
use crate::store::contract::head_with;

const IGNORES_UTM: (&str, &str) = ("no-vary-search", "params=(\"utm\")");

fn begin_at(store: &Store, key: CacheKey, lines: &[(&'static str, &str)]) -> Writer {
    store.announce(key).begin(head_with(1, 200, lines), Scope::Public, None).unwrap()
}

fn put(store: &Store, key: CacheKey, lines: &[(&'static str, &str)]) -> StoredResponse {
    at_once(begin_at(store, key, lines).finish(None)).unwrap()
}

fn head_key(path: &str) -> CacheKey {
    CacheKey::head(key(path).uri().clone())
}

fn paths(candidates: &Candidates) -> Vec<&str> {
    candidates.iter().map(|stored| stored.key().uri().path_and_query()).collect()
}

#[tokio::test]
async fn what_head_got_is_apart_and_goes_with_the_rest() {
    for invalidated in [key("/"), head_key("/")] {
        let store = store();
        put(&store, key("/"), &[]);
        put(&store, head_key("/"), &[]);
        let writer = begin_at(&store, head_key("/"), &[]);
        assert_eq!(store.candidates(&key("/")).len(), 1);
        assert_eq!(store.candidates(&head_key("/")).len(), 1);
        assert_eq!(store.invalidate(&invalidated).await, 2);
        assert!(at_once(writer.finish(None)).is_err());
        assert!(store.candidates(&key("/")).is_empty());
        assert!(store.candidates(&head_key("/")).is_empty());
    }
}

#[tokio::test]
async fn equivalents_are_found_by_other_queries_and_invalidated_with_them() {
    let store = store();
    put(&store, key("/?x=1&utm=1"), &[IGNORES_UTM]);
    put(&store, key("/?x=2&utm=1"), &[IGNORES_UTM]);
    put(&store, key("/?x=1&utm=2"), &[]);
    assert_eq!(paths(&store.equivalents(&key("/?x=1")).await), ["/?x=1&utm=1"]);
    assert!(store.equivalents(&key("/?x=1&utm=1")).await.is_empty(), "its own key is no other");
    assert!(store.candidates(&key("/?x=1")).is_empty());
    let writer = begin_at(&store, key("/?x=1&utm=3"), &[IGNORES_UTM]);
    let other = begin_at(&store, key("/?x=2&utm=3"), &[IGNORES_UTM]);
    assert_eq!(store.invalidate(&key("/?x=1")).await, 1);
    assert!(at_once(writer.finish(None)).is_err());
    assert!(at_once(other.finish(None)).is_ok());
    assert!(store.equivalents(&key("/?x=1")).await.is_empty());
    assert_eq!(store.candidates(&key("/?x=1&utm=2")).len(), 1, "it has no rule");
    assert_eq!(store.shared.under_way.count(), 0);
}

#[tokio::test]
async fn the_rule_of_a_freshened_head_counts() {
    let store = store();
    let stored = put(&store, key("/?utm=1"), &[]);
    assert!(store.equivalents(&key("/")).await.is_empty());
    let stored =
        store.announce(stored.key().clone()).freshen(&stored, head_with(2, 200, &[IGNORES_UTM]));
    assert_eq!(store.equivalents(&key("/")).await.len(), 1);
    store.announce(stored.key().clone()).freshen(&stored, head_with(3, 200, &[]));
    assert!(store.equivalents(&key("/")).await.is_empty());
}

#[tokio::test]
async fn the_second_index_is_tidied_with_the_variants() {
    let store = store();
    for n in 0..10 {
        put(&store, key(&format!("/{n}?utm=1")), &[IGNORES_UTM]);
    }
    store.maintain();
    assert_eq!(store.shared.queries.sizes(), [10, 10, 10]);
    for n in 0..9 {
        store.invalidate(&key(&format!("/{n}?utm=1"))).await;
    }
    store.maintain();
    assert_eq!(store.shared.queries.sizes(), [1, 1, 1]);
}

#[tokio::test]
async fn tidying_that_meets_a_key_before_its_response_is_there_hides_nothing() {
    let store = store();
    let stored = put(&store, key("/?utm=1"), &[IGNORES_UTM]);
    let tidied = || store.shared.queries.tidy(|_, _| false);
    store.shared.indexed(&stored, tidied, |()| true);
    assert_eq!(store.equivalents(&key("/")).await.len(), 1);
}

#[tokio::test]
async fn a_group_goes_within_its_origin_whoever_writes() {
    let store = store();
    let (a, b) = (("cache-groups", "\"a\""), ("cache-groups", "\"b\", \"a\""));
    put(&store, key("/a"), &[a]);
    put(&store, key("/b"), &[b]);
    put(&store, key("/capital"), &[("cache-groups", "\"A\"")]);
    put(&store, key("/none"), &[]);
    let writer = begin_at(&store, key("/writing"), &[a]);
    store.invalidate_groups("http://example.com", &["a"]).await;
    store.invalidate_groups("http://example.org:80", &["a"]).await;
    assert_eq!(store.candidates(&key("/a")).len(), 1);
    store.invalidate_groups("http://example.org", &["x", "a"]).await;
    for (path, count) in [("/a", 0), ("/b", 0), ("/capital", 1), ("/none", 1)] {
        assert_eq!(store.candidates(&key(path)).len(), count, "{path}");
    }
    assert!(at_once(writer.finish(None)).is_err());
    put(&store, key("/a"), &[a]);
    assert_eq!(store.candidates(&key("/a")).len(), 1, "a new one is welcome");
    store.maintain();
    assert_eq!(store.usage().responses, 3);
}

#[tokio::test]
async fn neither_a_new_head_nor_a_new_part_brings_a_group_back() {
    let store = store();
    let lines = [("cache-groups", "\"a\"")];
    let part = |n: u64| Interval { first: 10 * n, last: 10 * n + 9 };
    let begin = |n, onto| {
        let head = head_with(1, 206, &lines);
        let writer = store.announce(key("/")).begin_part(head, Scope::Public, part(n), None, onto);
        let mut writer = writer.unwrap();
        at_once(writer.write(vec![0; 10].into())).unwrap();
        writer
    };
    let old = at_once(begin(0, None).finish(None)).unwrap();
    let before = begin(1, Some(old.clone()));
    store.invalidate_groups("http://example.org", &["a"]).await;
    store.announce(old.key().clone()).freshen(&old, head_with(2, 206, &lines));
    assert!(store.candidates(&key("/")).is_empty());
    assert!(at_once(before.finish(None)).is_err());
    let after = at_once(begin(1, Some(old)).finish(None)).unwrap();
    assert_eq!(after.length(), 10, "alone");
    assert_eq!(store.candidates(&key("/")).len(), 1);
}

#[test]
fn looking_is_no_use() {
    let store = Store::new(&Config { memory: 16 << 10, ..Config::default() });
    let old = put(&store, key("/looked-at"), &[]);
    let used = put(&store, key("/used"), &[]);
    for n in 0..100 {
        store.candidates(old.key());
        store.used(&used);
        put(&store, key(&format!("/{n}")), &[]);
        store.maintain();
    }
    assert!(store.candidates(old.key()).is_empty());
    assert_eq!(store.candidates(used.key()).len(), 1);
}

#[tokio::test]
async fn beside_something_that_was_invalidated_nothing_is_stored() {
    let store = store();
    let stored = put(&store, key("/"), &[]);
    let announced = store.announce(key("/"));
    store.invalidate(&key("/")).await;
    announced.beside(&stored, head_with(2, 200, &[]));
    assert!(store.candidates(&key("/")).is_empty());
    store.announce(key("/")).beside(&stored, head_with(2, 200, &[]));
    assert!(store.candidates(&key("/")).is_empty(), "it was gone already when it was asked for");

    let stored = put(&store, key("/"), &[("cache-groups", "\"g\"")]);
    let announced = store.announce(key("/"));
    store.invalidate_groups("http://example.org", &["g"]).await;
    announced.beside(&stored, head_with(2, 200, &[]));
    assert!(store.candidates(&key("/")).is_empty(), "its group was invalidated");
}

#[tokio::test]
async fn a_head_that_came_before_its_group_was_invalidated_is_not_put_on() {
    let store = store();
    let stored = put(&store, key("/"), &[]);
    let announced = store.announce(key("/"));
    store.invalidate_groups("http://example.org", &["g"]).await;
    announced.freshen(&stored, head_with(2, 200, &[("cache-groups", "\"g\"")]));
    let found = store.candidates(&key("/"));
    assert_eq!(found.iter().map(StoredResponse::id).collect::<Vec<_>>(), [stored.id()]);
}
