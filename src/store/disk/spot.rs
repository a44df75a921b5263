//! Where a record is, in eight bytes.

use super::record::ALIGN;

/// The longest segment, in bytes, its footer not counted; offsets go no further.
pub(super) const LONGEST_SEGMENT: u64 = OFFSET * ALIGN;

/// Sequence numbers are kept modulo this: far more than there are segments at once.
pub(super) const SEQUENCES: u32 = 1 << 20;

const OFFSET: u64 = 1 << 22;
const LENGTH: u64 = 1 << 16;
const UPDATE: u64 = 1 << 62;
const SUPERSEDED: u64 = 1 << 61;
const USES_SHIFT: u32 = 58;
const USES: u64 = 3 << USES_SHIFT;

/// Where a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Spot {
    /// The sequence number of its segment, modulo [`SEQUENCES`].
    pub(super) seq: u32,
    /// Where it begins in the segment, in bytes: a multiple of [`ALIGN`].
    pub(super) offset: u64,
    /// How many bytes it takes, up to the next record.
    pub(super) length: u64,
}

impl Spot {
    /// Where a record begins that is only to be found, not to be read whole.
    pub(super) fn at(seq: u32, offset: u64) -> Self {
        Self { seq: seq % SEQUENCES, offset, length: 0 }
    }
}

/// A [`Spot`] and what is to be known of the record before it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(u64);

impl Place {
    /// Packs a spot; the uses are none.
    pub(super) fn new(spot: Spot, is_update: bool) -> Self {
        let seq = u64::from(spot.seq % SEQUENCES);
        let offset = (spot.offset / ALIGN) % OFFSET;
        let length = (spot.length.div_ceil(ALIGN)) % LENGTH;
        let update = if is_update { UPDATE } else { 0 };
        Self(seq << 38 | offset << 16 | length | update)
    }

    /// Where the record is.
    pub(super) fn spot(self) -> Spot {
        Spot {
            seq: u32::try_from((self.0 >> 38) & u64::from(SEQUENCES - 1)).unwrap_or_default(),
            offset: ((self.0 >> 16) & (OFFSET - 1)) * ALIGN,
            length: (self.0 & (LENGTH - 1)) * ALIGN,
        }
    }

    /// Whether the record has a head only.
    pub(super) fn is_update(self) -> bool {
        self.0 & UPDATE != 0
    }

    /// The same, not to be found any more.
    pub(super) fn superseded(self) -> Self {
        Self(self.0 | SUPERSEDED)
    }

    /// Whether it is not to be found any more.
    pub(super) fn is_superseded(self) -> bool {
        self.0 & SUPERSEDED != 0
    }

    /// How often it was used.
    pub(super) fn uses(self) -> u8 {
        u8::try_from((self.0 & USES) >> USES_SHIFT).unwrap_or_default()
    }

    /// The same with so many uses, three at most.
    pub(super) fn with_uses(self, uses: u8) -> Self {
        Self(self.0 & !USES | u64::from(uses.min(3)) << USES_SHIFT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked() {
        let seqs = [0, 1, SEQUENCES - 1];
        let offsets = [0, ALIGN, LONGEST_SEGMENT - ALIGN];
        let lengths = [ALIGN, 1024, (LENGTH - 1) * ALIGN];
        for (seq, (offset, length)) in
            seqs.iter().flat_map(|seq| offsets.iter().zip(&lengths).map(move |rest| (seq, rest)))
        {
            let spot = Spot { seq: *seq, offset: *offset, length: *length };
            for update in [false, true] {
                let place = Place::new(spot, update);
                for uses in 0..=3 {
                    let place = place.with_uses(uses);
                    assert_eq!((place.spot(), place.is_update()), (spot, update));
                    assert_eq!((place.uses(), place.is_superseded()), (uses, false));
                    let place = place.superseded();
                    assert_eq!((place.spot(), place.is_update()), (spot, update));
                    assert_eq!((place.uses(), place.is_superseded()), (uses, true));
                }
            }
        }
    }

    #[test]
    fn uses_are_counted_up_to_three() {
        let spot = Spot { seq: 1, offset: 64, length: 128 };
        assert_eq!(Place::new(spot, true).with_uses(200).uses(), 3);
    }
}
