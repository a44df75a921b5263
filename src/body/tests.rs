use std::cell::RefCell;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body::{Body as _, Frame};

use super::*;
use crate::http::{Scheme, TargetUri};
use crate::net::Scope;
use crate::policy::{CacheKey, ExchangeTimes, Freshness, NominatedFields, StoredHead};
use crate::store::{Config, Store, StoredResponse};
use crate::time::Timestamp;

type Polled<B> =
    Poll<Option<Result<Frame<<B as http_body::Body>::Data>, <B as http_body::Body>::Error>>>;

fn poll<B: http_body::Body + Unpin>(body: &mut B) -> Polled<B> {
    Pin::new(body).poll_frame(&mut Context::from_waker(Waker::noop()))
}

/// Reads what is there: the bytes, and whether the end was reached or an error.
fn drain<B>(body: &mut B) -> (Vec<u8>, Option<Result<(), String>>)
where
    B: http_body::Body<Data = Bytes, Error = BodyError> + Unpin,
{
    let mut all = Vec::new();
    loop {
        match poll(body) {
            Poll::Ready(Some(Ok(frame))) => {
                all.extend(frame.into_data().unwrap_or_default());
            }
            Poll::Ready(Some(Err(error))) => return (all, Some(Err(error.to_string()))),
            Poll::Ready(None) => return (all, Some(Ok(()))),
            Poll::Pending => return (all, None),
        }
    }
}

/// What comes of a future that waits for nothing.
fn at_once<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

fn stored(content: &[u8]) -> StoredResponse {
    let store = Store::new(&Config::default());
    let at = Timestamp::default();
    let times = ExchangeTimes { request_time: at, response_time: at };
    let nominated = NominatedFields::default();
    let none = HeaderMap::new();
    let head = StoredHead::new(StatusCode::OK, None, &none, times, nominated, Freshness::default());
    let key = CacheKey::new(TargetUri::new(Scheme::Http, "example.org", 80, "/"));
    let mut writer = store.announce(key).begin(head, Scope::Public, None).unwrap();
    for frame in content.chunks(200 << 10) {
        at_once(writer.write(Bytes::copy_from_slice(frame))).unwrap();
    }
    at_once(writer.finish(None)).unwrap()
}

fn spooled() -> (SpoolWriter, Arc<Spool>) {
    spool(SpoolConfig::default(), Arc::new(Budget::new(1 << 20)))
}

fn push(writer: &mut SpoolWriter, bytes: &'static [u8]) {
    assert!(at_once(writer.push(Bytes::from_static(bytes))).is_ok());
}

#[test]
fn every_body_knows_its_length_and_its_end() {
    let content: Vec<u8> = (0..500_000_u32).map(|n| ((n * 3) >> 4) as u8).collect();
    let response = stored(&content);
    let cases = [
        (Body::Empty, &[][..]),
        (Body::default(), &[]),
        (Body::full(""), &[]),
        (Body::full(content.clone()), &content),
        (Body::from(response.reader()), &content),
        (Body::from(response.reader_range(100, 299_999).unwrap()), &content[100..300_000]),
    ];
    for (mut body, expected) in cases {
        assert_eq!(body.size_hint().exact(), Some(expected.len() as u64));
        assert_eq!(body.is_end_stream(), expected.is_empty());
        let (bytes, end) = drain(&mut body);
        assert!(bytes == expected);
        assert_eq!(end, Some(Ok(())));
        assert!(body.is_end_stream());
        assert_eq!(body.size_hint().exact(), Some(0));
        assert!(matches!(poll(&mut body), Poll::Ready(None)));
    }
}

#[test]
fn a_stored_body_ends_with_trailers_when_they_are_asked_for() {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", HeaderValue::from_static("7"));
    let mut body = Body::from(stored(b"hello").reader().with_trailers(trailers.clone()));
    assert_eq!(body.size_hint().exact(), None, "only chunked framing carries them");
    assert!(matches!(poll(&mut body), Poll::Ready(Some(Ok(frame))) if frame.is_data()));
    assert!(!body.is_end_stream());
    let Poll::Ready(Some(Ok(last))) = poll(&mut body) else { panic!("trailers") };
    assert_eq!(last.into_trailers().unwrap(), trailers);
    assert!(body.is_end_stream());
}

#[test]
fn a_following_body_is_what_the_spool_gives() {
    let (mut writer, spool) = spooled();
    let mut body = Body::from(spool.join().unwrap());
    push(&mut writer, b"hello");
    assert_eq!(drain(&mut body), (b"hello".to_vec(), None));
    writer.finish(None);
    assert!(body.is_end_stream());
    assert_eq!(drain(&mut body), (Vec::new(), Some(Ok(()))));
}

