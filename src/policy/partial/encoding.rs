//! Which bytes of a whole are there, as bytes on disk, little endian.

use bytes::{Buf, BufMut};

use super::{Interval, Intervals, Partial};

/// Of the length of the whole: not known, or known.
const UNKNOWN: u8 = 0;
const KNOWN: u8 = 1;

/// Bytes that an interval takes.
const INTERVAL: usize = 16;

impl Partial {
    /// Appends it as bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self.complete_length {
            None => out.put_u8(UNKNOWN),
            Some(length) => {
                out.put_u8(KNOWN);
                out.put_u64_le(length);
            }
        }
        let intervals = self.intervals.as_slice();
        out.put_u32_le(u32::try_from(intervals.len()).unwrap_or(u32::MAX));
        for interval in intervals {
            out.put_u64_le(interval.first);
            out.put_u64_le(interval.last);
        }
    }

    /// Takes it from the front of `input`. `None` when that does not begin with intervals in order, apart
    /// from each other, and within the whole.
    pub fn decode(input: &mut &[u8]) -> Option<Self> {
        let complete_length = match input.try_get_u8().ok()? {
            UNKNOWN => None,
            KNOWN => Some(input.try_get_u64_le().ok()?),
            _ => return None,
        };
        let count = usize::try_from(input.try_get_u32_le().ok()?).ok()?;
        let mut pairs = input.split_off(..count.checked_mul(INTERVAL)?)?;
        let mut intervals = Intervals::default();
        for at in 0..count {
            let first = pairs.try_get_u64_le().ok()?;
            intervals.add(Interval { first, last: pairs.try_get_u64_le().ok()? });
            // Sorted and apart: each one is the last, and has become none with another.
            if intervals.as_slice().get(at).is_none_or(|last| last.first != first) {
                return None;
            }
        }
        let beyond = complete_length.is_some_and(|length| intervals.reach_beyond(length));
        (intervals.as_slice().len() == count && !beyond)
            .then_some(Self { complete_length, intervals })
    }
}

#[cfg(test)]
mod tests;
