//! Framing fields (RFC 9112 §6.1): what both directions say about their transfer coding.

use ::http::HeaderMap;
use ::http::header::TRANSFER_ENCODING;

/// What a head says about the transfer coding of its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferCoding {
    /// There is no such field.
    None,
    /// Exactly one `chunked`, in one field line.
    Chunked,
    /// Anything else: a coding that we do not decode, or that others read differently.
    Other,
}

/// Reads `Transfer-Encoding`, in all its lines.
pub fn transfer_coding(fields: &HeaderMap) -> TransferCoding {
    let mut lines = fields.get_all(TRANSFER_ENCODING).iter();
    match (lines.next(), lines.next()) {
        (None, _) => TransferCoding::None,
        (Some(only), None) if only.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") => {
            TransferCoding::Chunked
        }
        _ => TransferCoding::Other,
    }
}

#[cfg(test)]
mod tests {
    use ::http::HeaderValue;

    use super::*;
    use TransferCoding::{Chunked, None, Other};

    #[test]
    fn only_one_chunked_is_chunked() {
        let rows: &[(&[&'static str], TransferCoding)] = &[
            (&[], None),
            (&["chunked"], Chunked),
            (&["\tChunKed "], Chunked),
            (&[""], Other),
            (&["chunked,"], Other),
            (&["identity"], Other),
            (&["chunked;x=1"], Other),
            (&["gzip, chunked"], Other),
            (&["chunked, gzip"], Other),
            (&["chunked, chunked"], Other),
            (&["chunked", "chunked"], Other),
            (&["gzip", "chunked"], Other),
            (&["chunked", ""], Other),
        ];
        for (lines, expected) in rows {
            let mut fields = HeaderMap::new();
            for line in *lines {
                fields.append(TRANSFER_ENCODING, HeaderValue::from_static(line));
            }
            assert_eq!(transfer_coding(&fields), *expected, "{lines:?}");
        }
        let mut fields = HeaderMap::new();
        fields.insert(TRANSFER_ENCODING, HeaderValue::from_bytes(b"chunked\xff").unwrap());
        assert_eq!(transfer_coding(&fields), Other);
    }
}
