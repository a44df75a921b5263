//! What is sent of a file: its fields, the conditions, the ranges, and what changes meanwhile.

use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::time::{Duration, UNIX_EPOCH};

use super::{WebServer, busy, rest};
use crate::support::message::Response;

/// Sun, 06 Nov 1994 08:49:37 GMT
const LONG_AGO: u64 = 784_111_777;

/// A server of `digits.txt`, last modified long ago.
async fn digits() -> WebServer {
    let server = WebServer::start(&[]).await;
    server.write("digits.txt", "0123456789");
    let file = File::options().write(true).open(server.path("digits.txt")).unwrap();
    file.set_modified(UNIX_EPOCH + Duration::from_secs(LONG_AGO)).unwrap();
    server
}

fn of(response: &Response) -> (u16, &str) {
    (response.status, response.text())
}

#[tokio::test]
async fn a_file_comes_with_its_type_its_date_and_a_strong_tag() {
    let server = digits().await;
    let response = server.get("/digits.txt").await;
    assert_eq!(of(&response), (200, "0123456789"));
    for (name, value) in [
        ("content-type", "text/plain; charset=utf-8"),
        ("content-length", "10"),
        ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("accept-ranges", "bytes"),
    ] {
        assert_eq!(response.field(name), Some(value));
    }
    let tag = response.field("etag").unwrap();
    assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 2, "{tag}");
    assert!(response.field("date").is_some());
    assert_eq!(server.get("/digits.txt").await.field("etag"), Some(tag));

    // The same length and the same date, and still another file.
    server.write("digits.txt", "9876543210");
    let file = File::options().write(true).open(server.path("digits.txt")).unwrap();
    file.set_modified(UNIX_EPOCH + Duration::from_secs(LONG_AGO)).unwrap();
    assert_ne!(server.get("/digits.txt").await.field("etag"), Some(tag));
}

#[tokio::test]
async fn the_type_follows_from_the_name_and_an_empty_file_is_a_file() {
    let server = WebServer::start(&[]).await;
    for (name, expected) in [
        ("a.html", "text/html; charset=utf-8"),
        ("a.CSS", "text/css; charset=utf-8"),
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.json", "application/json"),
        ("a.png", "image/png"),
        ("a.jpg", "image/jpeg"),
        ("a.svg", "image/svg+xml"),
        ("a.pdf", "application/pdf"),
        ("a.unheard-of", "application/octet-stream"),
        ("html", "application/octet-stream"),
    ] {
        server.write(name, "");
        let response = server.get(&format!("/{name}")).await;
        let seen =
            (of(&response), response.field("content-type"), response.field("content-length"));
        assert_eq!(seen, ((200, ""), Some(expected), Some("0")), "{name}");
    }
}

#[tokio::test]
async fn head_has_the_fields_of_get_and_no_body() {
    let server = digits().await;
    for target in ["/digits.txt", "/nowhere"] {
        let got = server.get(target).await;
        let headed = server.ask("HEAD", target, &[("Range", "bytes=0-1")]).await;
        assert_eq!((headed.status, headed.text()), (got.status, ""));
        for (name, value) in
            got.fields.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("date"))
        {
            assert_eq!(headed.field(name), Some(value), "{target} {name}");
        }
    }
}

#[tokio::test]
async fn what_is_not_there_gets_a_page_that_says_so() {
    let server = WebServer::start(&[]).await;
    let response = server.get("/nowhere.html").await;
    assert_eq!((response.status, &*response.reason), (404, "Not Found"));
    assert_eq!(response.field("content-type"), Some("text/html; charset=utf-8"));
    assert!(response.text().contains("<h1>404 Not Found</h1>"), "{}", response.text());
}

#[tokio::test]
async fn conditions_are_kept() {
    let server = digits().await;
    let tag = server.get("/digits.txt").await.field("etag").unwrap().to_owned();
    let (weak, list) = (format!("W/{tag}"), format!("\"a\", {tag}, \"b\""));
    let (at, before, after) = (
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:36 GMT",
        "Sun, 06 Nov 1994 08:49:38 GMT",
    );
    type Fields<'a> = &'a [(&'a str, &'a str)];
    let rows: [(Fields, u16); 18] = [
        (&[("If-None-Match", &tag)], 304),
        (&[("If-None-Match", &weak)], 304),
        (&[("If-None-Match", &list)], 304),
        (&[("If-None-Match", "*")], 304),
        (&[("If-None-Match", "\"other\"")], 200),
        (&[("If-Modified-Since", at)], 304),
        (&[("If-Modified-Since", after)], 304),
        (&[("If-Modified-Since", before)], 200),
        (&[("If-Modified-Since", "yesterday")], 200),
        // The tag counts, where there is one.
        (&[("If-None-Match", "\"other\""), ("If-Modified-Since", after)], 200),
        (&[("If-None-Match", &tag), ("If-Modified-Since", before)], 304),
        (&[("If-Match", &tag)], 200),
        (&[("If-Match", "*")], 200),
        (&[("If-Match", &weak)], 412),
        (&[("If-Match", "\"other\"")], 412),
        (&[("If-Unmodified-Since", at)], 200),
        (&[("If-Unmodified-Since", before)], 412),
        (&[("If-Match", "\"other\""), ("If-None-Match", &tag)], 412),
    ];
    for (fields, status) in rows {
        for method in ["GET", "HEAD"] {
            let response = server.ask(method, "/digits.txt", fields).await;
            assert_eq!(response.status, status, "{method} {fields:?}");
            if status == 304 {
                assert_eq!(response.field("etag"), Some(&*tag));
                assert_eq!(response.field("last-modified"), Some(at));
                assert_eq!((response.text(), response.field("content-type")), ("", None));
            }
        }
    }
}

