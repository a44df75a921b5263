//! What memory was offered of what is on disk: not again within a minute.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Offers that are remembered; two with one place forget each other.
const PLACES: usize = 8 << 10;

/// For so many seconds.
const REMEMBERED: u32 = 60;

/// The latest offers.
#[derive(Debug)]
pub(super) struct Offers {
    begun: Instant,
    /// 32 bits that tell the response, and the second in which it was offered, plus one.
    places: Box<[AtomicU64]>,
}

impl Offers {
    pub(super) fn new() -> Self {
        let places = (0..PLACES).map(|_| AtomicU64::new(0)).collect();
        Self { begun: Instant::now(), places }
    }

    /// Whether a response may be offered now; it is noted that it is.
    pub(super) fn may_offer(&self, digest: u128, id: u64) -> bool {
        let second = self.begun.elapsed().as_secs();
        self.may_offer_at(digest, id, u32::try_from(second).unwrap_or(u32::MAX - 1))
    }

    fn may_offer_at(&self, digest: u128, id: u64, second: u32) -> bool {
        let mix = (digest as u64 ^ id).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let at = usize::try_from(mix >> 51).unwrap_or_default() % PLACES;
        let Some(place) = self.places.get(at) else { return true };
        let (mark, now) = (mix & 0xffff_ffff, u64::from(second) + 1);
        let before = place.load(Ordering::Relaxed);
        let is_known = before & 0xffff_ffff == mark && before != 0;
        if is_known && now.saturating_sub(before >> 32) < u64::from(REMEMBERED) {
            return false;
        }
        place.store(now << 32 | mark, Ordering::Relaxed);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_offered_is_not_offered_again_within_a_minute() {
        let offers = Offers::new();
        assert!(offers.may_offer_at(7, 1, 0));
        assert!(!offers.may_offer_at(7, 1, 0));
        assert!(!offers.may_offer_at(7, 1, 59));
        assert!(offers.may_offer_at(7, 1, 60));
        assert!(!offers.may_offer_at(7, 1, 61));
        assert!(offers.may_offer_at(7, 2, 61), "its successor is another");
    }
}
