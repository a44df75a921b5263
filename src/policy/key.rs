//! The cache key (RFC 9111 §2): method and target URI, compared as a value; the digest only finds.

use std::hash::{Hash, Hasher};

use crate::http::TargetUri;

/// The key under which variants of a response are stored. Responses to GET have one, and so have those
/// to HEAD, which know no body; what is stored of a POST or PATCH is stored as if a GET had asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheKey {
    uri: TargetUri,
    /// In two halves, so that it is not aligned to 16 bytes. Its lowest bit is HEAD's.
    digest: [u64; 2],
}

/// The bit of a digest that is set for HEAD, and for nothing else.
const HEAD: u64 = 1;

impl CacheKey {
    /// The key of what GET gets from a target URI.
    pub fn new(uri: TargetUri) -> Self {
        let [low, high] = halves(digest(uri.as_str().as_bytes()));
        let digest = [low & !HEAD, high];
        Self { uri, digest }
    }

    /// The key of what HEAD gets from a target URI. Only HEAD is answered with it.
    pub fn head(uri: TargetUri) -> Self {
        let [low, high] = halves(digest(uri.as_str().as_bytes()));
        let digest = [low | HEAD, high];
        Self { uri, digest }
    }

    /// The key of a target URI for the method that this digest is of. Whether it has just this digest is
    /// to be compared.
    pub fn for_digest(uri: TargetUri, digest: u128) -> Self {
        let [low, _] = halves(digest);
        if low & HEAD == 0 { Self::new(uri) } else { Self::head(uri) }
    }

    /// Whether it is HEAD's.
    pub fn is_head(&self) -> bool {
        let [low, _] = self.digest;
        low & HEAD != 0
    }

    /// The target URI.
    pub fn uri(&self) -> &TargetUri {
        &self.uri
    }

    /// 128 bits that find the key; equality is decided by the URI.
    pub fn digest(&self) -> u128 {
        let [low, high] = self.digest;
        u128::from(high) << 64 | u128::from(low)
    }
}

impl Hash for CacheKey {
    /// The digest says as much as the URI, and is short.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.digest.hash(state);
    }
}

/// The low and the high half.
fn halves(digest: u128) -> [u64; 2] {
    [digest as u64, (digest >> 64) as u64]
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Scheme;

    #[test]
    fn get_and_head_of_one_uri_have_different_keys() {
        let uri = TargetUri::new(Scheme::Http, "a.test", 80, "/x?y");
        let (get, head) = (CacheKey::new(uri.clone()), CacheKey::head(uri.clone()));
        assert_ne!(get, head);
        assert_ne!(get.digest(), head.digest());
        assert_eq!(get, CacheKey::new(uri.clone()));
        assert_eq!(head, CacheKey::head(uri.clone()));
        assert!(head.is_head() && !get.is_head());
        assert_eq!(head.uri(), &uri);
    }

    #[test]
    fn a_digest_leads_back_to_its_key() {
        let uri = TargetUri::new(Scheme::Http, "a.test", 80, "/x");
        for key in [CacheKey::new(uri.clone()), CacheKey::head(uri.clone())] {
            assert_eq!(CacheKey::for_digest(uri.clone(), key.digest()), key);
        }
    }
}
