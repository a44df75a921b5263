use super::*;
use crate::policy::Interval;
use crate::store::contract::head_with;
use crate::store::shared::Published;

const LENGTH: u64 = 30;

fn text(first: u64, last: u64) -> Vec<u8> {
    (first..=last).map(|n| b'a' + (n % 26) as u8).collect()
}

fn part(first: u64, last: u64) -> Interval {
    Interval { first, last }
}

fn begin_part(store: &Store, second: u64, part: Interval, onto: Option<&StoredResponse>) -> Writer {
    let head = head_with(second, 206, &[("etag", "\"1\"")]);
    store
        .announce(key("/"))
        .begin_part(head, Scope::Public, part, Some(LENGTH), onto.cloned())
        .unwrap()
}

fn finish(mut writer: Writer, part: Interval) -> Option<StoredResponse> {
    at_once(writer.write(text(part.first, part.last).into())).unwrap();
    at_once(writer.finish(None)).ok()
}

fn put_part(
    store: &Store,
    second: u64,
    part: Interval,
    onto: Option<&StoredResponse>,
) -> Option<StoredResponse> {
    finish(begin_part(store, second, part, onto), part)
}

fn held(response: &StoredResponse) -> Vec<(u64, u64)> {
    let held = response.held();
    held.intervals.as_slice().iter().map(|interval| (interval.first, interval.last)).collect()
}

fn only(store: &Store) -> StoredResponse {
    let candidates = store.candidates(&key("/"));
    assert_eq!(candidates.len(), 1);
    candidates.as_slice()[0].clone()
}

fn range(response: &StoredResponse, first: u64, last: u64) -> Option<Vec<u8>> {
    response.reader_range(first, last).map(|reader| read(reader).unwrap())
}

#[test]
fn parts_become_the_whole() {
    let store = store();
    let first = put_part(&store, 1, part(0, 9), None).unwrap();
    let Extent::Part(partial) = first.extent() else { panic!("a part") };
    assert_eq!(partial.complete_length, Some(LENGTH));
    assert_eq!(held(&first), [(0, 9)]);
    assert_eq!(first.length(), 10);
    assert_eq!(body(&first), b"", "a part has no whole to be read");

    let second = put_part(&store, 2, part(20, 29), Some(&first)).unwrap();
    assert_eq!(held(&second), [(0, 9), (20, 29)]);
    assert_eq!(second.head().times.response_time.unix_secs(), 2);
    assert_eq!(range(&second, 3, 7).unwrap(), text(3, 7));
    assert_eq!(range(&second, 20, 29).unwrap(), text(20, 29));
    assert!(range(&second, 9, 10).is_none() && range(&second, 29, 30).is_none());
    assert_eq!(second.head().status(), 206);
    assert_eq!(only(&store).id(), second.id());

    let third = put_part(&store, 3, part(10, 19), Some(&second)).unwrap();
    assert_eq!(third.extent(), Extent::Whole);
    assert_eq!(third.head().status(), 200);
    assert_eq!((third.length(), body(&third)), (LENGTH, text(0, 29)));
    assert_eq!(range(&third, 5, 25).unwrap(), text(5, 25));
    assert_eq!(only(&store).id(), third.id());
    store.maintain();
    assert_eq!(store.usage().responses, 1);
    assert_eq!(held(&first), [(0, 9)], "who has it reads on");
}

#[test]
fn parts_that_come_at_the_same_time_are_all_kept() {
    let store = store();
    let first = put_part(&store, 1, part(0, 9), None).unwrap();
    let one = begin_part(&store, 2, part(10, 14), Some(&first));
    let two = begin_part(&store, 2, part(20, 24), Some(&first));
    store.announce(first.key().clone()).freshen(&first, head_with(2, 206, &[]));
    assert!(finish(one, part(10, 14)).is_some());
    assert!(finish(two, part(20, 24)).is_some());
    assert_eq!(held(&only(&store)), [(0, 14), (20, 24)]);
}

#[test]
fn threads_that_add_parts_lose_none() {
    let store = store();
    let first = put_part(&store, 1, part(0, 1), None).unwrap();
    std::thread::scope(|scope| {
        for n in 1..15 {
            let (store, first) = (&store, &first);
            scope.spawn(move || put_part(store, 1, part(2 * n, 2 * n + 1), Some(first)).unwrap());
        }
    });
    assert_eq!(only(&store).extent(), Extent::Whole);
    assert_eq!(body(&only(&store)), text(0, 29));
}

#[test]
fn a_part_whose_foundation_is_gone_is_stored_alone() {
    let store = store();
    let first = put_part(&store, 1, part(0, 9), None).unwrap();
    store.remove(&first);
    let second = put_part(&store, 2, part(20, 29), Some(&first)).unwrap();
    assert_eq!(held(&second), [(20, 29)]);

    let late = begin_part(&store, 2, part(0, 9), Some(&second));
    let mut whole =
        store.announce(key("/")).begin(head_with(3, 200, &[]), Scope::Public, None).unwrap();
    at_once(whole.write(text(0, 29).into())).unwrap();
    assert!(at_once(whole.finish(None)).is_ok());
    assert!(finish(late, part(0, 9)).is_none(), "a response to a later exchange has replaced all");
    assert_eq!(only(&store).extent(), Extent::Whole);
}

