//! Ranges out of what is stored (RFC 9110 §14): one part, several, or a part that is still coming.

use bytes::Bytes;
use hyper::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderValue};
use hyper::{HeaderMap, Method, StatusCode};

use crate::body::{Body, Chain, Piece, Slice, SpoolReader};
use crate::http::range::{self, Boundary, Multipart, RangeAnswer};
use crate::policy::Interval;
use crate::policy::partial::Coverage;
use crate::store::{Damaged, Extent, Reader, StoredResponse};

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

/// The body of a 206, and the fields that describe it: one part, or `multipart/byteranges`. The first
/// bytes have been read.
///
/// # Errors
/// [`Damaged`] when they cannot be.
pub(super) async fn parts(
    stored: &StoredResponse,
    parts: &[Interval],
    length: Option<u64>,
    fields: &mut HeaderMap,
) -> Result<Body, Damaged> {
    let reader = |part: &Interval| stored.reader_range(part.first, part.last).unwrap_or_default();
    let [first, others @ ..] = parts else { return Ok(Body::Empty) };
    let first_reader = primed(reader(first)).await?;
    if others.is_empty() {
        fields.insert(CONTENT_RANGE, content_range(*first, length));
        fields.insert(CONTENT_LENGTH, HeaderValue::from(first.length()));
        return Ok(Body::from(first_reader));
    }
    let pairs = parts.iter().map(|part| (part.first, part.last)).collect();
    let framing = Multipart::new(pairs, length, fields.remove(CONTENT_TYPE), Boundary::random());
    fields.insert(CONTENT_TYPE, framing.content_type());
    fields.insert(CONTENT_LENGTH, HeaderValue::from(framing.content_length()));
    let readers = std::iter::once(first_reader).chain(others.iter().map(reader));
    let framed = parts.iter().zip(readers).flat_map(|(part, reader)| {
        let head = framing.head((part.first, part.last));
        [Piece::Bytes(Bytes::from(head)), Piece::Stored(reader)]
    });
    let end = Piece::Bytes(Bytes::from(framing.end()));
    Ok(Chain::new(framed.chain([end])).into())
}

/// The same reader, with its first bytes read.
///
/// # Errors
/// [`Damaged`] when they cannot be.
pub(super) async fn primed(mut reader: Reader) -> Result<Reader, Damaged> {
    reader.prime().await?;
    Ok(reader)
}

/// `Content-Range` of one part (RFC 9110 §14.4); `*` where the length of the whole is not known.
pub(super) fn content_range(part: Interval, length: Option<u64>) -> HeaderValue {
    match length {
        Some(length) => range::content_range(part.first, part.last, length),
        None => HeaderValue::try_from(format!("bytes {}-{}/*", part.first, part.last))
            .unwrap_or(HeaderValue::from_static("bytes */*")),
    }
}

/// What is stored of the wanted bytes around a part that comes.
pub(super) struct Around {
    before: Option<Reader>,
    behind: Option<Reader>,
}

/// Reads what is stored around a part that comes: the first bytes of what is sent first.
///
/// # Errors
/// [`Damaged`] when they cannot be read.
pub(super) async fn around(
    stored: &StoredResponse,
    wanted: Interval,
    part: Interval,
) -> Result<Around, Damaged> {
    let mut before = None;
    if wanted.first < part.first {
        let last = wanted.last.min(part.first - 1);
        before = stored.reader_range(wanted.first, last);
    }
    let mut behind = None;
    if wanted.last > part.last {
        let first = wanted.first.max(part.last + 1);
        behind = stored.reader_range(first, wanted.last);
    }
    if let Some(first) = before.as_mut().or(behind.as_mut()) {
        first.prime().await?;
    }
    Ok(Around { before, behind })
}

/// The wanted bytes: what is stored before the part, the part as it comes, what is stored behind it.
pub(super) fn join(around: Around, wanted: Interval, part: Interval, reader: SpoolReader) -> Body {
    let (first, last) = (wanted.first.max(part.first), wanted.last.min(part.last));
    let coming = (first <= last)
        .then(|| Piece::Following(Slice::new(reader, first - part.first, last - part.first)));
    let (before, behind) = (around.before.map(Piece::Stored), around.behind.map(Piece::Stored));
    Chain::new([before, coming, behind].into_iter().flatten()).into()
}
