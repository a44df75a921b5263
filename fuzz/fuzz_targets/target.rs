//! Request-targets in every form, references, and the line of a text client: a URI that was accepted is
//! the same URI when it is read again.
#![no_main]

use http::{Method, Uri};
use larder::http::target::{Mode, Target, TargetUri, parse_text, resolve};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Some(uri) = parse_text(input) {
        check(&uri);
    }
    let base = TargetUri::parse("https://a.example:81/b/c?d").unwrap();
    if let Ok(reference) = std::str::from_utf8(input) {
        if let Some(uri) = base.resolve(reference) {
            check(&uri);
        }
        if let Some(uri) = TargetUri::parse(reference) {
            check(&uri);
        }
    }
    let Ok(uri) = Uri::try_from(input) else { return };
    for mode in [Mode::Forward, Mode::Gateway, Mode::Origin(base)] {
        for method in [Method::GET, Method::CONNECT, Method::OPTIONS] {
            match resolve(&method, &uri, &mode) {
                Ok(Target::Resource(uri)) => check(&uri),
                Ok(Target::Tunnel(authority)) => assert!(authority.port > 0),
                Ok(Target::Server(_)) => {}
                Err(error) => assert!(error.to_string().ends_with('.')),
            }
        }
    }
});

fn check(uri: &TargetUri) {
    assert_eq!(TargetUri::parse(uri.as_str()).as_ref(), Some(uri));
    assert_eq!(TargetUri::from_normal(uri.as_str()).as_ref(), Some(uri));
    assert!(!uri.host().is_empty() && uri.port() > 0 && uri.path_and_query().starts_with('/'));
    assert!(uri.same_origin(uri) && uri.as_str().starts_with(uri.without_query()));
    let whole = format!("{}://{}{}", uri.scheme().as_str(), uri.authority(), uri.path_and_query());
    assert_eq!(whole, uri.as_str());
}