#[test]
fn a_part_of_a_following_body_is_exactly_its_range() {
    for (first, last, expected) in [
        (0, 8, &b"abcdefghi"[..]),
        (0, 0, b"a"),
        (2, 2, b"c"),
        (2, 6, b"cdefg"),
        (3, 5, b"def"),
        (8, 8, b"i"),
    ] {
        let (mut writer, spool) = spooled();
        let mut part = Body::part(spool.join().unwrap(), first, last);
        assert_eq!(part.size_hint().exact(), Some(last - first + 1));
        for frame in [&b"abc"[..], b"def", b"ghi"] {
            push(&mut writer, frame);
        }
        assert_eq!(drain(&mut part), (expected.to_vec(), Some(Ok(()))), "{first}-{last}");
        assert!(part.is_end_stream());
        assert_eq!(spool.readers(), 0, "it does not hold others up");
    }
}

#[test]
fn a_part_of_a_body_that_breaks_off_before_its_range_ends_is_an_error() {
    let (mut writer, spool) = spooled();
    let mut inside = Body::part(spool.join().unwrap(), 0, 2);
    let mut beyond = Body::part(spool.join().unwrap(), 2, 5);
    let mut clean = Body::part(spool.join().unwrap(), 2, 5);
    push(&mut writer, b"abcd");
    assert_eq!(drain(&mut clean), (b"cd".to_vec(), None));
    writer.fail(BodyError::Truncated);
    let truncated = Some(Err(BodyError::Truncated.to_string()));
    assert_eq!(drain(&mut inside), (b"abc".to_vec(), Some(Ok(()))));
    assert_eq!(drain(&mut beyond), (b"cd".to_vec(), truncated.clone()));

    let mut short = Slice::new(Body::full("abcd"), 2, 5);
    assert_eq!(drain(&mut short), (b"cd".to_vec(), truncated));
}

#[test]
fn an_empty_range_is_over_at_once() {
    let part = Slice::new(Body::full("abcd"), 3, 2);
    assert!(part.is_end_stream());
    assert_eq!(part.size_hint().exact(), Some(0));
}

#[test]
fn a_watched_body_tells_its_end_once() {
    type Told = Rc<RefCell<Vec<(u64, String)>>>;
    fn watch<B>(body: B, length: Option<u64>) -> (Watched<B, impl Watch + Unpin>, Told)
    where
        B: http_body::Body<Data = Bytes, Error = BodyError>,
    {
        let told = Told::default();
        let teller = Rc::clone(&told);
        let watch = move |bytes, end: BodyEnd| {
            teller.borrow_mut().push((bytes, format!("{end:?}")));
        };
        (Watched::new(body, length, watch), told)
    }
    let complete = |bytes| vec![(bytes, "Complete".to_owned())];

    let (mut body, told) = watch(Body::full("hello"), None);
    assert_eq!(drain(&mut body).1, Some(Ok(())));
    drop(body);
    assert_eq!(*told.borrow(), complete(5), "read to its end");

    let (mut body, told) = watch(Body::full("hello"), None);
    assert!(poll(&mut body).is_ready());
    drop(body);
    assert_eq!(*told.borrow(), complete(5), "the last frame was the end");

    let (body, told) = watch(Body::Empty, None);
    drop(body);
    assert_eq!(*told.borrow(), complete(0), "nothing to read");

    let (body, told) = watch(Body::full("hello"), None);
    drop(body);
    assert_eq!(*told.borrow(), [(0, "Cancelled".to_owned())], "nobody read it");

    let (mut writer, spool) = spooled();
    push(&mut writer, b"hello");
    let (mut early, told) = watch(Body::from(spool.join().unwrap()), None);
    assert_eq!(drain(&mut early).1, None);
    drop(early);
    assert_eq!(*told.borrow(), [(5, "Cancelled".to_owned())], "dropped before its end");

    let (mut long_enough, told) = watch(Body::from(spool.join().unwrap()), Some(5));
    assert_eq!(drain(&mut long_enough).1, None);
    drop(long_enough);
    assert_eq!(*told.borrow(), complete(5), "all that was announced");

    let (mut broken, told) = watch(Body::from(spool.join().unwrap()), None);
    writer.fail(BodyError::Truncated);
    assert!(matches!(drain(&mut broken).1, Some(Err(_))));
    drop(broken);
    assert_eq!(*told.borrow(), [(5, "Failed(Truncated)".to_owned())]);
}
