//! Bytes that wait to be written, as they came: the large ones are not copied while others wait to append.

use bytes::Bytes;

/// What is shorter is put together with what comes before and after it.
const SHORT: usize = 4 << 10;

/// Bytes in pieces.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    /// Each with the number of bytes before it.
    all: Vec<(usize, Bytes)>,
    /// What comes behind them: short pieces.
    tail: Vec<u8>,
    /// The number of bytes before the tail.
    before_tail: usize,
}

impl Pieces {
    /// How many bytes there are.
    pub(super) fn len(&self) -> usize {
        self.before_tail + self.tail.len()
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a copy of these.
    pub(super) fn copy(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
    }

    /// Adds these, copied only where they are few.
    pub(super) fn push(&mut self, bytes: &Bytes) {
        if bytes.len() < SHORT {
            return self.copy(bytes);
        }
        self.end_tail();
        self.all.push((self.before_tail, bytes.clone()));
        self.before_tail += bytes.len();
    }

    /// Adds so many zeros.
    pub(super) fn pad(&mut self, count: usize) {
        self.tail.extend(std::iter::repeat_n(0, count));
    }

    fn end_tail(&mut self) {
        if !self.tail.is_empty() {
            let tail = std::mem::take(&mut self.tail);
            self.all.push((self.before_tail, tail.into()));
            self.before_tail = self.len_of_all();
        }
    }

    fn len_of_all(&self) -> usize {
        self.all.last().map_or(0, |(before, bytes)| before + bytes.len())
    }

    /// Copies these bytes. `None` where not all of them are here.
    pub(super) fn get(&self, at: usize, length: usize) -> Option<Vec<u8>> {
        let end = at.checked_add(length).filter(|end| *end <= self.len())?;
        let mut copied = Vec::with_capacity(length);
        let first = self.all.partition_point(|(before, bytes)| before + bytes.len() <= at);
        let pieces = self.all.iter().skip(first).map(|(before, bytes)| (*before, &bytes[..]));
        for (before, bytes) in pieces.chain([(self.before_tail, &self.tail[..])]) {
            if before >= end {
                break;
            }
            let (from, to) = (at.saturating_sub(before), (end - before).min(bytes.len()));
            copied.extend_from_slice(bytes.get(from.min(to)..to)?);
        }
        Some(copied)
    }

    /// All of it in one.
    pub(super) fn concat(&self) -> Vec<u8> {
        let mut all = Vec::with_capacity(self.len());
        self.all.iter().for_each(|(_, bytes)| all.extend_from_slice(bytes));
        all.extend_from_slice(&self.tail);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_wherever_they_are() {
        let text: Vec<u8> = (0..4 * SHORT).map(|n| (n % 251) as u8).collect();
        let mut pieces = Pieces::default();
        assert!(pieces.is_empty());
        let mut all = Vec::new();
        for length in [3, SHORT, 0, 7, SHORT - 1, 3 * SHORT, 2 * SHORT, 5] {
            let piece = Bytes::copy_from_slice(&text[..length]);
            pieces.push(&piece);
            all.extend_from_slice(&piece);
            pieces.copy(&text[..9]);
            all.extend_from_slice(&text[..9]);
            pieces.pad(5);
            all.extend_from_slice(&[0; 5]);
        }
        assert_eq!(pieces.len(), all.len());
        assert!(pieces.concat() == all);
        for at in (0..all.len()).step_by(97) {
            for length in [0, 1, 10, SHORT, 2 * SHORT + 3, all.len()] {
                let expected = all.get(at..at + length).map(<[u8]>::to_vec);
                assert!(pieces.get(at, length) == expected, "{at} {length}");
            }
        }
        assert!(pieces.get(all.len(), 0).is_some() && pieces.get(all.len(), 1).is_none());
    }

    #[test]
    fn what_is_large_is_not_copied() {
        let large = Bytes::from(vec![7; SHORT]);
        let mut pieces = Pieces::default();
        pieces.push(&large);
        assert_eq!(pieces.all[0].1.as_ptr(), large.as_ptr());
    }
}
