use http::header::{ACCEPT_LANGUAGE, COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::*;
use crate::store::contract::{head, key, request, response};

fn member(path: &str, second: u64, vary: &[HeaderName], request: &HeaderMap) -> StoredResponse {
    let response = response(key(path), head(second, vary, request), b"");
    response.count(true);
    response
}

fn ids(responses: &[StoredResponse]) -> Vec<u64> {
    responses.iter().map(StoredResponse::id).collect()
}

fn add(variants: &Variants, response: &StoredResponse) -> Vec<u64> {
    ids(&variants.add(response, || true).unwrap())
}

fn found(variants: &Variants, path: &str) -> Vec<u64> {
    ids(variants.of(&key(path)).0.as_slice())
}

#[test]
fn a_list_has_no_size_to_speak_of() {
    assert_eq!(size_of::<(u64, List)>(), 24);
}

#[test]
fn variants_with_other_nominated_fields_or_values_live_side_by_side() {
    let german = request("de");
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]] {
        let variants = Variants::new();
        let all = [
            member("/", 100, &[], &german),
            member("/", 300, &[ACCEPT_LANGUAGE], &german),
            member("/", 200, &[COOKIE], &german),
            member("/", 200, &[ACCEPT_LANGUAGE], &request("en")),
        ];
        let mut expected = Vec::new();
        for at in order {
            assert!(add(&variants, &all[at]).is_empty());
            expected.push(all[at].id());
            assert_eq!(found(&variants, "/"), expected);
        }
        assert!(found(&variants, "/other").is_empty());
    }
}

#[test]
fn an_equal_variant_gives_way_unless_it_is_from_a_later_exchange() {
    let variants = Variants::new();
    let none = HeaderMap::new();
    let [older, one, two] = [100, 100, 99].map(|second| member("/", second, &[], &none));
    assert!(add(&variants, &one).is_empty());
    assert_eq!(add(&variants, &two), [one.id()]);
    assert_eq!(variants.add(&older, || true).unwrap_err(), Superseded);
    assert_eq!(found(&variants, "/"), [two.id()]);
}

#[test]
fn the_variant_stored_first_gives_way_to_the_hundred_and_first() {
    let variants = Variants::new();
    let language = |n: usize| HeaderMap::from_iter([(ACCEPT_LANGUAGE, HeaderValue::from(n))]);
    let all: Vec<_> =
        (0..=VARIANTS).map(|n| member("/", 1, &[ACCEPT_LANGUAGE], &language(n))).collect();
    let (last, first) = all.split_last().unwrap();
    for response in first {
        assert!(add(&variants, response).is_empty());
    }
    assert_eq!(add(&variants, last), [all[0].id()]);
    assert_eq!(found(&variants, "/"), ids(&all[1..]));
}

#[test]
fn a_list_goes_with_its_last_member() {
    let variants = Variants::new();
    let none = HeaderMap::new();
    let [a, b] = ["/a", "/b"].map(|path| member(path, 1, &[], &none));
    add(&variants, &a);
    add(&variants, &b);
    assert_eq!(variants.keys(), 2);
    variants.discard(a.key().digest(), a.id());
    variants.discard(a.key().digest(), a.id());
    assert_eq!(ids(&variants.discard_all(&key("/b"))), [b.id()]);
    assert_eq!(variants.keys(), 0);
}

#[test]
fn what_is_evicted_or_dropped_is_not_found_and_pruned() {
    let variants = Variants::new();
    let [german, english, french] =
        ["de", "en", "fr"].map(|one| member("/", 1, &[ACCEPT_LANGUAGE], &request(one)));
    for response in [&german, &english, &french] {
        add(&variants, response);
    }
    assert!(!variants.of(&key("/")).1);
    german.count(false);
    drop(english);
    assert_eq!(found(&variants, "/"), [french.id()]);
    assert!(variants.of(&key("/")).1);
    variants.prune(key("/").digest());
    assert!(!variants.of(&key("/")).1);
    drop(french);
    assert_eq!(variants.keys(), 1);
    assert_eq!((0..).take_while(|part| variants.prune_part(*part)).count(), PARTS);
    assert_eq!(variants.keys(), 0);
}

#[test]
fn a_digest_only_finds_and_never_decides() {
    let variants = Variants::new();
    let none = HeaderMap::new();
    let (ours, other) = (member("/ours", 1, &[], &none), member("/other", 9, &[], &none));
    // As if both keys had our digest.
    let digest = ours.key().digest();
    let list = List::One(Member::of(&other));
    variants.shard(digest).unwrap().write().insert(place(digest), list);
    assert!(found(&variants, "/ours").is_empty());
    assert!(variants.discard_all(&key("/ours")).is_empty());
    assert!(add(&variants, &ours).is_empty());
    assert_eq!(found(&variants, "/ours"), [ours.id()]);
    assert_eq!(ids(&variants.discard_all(&key("/ours"))), [ours.id()]);
    assert_eq!(variants.keys(), 1, "the other one stays");
}

#[test]
fn what_is_not_allowed_is_neither_added_nor_replaced() {
    let variants = Variants::new();
    let none = HeaderMap::new();
    let [old, new] = [1, 2].map(|second| member("/", second, &[], &none));
    assert_eq!(variants.add(&old, || false).unwrap_err(), Superseded);
    assert_eq!(variants.keys(), 0);
    add(&variants, &old);
    assert_eq!(variants.replace(&old, &new, || false).unwrap_err(), Superseded);
    assert_eq!(found(&variants, "/"), [old.id()]);
    assert_eq!(ids(&variants.replace(&old, &new, || true).unwrap()), [old.id()]);
    assert_eq!(variants.replace(&old, &new, || true).unwrap_err(), Superseded);
}
