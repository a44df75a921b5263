use std::io::Cursor;

use super::*;

fn config() -> Config {
    Config {
        server: "localhost".to_owned(),
        port: 6789,
        file: "hello.html".to_owned(),
        proxy: None,
        head: false,
        if_modified_since: None,
        if_none_match: None,
    }
}

#[test]
fn a_server_is_asked_for_a_path_and_a_proxy_for_a_url() {
    let rows = [
        ("localhost", 6789, false, "/hello.html", "localhost:6789"),
        ("localhost", 80, false, "/hello.html", "localhost"),
        ("localhost", 6789, true, "http://localhost:6789/hello.html", "localhost:6789"),
        ("localhost", 80, true, "http://localhost/hello.html", "localhost"),
        ("::1", 6789, true, "http://[::1]:6789/hello.html", "[::1]:6789"),
        ("[::1]", 80, false, "/hello.html", "[::1]"),
    ];
    for (server, port, by_proxy, target, host) in rows {
        let proxy = by_proxy.then(|| "localhost:3128".to_owned());
        let config = Config { server: server.to_owned(), port, proxy, ..config() };
        let request = request(&config).unwrap();
        let expected = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n");
        assert!(request.starts_with(&expected), "{request:?}");
        assert!(request.ends_with("\r\nConnection: close\r\n\r\n"), "{request:?}");
    }
}

#[test]
fn conditions_are_sent_and_a_tag_has_its_quotes() {
    for (given, sent) in
        [("abc", "\"abc\""), ("\"abc\"", "\"abc\""), ("W/\"abc\"", "W/\"abc\""), ("*", "*")]
    {
        let config = Config { if_none_match: Some(given.to_owned()), ..config() };
        let request = request(&config).unwrap();
        assert!(request.ends_with(&format!("\r\nIf-None-Match: {sent}\r\n\r\n")), "{request:?}");
    }
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    let config = Config { head: true, if_modified_since: Some(date.to_owned()), ..config() };
    let request = request(&config).unwrap();
    assert!(request.starts_with("HEAD /hello.html HTTP/1.1\r\n"), "{request:?}");
    assert!(request.ends_with(&format!("\r\nIf-Modified-Since: {date}\r\n\r\n")), "{request:?}");
}

#[test]
fn no_line_is_smuggled_into_a_request() {
    for evil in ["a\r\nX: y", "a\nX: y", "a\0", "\u{85}"] {
        let dated = Config { if_modified_since: Some(evil.to_owned()), ..config() };
        let tagged = Config { if_none_match: Some(evil.to_owned()), ..config() };
        let hosted = Config { server: evil.to_owned(), ..config() };
        for config in [dated, tagged, hosted] {
            assert!(matches!(request(&config), Err(LabError::NotSent { .. })), "{config:?}");
        }
        let named = Config { file: evil.to_owned(), ..config() };
        assert!(request(&named).unwrap().starts_with("GET /"), "{evil:?}");
    }
}

#[test]
fn the_name_of_a_file_becomes_a_path() {
    for (file, expected) in [
        ("hello.html", "/hello.html"),
        ("/hello.html", "/hello.html"),
        ("", "/"),
        ("a b/c", "/a%20b/c"),
        ("größe", "/gr%C3%B6%C3%9Fe"),
        ("a%20b?c=d&e", "/a%20b?c=d&e"),
        ("a#b", "/a%23b"),
        ("a\r\nb", "/a%0D%0Ab"),
        ("../a", "/../a"),
    ] {
        assert_eq!(path(file), expected);
    }
}

/// What is shown of an answer, and what is wrong with it.
fn shown(answer: &[u8], to_head: bool) -> (String, Result<(), Broken>) {
    let mut output = Vec::new();
    let outcome = Answer::new(Cursor::new(answer), &mut output).show(to_head);
    (String::from_utf8_lossy(&output).into_owned(), outcome)
}

#[test]
fn the_body_ends_where_the_head_says() {
    let rows: [(&str, &str, bool); 12] = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", "abc", false),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", false),
        ("HTTP/1.0 200 OK\r\n\r\n", "abc|more", false),
        ("HTTP/1.1 200\r\n\r\n", "abc|more", false),
        ("HTTP/1.1 204 No Content\r\n\r\n", "", false),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n", "", false),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", "", true),
        ("HTTP/1.1 200 OK\r\ncontent-length:3\r\n\r\n", "abc", false),
        (
            "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n",
            "abc",
            false,
        ),
        // Both: the chunks count.
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
            "abcd",
            false,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTRANSFER-ENCODING: gzip, Chunked\r\n\r\n",
            "abcd",
            false,
        ),
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\n", "abc", false),
    ];
    for (head, body, to_head) in rows {
        let chunked = head.to_ascii_lowercase().contains("chunked");
        let sent =
            if chunked { "2;x=y\r\nab\r\n02\r\ncd\r\n0\r\nTrailer: t\r\n\r\n" } else { "abc|more" };
        let (text, outcome) = shown(format!("{head}{sent}").as_bytes(), to_head);
        assert!(outcome.is_ok(), "{head:?} {outcome:?}");
        assert_eq!(text, format!("{head}{body}"));
    }
}

#[test]
fn bytes_are_shown_as_they_came_whatever_they_are() {
    let answer = b"HTTP/1.1 200 OK\nX: \xff\nContent-Length: 2\n\n\xfe\0";
    let mut output = Vec::new();
    Answer::new(Cursor::new(answer), &mut output).show(false).unwrap();
    assert_eq!(output, b"HTTP/1.1 200 OK\r\nX: \xff\r\nContent-Length: 2\r\n\r\n\xfe\0");
}

#[test]
fn what_is_wrong_with_an_answer_is_said() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let rows = [
        ("", "closed before the end of the head"),
        ("HTTP/1.1 200 OK\r\nA: b\r\n", "closed before the end of the head"),
        ("SSH-2.0-OpenSSH_9.2\r\n", "\"SSH-2.0-OpenSSH_9.2\" is no status line"),
        ("HTTP/2 200 OK\r\n\r\n", "is no status line"),
        ("HTTP/1.1 20 OK\r\n\r\n", "is no status line"),
        ("HTTP/1.1 abc\r\n\r\n", "is no status line"),
        ("HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", "\"many\" is no Content-Length"),
        ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "\"-1\" is no Content-Length"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", "closed 2 bytes too early"),
        (&format!("{chunked}5\r\nabc"), "closed 2 bytes too early"),
        (&format!("{chunked}3\r\nabc\r\n"), "closed before"),
        (&format!("{chunked}3\r\nabcd\r\n"), "more bytes than the 3"),
        (&format!("{chunked}three\r\n"), "\"three\" is no length of a chunk"),
        (&format!("{chunked}ffffffffffffffffff\r\n"), "is no length of a chunk"),
        (&format!("HTTP/1.1 200 OK\r\nA: {}\r\n\r\n", "a".repeat(300_000)), "a head of more than"),
    ];
    for (answer, expected) in rows {
        match shown(answer.as_bytes(), false).1 {
            Err(Broken::Answer(sentence)) => assert!(sentence.contains(expected), "{sentence}"),
            other => panic!("{expected}: {other:?}"),
        }
    }
}
