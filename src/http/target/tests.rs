use super::*;

fn get(text: &str, mode: &Mode) -> Result<Target, TargetError> {
    resolve(&Method::GET, &text.parse().unwrap(), mode)
}

/// The URI of a resource, or the words of the error.
fn resource(text: &str, mode: &Mode) -> String {
    match get(text, mode) {
        Ok(Target::Resource(uri)) => uri.to_string(),
        Ok(other) => format!("{other:?}"),
        Err(error) => format!("{error:?}"),
    }
}

fn origin(base: &str) -> Mode {
    Mode::Origin(TargetUri::parse(base).unwrap())
}

#[test]
fn absolute_form_is_a_resource_in_every_mode() {
    let rows = [
        ("http://www.example.com/", "http://www.example.com/"),
        ("http://www.example.com", "http://www.example.com/"),
        ("HTTP://WWW.Example.COM/Path?Query", "http://www.example.com/Path?Query"),
        ("http://a.example?q", "http://a.example/?q"),
        ("http://a.example:80/", "http://a.example/"),
        ("http://a.example:0080/", "http://a.example/"),
        ("http://a.example:443/", "http://a.example:443/"),
        ("https://a.example:443/", "https://a.example/"),
        ("https://a.example:8443/", "https://a.example:8443/"),
        ("http://a.example/%7e/../x//y?a=%41&b=|", "http://a.example/%7e/../x//y?a=%41&b=|"),
        ("http://a.example/x#fragment", "http://a.example/x"),
        ("http://a.example./", "http://a.example./"),
        ("http://under_score.example/", "http://under_score.example/"),
        ("http://localhost:8080/", "http://localhost:8080/"),
        ("http://[::1]/", "http://[::1]/"),
        ("http://[2001:DB8::1]:8080/x", "http://[2001:db8::1]:8080/x"),
        ("http://xn--bcher-kva.example/", "http://xn--bcher-kva.example/"),
    ];
    for (text, expected) in rows {
        for mode in [Mode::Forward, Mode::Gateway, origin("http://o.example/")] {
            assert_eq!(resource(text, &mode), expected, "{text} {mode:?}");
        }
    }
}

#[test]
fn an_ipv4_address_in_disguise_is_the_address_that_it_is() {
    let rows = [
        ("http://127.0.0.1/", "http://127.0.0.1/"),
        ("http://2130706433/", "http://127.0.0.1/"),
        ("http://0x7f000001/", "http://127.0.0.1/"),
        ("http://0177.0.0.1/", "http://127.0.0.1/"),
        ("http://127.1/", "http://127.0.0.1/"),
        ("http://127.0.0.1./", "http://127.0.0.1/"),
        ("http://0X7F.0.0.1:8080/", "http://127.0.0.1:8080/"),
    ];
    for (text, expected) in rows {
        assert_eq!(resource(text, &Mode::Forward), expected, "{text}");
        assert!(TargetUri::parse(text).unwrap().literal_ip().unwrap().is_loopback(), "{text}");
    }
}

#[test]
fn a_target_that_cannot_be_dialled_is_refused_with_the_reason() {
    let host = |host: &str| TargetError::InvalidHost(host.into());
    let port = |authority: &str| TargetError::InvalidPort(authority.into());
    let label = "a".repeat(64);
    let name = ["abcdefgh."; 28].concat() + "ab";
    let rows = [
        ("ftp://a.example/", TargetError::UnknownScheme("ftp".into())),
        ("ws://a.example/", TargetError::UnknownScheme("ws".into())),
        ("http://user@a.example/", TargetError::Userinfo),
        ("http://user:secret@a.example:80/", TargetError::Userinfo),
        ("http://a.example:/", port("a.example:")),
        ("http://a.example:0/", port("a.example:0")),
        ("http://a.example:65536/", port("a.example:65536")),
        ("http://a.example:80x/", port("a.example:80x")),
        ("http://a.example:-1/", port("a.example:-1")),
        ("http://[::1]:/", port("[::1]:")),
        ("http://:80/", host("")),
        ("http://./", host(".")),
        ("http://a..example/", host("a..example")),
        ("http://.example/", host(".example")),
        ("http://a,b.example/", host("a,b.example")),
        ("http://1.2.3.256/", host("1.2.3.256")),
        ("http://a.example.1/", host("a.example.1")),
        ("http://[::g]/", host("[::g]")),
        ("http://xn--/", host("xn--")),
        (&format!("http://{label}/"), host(&label)),
        (&format!("http://{name}/"), host(&name)),
        ("a.example:80", TargetError::AuthorityForm("a.example:80".into())),
        ("*", TargetError::AsteriskForm),
    ];
    for (text, expected) in rows {
        assert_eq!(get(text, &Mode::Forward), Err(expected), "{text}");
    }
    let longest = format!("http://{}/", name.trim_end_matches('b'));
    assert_eq!(resource(&longest, &Mode::Forward), longest);
}

