//! The cache key (RFC 9111 §2): the target URI, compared as a value; the digest only finds.

use crate::http::TargetUri;

/// The key under which variants of a response are stored. Methods other than GET have none.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CacheKey {
    uri: TargetUri,
    digest: u128,
}

impl CacheKey {
    /// The key of a target URI.
    pub fn new(uri: TargetUri) -> Self {
        let digest = digest(uri.as_str().as_bytes());
        Self { uri, digest }
    }

    /// The target URI.
    pub fn uri(&self) -> &TargetUri {
        &self.uri
    }

    /// 128 bits that find the key; equality is decided by the URI.
    pub fn digest(&self) -> u128 {
        self.digest
    }
}

/// The first 128 bits of BLAKE3.
pub(crate) fn digest(bytes: &[u8]) -> u128 {
    let hash = blake3::hash(bytes);
    let mut first = [0; 16];
    for (to, from) in first.iter_mut().zip(hash.as_bytes()) {
        *to = *from;
    }
    u128::from_le_bytes(first)
}
