//! The ceiling: hyper on one current-thread runtime, a look-up in moka, a fixed body and nine fields.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use moka::sync::Cache;
use tokio::net::TcpListener;

/// What one response has, its `Content-Length` besides.
const FIELDS: [(&str, &str); 8] = [
    ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
    ("server", "origin/1.0"),
    ("content-type", "text/html; charset=utf-8"),
    ("last-modified", "Sat, 05 Nov 1994 07:00:00 GMT"),
    ("etag", "\"0-1024\""),
    ("cache-control", "public, max-age=86400"),
    ("x-content-type-options", "nosniff"),
    ("age", "1"),
];

#[derive(Clone)]
struct Stored {
    fields: HeaderMap,
    body: Bytes,
}

/// Answers `target` with a body until it is killed, and anything else with an empty 404.
pub(crate) fn serve(address: SocketAddr, target: &str, body: Vec<u8>) {
    let fields = FIELDS
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    let cache = Cache::new(10_000);
    cache.insert(target.to_owned(), Stored { fields: fields.collect(), body: body.into() });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime starts").block_on(async move {
        let listener = TcpListener::bind(address).await.expect("the port is free");
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).ok();
            let cache = cache.clone();
            tokio::spawn(async move {
                let service = service_fn(|request| std::future::ready(answer(&cache, &request)));
                let http = hyper::server::conn::http1::Builder::new();
                http.serve_connection(TokioIo::new(stream), service).await.ok();
            });
        }
    });
}

fn answer(
    cache: &Cache<String, Stored>,
    request: &Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let Some(stored) = cache.get(request.uri().path()) else {
        let mut response = Response::new(Full::default());
        *response.status_mut() = hyper::StatusCode::NOT_FOUND;
        return Ok(response);
    };
    let mut response = Response::new(Full::new(stored.body));
    *response.headers_mut() = stored.fields;
    Ok(response)
}
