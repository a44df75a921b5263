use super::*;
use crate::http::Scheme;
use crate::policy::scene::fields;

/// What an answer to a request for `http://a.test/dir/x` invalidates.
fn paths(method: &str, status: u16, text: &str) -> Vec<String> {
    let target = TargetUri::new(Scheme::Http, "a.test", 80, "/dir/x");
    let status = StatusCode::from_u16(status).unwrap();
    invalidated(&method.parse().unwrap(), &target, status, &fields(text))
        .iter()
        .map(|uri| uri.as_str().trim_start_matches("http://a.test").to_owned())
        .collect()
}

#[test]
fn a_non_error_answer_to_an_unsafe_method_invalidates_the_target() {
    for method in ["POST", "PUT", "DELETE", "PATCH", "MKCOL", "FROBNICATE", "get"] {
        for status in [200, 201, 204, 303, 304] {
            assert_eq!(paths(method, status, ""), ["/dir/x"], "{method} {status}");
        }
        for status in [100, 400, 404, 500, 503] {
            assert!(paths(method, status, "").is_empty(), "{method} {status}");
        }
    }
}

#[test]
fn a_safe_method_invalidates_nothing() {
    for method in ["GET", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "QUERY", "REPORT", "SEARCH"] {
        assert!(paths(method, 200, "Location: /y").is_empty(), "{method}");
    }
}

#[test]
fn locations_of_the_same_origin_are_invalidated_too() {
    let rows: &[(&str, &[&str])] = &[
        ("Location: /y", &["/dir/x", "/y"]),
        ("Location: y", &["/dir/x", "/dir/y"]),
        ("Content-Location: /y?q", &["/dir/x", "/y?q"]),
        ("Location: /y | Content-Location: /z", &["/dir/x", "/y", "/z"]),
        ("Location: /y | Content-Location: /y", &["/dir/x", "/y"]),
        ("Location: /dir/x", &["/dir/x"]),
        ("Location: http://a.test/y", &["/dir/x", "/y"]),
        ("Location: HTTP://A.test:80/y", &["/dir/x", "/y"]),
        ("Location: http://b.test/y", &["/dir/x"]),
        ("Location: https://a.test/y", &["/dir/x"]),
        ("Location: http://a.test:8080/y", &["/dir/x"]),
        ("Location: /l?n='x'", &["/dir/x", "/l?n='x'"]),
        ("Location: mailto:a@a.test", &["/dir/x"]),
        ("Location: http://[", &["/dir/x"]),
    ];
    for (text, expected) in rows {
        assert_eq!(paths("POST", 201, text), *expected, "{text}");
    }
}

#[test]
fn an_unsafe_method_invalidates_the_groups_that_its_answer_names() {
    let named = fields("Cache-Group-Invalidation: \"b\", \"a\", \"A\" | Cache-Groups: \"c\"");
    let groups = |method: &str| invalidated_groups(&method.parse().unwrap(), &named);
    for method in ["POST", "PUT", "DELETE", "PATCH", "FROBNICATE"] {
        assert!(groups(method).iter().map(AsRef::as_ref).eq(["A", "a", "b"]), "{method}");
    }
    for method in ["GET", "HEAD", "OPTIONS", "TRACE"] {
        assert!(groups(method).is_empty(), "{method}");
    }
    let invalid = fields("Cache-Group-Invalidation: a");
    assert!(invalidated_groups(&Method::POST, &invalid).is_empty());
}
