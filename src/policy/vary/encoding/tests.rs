use super::*;
use crate::policy::scene::{assert_exact, fields};

fn read(names: &str, request: &str) -> NominatedFields {
    let names = names.split_whitespace().map(|name| HeaderName::try_from(name).unwrap());
    NominatedFields::read(names, &fields(request))
}

fn bytes(nominated: &NominatedFields) -> Vec<u8> {
    let mut out = Vec::new();
    nominated.encode(&mut out);
    out
}

fn again(input: &mut &[u8]) -> Option<Vec<u8>> {
    NominatedFields::decode(input).map(|nominated| bytes(&nominated))
}

#[test]
fn nominated_fields_are_read_back_in_both_forms() {
    let rows = [
        ("", ""),
        ("x-a", ""),
        ("x-a", "X-A:"),
        ("x-b x-a accept", "X-A: 1 | X-B: 2 | Accept: text/html, */*;q=0.1"),
        ("accept-encoding", "Accept-Encoding: GZIP , br;q=0.50"),
        ("x-a x-b", "X-A: one | X-A: two"),
    ];
    for (names, request) in rows {
        let nominated = read(names, request);
        let written = bytes(&nominated);
        let back = NominatedFields::decode(&mut &written[..]).unwrap();
        assert_eq!(back, nominated, "{names}");
        let received = |all: &NominatedFields| all.0.as_ref().map(|all| all.received().to_vec());
        assert_eq!(received(&back), received(&nominated), "{names}");
        assert!(back.matches(&fields(request)), "{names}");
        assert_exact(&written, again);
    }
}

/// The length of the normalised entries, then all of them.
fn written(normal: &[u8], received: &[u8]) -> Vec<u8> {
    let mut out = (normal.len() as u32).to_le_bytes().to_vec();
    out.extend(((normal.len() + received.len()) as u32).to_le_bytes());
    [&out, normal, received].concat()
}

fn entry(name: &str, value: Option<&[u8]>) -> Vec<u8> {
    let text = |text: &[u8]| [&(text.len() as u32).to_be_bytes(), text].concat();
    let value = value.map_or(vec![0], |value| [&[1][..], &text(value)].concat());
    [text(name.as_bytes()), value].concat()
}

#[test]
fn what_reading_a_request_cannot_give_is_refused() {
    let of = |name, value: &[u8]| entry(name, Some(value));
    let (a, b) = (of("x-a", b"1"), of("x-b", b"2"));
    let rows = [
        ("as it is", written(&a, b""), true),
        ("two", written(&[&a[..], &b].concat(), b""), true),
        ("absent", written(&entry("x-a", None), b""), true),
        ("in two forms", written(&of("via", b"a,b"), &of("via", b"a , b")), true),
        ("not in order", written(&[&b[..], &a].concat(), b""), false),
        ("twice", written(&[&a[..], &a].concat(), b""), false),
        ("upper case", written(&of("X-A", b"1"), b""), false),
        ("no name", written(&of("", b"1"), b""), false),
        ("no legal name", written(&of("x a", b"1"), b""), false),
        ("no legal value", written(&of("x-a", b"1\n"), b""), false),
        ("one form twice", written(&a, &a), false),
        ("other names as received", written(&a, &of("x-b", b"1 ")), false),
        ("fewer as received", written(&[&a[..], &b].concat(), &of("x-a", b"1 ")), false),
        ("absent as received", written(&a, &entry("x-a", None)), false),
        ("another value as received", written(&a, &of("x-a", b"2")), false),
        ("not normalised", written(&of("via", b"a , b"), b""), false),
        ("only as received", written(b"", &a), false),
        ("bytes behind", written(&[&a[..], b"\0"].concat(), b""), false),
    ];
    for (name, bytes, expected) in rows {
        assert_eq!(NominatedFields::decode(&mut &bytes[..]).is_some(), expected, "{name}");
    }
    assert!(NominatedFields::decode(&mut &[1, 0, 0, 0, 0, 0, 0, 0][..]).is_none());
    assert!(NominatedFields::decode(&mut &[255; 8][..]).is_none());
}