#[test]
fn a_part_with_the_head_of_a_whole_is_stored_only_when_it_completes_it() {
    let store = store();
    let first = put_part(&store, 1, part(0, 9), None).unwrap();
    let make = |onto| {
        let head = head_with(2, 200, &[]);
        let writer =
            store.announce(key("/")).begin_part(head, Scope::Public, part(10, 29), Some(30), onto);
        finish(writer.unwrap(), part(10, 29))
    };
    assert!(make(None).is_none());
    assert_eq!(make(Some(first)).unwrap().extent(), Extent::Whole);
    let all = begin_part(&store, 3, part(0, 29), None);
    let all = finish(all, part(0, 29)).unwrap();
    assert_eq!((all.extent(), all.head().status().as_u16()), (Extent::Whole, 200));
}

#[test]
fn a_new_part_of_a_whole_replaces_its_bytes() {
    let store = store();
    let mut writer =
        store.announce(key("/")).begin(head_with(1, 200, &[]), Scope::Public, None).unwrap();
    at_once(writer.write(vec![b'.'; 30].into())).unwrap();
    let whole = at_once(writer.finish(None)).unwrap();
    assert_eq!(held(&whole), [(0, 29)]);
    let patched = put_part(&store, 2, part(10, 19), Some(&whole)).unwrap();
    assert_eq!(patched.extent(), Extent::Whole);
    let expected = [&[b'.'; 10][..], &text(10, 19), &[b'.'; 10]].concat();
    assert_eq!(body(&patched), expected);
    assert_eq!(body(&whole), [b'.'; 30], "what is stored never changes under a reader");
}

#[test]
fn a_part_of_another_length_is_stored_alone() {
    let store = store();
    let first = put_part(&store, 1, part(0, 9), None).unwrap();
    let head = head_with(2, 206, &[]);
    let interval = part(10, 19);
    let writer =
        store.announce(key("/")).begin_part(head, Scope::Public, interval, Some(31), Some(first));
    let second = finish(writer.unwrap(), interval).unwrap();
    assert_eq!(held(&second), [(10, 19)]);
    assert_eq!(only(&store).id(), second.id());
}

#[test]
fn parts_out_of_place_and_of_the_wrong_length_are_refused() {
    let store = store();
    let most = store.max_stored();
    let rows = [
        (part(0, 9), Some(10), None),
        (part(0, 10), Some(10), Some(Refused::Misplaced)),
        (part(5, 4), Some(10), Some(Refused::Misplaced)),
        (part(5, u64::MAX), None, Some(Refused::Misplaced)),
        (part(0, most), None, Some(Refused::TooLarge)),
        (part(1 << 60, (1 << 60) + most - 1), None, None),
    ];
    for (part, complete_length, expected) in rows {
        let head = head_with(1, 206, &[]);
        let writer =
            store.announce(key("/")).begin_part(head, Scope::Public, part, complete_length, None);
        assert_eq!(writer.err(), expected, "{part:?}");
    }
    for length in [8, 10] {
        let mut writer = begin_part(&store, 1, part(0, 8), None);
        at_once(writer.write(vec![0; length].into())).unwrap();
        assert!(at_once(writer.finish(None)).is_err(), "{length}");
    }
    assert!(store.candidates(&key("/")).is_empty());
}

#[tokio::test]
async fn an_invalidation_reaches_parts_under_way() {
    let store = store();
    let first = put_part(&store, 1, part(0, 9), None).unwrap();
    let writer = begin_part(&store, 2, part(10, 19), Some(&first));
    assert_eq!(store.invalidate(&key("/")).await, 1);
    assert!(finish(writer, part(10, 19)).is_none());
    assert!(store.candidates(&key("/")).is_empty());
}

#[test]
fn a_part_is_freshened_like_a_whole() {
    let store = store();
    let first = put_part(&store, 1, part(0, 9), None).unwrap();
    let fresh = store.announce(first.key().clone()).freshen(&first, head_with(5, 206, &[]));
    assert_eq!(held(&fresh), [(0, 9)]);
    assert_eq!(only(&store).id(), fresh.id());
    let more = put_part(&store, 6, part(10, 19), Some(&first)).unwrap();
    assert_eq!(held(&more), [(0, 19)]);
}

#[test]
fn what_parts_weigh_is_given_back() {
    let store = store();
    let mut last = None;
    for n in 0..3 {
        last = put_part(&store, 1, part(10 * n, 10 * n + 8), last.as_ref());
    }
    store.maintain();
    assert_eq!(store.usage().responses, 1);
    store.remove(&last.unwrap());
    store.maintain();
    assert_eq!(store.usage(), Usage::default());
}

