//! Intervals of bytes: sorted, apart from each other.

/// Bytes from a first to a last one; both belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval {
    /// The first byte, from 0.
    pub first: u64,
    /// The last byte; not before the first.
    pub last: u64,
}

impl Interval {
    /// All bytes of a whole; `None` when it is empty.
    pub fn whole(length: u64) -> Option<Self> {
        Some(Self { first: 0, last: length.checked_sub(1)? })
    }

    /// How many bytes it has.
    pub const fn length(self) -> u64 {
        self.last.saturating_sub(self.first).saturating_add(1)
    }
}

/// A set of bytes as intervals: sorted, and none touches another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Intervals(Vec<Interval>);

impl Intervals {
    /// The intervals in order.
    pub fn as_slice(&self) -> &[Interval] {
        &self.0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many bytes there are.
    pub fn length(&self) -> u64 {
        self.0.iter().fold(0, |sum, interval| interval.length().saturating_add(sum))
    }

    /// Adds bytes; what overlaps or touches becomes one.
    pub fn add(&mut self, new: Interval) {
        if new.last < new.first {
            return;
        }
        let before = self.0.partition_point(|old| old.last.saturating_add(1) < new.first);
        let after = self.0.partition_point(|old| old.first <= new.last.saturating_add(1));
        let mut joined = new;
        for old in self.0.get(before..after).unwrap_or_default() {
            joined.first = joined.first.min(old.first);
            joined.last = joined.last.max(old.last);
        }
        self.0.splice(before..after.max(before), [joined]);
    }

    /// Whether all bytes of `wanted` are there.
    pub fn contains(&self, wanted: Interval) -> bool {
        let at = self.0.partition_point(|old| old.last < wanted.first);
        self.0.get(at).is_some_and(|old| old.first <= wanted.first && wanted.last <= old.last)
    }

    /// The bytes of `wanted` that are not there.
    pub fn missing(&self, wanted: Interval) -> Vec<Interval> {
        let mut missing = Vec::new();
        let mut next = Some(wanted.first);
        for old in self.0.iter().filter(|old| old.last >= wanted.first) {
            let Some(first) = next.filter(|first| *first <= wanted.last) else { break };
            if old.first > wanted.last {
                break;
            }
            if first < old.first {
                missing.push(Interval { first, last: old.first - 1 });
            }
            next = old.last.checked_add(1);
        }
        if let Some(first) = next.filter(|first| *first <= wanted.last) {
            missing.push(Interval { first, last: wanted.last });
        }
        missing
    }

    /// Whether all bytes of a whole of this length are there.
    pub fn cover(&self, length: u64) -> bool {
        Interval::whole(length).is_none_or(|whole| self.contains(whole))
    }

    /// Whether there are bytes that a whole of this length does not have.
    pub fn reach_beyond(&self, length: u64) -> bool {
        self.0.last().is_some_and(|last| last.last >= length)
    }

    /// The first byte from the beginning on that is not there.
    pub fn first_missing(&self) -> u64 {
        match self.0.first() {
            Some(Interval { first: 0, last }) => last.saturating_add(1),
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Pairs = &'static [(u64, u64)];

    fn all(text: &[(u64, u64)]) -> Intervals {
        let mut intervals = Intervals::default();
        for (first, last) in text {
            intervals.add(Interval { first: *first, last: *last });
        }
        intervals
    }

    fn pairs(intervals: &[Interval]) -> Vec<(u64, u64)> {
        intervals.iter().map(|one| (one.first, one.last)).collect()
    }

    #[test]
    fn what_overlaps_or_touches_becomes_one() {
        const END: u64 = u64::MAX;
        let rows: &[(Pairs, Pairs)] = &[
            (&[(0, 4)], &[(0, 4)]),
            (&[(0, 4), (6, 9)], &[(0, 4), (6, 9)]),
            (&[(6, 9), (0, 4)], &[(0, 4), (6, 9)]),
            (&[(0, 4), (5, 9)], &[(0, 9)]),
            (&[(5, 9), (0, 4)], &[(0, 9)]),
            (&[(0, 4), (2, 9)], &[(0, 9)]),
            (&[(0, 9), (2, 4)], &[(0, 9)]),
            (&[(2, 4), (0, 9)], &[(0, 9)]),
            (&[(0, 1), (4, 5), (8, 9), (2, 7)], &[(0, 9)]),
            (&[(0, 1), (4, 5), (8, 9), (5, 8)], &[(0, 1), (4, 9)]),
            (&[(0, 1), (8, 9), (4, 5)], &[(0, 1), (4, 5), (8, 9)]),
            (&[(0, END), (3, 4)], &[(0, END)]),
            (&[(END, END), (0, 0)], &[(0, 0), (END, END)]),
            (&[(4, 2)], &[]),
        ];
        for (added, expected) in rows {
            assert_eq!(pairs(all(added).as_slice()), *expected, "{added:?}");
        }
    }

    #[test]
    fn what_is_missing_is_what_is_not_there() {
        let held = all(&[(2, 3), (6, 7)]);
        #[rustfmt::skip]
        let rows: [((u64, u64), Pairs); 9] = [
            ((0, 9), &[(0, 1), (4, 5), (8, 9)]),
            ((2, 3), &[]),
            ((2, 7), &[(4, 5)]),
            ((3, 6), &[(4, 5)]),
            ((0, 1), &[(0, 1)]),
            ((8, 9), &[(8, 9)]),
            ((4, 5), &[(4, 5)]),
            ((5, 5), &[(5, 5)]),
            ((7, u64::MAX), &[(8, u64::MAX)]),
        ];
        for ((first, last), expected) in rows {
            let wanted = Interval { first, last };
            assert_eq!(pairs(&held.missing(wanted)), expected, "{first}-{last}");
            assert_eq!(held.contains(wanted), expected.is_empty(), "{first}-{last}");
        }
        assert!(all(&[(0, u64::MAX)]).missing(Interval { first: 0, last: u64::MAX }).is_empty());
    }

    #[test]
    fn a_whole_is_covered_when_nothing_of_it_is_missing() {
        let rows: [(Pairs, u64, bool, bool); 6] = [
            (&[], 0, true, false),
            (&[], 1, false, false),
            (&[(0, 9)], 10, true, false),
            (&[(0, 9)], 11, false, false),
            (&[(0, 10)], 10, true, true),
            (&[(0, 4), (6, 9)], 10, false, false),
        ];
        for (held, length, covered, beyond) in rows {
            let held = all(held);
            assert_eq!(held.cover(length), covered, "{held:?} {length}");
            assert_eq!(held.reach_beyond(length), beyond, "{held:?} {length}");
        }
        assert_eq!(all(&[(0, 4), (6, 9)]).length(), 9);
        assert_eq!(all(&[(0, 4), (6, 9)]).first_missing(), 5);
        assert_eq!(all(&[(6, 9)]).first_missing(), 0);
        assert!(all(&[]).is_empty());
    }
}