#[test]
fn every_refusal_is_a_sentence() {
    let text = || "x".into();
    for error in [
        TargetError::Userinfo,
        TargetError::InvalidHost(text()),
        TargetError::InvalidPort(text()),
        TargetError::MissingPort(text()),
        TargetError::UnknownScheme(text()),
        TargetError::TunnelForm,
        TargetError::AuthorityForm(text()),
        TargetError::AsteriskForm,
    ] {
        let sentence = error.to_string();
        assert!(sentence.ends_with('.') && sentence.contains("; "), "{sentence}");
    }
}

#[test]
fn connect_takes_a_host_and_a_port_and_nothing_else() {
    let tunnel = |host: &str, port| Ok(Target::Tunnel(Authority { host: host.into(), port }));
    let rows = [
        ("a.example:443", tunnel("a.example", 443)),
        ("A.EXAMPLE:8443", tunnel("a.example", 8443)),
        ("[::1]:443", tunnel("[::1]", 443)),
        ("0x7f.1:443", tunnel("127.0.0.1", 443)),
        ("a.example", Err(TargetError::MissingPort("a.example".into()))),
        ("a.example:", Err(TargetError::InvalidPort("a.example:".into()))),
        ("a.example:0", Err(TargetError::InvalidPort("a.example:0".into()))),
        ("a.example:99999", Err(TargetError::InvalidPort("a.example:99999".into()))),
        ("user@a.example:443", Err(TargetError::Userinfo)),
        ("http://a.example:443/", Err(TargetError::TunnelForm)),
        ("/", Err(TargetError::TunnelForm)),
        ("*", Err(TargetError::TunnelForm)),
    ];
    for (text, expected) in rows {
        for mode in [Mode::Forward, Mode::Gateway, origin("http://o.example/")] {
            let found = resolve(&Method::CONNECT, &text.parse().unwrap(), &mode);
            assert_eq!(found, expected, "{text} {mode:?}");
        }
    }
}

#[test]
fn an_asterisk_with_options_means_the_proxy_itself() {
    for mode in [Mode::Forward, Mode::Gateway, origin("http://o.example/")] {
        let found = resolve(&Method::OPTIONS, &"*".parse().unwrap(), &mode);
        assert_eq!(found, Ok(Target::Server(ServerTarget::Asterisk)), "{mode:?}");
    }
}

#[test]
fn origin_form_is_a_page_of_ours_when_nothing_else_is_said() {
    for text in ["/", "/x?y", "/www.example.com/", "//x"] {
        let page = Target::Server(ServerTarget::Page(text.into()));
        assert_eq!(get(text, &Mode::Forward), Ok(page), "{text}");
    }
}

#[test]
fn origin_form_belongs_to_the_configured_origin() {
    let rows = [
        ("/", "http://o.example/", "http://o.example/"),
        ("/a//b/../c?d", "http://o.example/", "http://o.example/a//b/../c?d"),
        (
            "//evil.example/x",
            "https://o.example:8443/base?q",
            "https://o.example:8443//evil.example/x",
        ),
        ("/?q", "http://[::1]:81/", "http://[::1]:81/?q"),
    ];
    for (text, base, expected) in rows {
        assert_eq!(resource(text, &origin(base)), expected, "{text}");
    }
}

#[test]
fn a_gateway_takes_the_host_out_of_the_path() {
    let rows = [
        ("/www.example.com", "http://www.example.com/"),
        ("/www.example.com/", "http://www.example.com/"),
        ("/WWW.example.com/A/b?c", "http://www.example.com/A/b?c"),
        ("/a.example?q=/x", "http://a.example/?q=/x"),
        ("/a.example:8080//x", "http://a.example:8080//x"),
        ("/[::1]:81/x", "http://[::1]:81/x"),
        ("/a.example:0/", "InvalidPort(\"a.example:0\")"),
        ("/user@a.example/", "Userinfo"),
        ("/a|b/", "InvalidHost(\"a|b\")"),
        ("/%61.example/", "InvalidHost(\"%61.example\")"),
        ("/b%C3%BCcher.example/", "InvalidHost(\"b%C3%BCcher.example\")"),
        ("/", "Server(Page(\"/\"))"),
        ("/?q", "Server(Page(\"/?q\"))"),
        ("//x", "Server(Page(\"//x\"))"),
    ];
    for (text, expected) in rows {
        assert_eq!(resource(text, &Mode::Gateway), expected, "{text}");
    }
}

