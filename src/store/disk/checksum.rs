//! Checksums of bodies: one CRC-32C for each 64 KiB, so that no part waits for the whole.

/// How many bytes of a body one checksum covers; the last one covers what is left.
pub(in crate::store) const BLOCK: usize = 64 << 10;

/// How many checksums a body of this length has.
pub(in crate::store) const fn count(length: u64) -> u64 {
    length.div_ceil(BLOCK as u64)
}

/// The checksums of the body that these pieces are, one after another.
pub(in crate::store) fn of<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Box<[u32]> {
    let mut sums = Sums::default();
    pieces.into_iter().for_each(|piece| sums.add(piece));
    sums.end().into()
}

/// Whether a body is the one that has these checksums. Both may be a part of it that begins where a block
/// does, and ends where one does or with the body.
pub(in crate::store) fn matches(body: &[u8], sums: &[u32]) -> bool {
    body.chunks(BLOCK).map(crc32c::crc32c).eq(sums.iter().copied())
}

/// Sums up a body as it comes, in pieces of any length.
#[derive(Debug, Default)]
pub(in crate::store) struct Sums {
    all: Vec<u32>,
    block: u32,
    filled: usize,
}

impl Sums {
    /// The next bytes.
    pub(in crate::store) fn add(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (now, rest) = bytes.split_at(bytes.len().min(BLOCK - self.filled));
            self.block = crc32c::crc32c_append(self.block, now);
            self.filled += now.len();
            if self.filled == BLOCK {
                self.close();
            }
            bytes = rest;
        }
    }

    fn close(&mut self) {
        self.all.push(std::mem::take(&mut self.block));
        self.filled = 0;
    }

    /// The checksums of the blocks that are full, once.
    pub(in crate::store) fn take_full(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.all)
    }

    /// The body ends: the checksums that were not taken.
    pub(in crate::store) fn end(mut self) -> Vec<u32> {
        if self.filled > 0 {
            self.close();
        }
        self.all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksums_of_pieces_are_those_of_the_whole() {
        let body: Vec<u8> = (0..3 * BLOCK + 7).map(|at| (at % 251) as u8).collect();
        for length in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, body.len()] {
            let body = &body[..length];
            let sums = of([body]);
            assert_eq!(sums.len() as u64, count(length as u64));
            assert!(matches(body, &sums));
            for piece in [1000, BLOCK / 2, BLOCK, BLOCK + 1] {
                assert_eq!(of(body.chunks(piece)), sums, "{length} in pieces of {piece}");
            }
        }
    }

    #[test]
    fn another_body_does_not_match() {
        let body = vec![7; BLOCK + 10];
        let sums = of([&body[..]]);
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
        assert!(!matches(&body[..BLOCK + 9], &sums));
        assert!(!matches(&body[..BLOCK], &sums));
        for at in [0, BLOCK - 1, BLOCK, BLOCK + 9] {
            let mut other = body.clone();
            other[at] ^= 1;
            assert!(!matches(&other, &sums), "{at}");
        }
        assert!(matches(&body[BLOCK..], &sums[1..]));
    }
}
