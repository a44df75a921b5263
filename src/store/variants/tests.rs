use http::header::{ACCEPT_LANGUAGE, COOKIE};
use http::{HeaderName, HeaderValue};

use super::*;
use crate::http::{Scheme, TargetUri};

fn key(path: &str) -> CacheKey {
    CacheKey::new(TargetUri::new(Scheme::Http, "example.org", 80, path))
}

fn request(fields: &[(HeaderName, &'static str)]) -> HeaderMap {
    fields.iter().map(|(n, v)| (n.clone(), HeaderValue::from_static(v))).collect()
}

fn member(id: u64, date: u64, vary: &[HeaderName], request: &HeaderMap) -> Member {
    let nominated = NominatedFields::read(vary.iter().cloned(), request);
    let at = Timestamp::from_unix_secs(date);
    Member { id, date: at, response_time: at, nominated }
}

fn add(variants: &Variants, key: &CacheKey, member: Member) -> Vec<u64> {
    variants.add(key, member, || true).unwrap()
}

#[test]
fn the_newest_of_several_that_match_is_chosen_whenever_it_came() {
    let german = request(&[(ACCEPT_LANGUAGE, "de")]);
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [1, 0, 2]] {
        let variants = Variants::new();
        let all = [
            member(1, 100, &[], &german),
            member(2, 300, &[ACCEPT_LANGUAGE], &german),
            member(3, 200, &[COOKIE], &german),
        ];
        for at in order {
            assert!(add(&variants, &key("/"), all[at].clone()).is_empty());
        }
        assert_eq!(variants.choose(&key("/"), &german), Choice::Matching(2), "{order:?}");
        let english = request(&[(ACCEPT_LANGUAGE, "en")]);
        assert_eq!(variants.choose(&key("/"), &english), Choice::Matching(3), "{order:?}");
    }
}

#[test]
fn an_equal_variant_gives_way_unless_it_is_from_a_later_exchange() {
    let variants = Variants::new();
    let none = HeaderMap::new();
    assert!(add(&variants, &key("/"), member(1, 100, &[], &none)).is_empty());
    assert_eq!(add(&variants, &key("/"), member(2, 100, &[], &none)), [1]);
    let older = variants.add(&key("/"), member(3, 99, &[], &none), || true);
    assert_eq!(older, Err(Superseded));
    assert_eq!(variants.choose(&key("/"), &none), Choice::Matching(2));
}

#[test]
fn the_variant_stored_first_gives_way_to_the_hundred_and_first() {
    let variants = Variants::new();
    let language = |n: u64| {
        let value = HeaderValue::from(n);
        HeaderMap::from_iter([(ACCEPT_LANGUAGE, value)])
    };
    for id in 0..VARIANTS as u64 {
        let new = member(id, 1, &[ACCEPT_LANGUAGE], &language(id));
        assert!(add(&variants, &key("/"), new).is_empty());
    }
    let one_more = member(1000, 1, &[ACCEPT_LANGUAGE], &language(1000));
    assert_eq!(add(&variants, &key("/"), one_more), [0]);
    assert_eq!(variants.choose(&key("/"), &language(1)), Choice::Matching(1));
    let Choice::Others(others) = variants.choose(&key("/"), &language(0)) else {
        panic!("others");
    };
    assert_eq!(others.len(), VARIANTS);
}

#[test]
fn a_list_goes_with_its_last_member() {
    let variants = Variants::new();
    let none = HeaderMap::new();
    add(&variants, &key("/a"), member(1, 1, &[], &none));
    add(&variants, &key("/b"), member(2, 1, &[], &none));
    assert_eq!(variants.keys(), 2);
    assert!(variants.discard(key("/a").digest(), 1));
    assert!(!variants.discard(key("/a").digest(), 1));
    assert_eq!(variants.discard_all(&key("/b")), [2]);
    assert_eq!(variants.keys(), 0);
}

#[test]
fn a_digest_only_finds_and_never_decides() {
    let variants = Variants::new();
    let none = HeaderMap::new();
    let (ours, other) = (key("/ours"), key("/other"));
    // As if both keys had our digest.
    let list = List { key: other, members: vec![member(1, 1, &[], &none)] };
    variants.shard(ours.digest()).unwrap().write().insert(ours.digest(), list);
    assert_eq!(variants.choose(&ours, &none), Choice::Nothing);
    assert!(variants.discard_all(&ours).is_empty());
    assert_eq!(add(&variants, &ours, member(2, 1, &[], &none)), [1]);
    assert_eq!(variants.choose(&ours, &none), Choice::Matching(2));
}

#[test]
fn what_is_not_allowed_is_not_added() {
    let variants = Variants::new();
    let new = member(1, 1, &[], &HeaderMap::new());
    assert_eq!(variants.add(&key("/"), new, || false), Err(Superseded));
    assert_eq!(variants.keys(), 0);
}
