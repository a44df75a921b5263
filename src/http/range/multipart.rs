//! `multipart/byteranges` (RFC 9110 §14.6): what stands between the parts, and how long all of it is.

use std::fmt;
use std::hash::{BuildHasher, RandomState};

use http::HeaderValue;

/// What separates the parts. Random, so that no body can hold it on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Boundary(u128);

impl Boundary {
    /// A boundary that nobody can guess.
    pub fn random() -> Self {
        let half = || u128::from(RandomState::new().hash_one("boundary"));
        Self(half() << 64 | half())
    }
}

impl fmt::Display for Boundary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The framing of several parts of one whole.
#[derive(Clone, Debug)]
pub struct Multipart {
    boundary: Boundary,
    content_type: Option<HeaderValue>,
    length: Option<u64>,
    parts: Vec<(u64, u64)>,
}

impl Multipart {
    /// Frames these parts, first and last byte each, of a whole of `length` bytes, where that is known,
    /// and of this type.
    pub fn new(
        parts: Vec<(u64, u64)>,
        length: Option<u64>,
        content_type: Option<HeaderValue>,
        boundary: Boundary,
    ) -> Self {
        Self { boundary, content_type, length, parts }
    }

    /// The parts: first and last byte of each.
    pub fn parts(&self) -> &[(u64, u64)] {
        &self.parts
    }

    /// `Content-Type` of the whole response; it has no `Content-Range`.
    pub fn content_type(&self) -> HeaderValue {
        HeaderValue::try_from(format!("multipart/byteranges; boundary={}", self.boundary))
            .unwrap_or(HeaderValue::from_static("multipart/byteranges"))
    }

    /// `Content-Length` of the whole response: heads, parts and end.
    pub fn content_length(&self) -> u64 {
        let counted = |bytes: &[u8]| u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.parts.iter().fold(counted(&self.end()), |sum, part| {
            let (first, last) = *part;
            let body = last.saturating_sub(first).saturating_add(1);
            sum.saturating_add(counted(&self.head(*part))).saturating_add(body)
        })
    }

    /// What stands before the bytes of a part.
    pub fn head(&self, (first, last): (u64, u64)) -> Vec<u8> {
        let mut head = format!("\r\n--{}\r\n", self.boundary).into_bytes();
        if let Some(content_type) = &self.content_type {
            head.extend_from_slice(b"Content-Type: ");
            head.extend_from_slice(content_type.as_bytes());
            head.extend_from_slice(b"\r\n");
        }
        let length = self.length.map_or_else(|| "*".to_owned(), |length| length.to_string());
        let range = format!("Content-Range: bytes {first}-{last}/{length}\r\n\r\n");
        head.extend_from_slice(range.as_bytes());
        head
    }

    /// What stands after the bytes of the last part.
    pub fn end(&self) -> Vec<u8> {
        format!("\r\n--{}--\r\n", self.boundary).into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &[u8] = b"0123456789";

    fn body(framing: &Multipart) -> Vec<u8> {
        let mut body = Vec::new();
        for part in framing.parts() {
            let (first, last) = (part.0 as usize, part.1 as usize);
            body.extend(framing.head(*part));
            body.extend_from_slice(&WHOLE[first..=last]);
        }
        body.extend(framing.end());
        body
    }

    #[test]
    fn each_part_says_which_it_is() {
        let text = HeaderValue::from_static("text/plain");
        let framing = Multipart::new(vec![(8, 9), (0, 1)], Some(10), Some(text), Boundary(0xabc));
        let dashes = format!("--{:032x}", 0xabc);
        let expected = format!(
            "\r\n{dashes}\r\nContent-Type: text/plain\r\nContent-Range: bytes 8-9/10\r\n\r\n89\
             \r\n{dashes}\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01\
             \r\n{dashes}--\r\n"
        );
        assert_eq!(String::from_utf8(body(&framing)).unwrap(), expected);
        let announced = format!("multipart/byteranges; boundary={:032x}", 0xabc);
        assert_eq!(framing.content_type(), announced);
    }

    #[test]
    fn the_length_is_that_of_what_is_sent() {
        for content_type in [None, Some(HeaderValue::from_static("image/png"))] {
            for parts in [vec![(0, 0), (2, 9)], vec![(9, 9), (4, 5), (0, 2)]] {
                let framing =
                    Multipart::new(parts, Some(10), content_type.clone(), Boundary::random());
                assert_eq!(framing.content_length(), body(&framing).len() as u64, "{framing:?}");
            }
        }
    }

    #[test]
    fn an_unknown_complete_length_is_a_star() {
        let framing = Multipart::new(vec![(0, 1), (3, 4)], None, None, Boundary(0));
        let head = String::from_utf8(framing.head((3, 4))).unwrap();
        assert!(head.ends_with("\r\nContent-Range: bytes 3-4/*\r\n\r\n"), "{head:?}");
        assert_eq!(framing.content_length(), body(&framing).len() as u64);
    }

    #[test]
    fn a_length_beyond_all_numbers_is_the_largest() {
        let framing = Multipart::new(vec![(0, u64::MAX - 1)], Some(u64::MAX), None, Boundary(0));
        assert_eq!(framing.content_length(), u64::MAX);
    }

    #[test]
    fn boundaries_differ() {
        assert_ne!(Boundary::random(), Boundary::random());
    }
}
