//! `Via` and `Max-Forwards` (RFC 9110 §7.6): where a message has been, and how far it may still go.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use http::header::{MAX_FORWARDS, VIA};
use http::{HeaderMap, HeaderValue, Version};

use super::list;

/// What every larder's pseudonym starts with; eight hex digits follow.
const PREFIX: &str = "larder-";

/// A request that has passed this many larders goes in a circle.
const MOST_LARDERS: usize = 10;

/// The name by which this process calls itself in `Via`, such as `larder-9f31c2ab`. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pseudonym {
    /// The `Via` member for a message received over HTTP/1.1: `1.1 ` and the name.
    http_11: HeaderValue,
}

impl Pseudonym {
    /// A name with eight random hex digits, so that two larders in a row are no loop.
    pub fn random() -> Self {
        let digits = RandomState::new().hash_one(PREFIX) & 0xffff_ffff;
        let member = format!("1.1 {PREFIX}{digits:08x}");
        Self {
            http_11: HeaderValue::try_from(member)
                .unwrap_or(HeaderValue::from_static("1.1 larder")),
        }
    }

    /// This name; `None` when it is no token, for then it cannot stand in `Via`.
    pub fn new(name: &str) -> Option<Self> {
        let member = list::is_token(name).then(|| format!("1.1 {name}"))?;
        Some(Self { http_11: HeaderValue::try_from(member).ok()? })
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        let member = self.http_11.to_str().unwrap_or_default();
        member.strip_prefix("1.1 ").unwrap_or_default()
    }
}

/// Appends our member to `Via`, as the last: the version that the message was received in, and our name.
pub fn append(head: &mut HeaderMap, received: Version, pseudonym: &Pseudonym) {
    let member = match version_text(received) {
        "1.1" => pseudonym.http_11.clone(),
        version => match HeaderValue::try_from(format!("{version} {}", pseudonym.as_str())) {
            Ok(member) => member,
            Err(_) => return,
        },
    };
    // A head so full that it takes no further field goes on without ours.
    let _full = head.try_append(VIA, member);
}

/// Appends to `lines` the `Via` line of a message that was received over HTTP/1.1.
pub fn write_line(lines: &mut Vec<u8>, pseudonym: &Pseudonym) {
    for part in [b"via: ", pseudonym.http_11.as_bytes(), b"\r\n"] {
        lines.extend_from_slice(part);
    }
}

/// Whether a request goes in a circle: it has been here before, or with ten larders.
pub fn is_loop(head: &HeaderMap, pseudonym: &Pseudonym) -> bool {
    let mut larders = 0;
    for received_by in list::members(head, &VIA).filter_map(received_by) {
        if received_by.eq_ignore_ascii_case(pseudonym.as_str()) {
            return true;
        }
        larders += usize::from(is_larder(received_by));
    }
    larders >= MOST_LARDERS
}

/// How many more times the message may be forwarded; the smallest number when there are several.
/// `None` when it does not say. Counts for `TRACE` and `OPTIONS` only (RFC 9110 §7.6.2).
pub fn max_forwards(head: &HeaderMap) -> Option<u64> {
    head.get_all(MAX_FORWARDS).iter().filter_map(|line| number(line.as_bytes())).min()
}

/// Counts `Max-Forwards` down by one, before forwarding. Does nothing when it says 0 or nothing.
pub fn decrement_max_forwards(head: &mut HeaderMap) {
    if let Some(left) = max_forwards(head).and_then(|left| left.checked_sub(1)) {
        head.insert(MAX_FORWARDS, HeaderValue::from(left));
    }
}

fn version_text(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "0.9",
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        Version::HTTP_3 => "3",
        _ => "1.1",
    }
}

/// The second word of a `Via` member: `[protocol "/"] version SP received-by [SP comment]`.
fn received_by(member: &str) -> Option<&str> {
    member.split_ascii_whitespace().nth(1)
}

