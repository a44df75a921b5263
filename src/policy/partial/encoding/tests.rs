use super::*;
use crate::policy::scene::assert_exact;

fn again(input: &mut &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    Partial::decode(input)?.encode(&mut out);
    Some(out)
}

#[test]
fn parts_are_read_back_as_they_were() {
    const END: u64 = u64::MAX;
    let rows: [(Option<u64>, &[(u64, u64)]); 6] = [
        (None, &[]),
        (Some(0), &[]),
        (None, &[(0, 9)]),
        (Some(10), &[(0, 9)]),
        (Some(100), &[(3, 3), (5, 6), (90, 99)]),
        (None, &[(0, 1), (END, END)]),
    ];
    for (complete_length, pairs) in rows {
        let mut partial = Partial { complete_length, ..Partial::default() };
        pairs.iter().for_each(|(first, last)| {
            partial.intervals.add(Interval { first: *first, last: *last });
        });
        let mut bytes = Vec::new();
        partial.encode(&mut bytes);
        assert_eq!(Partial::decode(&mut &bytes[..]), Some(partial), "{pairs:?}");
        assert_exact(&bytes, again);
    }
}

#[test]
fn intervals_out_of_order_or_beyond_the_end_are_refused() {
    let rows: [(Option<u64>, &[(u64, u64)], bool); 8] = [
        (Some(10), &[(0, 1), (3, 9)], true),
        (Some(9), &[(0, 1), (3, 9)], false),
        (None, &[(3, 9), (0, 1)], false),
        (None, &[(0, 1), (2, 9)], false),
        (None, &[(0, 1), (1, 9)], false),
        (None, &[(0, 9), (0, 9)], false),
        (None, &[(0, 9), (3, 4)], false),
        (None, &[(4, 3)], false),
    ];
    for (complete_length, pairs, expected) in rows {
        let mut bytes = Vec::new();
        Partial { complete_length, ..Partial::default() }.encode(&mut bytes);
        bytes.truncate(bytes.len() - 4);
        bytes.put_u32_le(pairs.len().try_into().unwrap());
        for (first, last) in pairs {
            bytes.put_u64_le(*first);
            bytes.put_u64_le(*last);
        }
        assert_eq!(Partial::decode(&mut &bytes[..]).is_some(), expected, "{pairs:?}");
    }
    assert!(Partial::decode(&mut &[0, 255, 255, 255, 255][..]).is_none());
    assert!(Partial::decode(&mut &[2, 0, 0, 0, 0][..]).is_none());
}