#[tokio::test]
async fn one_range_is_a_part() {
    let server = digits().await;
    for (range, content_range, body) in [
        ("bytes=0-0", "bytes 0-0/10", "0"),
        ("bytes=2-4", "bytes 2-4/10", "234"),
        ("bytes=7-", "bytes 7-9/10", "789"),
        ("bytes=-3", "bytes 7-9/10", "789"),
        ("bytes=8-100", "bytes 8-9/10", "89"),
        ("bytes=2-4, 90-", "bytes 2-4/10", "234"),
        ("bytes=2-4, 4-6", "bytes 2-6/10", "23456"),
    ] {
        let response = server.ask("GET", "/digits.txt", &[("Range", range)]).await;
        assert_eq!(of(&response), (206, body), "{range}");
        assert_eq!(response.field("content-range"), Some(content_range), "{range}");
    }
    for range in ["bytes=10-", "bytes=-0", "bytes=20-30, 40-50"] {
        let response = server.ask("GET", "/digits.txt", &[("Range", range)]).await;
        let seen = (response.status, response.field("content-range"));
        assert_eq!(seen, (416, Some("bytes */10")), "{range}");
    }
    for range in ["bytes=4-2", "bytes", "lines=1-2", "bytes=a-b"] {
        let response = server.ask("GET", "/digits.txt", &[("Range", range)]).await;
        assert_eq!(of(&response), (200, "0123456789"), "{range}");
    }
}

#[tokio::test]
async fn several_ranges_are_several_parts() {
    let server = digits().await;
    let response = server.ask("GET", "/digits.txt", &[("Range", "bytes=8-9, 0-1")]).await;
    let content_type = response.field("content-type").unwrap();
    let boundary = content_type.strip_prefix("multipart/byteranges; boundary=").unwrap();
    let part = |range: &str, bytes: &str| {
        format!(
            "\r\n--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Range: bytes {range}/10\r\n\r\n{bytes}"
        )
    };
    let expected = part("8-9", "89") + &part("0-1", "01") + &format!("\r\n--{boundary}--\r\n");
    assert_eq!(of(&response), (206, &*expected));
    assert_eq!(response.field("content-length"), Some(&*expected.len().to_string()));
    assert_eq!(response.field("content-range"), None);
}

#[tokio::test]
async fn a_range_of_another_version_is_the_whole() {
    let server = digits().await;
    let tag = server.get("/digits.txt").await.field("etag").unwrap().to_owned();
    for (if_range, status) in [
        (&*tag, 206),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 206),
        ("Sun, 06 Nov 1994 08:49:38 GMT", 200),
        ("\"other\"", 200),
        (&format!("W/{tag}"), 200),
    ] {
        let fields = [("Range", "bytes=0-4"), ("If-Range", if_range)];
        assert_eq!(server.ask("GET", "/digits.txt", &fields).await.status, status, "{if_range}");
    }
}

#[tokio::test]
async fn a_file_dated_in_the_future_was_not_modified_later_than_now() {
    let server = digits().await;
    let file = File::options().write(true).open(server.path("digits.txt")).unwrap();
    file.set_modified(UNIX_EPOCH + Duration::from_secs(1 << 34)).unwrap();
    let response = server.get("/digits.txt").await;
    assert_eq!(response.field("last-modified"), response.field("date"));
}

#[tokio::test]
async fn a_file_that_is_deleted_while_it_is_sent_is_sent_to_its_end() {
    let server = WebServer::start(&[]).await;
    let (mut client, mut body) = busy(&server).await;
    fs::remove_file(server.path("big")).unwrap();
    assert_eq!(rest(&mut client, &mut body).await, 32 << 20);
    assert_eq!(server.get("/big").await.status, 404);
}

#[tokio::test]
async fn a_file_that_grows_while_it_is_sent_is_sent_as_long_as_was_announced() {
    let server = WebServer::start(&[]).await;
    let (mut client, mut body) = busy(&server).await;
    let mut file = File::options().append(true).open(server.path("big")).unwrap();
    file.write_all(b"more").unwrap();
    assert_eq!(rest(&mut client, &mut body).await, 32 << 20);
}

#[tokio::test]
async fn a_file_that_becomes_shorter_or_is_rewritten_while_it_is_sent_breaks_off() {
    for (shrink, why) in [(true, "the file became shorter"), (false, "the file was changed")] {
        let mut server = WebServer::start(&[]).await;
        let (mut client, mut body) = busy(&server).await;
        let mut file = File::options().write(true).open(server.path("big")).unwrap();
        if shrink {
            file.set_len(16 << 20).unwrap();
        } else {
            file.seek(SeekFrom::End(-4)).unwrap();
            file.write_all(b"last").unwrap();
        }
        let mut bytes = 0;
        while let Ok(piece) = client.piece(&mut body).await {
            bytes += piece.expect("the body must not come to its end").len();
        }
        assert!(bytes < 32 << 20, "{bytes}");
        let line = server.log_line().await;
        assert!(line.ends_with(&format!(" of {}: {why}", 32 << 20)), "{line}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_is_noted() {
    let mut server = WebServer::start(&[]).await;
    let (client, _body) = busy(&server).await;
    client.reset();
    let line = server.log_line().await;
    assert!(line.ends_with(&format!(" of {}: the client left", 32 << 20)), "{line}");
}
