use std::time::Duration;

use ::http::{HeaderValue, Method, Version};

use super::*;
use crate::policy::outcome::ForwardReason;
use crate::telemetry::capture::hit;
use crate::telemetry::record::CacheWord;
use crate::time::Timestamp;

fn line(format: Format, record: &AccessRecord) -> String {
    let mut out = Vec::new();
    format.write(record, false, &mut out);
    let text = String::from_utf8(out).unwrap();
    text.strip_suffix('\n').expect("a line ends").to_owned()
}

/// Every byte that matters to a terminal, a column or a parser.
const HOSTILE: &str = "a\r\nb\x1b[31m\0\x7f\u{9b}\u{202e}\"\\ \tü";

#[test]
fn pretty_is_time_level_message_and_fields() {
    assert_eq!(
        line(Format::Pretty, &hit()),
        "2026-11-20T13:36:01.123Z INFO  Read from cache client=127.0.0.1 method=GET \
         url=http://example.com/a?b=c status=200 bytes=1256 ms=0.312 cache=hit tier=memory"
    );
}

#[test]
fn pretty_shows_everything_that_is_there() {
    let record = AccessRecord {
        method: Some(Method::POST),
        status: 502,
        bytes_up: 7,
        duration: Duration::from_secs(61),
        cache: CacheWord::Error,
        tier: Some("origin"),
        reason: Some("method".into()),
        error: Some("cannot find the host \"x\"".into()),
        ..hit()
    };
    assert_eq!(
        line(Format::Pretty, &record),
        "2026-11-20T13:36:01.123Z INFO  Failed client=127.0.0.1 method=POST \
         url=http://example.com/a?b=c status=502 bytes=1256 bytes_up=7 ms=61000.000 cache=error \
         tier=origin reason=method error=\"cannot find the host \\\"x\\\"\""
    );
}

#[test]
fn colours_are_there_when_asked_for_and_change_nothing_else() {
    for cache in CacheWord::ALL {
        let record = AccessRecord { cache, ..hit() };
        let mut out = Vec::new();
        Format::Pretty.write(&record, true, &mut out);
        let coloured = String::from_utf8(out).unwrap();
        assert!(coloured.contains("\x1b["));
        let mut plain = String::new();
        for (nth, part) in coloured.split('\x1b').enumerate() {
            plain.push_str(if nth == 0 { part } else { part.split_once('m').unwrap().1 });
        }
        assert_eq!(plain.trim_end(), line(Format::Pretty, &record));
    }
}

#[test]
fn a_hit_and_a_miss_have_different_colours() {
    let coloured = |cache| {
        let mut out = Vec::new();
        Format::Pretty.write(&AccessRecord { cache, ..hit() }, true, &mut out);
        String::from_utf8(out).unwrap()
    };
    assert!(coloured(CacheWord::Hit).contains("\x1b[1;32mRead from cache\x1b[0m"));
    assert!(coloured(CacheWord::Miss).contains("\x1b[36mFetched from origin\x1b[0m"));
    assert!(coloured(CacheWord::Error).contains("\x1b[1;31mFailed\x1b[0m"));
}

#[test]
fn json_is_one_flat_object_in_a_fixed_order() {
    assert_eq!(
        line(Format::Json, &hit()),
        r#"{"time":"2026-11-20T13:36:01.123Z","level":"info","message":"Read from cache","client":"127.0.0.1","method":"GET","url":"http://example.com/a?b=c","status":200,"bytes":1256,"bytes_up":0,"ms":0.312,"cache":"hit","tier":"memory"}"#
    );
}

#[test]
fn json_gives_back_hostile_bytes_unchanged_and_shows_none_of_them() {
    let record = AccessRecord {
        url: HOSTILE.into(),
        reason: Some(HOSTILE.into()),
        error: Some(HOSTILE.into()),
        ..hit()
    };
    let line = line(Format::Json, &record);
    assert!(!line.contains(|c: char| c.is_control() || c == '\u{202e}'), "{line:?}");
    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
    for name in ["url", "reason", "error"] {
        assert_eq!(value[name], HOSTILE, "{name}");
    }
}

#[test]
fn json_is_json_for_every_word_and_without_optional_parts() {
    for cache in CacheWord::ALL {
        let record = AccessRecord { method: None, tier: None, status: 0, cache, ..hit() };
        let value: serde_json::Value = serde_json::from_str(&line(Format::Json, &record)).unwrap();
        assert_eq!(value["message"], cache.message());
        assert_eq!(value["cache"], cache.as_str());
        for absent in ["method", "tier", "status", "reason", "error"] {
            assert!(value.get(absent).is_none(), "{absent}");
        }
    }
}

