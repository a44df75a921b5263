//! Host and port (RFC 3986 §3.2), as far as larder can dial them.

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

/// Takes `host[:port]` apart. The host comes out in lower case. An IPv4 address in decimal, octal or hex
/// comes out as the address that it is, so that no check is fooled by its looks; other hosts keep their
/// spelling. A name must be one that DNS could know: letters, digits, `-` and `_`.
pub(super) fn parse(authority: &str) -> Result<(Box<str>, Option<u16>), TargetError> {
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

fn checked_host(text: &str) -> Option<Box<str>> {
    match url::Host::parse(text).ok()? {
        url::Host::Ipv4(address) => Some(address.to_string().into()),
        url::Host::Ipv6(_) => Some(text.to_ascii_lowercase().into()),
        url::Host::Domain(name) => {
            (is_dns_name(&name) && name.eq_ignore_ascii_case(text)).then(|| name.into())
        }
    }
}

fn is_dns_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.len() <= LONGEST_NAME
        && name.split('.').all(|label| {
            (1..=LONGEST_LABEL).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        })
}

fn number(digits: &str) -> Option<u16> {
    let port = digits.bytes().all(|byte| byte.is_ascii_digit()).then_some(digits)?.parse().ok()?;
    (port != 0).then_some(port)
}
