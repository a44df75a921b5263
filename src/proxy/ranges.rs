//! Ranges out of what is stored (RFC 9110 §14): one part, several, or a part that is still coming.

use bytes::Bytes;
use hyper::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderValue};
use hyper::{HeaderMap, Method, StatusCode};

use crate::body::{Body, Chain, Piece, Slice, SpoolReader};
use crate::http::range::{self, Boundary, Multipart, RangeAnswer};
use crate::policy::Interval;
use crate::policy::partial::Coverage;
use crate::store::{Extent, StoredResponse};

use super::ask::Ask;

/// What of a stored response is sent.
pub(super) enum Selected {
    /// All of it, as it is.
    Whole,
    /// These bytes, of a whole of this length.
    Parts(Vec<Interval>, Option<u64>),
    /// 416: nothing of what was asked for is there.
    Unsatisfiable(u64),
}

/// Chooses by the request's `Range`, where that counts (`ranged`): only for GET, and only where the
/// answer would be 200.
pub(super) fn select(ask: &Ask, stored: &StoredResponse, ranged: bool) -> Selected {
    if ask.method != Method::GET {
        return Selected::Whole;
    }
    match stored.extent() {
        Extent::Part(partial) => match partial.coverage(&ask.fields, ranged) {
            Coverage::Within(parts) => Selected::Parts(parts, partial.complete_length),
            Coverage::Lacks(_) | Coverage::Nothing => {
                Selected::Unsatisfiable(partial.complete_length.unwrap_or_default())
            }
        },
        Extent::Whole if ranged && stored.head().status() == StatusCode::OK => {
            let length = stored.length();
            match range::select(&ask.fields, length) {
                RangeAnswer::Whole => Selected::Whole,
                RangeAnswer::Unsatisfiable => Selected::Unsatisfiable(length),
                RangeAnswer::Part { first, last } => {
                    Selected::Parts(vec![Interval { first, last }], Some(length))
                }
                RangeAnswer::Parts(parts) => {
                    let parts = parts.into_iter().map(|(first, last)| Interval { first, last });
                    Selected::Parts(parts.collect(), Some(length))
                }
            }
        }
        Extent::Whole => Selected::Whole,
    }
}

/// The body of a 206, and the fields that describe it: one part, or `multipart/byteranges`.
pub(super) fn parts(
    stored: &StoredResponse,
    parts: &[Interval],
    length: Option<u64>,
    fields: &mut HeaderMap,
) -> Body {
    let reader = |part: &Interval| stored.reader_range(part.first, part.last).unwrap_or_default();
    if let [only] = parts {
        fields.insert(CONTENT_RANGE, content_range(*only, length));
        fields.insert(CONTENT_LENGTH, HeaderValue::from(only.length()));
        return Body::from(reader(only));
    }
    let pairs = parts.iter().map(|part| (part.first, part.last)).collect();
    let framing = Multipart::new(pairs, length, fields.remove(CONTENT_TYPE), Boundary::random());
    fields.insert(CONTENT_TYPE, framing.content_type());
    fields.insert(CONTENT_LENGTH, HeaderValue::from(framing.content_length()));
    let framed = parts.iter().flat_map(|part| {
        let head = framing.head((part.first, part.last));
        [Piece::Bytes(Bytes::from(head)), Piece::Stored(reader(part))]
    });
    let end = Piece::Bytes(Bytes::from(framing.end()));
    Chain::new(framed.chain([end])).into()
}

/// `Content-Range` of one part (RFC 9110 §14.4); `*` where the length of the whole is not known.
pub(super) fn content_range(part: Interval, length: Option<u64>) -> HeaderValue {
    match length {
        Some(length) => range::content_range(part.first, part.last, length),
        None => HeaderValue::try_from(format!("bytes {}-{}/*", part.first, part.last))
            .unwrap_or(HeaderValue::from_static("bytes */*")),
    }
}

/// The wanted bytes: what is stored before the part, the part as it comes, what is stored behind it.
pub(super) fn join(
    stored: &StoredResponse,
    wanted: Interval,
    part: Interval,
    reader: SpoolReader,
) -> Body {
    let mut pieces = Vec::with_capacity(3);
    if wanted.first < part.first {
        let last = wanted.last.min(part.first - 1);
        pieces.extend(stored.reader_range(wanted.first, last).map(Piece::Stored));
    }
    let (first, last) = (wanted.first.max(part.first), wanted.last.min(part.last));
    if first <= last {
        let slice = Slice::new(reader, first - part.first, last - part.first);
        pieces.push(Piece::Following(slice));
    }
    if wanted.last > part.last {
        let first = wanted.first.max(part.last + 1);
        pieces.extend(stored.reader_range(first, wanted.last).map(Piece::Stored));
    }
    Chain::new(pieces).into()
}
