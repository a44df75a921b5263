//! Host and port (RFC 3986 §3.2), as far as larder can dial them.

use std::borrow::Cow;
use std::net::Ipv4Addr;

use super::TargetError;

/// The longest name that DNS knows (RFC 1035 §2.3.4), without the dot at its end.
const LONGEST_NAME: usize = 253;
const LONGEST_LABEL: usize = 63;

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Authority {
    /// The host as it stands in a URI: lower case, IPv6 in brackets.
    pub host: Box<str>,
    /// The port, never 0.
    pub port: u16,
}

/// Takes `host[:port]` apart. An IPv4 address in decimal, octal or hex comes out as the address that it
/// is, so that no check is fooled by its looks; other hosts keep their spelling, in whatever case. A name
/// must be one that DNS could know: letters, digits, `-` and `_`.
pub(super) fn parse(authority: &str) -> Result<(Cow<'_, str>, Option<u16>), TargetError> {
    if authority.contains('@') {
        return Err(TargetError::Userinfo);
    }
    let (host, port) =
        split(authority).ok_or_else(|| TargetError::InvalidHost(authority.into()))?;
    let host = checked_host(host).ok_or_else(|| TargetError::InvalidHost(host.into()))?;
    let port = match port {
        None => None,
        Some(digits) => {
            Some(number(digits).ok_or_else(|| TargetError::InvalidPort(authority.into()))?)
        }
    };
    Ok((host, port))
}

/// The host with its brackets, and what follows the colon behind it.
fn split(authority: &str) -> Option<(&str, Option<&str>)> {
    if !authority.starts_with('[') {
        return Some(match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        });
    }
    let (host, rest) = authority.split_at_checked(authority.find(']')? + 1)?;
    match rest.strip_prefix(':') {
        Some(port) => Some((host, Some(port))),
        None => rest.is_empty().then_some((host, None)),
    }
}

fn checked_host(text: &str) -> Option<Cow<'_, str>> {
    // Four decimal numbers without zeros before them are written in one way only.
    if is_plain_name(text) || text.parse::<Ipv4Addr>().is_ok() {
        return Some(Cow::Borrowed(text));
    }
    match url::Host::parse(text).ok()? {
        url::Host::Ipv4(address) => Some(Cow::Owned(address.to_string())),
        url::Host::Ipv6(_) => Some(Cow::Borrowed(text)),
        url::Host::Domain(name) => {
            (is_dns_name(&name) && name.eq_ignore_ascii_case(text)).then_some(Cow::Borrowed(text))
        }
    }
}

/// Whether it is a name that can be nothing else: no label begins as those of encoded names do, and the
/// last one begins with a letter, which no part of an address does.
fn is_plain_name(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_encoded = |label: &str| label.get(..4).is_some_and(|at| at.eq_ignore_ascii_case("xn--"));
    let mut last = "";
    for label in name.split('.') {
        if !is_label(label) || is_encoded(label) {
            return false;
        }
        last = label;
    }
    last.starts_with(|first: char| first.is_ascii_alphabetic()) && name.len() <= LONGEST_NAME
}

fn is_dns_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.len() <= LONGEST_NAME && name.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    (1..=LONGEST_LABEL).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

fn number(digits: &str) -> Option<u16> {
    let port = digits.bytes().all(|byte| byte.is_ascii_digit()).then_some(digits)?.parse().ok()?;
    (port != 0).then_some(port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_taken_as_it_is_would_have_been_anyway() {
        for text in ["127.0.0.1", "0.0.0.0", "255.255.255.255", "10.20.30.40"] {
            let address: Ipv4Addr = text.parse().unwrap();
            assert_eq!(url::Host::parse(text), Ok(url::Host::Ipv4(address)));
            assert_eq!(address.to_string(), text);
        }
        // What the system's own functions would take for another address.
        for text in ["010.0.0.1", "127.1", "1.2.3.4.", "0x7f.0.0.1", "256.0.0.1", "1.2.3.00"] {
            assert!(text.parse::<Ipv4Addr>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_name_that_is_taken_as_it_is_would_have_been_anyway() {
        let plain = [
            "a",
            "www.example.com",
            "WWW.Example.Com",
            "a-b.c_d",
            "example.com.",
            "1.a",
            "0x7f.a1",
        ];
        let others = [
            "",
            ".",
            "a..b",
            "-",
            "127.0.0.1",
            "2130706433",
            "0x7f.1",
            "a.1",
            "a.0x7f",
            "a.1.",
            "xn--e1afmkfd.a",
            "XN--a",
            "a.xn--b",
            "a b",
            "a%62",
            "[::1]",
            "b\u{fc}cher.example",
        ];
        for name in plain {
            assert!(is_plain_name(name), "{name}");
            let parsed = url::Host::parse(name);
            assert_eq!(parsed, Ok(url::Host::Domain(name.to_ascii_lowercase())), "{name}");
        }
        for name in others {
            assert!(!is_plain_name(name), "{name}");
        }
    }
}