fn is_larder(received_by: &str) -> bool {
    received_by.split_at_checked(PREFIX.len()).is_some_and(|(prefix, digits)| {
        prefix.eq_ignore_ascii_case(PREFIX)
            && digits.len() == 8
            && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// Digits as a number; the largest one when there are too many of them.
fn number(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::super::tests::sample::{Lines, head};
    use super::*;

    fn ours() -> Pseudonym {
        Pseudonym::new("larder-9f31c2ab").unwrap()
    }

    #[test]
    fn a_random_pseudonym_is_larder_and_eight_hex_digits_that_differ() {
        let (one, other) = (Pseudonym::random(), Pseudonym::random());
        assert!(is_larder(one.as_str()), "{one:?}");
        assert_ne!(one, other);
    }

    #[test]
    fn a_pseudonym_is_a_token() {
        assert_eq!(ours().as_str(), "larder-9f31c2ab");
        for bad in ["", "a b", "a,b", "a\r\nb", "é"] {
            assert_eq!(Pseudonym::new(bad), None, "{bad}");
        }
    }

    #[test]
    fn via_gets_the_received_version_after_the_members_that_are_there() {
        let rows = [
            (Version::HTTP_09, "0.9 larder-9f31c2ab"),
            (Version::HTTP_10, "1.0 larder-9f31c2ab"),
            (Version::HTTP_11, "1.1 larder-9f31c2ab"),
            (Version::HTTP_2, "2 larder-9f31c2ab"),
            (Version::HTTP_3, "3 larder-9f31c2ab"),
        ];
        for (version, expected) in rows {
            let mut head = head(&[("via", "1.1 other (x)")]);
            append(&mut head, version, &ours());
            let members: Vec<_> = list::members(&head, &VIA).collect();
            assert_eq!(members, ["1.1 other (x)", expected]);
        }
    }

    #[test]
    fn a_loop_is_our_own_pseudonym_anywhere_in_via() {
        let rows: &[(Lines<'_>, bool)] = &[
            (&[], false),
            (&[("via", "1.1 larder-9f31c2ab")], true),
            (&[("via", "1.0 a, 1.1 LARDER-9F31C2AB (x), 1.1 b")], true),
            (&[("via", "1.0 a"), ("via", "HTTP/1.1\tlarder-9f31c2ab")], true),
            (&[("via", "1.1 larder-9f31c2ac")], false),
            (&[("via", "1.1 larder-9f31c2ab0")], false),
            (&[("via", "1.1 a (larder-9f31c2ab)")], false),
            (&[("via", "larder-9f31c2ab")], false),
            (&[("x-via", "1.1 larder-9f31c2ab")], false),
        ];
        for (lines, expected) in rows {
            assert_eq!(is_loop(&head(lines), &ours()), *expected, "{lines:?}");
        }
    }

    #[test]
    fn a_tenth_larder_is_a_loop_too() {
        let via = |count: usize, name: &str| {
            let value = vec![format!("1.1 {name}"); count].join(", ");
            head(&[("via", "1.1 a"), ("via", &value), ("via", "1.1 b")])
        };
        assert!(!is_loop(&via(9, "larder-00000001"), &ours()));
        assert!(is_loop(&via(10, "larder-00000001"), &ours()));
        for other in
            ["larder", "larder-1", "larder-0000000g", "larder-000000001", "xlarder-00000001"]
        {
            assert!(!is_loop(&via(20, other), &ours()), "{other}");
        }
    }

    #[test]
    fn max_forwards_is_counted_down_to_zero() {
        let rows: &[(Lines<'_>, Option<u64>, Option<u64>)] = &[
            (&[], None, None),
            (&[("max-forwards", "10")], Some(10), Some(9)),
            (&[("max-forwards", "1")], Some(1), Some(0)),
            (&[("max-forwards", "0")], Some(0), Some(0)),
            (&[("max-forwards", "5"), ("max-forwards", "3")], Some(3), Some(2)),
            (&[("max-forwards", "99999999999999999999")], Some(u64::MAX), Some(u64::MAX - 1)),
            (&[("max-forwards", "-1")], None, None),
            (&[("max-forwards", "+1")], None, None),
            (&[("max-forwards", "x")], None, None),
            (&[("max-forwards", "")], None, None),
        ];
        for (lines, before, after) in rows {
            let mut head = head(lines);
            assert_eq!(max_forwards(&head), *before, "{lines:?}");
            decrement_max_forwards(&mut head);
            assert_eq!(max_forwards(&head), *after, "{lines:?}");
        }
    }
}
