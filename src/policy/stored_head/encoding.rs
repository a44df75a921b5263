//! A head as bytes on disk, little endian: its block of lines as it is, and what was computed.

use bytes::{Buf, BufMut, Bytes};
use http::{HeaderName, StatusCode};

use super::StoredHead;
use super::block::{Line, Name};
use crate::policy::{ExchangeTimes, Freshness, NominatedFields};

/// The longest reason phrase, in bytes.
const LONGEST_REASON: u16 = 256;

/// The most lines: as many as always fit a `HeaderMap`, which panics when it is asked for too much.
const MOST_LINES: u16 = 16_384;

impl StoredHead {
    /// Appends it as bytes, without what was put behind its lines.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let lines = self.block.get(..self.end()).unwrap_or_default();
        out.put_u16_le(self.status.as_u16());
        out.put_u16_le(self.count);
        out.put_u16_le(self.reason_len);
        out.put_u32_le(u32::try_from(lines.len()).unwrap_or(u32::MAX));
        out.put_slice(lines);
        self.times.encode(out);
        self.freshness.encode(out);
        self.nominated.encode(out);
    }

    /// Takes it from the front of `input`. `None` when that does not begin with a head whose every line
    /// may be sent.
    pub fn decode(input: &mut &[u8]) -> Option<Self> {
        Self::take(input, Bytes::copy_from_slice)
    }

    /// The same, where `input` is a part of `whole`: the lines stay there, and keep all of it in memory.
    pub fn decode_within(input: &mut &[u8], whole: &Bytes) -> Option<Self> {
        Self::take(input, |lines| whole.slice_ref(lines))
    }

    fn take(input: &mut &[u8], keep: impl FnOnce(&[u8]) -> Bytes) -> Option<Self> {
        let status = StatusCode::from_u16(input.try_get_u16_le().ok()?).ok()?;
        let count = input.try_get_u16_le().ok().filter(|count| *count <= MOST_LINES)?;
        let reason_len = input.try_get_u16_le().ok().filter(|length| *length <= LONGEST_REASON)?;
        let length = usize::try_from(input.try_get_u32_le().ok()?).ok()?;
        let block = keep(input.split_off(..length)?);
        let times = ExchangeTimes::decode(input)?;
        let freshness = Freshness::decode(input)?;
        let nominated = NominatedFields::decode(input)?;
        let head = Self { status, count, reason_len, block, times, nominated, freshness };
        head.is_sound().then_some(head)
    }

    /// Whether the block is so many lines and nothing else, and all of them are legal.
    fn is_sound(&self) -> bool {
        let (mut count, mut end) = (0, usize::from(self.reason_len));
        for line in self.pieces() {
            if !self.is_legal(&line) {
                return false;
            }
            (count, end) = (count + 1, line.value.end);
        }
        let reason = self.block.get(..usize::from(self.reason_len));
        reason.is_some_and(is_value) && count == self.count && end == self.block.len()
    }

    fn is_legal(&self, line: &Line) -> bool {
        let name = match &line.name {
            Name::Known(_) => true,
            Name::Spelt(name) => {
                let name = self.block.get(name.clone()).unwrap_or_default();
                HeaderName::from_lowercase(name).is_ok()
            }
        };
        name && self.block.get(line.value.clone()).is_some_and(is_value)
    }
}

/// Whether these bytes are what a `HeaderValue` takes, without making one.
fn is_value(text: &[u8]) -> bool {
    text.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~' | 0x80..))
}

#[cfg(test)]
mod tests;