#[test]
fn a_text_client_sends_a_host_or_a_url() {
    let rows: &[(&[u8], Option<&str>)] = &[
        (b"www.example.com", Some("http://www.example.com/")),
        (b"www.example.com\n", Some("http://www.example.com/")),
        (b"\r\nwww.example.com\r\n", Some("http://www.example.com/")),
        (b"WWW.Example.com/Path?q=http://x", Some("http://www.example.com/Path?q=http://x")),
        (b"a.example:8080/x", Some("http://a.example:8080/x")),
        (b"a.example?q", Some("http://a.example/?q")),
        (b"a.example/x#y", Some("http://a.example/x")),
        (b"http://a.example/x", Some("http://a.example/x")),
        (b"HTTPS://a.example:443/x", Some("https://a.example/x")),
        (b"localhost", Some("http://localhost/")),
        (b"[::1]:8080", Some("http://[::1]:8080/")),
        (b"0x7f.1", Some("http://127.0.0.1/")),
        (b"", None),
        (b"\r\n", None),
        (b"/x", None),
        (b"http://", None),
        (b"http:///x", None),
        (b"ftp://a.example/", None),
        (b"mailto:x", None),
        (b"user@a.example", None),
        (b"a.example:0", None),
        (b"a.example:", None),
        (b"a.example b", None),
        (b"a.example\nb.example", None),
        (b"a.example\0", None),
        (b"a.example/\xc3\xa9", None),
        (b"a.example/\xff", None),
        (b"a.example/<x>", None),
        (b"a%2eexample", None),
        (b"..", None),
        (b"SSH-2.0-OpenSSH_9.6", None),
    ];
    for (line, expected) in rows {
        let found = parse_text(line);
        assert_eq!(found.as_ref().map(TargetUri::as_str), *expected, "{}", line.escape_ascii());
    }
}

#[test]
fn what_a_text_client_asks_for_is_a_request_target_that_means_the_same() {
    for line in [&b"a.example/x?y|z"[..], b"https://a.example:81/%", b"[::1]/"] {
        let uri = parse_text(line).unwrap();
        assert_eq!(resource(uri.as_str(), &Mode::Forward), uri.as_str());
    }
}

#[test]
fn a_uri_is_taken_apart_as_it_was_put_together() {
    let uri = TargetUri::parse("HTTP://A.example:8080/X?y").unwrap();
    assert_eq!((uri.scheme(), uri.host(), uri.port()), (Scheme::Http, "a.example", 8080));
    assert_eq!((uri.authority(), uri.path_and_query()), ("a.example:8080", "/X?y"));
    let uri = TargetUri::parse("https://[::1]").unwrap();
    assert_eq!((uri.scheme(), uri.host(), uri.port()), (Scheme::Https, "[::1]", 443));
    assert_eq!((uri.authority(), uri.path_and_query()), ("[::1]", "/"));
}

#[test]
fn the_query_begins_at_the_first_question_mark() {
    let rows = [
        ("http://a.example/b", "http://a.example/b", None),
        ("http://a.example/b?", "http://a.example/b", Some("")),
        ("http://a.example/b?c=d?e", "http://a.example/b", Some("c=d?e")),
        ("http://a.example?c", "http://a.example/", Some("c")),
    ];
    for (text, before, query) in rows {
        let uri = TargetUri::parse(text).unwrap();
        assert_eq!((uri.without_query(), uri.query()), (before, query), "{text}");
    }
}

#[test]
fn only_whole_http_urls_are_parsed() {
    for text in [
        "",
        "/x",
        "a.example",
        "a.example:80",
        "*",
        "ftp://a.example/",
        "http://a@b/",
        "http://a b/",
    ] {
        assert_eq!(TargetUri::parse(text), None, "{text}");
    }
}

