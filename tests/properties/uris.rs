//! A key and what goes on the wire are the same URI, byte for byte as the client wrote it.

use http::{Method, Uri};
use larder::http::target::{Mode, Target, TargetUri, resolve};
use larder::policy::CacheKey;
use proptest::prelude::*;

use super::cases;

/// Path and query as a client may send them: nothing is decoded, no dot segment goes.
const PATH: &str =
    "(/[a-zA-Z0-9._~!$&'()*+,;=:@%/-]{0,24}(\\?[a-zA-Z0-9._~!$&'()*+,;=:@%/?-]{0,24})?)?";

fn text() -> impl Strategy<Value = (String, String)> {
    let scheme = prop::sample::select(&["http", "https", "HTTP", "hTTps"][..]);
    let host = prop_oneof![
        "[a-zA-Z][a-zA-Z0-9]{0,8}\\.(example|EXAMPLE)",
        Just("[2001:DB8::1]".to_owned()),
        Just("192.0.2.1".to_owned()),
    ];
    let port = prop::sample::select(&["", ":80", ":443", ":8080", ":65535", ":0080"][..]);
    (scheme, host, port, PATH)
        .prop_map(|(scheme, host, port, path)| (format!("{scheme}://{host}{port}{path}"), path))
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn a_key_and_what_goes_on_the_wire_are_the_same_uri((text, path) in text()) {
        let Ok(uri) = Uri::try_from(text.as_str()) else { return Ok(()) };
        let Ok(Target::Resource(target)) = resolve(&Method::GET, &uri, &Mode::Forward) else {
            return Err(TestCaseError::fail(format!("{text} is not fetched")));
        };
        let key = CacheKey::new(target.clone());
        // What is sent to the origin: scheme by the connection, Host, request-target.
        let sent = format!(
            "{}://{}{}",
            target.scheme().as_str(),
            target.authority(),
            target.path_and_query()
        );
        prop_assert_eq!(key.uri().as_str(), &sent);
        let wanted = if path.starts_with('/') { path } else { format!("/{path}") };
        prop_assert_eq!(target.path_and_query(), wanted);
        prop_assert_eq!(target.host(), target.host().to_ascii_lowercase());
        prop_assert_eq!(TargetUri::from_normal(&sent), Some(target.clone()));
        prop_assert_eq!(TargetUri::parse(&sent), Some(target));
    }

    #[test]
    fn two_targets_have_one_key_exactly_when_they_are_one_uri((one, _) in text(), (other, _) in text()) {
        let parsed = (TargetUri::parse(&one), TargetUri::parse(&other));
        let (Some(one), Some(other)) = parsed else { return Ok(()) };
        let same = one.as_str() == other.as_str();
        let (one, other) = (CacheKey::new(one), CacheKey::new(other));
        prop_assert_eq!(one == other, same);
        prop_assert_eq!(one.digest() == other.digest(), same);
    }
}
