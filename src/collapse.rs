//! Collapsed requests (RFC 9111 §4): join(key) → Lead(guard) | Follow(follower).
