//! Cache directives, `Vary`, `Age`, `Expires`: whatever a head says, it is read, and no line more gives
//! a longer life. The input is a head: lines of `name: value`.
#![no_main]

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use larder::http::{TargetUri, list};
use larder::policy::{
    Config, ExchangeTimes, RequestDirectives, RequestView, ResponseDirectives, ResponseView,
    Storable, StoredHead, TargetList, storable,
};
use larder::time::Timestamp;
use libfuzzer_sys::fuzz_target;

const NOW: Timestamp = Timestamp::from_unix_secs(1_785_542_400);

fuzz_target!(|head: &[u8]| {
    let fields = fields(head);
    let times = ExchangeTimes { request_time: NOW, response_time: NOW };

    let read = ResponseDirectives::parse(&fields);
    for name in ["s-maxage", "max-age"] {
        let line = format!("{name}=9");
        let mut more = fields.clone();
        more.append("cache-control", HeaderValue::try_from(line).unwrap());
        let after = ResponseDirectives::parse(&more);
        let life = if name == "max-age" { after.max_age } else { after.s_maxage };
        assert!(life.is_some_and(|life| life <= Duration::from_secs(9)));
        assert!(after.no_store == read.no_store && after.private == read.private);
    }
    for member in list::members(&fields, &http::header::CACHE_CONTROL) {
        let (name, argument) = list::split_argument(member);
        assert!(name.is_empty() || list::is_token(name));
        let _ = argument.and_then(list::unquote);
    }

    let directives = RequestDirectives::parse(&fields);
    let uri = TargetUri::parse("http://a.example/b?c").unwrap();
    let (method, directives) = (&Method::GET, &directives);
    let request = RequestView { method, uri: &uri, fields: &fields, directives };
    let forward = Config::default();
    let origin = Config { targets: TargetList::for_origin(), ..Config::default() };
    for (status, config) in
        [200, 206, 404, 200].into_iter().zip([&forward, &forward, &origin, &origin])
    {
        let status = StatusCode::from_u16(status).unwrap();
        let response = ResponseView { status, fields: &fields };
        let Storable::Store(kept) = storable(&request, &response, times, config) else {
            continue;
        };
        let (freshness, nominated) = (kept.freshness, kept.nominated);
        assert!(nominated.matches(&fields));
        let stored = StoredHead::new(status, None, &fields, times, nominated, freshness);
        let later = NOW.saturating_add(Duration::from_secs(9));
        assert!(stored.current_age(later) >= stored.current_age(NOW));
        assert!(stored.ttl(later) <= stored.ttl(NOW));
        assert!(stored.fields().len() <= fields.len());
    }
});

fn fields(head: &[u8]) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for line in head.split(|byte| *byte == b'\n').take(100) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = line.split_at(colon);
        let value = value[1..].trim_ascii();
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
        {
            fields.append(name, value);
        }
    }
    fields
}
