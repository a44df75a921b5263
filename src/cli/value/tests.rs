use std::fmt::Debug;
use std::time::Duration;

use toml::de::DeTable;

use super::*;

/// Reads `text` as it would stand behind `key =` in the file.
fn in_file<K: Kind>(text: &str) -> Result<K::Value, Fault> {
    let document = format!("key = {text}");
    let table = DeTable::parse(&document).unwrap_or_else(|error| panic!("{text}: {error}"));
    K::read(Typed::File(table.get_ref().values().next().unwrap().get_ref()))
}

fn good<K: Kind>(cases: &[(&str, K::Value)])
where
    K::Value: PartialEq + Debug,
{
    for (word, expected) in cases {
        let value = K::read(Typed::Variable(OsStr::new(word)));
        assert_eq!(value.as_ref(), Ok(expected), "{word:?} in a variable");
        let value = K::read(Typed::Words(&[OsString::from(word)]));
        assert_eq!(value.as_ref(), Ok(expected), "{word:?} after an option");
    }
}

fn bad<K: Kind>(words: &[&str])
where
    K::Value: Debug,
{
    for word in words {
        let fault = K::read(Typed::Variable(OsStr::new(word))).expect_err(word);
        assert!(!fault.message.is_empty());
    }
}

#[test]
fn sizes() {
    good::<Size>(&[
        ("0", 0),
        ("1", 1),
        ("512KiB", 512 << 10),
        ("256MiB", 256 << 20),
        ("256 mib", 256 << 20),
        ("10GB", 10_000_000_000),
        ("1.5GiB", 3 << 29),
        ("1EiB", 1 << 60),
    ]);
    bad::<Size>(&[
        "",
        "-1",
        "lots",
        "MiB",
        "12XB",
        "1.5",
        "2EiB",
        "99999999999999999999",
        "1e3",
        "0x10",
        "nan",
        "inf",
        "1 2",
    ]);
    assert_eq!(in_file::<Size>("\"1MiB\""), Ok(1 << 20));
    assert_eq!(in_file::<Size>("4096"), Ok(4096));
    assert_eq!(in_file::<Size>("0x1000"), Ok(4096));
    for wrong in ["-1", "1.5", "true", "[1]", "{}", "2000-01-01", "9223372036854775807"] {
        assert!(in_file::<Size>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn buffers_are_sizes_within_reason() {
    good::<Buffer<usize>>(&[("1KiB", 1024), ("64KiB", 64 << 10), ("1GiB", 1 << 30)]);
    bad::<Buffer<usize>>(&["0", "1023", "2GiB", "x"]);
    assert_eq!(in_file::<Buffer<usize>>("4096"), Ok(4096));
    assert!(in_file::<Buffer<usize>>("0").is_err());
}

#[test]
fn durations() {
    good::<Span>(&[
        ("0s", Duration::ZERO),
        ("250ms", Duration::from_millis(250)),
        ("30s", Duration::from_secs(30)),
        ("5m", Duration::from_secs(300)),
        ("1h 30m", Duration::from_secs(5400)),
        ("365days", Duration::from_secs(31_536_000)),
    ]);
    bad::<Span>(&["", "30", "s", "-5s", "5 parsecs", "366days", "99999999999999999999s", "5M"]);
    let minutes = Span::word("5M").unwrap_err().message;
    assert!(minutes.contains("minutes are m"), "{minutes}");
    for wrong in ["30", "1.5", "true", "[\"30s\"]"] {
        assert!(in_file::<Span>(wrong).is_err(), "{wrong}");
    }
    assert_eq!(in_file::<Span>("\"30s\""), Ok(Duration::from_secs(30)));
    bad::<Wait>(&["0s", "0", "x"]);
    assert_eq!(in_file::<Wait>("\"1ms\""), Ok(Duration::from_millis(1)));
    assert!(in_file::<Wait>("\"0s\"").is_err());
}

#[test]
fn counts_and_numbers() {
    good::<Count>(&[("1", 1), ("1024", 1024)]);
    bad::<Count>(&["0", "-1", "1.0", "many", "", "1073741824", "18446744073709551615"]);
    assert_eq!(in_file::<Count>("3"), Ok(3));
    for wrong in ["0", "-3", "\"3\"", "3.0", "true"] {
        assert!(in_file::<Count>(wrong).is_err(), "{wrong}");
    }
    good::<Number<u64>>(&[("0", 0), ("1024", 1024)]);
    bad::<Number<u64>>(&["-1", "x", "99999999999999999999"]);
}

#[test]
fn flags() {
    good::<Flag>(&[("true", true), ("1", true), ("Yes", true), ("false", false), ("off", false)]);
    bad::<Flag>(&["", "2", "maybe"]);
    assert_eq!(in_file::<Flag>("true"), Ok(true));
    for wrong in ["\"true\"", "1", "[]"] {
        assert!(in_file::<Flag>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn addresses() {
    good::<Address>(&[
        ("127.0.0.1:3128", "127.0.0.1:3128".parse().unwrap()),
        ("[::1]:0", "[::1]:0".parse().unwrap()),
    ]);
    bad::<Address>(&["3128", ":3128", "127.0.0.1", "localhost:3128", "127.0.0.1:65536", ""]);
    good::<Server>(&[
        ("192.0.2.53", "192.0.2.53:53".parse().unwrap()),
        ("192.0.2.53:5353", "192.0.2.53:5353".parse().unwrap()),
        ("2001:db8::53", "[2001:db8::53]:53".parse().unwrap()),
    ]);
    bad::<Server>(&["dns.example", "192.0.2.53:0", ""]);
    good::<Network>(&[
        ("198.51.100.7/24", "198.51.100.0/24".parse().unwrap()),
        ("198.51.100.7", "198.51.100.7/32".parse().unwrap()),
        ("::ffff:198.51.100.7", "198.51.100.7/32".parse().unwrap()),
        ("::ffff:198.51.100.0/120", "198.51.100.0/24".parse().unwrap()),
        ("2001:db8::/32", "2001:db8::/32".parse().unwrap()),
    ]);
    bad::<Network>(&["198.51.100.0/33", "all", ""]);
}

#[test]
fn ports() {
    good::<Ports>(&[("443", 443..=443), ("1024-65535", 1024..=65535), ("80 - 90", 80..=90)]);
    bad::<Ports>(&["0", "65536", "90-80", "0-10", "-80", "80-", "https", ""]);
    let listed = in_file::<List<Ports>>("[80, \"443\", \"1024-65535\"]");
    assert_eq!(listed, Ok(vec![80..=80, 443..=443, 1024..=65535]));
    for wrong in ["[0]", "[-1]", "[80.5]", "[true]", "80", "[[80]]"] {
        assert!(in_file::<List<Ports>>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn origins() {
    for (word, expected) in [
        ("http://localhost:8080", "http://localhost:8080/"),
        ("HTTP://Example.COM", "http://example.com/"),
        ("https://example.com:443/", "https://example.com/"),
        ("http://[::1]:81", "http://[::1]:81/"),
    ] {
        assert_eq!(OriginUrl::word(word).unwrap().as_str(), expected);
    }
    bad::<OriginUrl>(&[
        "",
        "localhost:8080",
        "ftp://example.com",
        "http://",
        "http:///x",
        "http:example.com",
        "http://example.com:0",
        "http://example.com:99999",
    ]);
    for extra in [
        "http://h.example/app",
        "http://u:p@h.example",
        "http://h.example/?q",
        "http://h.example/#f",
    ] {
        let message = OriginUrl::word(extra).unwrap_err().message;
        assert!(message.ends_with("write http://h.example"), "{extra}: {message}");
    }
}

#[test]
fn a_list_has_commas_in_a_variable_and_repetitions_after_an_option() {
    let both: Vec<_> = ["127.0.0.1:1", "[::1]:2"].map(|word| word.parse().unwrap()).into();
    let commas = List::<Address>::read(Typed::Variable(OsStr::new(" 127.0.0.1:1 , [::1]:2,")));
    assert_eq!(commas.as_ref(), Ok(&both));
    let words = ["127.0.0.1:1", "[::1]:2"].map(OsString::from);
    assert_eq!(List::<Address>::read(Typed::Words(&words)).as_ref(), Ok(&both));
    let one_word = [OsString::from("127.0.0.1:1,[::1]:2")];
    assert!(List::<Address>::read(Typed::Words(&one_word)).is_err());
    assert_eq!(in_file::<List<Address>>("[]"), Ok(vec![]));
    assert!(in_file::<List<Address>>("\"127.0.0.1:1\"").is_err());
}

#[cfg(unix)]
#[test]
fn a_file_name_need_not_be_text_but_everything_else_must() {
    use std::os::unix::ffi::OsStrExt as _;
    let odd = OsStr::from_bytes(b"/var/log/\xff");
    assert_eq!(Maybe::<Name>::read(Typed::Variable(odd)), Ok(Some(PathBuf::from(odd))));
    assert!(Size::read(Typed::Variable(odd)).is_err());
    assert!(List::<Address>::read(Typed::Variable(odd)).is_err());
    assert!(in_file::<Name>("\"\"").is_err());
    assert!(in_file::<Name>("7").is_err());
}
