//! Makes a response of a request: the method, the file, the conditions, the ranges, in this order.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use hyper::header::{
    ACCEPT_RANGES, ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, DATE, ETAG,
    HOST, HeaderMap, HeaderValue, IF_MATCH, IF_UNMODIFIED_SINCE, LAST_MODIFIED, LOCATION,
};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode, Version};

use super::file_body::{FileBody, Piece, Readable};
use super::site::{NotServed, Opened, Site};
use crate::http::precondition::{self, Precondition};
use crate::http::range::{self, Boundary, Multipart, RangeAnswer};
use crate::http::validators::{EntityTag, date_field, entity_tags};
use crate::http::{date, list};
use crate::time::Timestamp;

/// What caches may do with the answers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rules {
    pub no_store: bool,
    /// In seconds.
    pub max_age: Option<u64>,
}

impl Rules {
    /// Answers a request for a file of `site`.
    pub(super) fn answer(
        &self,
        site: &Site,
        request: &Parts,
        now: Timestamp,
    ) -> Response<FileBody> {
        let mut response = self.answer_to_get(site, request, now);
        // A HEAD gets the head of a GET, its Content-Length included (RFC 9110 §9.3.2).
        if request.method == Method::HEAD {
            *response.body_mut() = FileBody::default();
        }
        if self.no_store {
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        response
    }

    fn answer_to_get(&self, site: &Site, request: &Parts, now: Timestamp) -> Response<FileBody> {
        // RFC 9112 §3.2: without exactly one Host, a request of HTTP/1.1 is malformed.
        if request.version == Version::HTTP_11 && request.headers.get_all(HOST).iter().count() != 1
        {
            return page(StatusCode::BAD_REQUEST, "HTTP/1.1 asks for one Host field.", now);
        }
        if !matches!(request.method, Method::GET | Method::HEAD) {
            let sentence = "This server has files to GET, and nothing else.";
            let mut refused = page(StatusCode::METHOD_NOT_ALLOWED, sentence, now);
            refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return refused;
        }
        match site.find(request.uri.path()) {
            Ok(file) => self.send(file, request, now),
            Err(NotServed::Directory(path)) => moved(&path, request.uri.query(), now),
            Err(NotServed::Malformed(why)) => {
                page(StatusCode::BAD_REQUEST, &format!("This is no path: {why}."), now)
            }
            Err(NotServed::Missing) => {
                page(StatusCode::NOT_FOUND, "There is no such file on this server.", now)
            }
            Err(NotServed::Forbidden) => {
                page(StatusCode::FORBIDDEN, "This server may not read that file.", now)
            }
            Err(NotServed::Failed(error)) => failed(&error, now),
        }
    }

    /// Sends the file, or the parts of it that are asked for, or that it has not changed.
    fn send(&self, opened: Opened, request: &Parts, now: Timestamp) -> Response<FileBody> {
        let mut fields = self.describe(&opened, now);
        let length = opened.about.len();
        if is_another(&request.headers, &fields, now) {
            let sentence = "The file is not, or no longer, the one that was meant.";
            return page(StatusCode::PRECONDITION_FAILED, sentence, now);
        }
        if precondition::evaluate(&request.headers, &request.method, StatusCode::OK, &fields, now)
            == Precondition::NotModified
        {
            fields.remove(CONTENT_TYPE);
            fields.remove(ACCEPT_RANGES);
            return response(StatusCode::NOT_MODIFIED, fields, FileBody::default());
        }
        let ranged = request.method == Method::GET
            && precondition::if_range_holds(&request.headers, &fields, now);
        let wanted =
            if ranged { range::select(&request.headers, length) } else { RangeAnswer::Whole };
        let file = Arc::new(Readable::new(opened));
        let size = |(first, last): (u64, u64)| last.saturating_sub(first).saturating_add(1);
        match wanted {
            RangeAnswer::Whole => {
                framed(StatusCode::OK, fields, length, FileBody::new([file.piece(0, length)]))
            }
            RangeAnswer::Part { first, last } => {
                fields.insert(CONTENT_RANGE, range::content_range(first, last, length));
                let size = size((first, last));
                let body = FileBody::new([file.piece(first, size)]);
                framed(StatusCode::PARTIAL_CONTENT, fields, size, body)
            }
            RangeAnswer::Parts(parts) => {
                let content_type = fields.remove(CONTENT_TYPE);
                let framing = Multipart::new(parts, Some(length), content_type, Boundary::random());
                fields.insert(CONTENT_TYPE, framing.content_type());
                let parts = framing.parts().iter();
                let parts = parts
                    .flat_map(|part| [text(framing.head(*part)), file.later(part.0, size(*part))]);
                let body = FileBody::new(parts.chain([text(framing.end())]));
                framed(StatusCode::PARTIAL_CONTENT, fields, framing.content_length(), body)
            }
            RangeAnswer::Unsatisfiable => {
                let sentence = "The file ends before the range that was asked for.";
                let mut refused = page(StatusCode::RANGE_NOT_SATISFIABLE, sentence, now);
                refused.headers_mut().insert(CONTENT_RANGE, range::unsatisfied(length));
                refused
            }
        }
    }

    /// The fields of a 200.
    fn describe(&self, opened: &Opened, now: Timestamp) -> HeaderMap {
        let mut fields = dated(now);
        fields.insert(CONTENT_TYPE, HeaderValue::from_static(opened.content_type));
        // A date in the future must not be sent (RFC 9110 §8.8.2.1).
        fields.insert(LAST_MODIFIED, date::format(opened.modified.min(now)));
        insert(&mut fields, ETAG, format!("\"{}\"", opened.tag));
        fields.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        if let Some(seconds) = self.max_age {
            insert(&mut fields, CACHE_CONTROL, format!("max-age={seconds}"));
        }
        fields
    }
}

/// Whether the client means another version of the file: `If-Match`, or only where that is absent,
/// `If-Unmodified-Since` (RFC 9110 §13.1.1, §13.1.4).
fn is_another(request: &HeaderMap, fields: &HeaderMap, now: Timestamp) -> bool {
    if request.contains_key(IF_MATCH) {
        let tag = fields.get(ETAG).and_then(EntityTag::parse);
        let any = list::members(request, &IF_MATCH).eq(["*"]);
        let named = |tag: &EntityTag| entity_tags(request, &IF_MATCH).any(|one| one.strong_eq(tag));
        return !any && !tag.is_some_and(|tag| named(&tag));
    }
    let unmodified_since = date_field(request, &IF_UNMODIFIED_SINCE, now);
    let modified = date_field(fields, &LAST_MODIFIED, now);
    unmodified_since.zip(modified).is_some_and(|(since, modified)| modified > since)
}

/// 500, with what the system said.
pub(super) fn failed(error: &io::Error, now: Timestamp) -> Response<FileBody> {
    page(StatusCode::INTERNAL_SERVER_ERROR, &format!("The file cannot be read: {error}."), now)
}

/// A directory is asked for without the slash that the links on its page need.
fn moved(path: &str, query: Option<&str>, now: Timestamp) -> Response<FileBody> {
    let location = query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    let mut moved = page(StatusCode::MOVED_PERMANENTLY, "This is a directory: add a slash.", now);
    insert(moved.headers_mut(), LOCATION, location);
    moved
}

/// A page of ours that says what is wrong.
fn page(status: StatusCode, sentence: &str, now: Timestamp) -> Response<FileBody> {
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><title>{status}</title></head>\n\
         <body>\n<h1>{status}</h1>\n<p>{sentence}</p>\n</body>\n</html>\n"
    );
    let mut fields = dated(now);
    fields.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    let length = u64::try_from(page.len()).unwrap_or_default();
    framed(status, fields, length, FileBody::new([text(page.into_bytes())]))
}

fn text(bytes: Vec<u8>) -> Piece {
    Piece::Text(Bytes::from(bytes))
}

fn dated(now: Timestamp) -> HeaderMap {
    HeaderMap::from_iter([(DATE, date::format(now))])
}

fn insert(fields: &mut HeaderMap, name: hyper::header::HeaderName, value: String) {
    if let Ok(value) = HeaderValue::try_from(value) {
        fields.insert(name, value);
    }
}

fn framed(
    status: StatusCode,
    mut fields: HeaderMap,
    length: u64,
    body: FileBody,
) -> Response<FileBody> {
    fields.insert(CONTENT_LENGTH, HeaderValue::from(length));
    response(status, fields, body)
}

fn response(status: StatusCode, fields: HeaderMap, body: FileBody) -> Response<FileBody> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = fields;
    response
}
