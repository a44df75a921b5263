//! A stored response only grows older.

use std::time::Duration;

use http::header::{AGE, CACHE_CONTROL, DATE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use larder::http::{TargetUri, date};
use larder::policy::reuse::Config;
use larder::policy::{
    ExchangeTimes, RequestDirectives, RequestView, ResponseView, Storable, storable,
};
use larder::time::Timestamp;
use proptest::prelude::*;

use super::{cases, noise};

/// Seconds around a moment, so that clocks may be wrong in either direction.
fn moment() -> impl Strategy<Value = Timestamp> {
    (1_785_542_400_000..1_785_542_500_000_u64).prop_map(Timestamp::from_unix_millis)
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn age_never_decreases_with_time(
        (dated, asked, answered, one, other) in (moment(), moment(), moment(), moment(), moment()),
        age in prop_oneof![(0..200_u64).prop_map(|age| age.to_string().into_bytes()), noise::value()],
        life in 0..100_u64,
    ) {
        let times = ExchangeTimes { request_time: asked, response_time: answered };
        let mut fields = HeaderMap::new();
        fields.insert(DATE, date::format(dated));
        fields.insert(AGE, HeaderValue::from_bytes(&age).unwrap());
        let control = HeaderValue::try_from(format!("max-age={life}")).unwrap();
        fields.insert(CACHE_CONTROL, control);
        let (asked, directives) = (HeaderMap::new(), RequestDirectives::default());
        let uri = TargetUri::parse("http://example.org/").unwrap();
        let request =
            RequestView { method: &Method::GET, uri: &uri, fields: &asked, directives: &directives };
        let response = ResponseView { status: StatusCode::OK, fields: &fields };
        let verdict = storable(&request, &response, times, &Config::default());
        let Storable::Store(kept) = verdict else { return Ok(()) };
        let freshness = kept.freshness;

        let (sooner, later) = (one.min(other), one.max(other));
        let age = |now| freshness.current_age(times, now);
        prop_assert!(age(sooner) <= age(later));
        prop_assert!(freshness.ttl(times, sooner) >= freshness.ttl(times, later));
        prop_assert!(age(sooner) >= freshness.corrected_initial_age());
        // Fresh exactly as long as it is younger than its lifetime, in the seconds that are sent.
        let fresh = age(later).as_secs() < freshness.lifetime().as_secs();
        prop_assert_eq!(freshness.ttl(times, later) > 0, fresh);
        prop_assert!(freshness.lifetime() <= Duration::from_secs(life));
    }
}
