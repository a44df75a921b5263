use bytes::Bytes;

use super::*;

const LENGTH: u64 = 1000;

/// The bytes `first` to `last` of a body whose bytes tell who wrote them.
fn part(first: u64, last: u64, writer: u8) -> Segment {
    let bytes = vec![writer; (last - first + 1) as usize];
    let blocks = Blocks::compact(vec![Bytes::from(bytes)]);
    Segment { begun: 0, interval: Interval { first, last }, complete_length: Some(LENGTH), blocks }
}

fn held(segments: &Segments) -> Vec<(u64, u64)> {
    let intervals = segments.partial().intervals.as_slice();
    intervals.iter().map(|interval| (interval.first, interval.last)).collect()
}

/// Checks the segments against a body in which every byte is there or not.
fn check(segments: &Segments, model: &[Option<u8>]) {
    for (interval, blocks) in segments.runs() {
        assert_eq!(blocks.length() as u64, interval.length());
    }
    let there = model.iter().filter(|byte| byte.is_some()).count() as u64;
    assert_eq!(segments.length(), there);
    for (at, byte) in model.iter().enumerate() {
        let one = Interval { first: at as u64, last: at as u64 };
        let found = segments.run(one).map(|(first, blocks)| {
            blocks.iter().flatten().nth(at - first as usize).copied().unwrap()
        });
        assert_eq!(found, *byte, "byte {at}");
    }
}

#[test]
fn parts_in_any_order_and_overlap_give_the_bytes_that_came_last() {
    // A fixed sequence that looks random.
    let mut seed: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut next = move |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below
    };
    for round in 0..60 {
        let mut model = vec![None; LENGTH as usize];
        let mut segments: Option<Segments> = None;
        for writer in 0..20 {
            let first = next(LENGTH);
            let last = (first + next(if round % 2 == 0 { 40 } else { 400 })).min(LENGTH - 1);
            model[first as usize..=last as usize].fill(Some(writer));
            let new = part(first, last, writer);
            segments = Some(match segments {
                None => Segments::first(7, &new),
                Some(old) => old.with(&new, LENGTH).unwrap(),
            });
        }
        let segments = segments.unwrap();
        check(&segments, &model);
        assert_eq!(segments.lineage(), 7);
        assert_eq!(segments.partial().is_complete(), model.iter().all(Option::is_some));
    }
}

#[test]
fn what_touches_becomes_one_run_and_the_whole_is_complete() {
    let segments = Segments::first(1, &part(500, 999, 1));
    let segments = segments.with(&part(0, 249, 2), LENGTH).unwrap();
    assert_eq!(held(&segments), [(0, 249), (500, 999)]);
    assert!(!segments.partial().is_complete());
    let segments = segments.with(&part(250, 499, 3), LENGTH).unwrap();
    assert_eq!(held(&segments), [(0, 999)]);
    assert!(segments.partial().is_complete());
    assert!(segments.run(Interval { first: 0, last: 999 }).is_some());
    assert!(segments.run(Interval { first: 0, last: 1000 }).is_none());
}

#[test]
fn what_a_new_part_does_not_touch_is_shared() {
    let old = Segments::first(1, &part(0, 99, 1));
    let address = |segments: &Segments| segments.runs[0].block(0).unwrap().as_ptr();
    let new = old.with(&part(200, 299, 2), LENGTH).unwrap();
    assert_eq!(address(&old), address(&new));
    let new = old.with(&part(50, 149, 2), LENGTH).unwrap();
    assert_ne!(address(&old), address(&new), "a cut block is copied: it would keep all of the old");
}

#[test]
fn parts_of_bodies_of_other_lengths_are_not_put_together() {
    let at = |length, segment: Segment| Segment { complete_length: length, ..segment };
    let rows = [
        (Some(1000), Some(1000), 999, Some(Some(1000))),
        (Some(1000), Some(1001), 999, None),
        (None, Some(1000), 999, Some(Some(1000))),
        (Some(1000), None, 999, Some(Some(1000))),
        (None, None, 5000, Some(None)),
        (Some(1000), None, 1000, None),
        (None, Some(50), 40, None),
    ];
    for (old, new, last, expected) in rows {
        let segments = Segments::first(1, &at(old, part(0, 99, 1)));
        let both = segments.with(&at(new, part(last, last, 2)), LENGTH);
        let found = both.map(|both| both.partial().complete_length);
        assert_eq!(found, expected, "{old:?} {new:?} {last}");
    }
}

#[test]
fn the_shortest_intervals_give_way() {
    let mut segments = Segments::first(1, &part(0, 2, 1));
    for n in 1..INTERVALS as u64 + 50 {
        let new = Segment { complete_length: None, ..part(4 * n, 4 * n + n % 2, 1) };
        let one =
            Segments { partial: Partial { complete_length: None, ..segments.partial }, ..segments };
        segments = one.with(&new, LENGTH).unwrap();
    }
    assert_eq!(held(&segments).len(), INTERVALS);
    assert!(held(&segments).contains(&(0, 2)), "the longest stays");
    let newest = 4 * (INTERVALS as u64 + 49);
    assert!(segments.run(Interval { first: newest, last: newest }).is_some(), "the newest stays");
}

#[test]
fn no_more_bytes_are_kept_than_allowed() {
    let segments = Segments::first(1, &part(0, 99, 1)).with(&part(200, 249, 1), 200).unwrap();
    assert_eq!(segments.length(), 150);
    let more = segments.with(&part(300, 399, 2), 200).unwrap();
    assert_eq!(held(&more), [(0, 99), (300, 399)], "the shorter one goes");
    let longest = segments.with(&part(300, 499, 2), 200).unwrap();
    assert_eq!(held(&longest), [(300, 499)]);
    let touching = Segments::first(1, &part(0, 199, 1)).with(&part(200, 219, 2), 200).unwrap();
    assert_eq!(held(&touching), [(200, 219)]);
}

#[test]
fn a_whole_body_is_a_part_of_itself() {
    let whole = Segments::whole(3, 4, &part(0, 999, 1).blocks).unwrap();
    assert!(whole.partial().is_complete());
    let patched = whole.with(&part(10, 19, 2), LENGTH).unwrap();
    assert!(patched.partial().is_complete());
    assert_eq!(patched.length(), 1000);
    assert!(Segments::whole(3, 4, &Blocks::default()).is_none());
}

#[test]
fn what_was_written_to_disk_in_one_piece_is_in_parts_again() {
    let segments = Segments::first(1, &part(0, 99, 1)).with(&part(200, 249, 2), LENGTH).unwrap();
    let body: Vec<u8> =
        segments.runs().flat_map(|(_, run)| run.iter().flatten()).copied().collect();
    let read = |body: &[u8]| {
        let body = Bytes::copy_from_slice(body);
        Segments::of_disk(1, 5, segments.partial().clone(), body)
    };
    let again = read(&body).unwrap();
    let mut model = vec![None; LENGTH as usize];
    model[..100].fill(Some(1));
    model[200..250].fill(Some(2));
    check(&again, &model);
    assert_eq!((again.lineage(), again.begun()), (1, 5));
    assert!(read(&body[1..]).is_none() && read(&[&body[..], b"x"].concat()).is_none());
}