fn begin_whole(store: &Store, second: u64) -> Writer {
    let head = head_with(second, 200, &[("etag", "\"1\"")]);
    store.announce(key("/")).begin(head, Scope::Public, None).unwrap()
}

#[test]
fn a_small_part_does_not_throw_away_a_whole_under_way() {
    let store = store();
    let whole = begin_whole(&store, 1);
    put_part(&store, 2, part(0, 4), None).unwrap();
    let whole = finish(whole, part(0, 29)).unwrap();
    assert_eq!(only(&store).id(), whole.id());
    // Nor does one that comes when it is there.
    put_part(&store, 3, part(0, 4), None);
    assert_eq!(only(&store).extent(), Extent::Whole);
    assert_eq!(body(&only(&store)), text(0, 29));
}

#[test]
fn first_parts_that_come_at_the_same_time_are_put_together() {
    let store = store();
    let writers = [part(0, 9), part(20, 29), part(10, 14)]
        .map(|part| (begin_part(&store, 2, part, None), part));
    for (writer, part) in writers {
        assert!(finish(writer, part).is_some());
    }
    assert_eq!(held(&only(&store)), [(0, 14), (20, 29)]);
    assert_eq!(only(&store).head().status(), 206);
    let all = put_part(&store, 3, part(15, 19), None).unwrap();
    assert_eq!((all.extent(), all.head().status().as_u16()), (Extent::Whole, 200));
    assert_eq!(body(&only(&store)), text(0, 29));
}

#[test]
fn threads_that_store_first_parts_lose_none() {
    let store = store();
    std::thread::scope(|scope| {
        for n in 0..15 {
            let store = &store;
            scope.spawn(move || put_part(store, 1, part(2 * n, 2 * n + 1), None).unwrap());
        }
    });
    assert_eq!(body(&only(&store)), text(0, 29));
}

#[test]
fn of_two_first_parts_the_head_of_the_later_exchange_counts() {
    let seconds = |store: &Store| only(store).head().times.response_time.unix_secs();
    for order in [[0, 1], [1, 0]] {
        let store = store();
        let parts = [(1, part(0, 9)), (2, part(20, 29))];
        let mut writers = parts.map(|(at, part)| Some((begin_part(&store, at, part, None), part)));
        for at in order {
            let (writer, part) = writers[at].take().unwrap();
            finish(writer, part).unwrap();
        }
        assert_eq!(held(&only(&store)), [(0, 9), (20, 29)]);
        assert_eq!(seconds(&store), 2, "{order:?}");
    }
}

#[test]
fn first_parts_of_other_representations_or_addresses_are_not_put_together() {
    let put = |store: &Store, tag: &str, scope, interval| {
        let head = head_with(1, 206, &[("etag", tag)]);
        let writer = store.announce(key("/")).begin_part(head, scope, interval, Some(LENGTH), None);
        finish(writer.unwrap(), interval)
    };
    for (tag, scope) in
        [("\"2\"", Scope::Public), ("W/\"1\"", Scope::Public), ("\"1\"", Scope::Private)]
    {
        let store = store();
        put(&store, "\"1\"", Scope::Public, part(0, 9)).unwrap();
        put(&store, tag, scope, part(10, 19)).unwrap();
        assert_eq!(held(&only(&store)), [(10, 19)], "{tag} {scope:?}");
    }
}

#[test]
fn a_part_without_a_strong_validator_does_not_replace_a_whole() {
    for (lines, stays) in [
        (&[][..], true),
        (&[("etag", "W/\"1\"")], true),
        (&[("last-modified", "Thu, 01 Jan 1970 00:00:00 GMT")], true),
        (&[("etag", "\"2\"")], false),
    ] {
        let store = store();
        let make = |interval| {
            let head = head_with(5, 206, lines);
            let announced = store.announce(key("/"));
            announced.begin_part(head, Scope::Public, interval, Some(LENGTH), None).unwrap()
        };
        let under_way = begin_whole(&store, 1);
        let stored = finish(make(part(0, 4)), part(0, 4));
        assert!(stored.is_some(), "nothing else is there: {lines:?}");
        let whole = finish(under_way, part(0, 29));
        assert_eq!(whole.is_some(), stays, "{lines:?}");
        finish(begin_whole(&store, 5), part(0, 29)).unwrap();
        let late = finish(make(part(0, 4)), part(0, 4));
        assert_eq!(late.is_none(), stays, "{lines:?}");
        assert_eq!(only(&store).extent() == Extent::Whole, stays, "{lines:?}");
    }
}

#[test]
fn a_first_part_that_was_not_seen_in_time_is_not_overwritten() {
    let (store, elsewhere) = (store(), store());
    let first = put_part(&store, 1, part(0, 9), None).unwrap();
    let late = put_part(&elsewhere, 2, part(20, 29), None).unwrap();
    elsewhere.remove(&late);
    assert_ne!(store.shared.publish(&late, &under_way::Ticket::default()), Published::Stored);
    assert_eq!(only(&store).id(), first.id());
}
