//! Bodies of any size that nobody has to keep: each byte follows from its place.

use std::sync::LazyLock;

/// The bytes repeat after so many: a prime, so that a piece in a wrong place shows.
const PERIOD: usize = 65_521;

static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut state: u32 = 1;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..PERIOD).map(|_| next()).collect()
});

/// `count` bytes of the pattern from `offset` on.
pub fn bytes(offset: u64, count: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(count);
    while bytes.len() < count {
        let run = run(offset + bytes.len() as u64);
        bytes.extend_from_slice(&run[..run.len().min(count - bytes.len())]);
    }
    bytes
}

/// Fails the test when `piece` is not what stands at `offset`.
pub fn check(offset: u64, piece: &[u8]) {
    let mut done = 0;
    while done < piece.len() {
        let run = run(offset + done as u64);
        let run = &run[..run.len().min(piece.len() - done)];
        assert!(piece[done..].starts_with(run), "wrong bytes after {}", offset + done as u64);
        done += run.len();
    }
}

fn run(offset: u64) -> &'static [u8] {
    &BYTES[usize::try_from(offset % PERIOD as u64).unwrap()..]
}
