//! Framing (RFC 9112 §6): what we write for a request, what we accept of a response.

use http::header::{CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use http::{Method, Request, StatusCode, Version};
use http_body::Body;

use super::error::ResponseFault;
use crate::http::TransferCoding;
use crate::http::framing::transfer_coding;
use crate::http::list::contains_token;

/// Writes the framing fields of a request from its body, whatever stood there: a body of unknown
/// length is chunked, with GET and HEAD too, which hyper would send without it.
pub(super) fn frame_request<B: Body>(request: &mut Request<B>) {
    let hint = request.body().size_hint();
    let ended = request.body().is_end_stream();
    let meant = matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH);
    let fields = request.headers_mut();
    fields.remove(TRANSFER_ENCODING);
    let declared = fields.remove(CONTENT_LENGTH).is_some();
    match hint.exact() {
        Some(0) if ended => {
            // RFC 9110 §8.6: an empty body is said where a body is expected.
            if declared || meant {
                fields.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
            }
        }
        Some(length) => {
            fields.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        None => {
            fields.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
    }
    *request.version_mut() = Version::HTTP_11;
}

/// Checks what hyper lets through: two opinions about the length of a response are none. Returns
/// whether the connection may carry another exchange after this one.
pub(super) fn check_response(
    method: &Method,
    status: StatusCode,
    version: Version,
    fields: &mut HeaderMap,
) -> Result<bool, ResponseFault> {
    let coding = transfer_coding(fields);
    let coded = coding != TransferCoding::None;
    let length = content_length(fields)?;
    if coded && version < Version::HTTP_11 {
        return Err(ResponseFault::Framing("it uses Transfer-Encoding with HTTP/1.0"));
    }
    let bodiless = *method == Method::HEAD
        || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if bodiless {
        if coded {
            // Harmless without a body, but the length must not be believed later.
            fields.remove(CONTENT_LENGTH);
        }
    } else if coded {
        if length.is_some() {
            return Err(ResponseFault::Framing("it has both Content-Length and Transfer-Encoding"));
        }
        if coding != TransferCoding::Chunked {
            return Err(ResponseFault::Framing("its Transfer-Encoding is not chunked"));
        }
    }
    let unasked = status == StatusCode::NO_CONTENT && length.is_some_and(|length| length > 0);
    let delimited = bodiless || coded || length.is_some();
    Ok(delimited
        && !unasked
        && version == Version::HTTP_11
        && !contains_token(fields, &CONNECTION, "close"))
}

/// The one length that all lines agree on, made a single line.
fn content_length(fields: &mut HeaderMap) -> Result<Option<u64>, ResponseFault> {
    const FAULT: ResponseFault = ResponseFault::Framing("its Content-Length is invalid");
    let mut agreed = None;
    let mut members = 0_usize;
    for line in fields.get_all(CONTENT_LENGTH) {
        for member in line.to_str().or(Err(FAULT))?.split(',') {
            let member = member.trim_matches([' ', '\t']);
            if member.is_empty() || !member.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(FAULT);
            }
            let length: u64 = member.parse().or(Err(FAULT))?;
            if agreed.is_some_and(|agreed| agreed != length) {
                return Err(FAULT);
            }
            agreed = Some(length);
            members += 1;
        }
    }
    if let (Some(length), 2..) = (agreed, members) {
        fields.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    Ok(agreed)
}
