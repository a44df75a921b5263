//! The body of a response in memory: a few exact blocks, however small the frames were that it came in.

use std::sync::Arc;

use bytes::Bytes;

/// The longest block, in bytes.
pub(super) const BLOCK: usize = 256 << 10;

/// Frames of this length are kept as they are: copying them would save next to nothing.
const KEPT: usize = 128 << 10;

/// Bytes of memory that a block takes besides its content.
const BLOCK_OVERHEAD: usize = 96;

/// A run of bytes: a whole body, or a part of one. Clones share the content.
#[derive(Clone, Debug)]
pub(super) enum Blocks {
    /// At most one block: most bodies.
    One(Bytes),
    /// Several blocks, none empty.
    Many(Arc<[Bytes]>),
}

impl Default for Blocks {
    fn default() -> Self {
        Self::One(Bytes::new())
    }
}

impl Blocks {
    /// Joins frames into blocks of at most [`BLOCK`] bytes. Every frame must be an allocation of its
    /// own, without slack: one that stands alone is not copied again.
    pub(super) fn compact(frames: Vec<Bytes>) -> Self {
        let mut blocks = Vec::new();
        let mut run = Run::default();
        for frame in frames {
            if frame.len() >= KEPT {
                run.flush(&mut blocks);
                split(frame, &mut blocks);
            } else {
                if run.length + frame.len() > BLOCK {
                    run.flush(&mut blocks);
                }
                run.push(frame);
            }
        }
        run.flush(&mut blocks);
        if blocks.len() > 1 {
            Self::Many(blocks.into())
        } else {
            Self::One(blocks.pop().unwrap_or_default())
        }
    }

    /// The block number `index`.
    pub(super) fn block(&self, index: usize) -> Option<&Bytes> {
        match self {
            Self::One(block) => (index == 0).then_some(block),
            Self::Many(blocks) => blocks.get(index),
        }
    }

    /// All blocks in order.
    pub(super) fn iter(&self) -> std::slice::Iter<'_, Bytes> {
        match self {
            Self::One(block) => std::slice::from_ref(block).iter(),
            Self::Many(blocks) => blocks.iter(),
        }
    }

    /// The bytes `first` to `last`, both included. Whole blocks are shared; a block that is cut is
    /// copied, so that no small rest keeps a large allocation.
    pub(super) fn part(&self, first: u64, last: u64) -> Self {
        let mut frames = Vec::new();
        let mut at: u64 = 0;
        for block in self.iter() {
            let place = |offset: u64| {
                let within = usize::try_from(offset.saturating_sub(at)).unwrap_or(usize::MAX);
                within.min(block.len())
            };
            match (place(first), place(last.saturating_add(1))) {
                (0, to) if to == block.len() => frames.push(block.clone()),
                (from, to) => {
                    frames
                        .push(block.get(from..to).map(Bytes::copy_from_slice).unwrap_or_default());
                }
            }
            at = at.saturating_add(block.len() as u64);
        }
        Self::compact(frames)
    }

    /// The length of the body.
    pub(super) fn length(&self) -> usize {
        match self {
            Self::One(block) => block.len(),
            Self::Many(blocks) => blocks.iter().map(Bytes::len).sum(),
        }
    }

    /// Bytes of memory that this holds besides itself.
    pub(super) fn weight(&self) -> usize {
        let blocks = match self {
            Self::One(_) => 1,
            Self::Many(blocks) => blocks.len(),
        };
        self.length() + blocks * BLOCK_OVERHEAD
    }
}

/// Small frames in a row.
#[derive(Default)]
struct Run {
    frames: Vec<Bytes>,
    length: usize,
}

impl Run {
    fn push(&mut self, frame: Bytes) {
        if !frame.is_empty() {
            self.length += frame.len();
            self.frames.push(frame);
        }
    }

    fn flush(&mut self, blocks: &mut Vec<Bytes>) {
        let length = std::mem::take(&mut self.length);
        let mut frames = std::mem::take(&mut self.frames);
        if frames.len() < 2 {
            blocks.append(&mut frames);
            return;
        }
        let mut block = Vec::with_capacity(length);
        for frame in frames {
            block.extend_from_slice(&frame);
        }
        blocks.push(block.into());
    }
}

/// Cuts a long frame into blocks; they share its allocation and go with it.
fn split(mut frame: Bytes, blocks: &mut Vec<Bytes>) {
    while frame.len() > BLOCK {
        blocks.push(frame.split_to(BLOCK));
    }
    blocks.push(frame);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(lengths: &[usize]) -> Vec<Bytes> {
        let fill = |(at, length): (usize, &usize)| Bytes::from(vec![at as u8; *length]);
        lengths.iter().enumerate().map(fill).collect()
    }

    fn blocks(body: &Blocks) -> Vec<Bytes> {
        (0..).map_while(|index| body.block(index).cloned()).collect()
    }

    #[test]
    fn small_frames_are_joined_and_nothing_is_lost() {
        let cases: &[(&[usize], &[usize])] = &[
            (&[], &[0]),
            (&[0, 0], &[0]),
            (&[5], &[5]),
            (&[5, 0, 6], &[11]),
            (&[1; 1000], &[1000]),
            (&[100_000, 100_000, 100_000], &[200_000, 100_000]),
            (&[KEPT, 5, 6], &[KEPT, 11]),
            (&[5, KEPT, 6], &[5, KEPT, 6]),
            (&[5, BLOCK + 1, 6], &[5, BLOCK, 1, 6]),
            (&[3 * BLOCK], &[BLOCK, BLOCK, BLOCK]),
        ];
        for (lengths, expected) in cases {
            let all: Vec<u8> = frames(lengths).into_iter().flatten().collect();
            let body = Blocks::compact(frames(lengths));
            let blocks = blocks(&body);
            let found: Vec<usize> = blocks.iter().map(Bytes::len).collect();
            assert_eq!(found, *expected, "{lengths:?}");
            assert_eq!(body.length(), all.len());
            assert!(blocks.into_iter().flatten().eq(all), "{lengths:?}");
        }
    }

    #[test]
    fn a_frame_that_stands_alone_is_not_copied() {
        for length in [1, KEPT, BLOCK] {
            let frame = Bytes::from(vec![7; length]);
            let address = frame.as_ptr();
            let body = Blocks::compact(vec![frame]);
            assert_eq!(body.block(0).map(|block| block.as_ptr()), Some(address));
        }
    }

    #[test]
    fn tiny_frames_weigh_no_more_than_one() {
        let many = Blocks::compact(frames(&[1; 10_000]));
        let one = Blocks::compact(frames(&[10_000]));
        assert_eq!(many.weight(), one.weight());
    }
}
