use std::sync::Barrier;
use std::thread;

use http::HeaderMap;
use http::header::ACCEPT_LANGUAGE;

use super::*;
use crate::store::contract::{
    Lookup, contract, found, freshen, head, key, lookup, request, response,
};

contract!(Memory::new(1 << 20));

fn put(tier: &Memory, path: &str, length: usize) -> StoredResponse {
    let body = vec![b'x'; length];
    let response = response(key(path), head(1, &[], &HeaderMap::new()), &body);
    assert!(tier.publish(&response, &Ticket::default()));
    response
}

fn is_stored(tier: &Memory, path: &str) -> bool {
    matches!(lookup(tier, &key(path), &HeaderMap::new()), Lookup::Found(_))
}

#[test]
fn what_was_used_least_recently_is_evicted_and_its_list_goes_too() {
    let tier = Memory::new(64 << 10);
    for n in 0..20 {
        put(&tier, &format!("/{n}"), 2000);
    }
    tier.maintain();
    assert_eq!(tier.usage().responses, 20);
    assert!(is_stored(&tier, "/0"), "used again");
    for n in 20..30 {
        put(&tier, &format!("/{n}"), 2000);
    }
    tier.maintain();
    assert!(tier.usage().bytes <= 64 << 10);
    assert!(tier.usage().responses < 30);
    assert_eq!(tier.variants.keys() as u64, tier.usage().responses, "no list without a response");
    assert!(is_stored(&tier, "/0"));
    assert!(!is_stored(&tier, "/1"));
    assert!(is_stored(&tier, "/29"), "the newest is always admitted");
}

#[test]
fn an_evicted_variant_is_a_miss_even_before_its_list_is_tidied() {
    let tier = Memory::new(1 << 20);
    let german = head(1, &[ACCEPT_LANGUAGE], &request("de"));
    let german = response(key("/"), german, b"de");
    assert!(tier.publish(&german, &Ticket::default()));
    assert!(matches!(lookup(&tier, &key("/"), &request("fr")), Lookup::OtherVariant));
    tier.cache.invalidate(german.id());
    assert_eq!(tier.variants.keys(), 1);
    assert!(matches!(lookup(&tier, &key("/"), &request("fr")), Lookup::Miss));
    assert_eq!(tier.variants.keys(), 0, "the look-up has tidied");

    assert!(tier.publish(&german, &Ticket::default()));
    tier.cache.invalidate(german.id());
    assert!(matches!(lookup(&tier, &key("/"), &request("de")), Lookup::Miss));
    assert_eq!(tier.variants.keys(), 0);
}

#[test]
fn an_older_variant_answers_when_the_newest_was_evicted() {
    let tier = Memory::new(1 << 20);
    let german = request("de");
    let old = response(key("/"), head(1, &[], &german), b"old");
    let new = response(key("/"), head(2, &[ACCEPT_LANGUAGE], &german), b"new");
    assert!(tier.publish(&old, &Ticket::default()));
    assert!(tier.publish(&new, &Ticket::default()));
    assert_eq!(found(lookup(&tier, &key("/"), &german)).unwrap(), b"new");
    tier.cache.invalidate(new.id());
    assert_eq!(found(lookup(&tier, &key("/"), &german)).unwrap(), b"old");
}

#[test]
fn a_sweep_finds_the_evictions_that_the_queue_could_not_take() {
    let tier = Memory::new(1 << 20);
    let gone: Vec<_> = (0..200).map(|n| put(&tier, &format!("/{n}"), 10)).collect();
    put(&tier, "/stays", 10);
    for response in &gone {
        tier.cache.invalidate(response.id());
    }
    let filler = Evicted { digest: 0, id: u64::MAX };
    while tier.tally.waiting() < 1_000_000 {
        let before = tier.tally.waiting();
        tier.tally.note(filler);
        if tier.tally.waiting() == before {
            break;
        }
    }
    assert!(tier.tally.waiting() < 1_000_000, "the queue is bounded");
    assert_eq!(tier.variants.keys(), 201);
    for _ in 0..100 {
        tier.maintain();
    }
    assert_eq!(tier.variants.keys(), 1);
    assert!(is_stored(&tier, "/stays"));
    assert_eq!(tier.tally.waiting(), 0);
}

#[test]
fn a_response_heavier_than_the_whole_tier_leaves_nothing_behind() {
    let tier = Memory::new(4096);
    put(&tier, "/", 100_000);
    for _ in 0..3 {
        tier.maintain();
    }
    assert!(!is_stored(&tier, "/"));
    assert_eq!(tier.usage(), Usage::default());
    assert_eq!(tier.variants.keys(), 0);
}

#[test]
fn what_is_evicted_before_it_is_listed_is_not_listed_for_long() {
    let tier = Memory::new(4096);
    let response = response(key("/"), head(1, &[], &HeaderMap::new()), &[b'x'; 100_000]);
    tier.enter(&response);
    tier.maintain();
    assert!(!response.is_counted(), "it was evicted, and the queue dealt with");
    let added = tier.variants.add(&response, || true);
    assert!(tier.listed(&response, added));
    assert_eq!(tier.variants.keys(), 0);
}

#[test]
fn a_response_leaves_the_tally_once() {
    let tally = Tally::default();
    let response = response(key("/"), head(1, &[], &HeaderMap::new()), b"x");
    tally.enter(&response);
    tally.enter(&response);
    assert_eq!(tally.usage().responses, 1);
    tally.leave(&response);
    tally.leave(&response);
    assert_eq!(tally.usage(), Usage::default());
}

#[test]
fn a_storm_of_inserts_stays_near_the_budget() {
    let budget = 4 << 20;
    let tier = Memory::new(budget);
    let mut most = 0;
    for n in 0..2000 {
        put(&tier, &format!("/{n}"), 16 << 10);
        most = most.max(tier.usage().bytes);
    }
    assert!(most <= budget + budget / 8, "{most} bytes");
}

#[test]
fn threads_that_store_and_invalidate_one_key_leave_no_trace() {
    let tier = Memory::new(256 << 10);
    let start = Barrier::new(4);
    thread::scope(|scope| {
        for thread in 0..4 {
            let (tier, start) = (&tier, &start);
            scope.spawn(move || {
                start.wait();
                for n in 0..300 {
                    let path = format!("/{}", n % 3);
                    match (thread + n) % 4 {
                        0 => _ = tier.invalidate(&key(&path)),
                        1 => tier.maintain(),
                        _ => {
                            let new = response(key(&path), head(1, &[], &HeaderMap::new()), b"x");
                            tier.publish(&new, &Ticket::default());
                            freshen(tier, &new, head(1, &[], &HeaderMap::new()));
                        }
                    }
                }
            });
        }
    });
    for n in 0..3 {
        tier.invalidate(&key(&format!("/{n}")));
    }
    tier.maintain();
    assert_eq!(tier.usage(), Usage::default());
    assert_eq!(tier.variants.keys(), 0);
    assert_eq!(tier.all().count(), 0);
}
