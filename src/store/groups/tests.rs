use super::*;
use crate::http::Scheme;
use crate::store::contract::{grouped, key, response};

const ORIGIN: &str = "http://example.org";

#[test]
fn what_was_begun_before_and_belongs_to_the_group_is_over() {
    let epochs = Epochs::default();
    let make = |groups| response(key("/"), grouped(groups), b"");
    let (old, other, none) = (make("\"a\", \"b\""), make("\"A\""), make(""));
    assert!(!epochs.are_over_for(&old));
    epochs.invalidate(ORIGIN, &["b"]);
    assert!(epochs.are_over_for(&old));
    assert!(!epochs.are_over_for(&other) && !epochs.are_over_for(&none));
    let new = make("\"b\"");
    assert!(!epochs.are_over_for(&new));
    epochs.invalidate("http://example.org:8080", &["b"]);
    epochs.invalidate("https://example.org", &["b"]);
    assert!(!epochs.are_over_for(&new), "other origins");
    epochs.invalidate(ORIGIN, &["b"]);
    assert!(epochs.are_over_for(&new), "again");
}

#[test]
fn what_is_forgotten_stays_over() {
    let epochs = Epochs::default();
    let make = |groups| response(key("/"), grouped(groups), b"");
    let (old, none) = (make("\"first\""), make(""));
    epochs.invalidate(ORIGIN, &["first"]);
    let names: Vec<_> = (0..REMEMBERED).map(|n| n.to_string()).collect();
    let between = make("\"unknown\"");
    epochs.invalidate(ORIGIN, &names);
    assert!(epochs.are_over_for(&old) && !epochs.are_over_for(&none));
    assert!(!epochs.are_over_for(&between));
    epochs.invalidate(ORIGIN, &["one more"]);
    assert!(epochs.are_over_for(&between), "its group may have been forgotten");
    assert!(!epochs.are_over_for(&make("\"0\"")) && !epochs.are_over_for(&none));
    for _ in 0..3 * REMEMBERED {
        epochs.invalidate(ORIGIN, &["again and again"]);
    }
    let state = epochs.shard(digest(ORIGIN, "")).unwrap().read();
    assert!(state.epochs.len() <= REMEMBERED && state.order.len() <= 2 * REMEMBERED);
}

#[test]
fn an_origin_that_invalidates_many_groups_makes_others_forget_none() {
    let epochs = Epochs::default();
    let of = |origin: &str| digest(origin, "") >> ORIGIN_SHIFT;
    let is_apart = |other: &String| of(other) % SHARDS as u128 != of(ORIGIN) % SHARDS as u128;
    let other = (0..).map(|n| format!("http://{n}.example")).find(is_apart).unwrap();
    let make = |groups| response(key("/"), grouped(groups), b"");
    let (ours, kept) = (make("\"ours\""), make("\"kept\""));
    epochs.invalidate(ORIGIN, &["ours"]);
    let names: Vec<_> = (0..2 * REMEMBERED).map(|n| n.to_string()).collect();
    epochs.invalidate(&other, &names);
    assert!(epochs.are_over_for(&ours), "what was invalidated stays so");
    assert!(!epochs.are_over_for(&kept), "another origin has no say");
}

#[test]
fn the_origin_of_a_uri_is_all_before_its_path() {
    let rows = [
        (Scheme::Http, 80, "/", "http://example.org"),
        (Scheme::Http, 8080, "/x?http://example.org", "http://example.org:8080"),
        (Scheme::Https, 443, "", "https://example.org"),
        (Scheme::Https, 80, "?q", "https://example.org:80"),
    ];
    for (scheme, port, path, expected) in rows {
        let uri = TargetUri::new(scheme, "Example.org", port, path);
        assert_eq!(origin(&uri), expected);
    }
    assert_ne!(digest("http://a", "b"), digest("http://a\nb", ""));
}