#[test]
fn squid_has_ten_columns_byte_for_byte() {
    let record = AccessRecord {
        content_type: Some(HeaderValue::from_static("text/html; charset=utf-8")),
        ..hit()
    };
    assert_eq!(
        line(Format::Squid, &record),
        "1795181761.123      0 127.0.0.1 TCP_MEM_HIT/200 1256 GET http://example.com/a?b=c - \
         HIER_NONE/- text/html"
    );
    let record = AccessRecord {
        client: "2001:db8::1".parse().unwrap(),
        method: Some(Method::CONNECT),
        url: "example.com:443".into(),
        duration: Duration::from_millis(1_234_567),
        time: Timestamp::from_unix_millis(1_795_181_761_007),
        cache: CacheWord::Tunnel,
        tier: None,
        peer: Some("192.0.2.1".parse().unwrap()),
        ..hit()
    };
    assert_eq!(
        line(Format::Squid, &record),
        "1795181761.007 1234567 2001:db8::1 TCP_TUNNEL/200 1256 CONNECT example.com:443 - \
         HIER_DIRECT/192.0.2.1 -"
    );
}

#[test]
fn the_user_has_a_column_of_its_own_and_is_one_word_there() {
    let by = |user: &str, format| line(format, &AccessRecord { user: Some(user.into()), ..hit() });
    assert!(by("ada", Format::Squid).contains("?b=c ada HIER_NONE/-"));
    assert!(by("a b\n", Format::Squid).contains("?b=c a%20b%0A HIER_NONE/-"));
    assert!(by("", Format::Squid).contains("?b=c - HIER_NONE/-"));
    assert!(by("ada", Format::Combined).starts_with("127.0.0.1 - ada [20/Nov/2026"));
    assert!(by("a b\"", Format::Combined).starts_with("127.0.0.1 - a\\x20b\\\" [20/Nov/2026"));
    assert!(by("ada", Format::Pretty).contains("client=127.0.0.1 user=ada method=GET"));
    assert!(by("ada", Format::Json).contains(r#""client":"127.0.0.1","user":"ada","method""#));
}

#[test]
fn squid_uses_squids_own_result_codes() {
    use CacheWord::{
        Bypass, Collapsed, Error, Hit, Miss, Own, Refused, Revalidated, Stale, Tunnel,
    };
    use ForwardReason::{Method, Request, UriMiss};
    type Row = (
        CacheWord,
        u16,
        Option<&'static str>,
        Option<ForwardReason>,
        Option<&'static str>,
        &'static str,
    );
    let cases: [Row; 22] = [
        (Hit, 200, Some("memory"), None, None, "TCP_MEM_HIT/200"),
        (Hit, 200, Some("disk"), None, None, "TCP_HIT/200"),
        (Hit, 304, Some("memory"), None, None, "TCP_IMS_HIT/304"),
        (Hit, 304, Some("disk"), None, None, "TCP_IMS_HIT/304"),
        (Stale, 200, Some("memory"), None, None, "TCP_MEM_HIT/200"),
        (Stale, 200, Some("disk"), None, None, "TCP_HIT/200"),
        (Stale, 200, Some("memory"), None, Some("refused"), "TCP_REFRESH_FAIL_OLD/200"),
        (Revalidated, 200, Some("memory"), None, None, "TCP_REFRESH_UNMODIFIED/200"),
        (Miss, 200, Some("origin"), Some(UriMiss), None, "TCP_MISS/200"),
        (Miss, 200, Some("origin"), Some(ForwardReason::Stale), None, "TCP_REFRESH_MODIFIED/200"),
        (Miss, 200, Some("origin"), Some(ForwardReason::Miss), None, "TCP_SWAPFAIL_MISS/200"),
        (Miss, 200, Some("origin"), Some(Request), None, "TCP_CLIENT_REFRESH_MISS/200"),
        (Collapsed, 200, Some("origin"), None, None, "TCP_CF_MISS/200"),
        (Bypass, 200, Some("origin"), Some(Method), None, "TCP_MISS/200"),
        (Tunnel, 200, None, None, None, "TCP_TUNNEL/200"),
        (Own, 200, None, None, None, "NONE/200"),
        (Refused, 403, None, None, None, "TCP_DENIED/403"),
        (Error, 400, None, None, Some("bad"), "NONE/400"),
        (Error, 502, None, None, Some("refused"), "TCP_MISS/502"),
        (Error, 504, None, None, Some("slow"), "TCP_MISS/504"),
        (Error, 200, Some("origin"), None, Some("broke off"), "TCP_MISS_ABORTED/200"),
        (Error, 0, None, None, Some("client left"), "TCP_MISS_ABORTED/000"),
    ];
    for (cache, status, tier, forward, error, expected) in cases {
        let record = AccessRecord {
            cache,
            status,
            tier,
            forward,
            reason: forward.map(|_| "unshareable".into()),
            error: error.map(Into::into),
            ..hit()
        };
        let line = line(Format::Squid, &record);
        assert_eq!(line.split_whitespace().nth(3), Some(expected), "{cache:?} {status}");
    }
}

#[test]
fn squid_keeps_its_columns_whatever_arrives() {
    let record = AccessRecord {
        url: HOSTILE.into(),
        content_type: Some(HeaderValue::from_bytes(b" text/\xffx y ;q=1").unwrap()),
        ..hit()
    };
    let text = line(Format::Squid, &record);
    assert_eq!(text.split_whitespace().count(), 10);
    assert!(text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()), "{text}");
    assert!(text.contains(" a%0D%0Ab%1B[31m%00%7F%C2%9B%E2%80%AE\"\\%20%09%C3%BC "), "{text}");
    assert!(text.ends_with(" text/%FFx%20y"), "{text}");
    let unparsed = AccessRecord { method: None, url: String::new(), ..hit() };
    assert!(line(Format::Squid, &unparsed).contains(" NONE error:invalid-request - "));
}

#[test]
fn combined_is_what_web_servers_write() {
    let record = AccessRecord {
        referer: Some(HeaderValue::from_static("http://example.com/")),
        user_agent: Some(HeaderValue::from_static("Mozilla/5.0 (X11; Linux)")),
        ..hit()
    };
    assert_eq!(
        line(Format::Combined, &record),
        "127.0.0.1 - - [20/Nov/2026:13:36:01 +0000] \"GET http://example.com/a?b=c HTTP/1.1\" 200 \
         1256 \"http://example.com/\" \"Mozilla/5.0 (X11; Linux)\""
    );
    let bare = AccessRecord { version: Version::HTTP_10, ..hit() };
    assert!(line(Format::Combined, &bare).ends_with(" HTTP/1.0\" 200 1256 \"-\" \"-\""));
}

#[test]
fn combined_keeps_its_quotes_whatever_arrives() {
    let record = AccessRecord {
        url: HOSTILE.into(),
        user_agent: Some(HeaderValue::from_bytes(b"x\" \"y\\\xff\t").unwrap()),
        ..hit()
    };
    let text = line(Format::Combined, &record);
    assert!(
        text.contains(
            r#""GET a\x0D\x0Ab\x1B[31m\x00\x7F\xC2\x9B\xE2\x80\xAE\"\\\x20\x09\xC3\xBC HTTP/1.1""#
        ),
        "{text}"
    );
    assert!(text.ends_with(r#""x\" \"y\\\xFF\x09""#), "{text}");
    let unparsed = AccessRecord { method: None, url: "GET  /\r".into(), status: 400, ..hit() };
    assert!(line(Format::Combined, &unparsed).contains(r#" "GET  /\x0D" 400 "#));
}

#[test]
fn pretty_escapes_what_is_hostile() {
    let record = AccessRecord { url: HOSTILE.into(), error: Some(String::new()), ..hit() };
    let text = line(Format::Pretty, &record);
    assert!(text.contains(r#"url="a\r\nb\u{1b}[31m\u{0}\u{7f}\u{9b}\u{202e}\"\\ \tü" "#), "{text}");
    assert!(text.ends_with(r#"error="""#), "{text}");
    assert!(!text.contains(char::is_control));
}

#[test]
fn dates_are_right_around_the_hard_days() {
    let cases = [
        (0, "1970-01-01T00:00:00.000Z", "[01/Jan/1970:00:00:00 +0000]"),
        (951_782_399_999, "2000-02-28T23:59:59.999Z", "[28/Feb/2000:23:59:59 +0000]"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z", "[29/Feb/2000:00:00:00 +0000]"),
        (951_868_800_000, "2000-03-01T00:00:00.000Z", "[01/Mar/2000:00:00:00 +0000]"),
        (1_735_689_599_000, "2024-12-31T23:59:59.000Z", "[31/Dec/2024:23:59:59 +0000]"),
        (4_107_542_400_000, "2100-03-01T00:00:00.000Z", "[01/Mar/2100:00:00:00 +0000]"),
    ];
    for (millis, iso, bracketed) in cases {
        let at = Timestamp::from_unix_millis(millis);
        let (mut one, mut other) = (Vec::new(), Vec::new());
        civil::rfc3339(at, &mut one);
        civil::bracketed(at, &mut other);
        assert_eq!(String::from_utf8(one).unwrap(), iso);
        assert_eq!(String::from_utf8(other).unwrap(), bracketed);
    }
    civil::rfc3339(Timestamp::from_unix_millis(u64::MAX), &mut Vec::new());
}

#[test]
fn formats_are_known_by_their_words() {
    for format in Format::ALL {
        assert_eq!(format.as_str().parse(), Ok(format));
    }
    assert_eq!("xml".parse::<Format>(), Err(UnknownFormat));
}