#[test]
fn a_reference_is_resolved_against_its_base() {
    let base = TargetUri::parse("http://a.example:8080/b/c?d").unwrap();
    let rows = [
        ("", Some("http://a.example:8080/b/c?d")),
        ("x", Some("http://a.example:8080/b/x")),
        ("../x?y#z", Some("http://a.example:8080/x?y")),
        ("?e", Some("http://a.example:8080/b/c?e")),
        ("/x/./y", Some("http://a.example:8080/x/y")),
        ("//B.example/x", Some("http://b.example/x")),
        ("https://b.example:443", Some("https://b.example/")),
        ("http://0x7f.1/", Some("http://127.0.0.1/")),
        ("HTTP://A.example:8080/b/c?d", Some("http://a.example:8080/b/c?d")),
        // Nothing is encoded or decoded.
        ("/l?n='x'", Some("http://a.example:8080/l?n='x'")),
        ("/%7e|{a}^\"?q=%41^|`'", Some("http://a.example:8080/%7e|{a}^\"?q=%41^|`'")),
        ("/%2e%2e/x", Some("http://a.example:8080/%2e%2e/x")),
        ("/a\\b", Some("http://a.example:8080/a\\b")),
        ("http://B.example/A'b?C'd", Some("http://b.example/A'b?C'd")),
        // But what no request line can hold.
        ("/a b`?<c>\"", Some("http://a.example:8080/a%20b%60?%3Cc%3E%22")),
        ("/a\u{1}", None),
        // Dot segments go out of the path, not out of the query.
        (".", Some("http://a.example:8080/b/")),
        ("..", Some("http://a.example:8080/")),
        ("../../../x", Some("http://a.example:8080/x")),
        ("./x/../y/.", Some("http://a.example:8080/b/y/")),
        ("/x//../y", Some("http://a.example:8080/x/y")),
        ("/x//y", Some("http://a.example:8080/x//y")),
        ("/.x/..y/...", Some("http://a.example:8080/.x/..y/...")),
        ("x?../y/./z", Some("http://a.example:8080/b/x?../y/./z")),
        ("http://b.example/x/../y", Some("http://b.example/y")),
        ("//b.example:/..?q", Some("http://b.example/?q")),
        ("//b.example?q", Some("http://b.example/?q")),
        ("#z", Some("http://a.example:8080/b/c?d")),
        ("?", Some("http://a.example:8080/b/c?")),
        ("x:y/z", None),
        ("./x:y", Some("http://a.example:8080/b/x:y")),
        ("x?y:z", Some("http://a.example:8080/b/x?y:z")),
        ("http:x", None),
        ("http:///x", None),
        ("http://user@b.example/", None),
        ("http://b.example:0/", None),
        ("ftp://b.example/", None),
        ("mailto:x@b.example", None),
        ("http://", None),
        ("http://[::g]/", None),
    ];
    for (reference, expected) in rows {
        let found = base.resolve(reference);
        assert_eq!(found.as_ref().map(TargetUri::as_str), expected, "{reference}");
    }
}

#[test]
fn a_base_keeps_its_path_where_the_reference_has_none() {
    let base = TargetUri::parse("https://a.example/x/../%7e'?q").unwrap();
    let rows = [
        ("", "https://a.example/x/../%7e'?q"),
        ("?e", "https://a.example/x/../%7e'?e"),
        ("y", "https://a.example/y"),
        ("//b.example:443/", "https://b.example/"),
    ];
    for (reference, expected) in rows {
        assert_eq!(base.resolve(reference).unwrap().as_str(), expected, "{reference}");
    }
}

#[test]
fn an_origin_is_scheme_host_and_port() {
    let base = TargetUri::parse("http://a.example/x").unwrap();
    let rows = [
        ("http://A.example:80/y", true),
        ("https://a.example/x", false),
        ("https://a.example:80/x", false),
        ("http://a.example:81/x", false),
        ("http://b.example/x", false),
    ];
    for (text, expected) in rows {
        assert_eq!(base.same_origin(&TargetUri::parse(text).unwrap()), expected, "{text}");
    }
}

#[test]
fn a_literal_address_is_told_from_a_name() {
    let rows = [
        ("http://127.0.0.1/", Some("127.0.0.1")),
        ("http://[::1]:80/", Some("::1")),
        ("http://[::ffff:127.0.0.1]/", Some("::ffff:127.0.0.1")),
        ("http://localhost/", None),
        ("http://1.2.3.4.example/", None),
    ];
    for (text, expected) in rows {
        let found = TargetUri::parse(text).unwrap().literal_ip();
        assert_eq!(found, expected.map(|address| address.parse().unwrap()), "{text}");
    }
}

#[test]
fn a_uri_is_read_back_from_its_own_text_only() {
    #[rustfmt::skip]
    let rows = [
        ("http://a.example/", true),
        ("https://a.example:8443/b/../c?d?e", true),
        ("http://a.example./?", true),
        ("http://a.example//", true),
        ("http://[2001:db8::1]:81/x", true),
        ("http://192.0.2.1/%7E~\u{e9}", true),
        ("http://a_b.example/{x}", true),
        ("http://a.example", false),
        ("http://a.example?b", false),
        ("http://A.example/", false),
        ("HTTP://a.example/", false),
        ("http://a.example:80/", false),
        ("https://a.example:443/", false),
        ("https://a.example:08443/", false),
        ("http://a.example:/", false),
        ("http://a.example:0/", false),
        ("http://0x7f.1/", false),
        ("http://u@a.example/", false),
        ("http://a.example/#b", false),
        ("http://a.example/a b", false),
        ("http://a.example/a\n", false),
        ("ftp://a.example/", false),
        ("http:///a", false),
        ("a.example/", false),
        ("", false),
    ];
    for (text, expected) in rows {
        let uri = TargetUri::from_normal(text);
        assert_eq!(uri.as_ref().map(TargetUri::as_str), expected.then_some(text), "{text:?}");
        assert_eq!(uri, TargetUri::parse(text).filter(|uri| uri.as_str() == text), "{text:?}");
    }
}
