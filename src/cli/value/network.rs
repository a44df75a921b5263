//! Addresses, ports and origins.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;

use ipnet::{IpNet, Ipv4Net};
use toml::de::DeValue;

use super::{Fault, Kind, wrong_type};
use crate::http::target::{Scheme, TargetUri};

/// An address and a port.
pub(in crate::cli) struct Address;

impl Kind for Address {
    type Value = SocketAddr;
    const FORM: &'static str = "an address and a port such as 127.0.0.1:3128 or [::1]:3128";

    fn word(word: &str) -> Result<SocketAddr, Fault> {
        word.parse().ok().ok_or_else(|| Fault::form(Self::FORM, word))
    }
}

/// A DNS server: an address, with port 53 unless one is given.
pub(in crate::cli) struct Server;

impl Kind for Server {
    type Value = SocketAddr;
    const FORM: &'static str = "the address of a DNS server such as 192.0.2.53 or 192.0.2.53:5353";

    fn word(word: &str) -> Result<SocketAddr, Fault> {
        let address = word.parse::<SocketAddr>();
        let address = address.or_else(|_| word.parse::<IpAddr>().map(|ip| (ip, 53).into()));
        match address {
            Ok(address) if address.port() != 0 => Ok(address),
            _ => Err(Fault::form(Self::FORM, word)),
        }
    }
}

/// A network, or one address.
pub(in crate::cli) struct Network;

impl Kind for Network {
    type Value = IpNet;
    const FORM: &'static str = "a network such as 198.51.100.0/24, or an address";

    fn word(word: &str) -> Result<IpNet, Fault> {
        let network = word.parse::<IpNet>().map(|network| network.trunc());
        let network = network.or_else(|_| word.parse::<IpAddr>().map(IpNet::from));
        network.map(plain).ok().ok_or_else(|| Fault::form(Self::FORM, word))
    }
}

/// Mapped IPv4 addresses are IPv4 addresses everywhere else too.
fn plain(network: IpNet) -> IpNet {
    let IpNet::V6(mapped) = network else { return network };
    let inner = mapped.addr().to_ipv4_mapped();
    let length = mapped.prefix_len().checked_sub(96);
    let inner = inner.zip(length).and_then(|(inner, length)| Ipv4Net::new(inner, length).ok());
    inner.map_or(network, IpNet::V4)
}

/// A port, or a range of ports.
pub(in crate::cli) struct Ports;

impl Kind for Ports {
    type Value = RangeInclusive<u16>;
    const FORM: &'static str = "a port such as 443, or a range such as \"1024-65535\"";

    fn word(word: &str) -> Result<RangeInclusive<u16>, Fault> {
        let port = |text: &str| text.trim().parse::<u16>().ok().filter(|&port| port != 0);
        let range = match word.split_once('-') {
            Some((first, last)) => port(first).zip(port(last)),
            None => port(word).map(|port| (port, port)),
        };
        match range {
            Some((first, last)) if first <= last => Ok(first..=last),
            _ => Err(Fault::form(Self::FORM, word)),
        }
    }

    fn value(value: &DeValue<'_>) -> Result<RangeInclusive<u16>, Fault> {
        match value {
            DeValue::String(text) => Self::word(text),
            DeValue::Integer(number) => {
                Self::word(&number.to_string()).ok().ok_or_else(|| wrong_type(Self::FORM, value))
            }
            other => Err(wrong_type(Self::FORM, other)),
        }
    }
}

/// The origin of reverse mode: scheme and authority, nothing else.
pub(in crate::cli) struct OriginUrl;

impl Kind for OriginUrl {
    type Value = TargetUri;
    const FORM: &'static str = "the URL of an origin such as http://localhost:8080";

    fn word(word: &str) -> Result<TargetUri, Fault> {
        let fault = || Fault::form(Self::FORM, word);
        // The parser forgives `http:host` and `http:///host`; a person meant something else.
        let (_, rest) = word.split_once("://").ok_or_else(fault)?;
        let url = url::Url::parse(word).ok().filter(|_| !rest.starts_with(['/', '\\']));
        let url = url.ok_or_else(fault)?;
        let scheme = match url.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err(fault()),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(fault)?;
        let port = url.port_or_known_default().filter(|&port| port != 0).ok_or_else(fault)?;
        let bare = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
            && url.path() == "/";
        if !bare {
            return Err(Fault::new(format!(
                "expected a scheme and a host only, because path and query come from the request; \
                 write {}://{}",
                scheme.as_str(),
                TargetUri::new(scheme, host, port, "/").authority(),
            )));
        }
        Ok(TargetUri::new(scheme, host, port, "/"))
    }
}
