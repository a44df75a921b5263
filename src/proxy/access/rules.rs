//! The rules of `http_access`: which requests they are about, and what the first that matches says.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;

use hyper::Method;
use ipnet::IpNet;

use crate::net::reach::Destinations;

/// What a rule says about the requests that it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// They are served, whoever the client is and whatever the port.
    Allow,
    /// They are refused.
    Deny,
}

/// One rule: a request has to match all that is given, and of a list one. What is empty was not given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What it says.
    pub action: Action,
    /// Where the client is.
    pub src: Vec<IpNet>,
    /// The address that is dialled.
    pub dst: Arc<[IpNet]>,
    /// The host of the target.
    pub dstdomain: Vec<Domain>,
    /// The port of the target.
    pub port: Vec<RangeInclusive<u16>>,
    /// The method.
    pub method: Vec<Method>,
}

/// A host, or a domain with all that is below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// In lower case, without a dot at either end.
    name: Box<str>,
    below: bool,
}

impl Domain {
    /// Reads `example.com`, or `.example.com` (also `*.example.com`) for the domain with all below it.
    /// `None` when that is no name; an address is none.
    pub fn parse(text: &str) -> Option<Self> {
        let name = text.strip_prefix("*.").or_else(|| text.strip_prefix('.'));
        let below = name.is_some();
        let url::Host::Domain(name) = url::Host::parse(name.unwrap_or(text)).ok()? else {
            return None;
        };
        let name = name.strip_suffix('.').unwrap_or(&name);
        let valid = |label: &str| {
            let ok = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            !label.is_empty() && label.bytes().all(ok)
        };
        name.split('.').all(valid).then(|| Self { name: name.into(), below })
    }

    /// Whether `host` is meant: names have no case, and may end with a dot.
    fn has(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        let Some(at) = host.len().checked_sub(self.name.len()) else { return false };
        let Some((front, tail)) = host.split_at_checked(at) else { return false };
        tail.eq_ignore_ascii_case(&self.name)
            && (front.is_empty() || self.below && front.ends_with('.'))
    }
}

/// What a request is, as far as rules ask.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    /// The client's address, in its canonical form.
    pub(super) client: IpAddr,
    /// The method.
    pub(super) method: &'a Method,
    /// Host and port of the target; none when it is the proxy itself.
    pub(super) place: Option<(&'a str, u16)>,
}

/// What the rules say, with the number of the rule that says it, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// This rule allows it.
    Allow(u16),
    /// This rule forbids it.
    Deny(u16),
    /// No rule is about it: the safe defaults hold.
    Default,
}

/// What the rules say to one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decision {
    /// Rules that match as far as can be told before an address is dialled, in order; the first that has
    /// the address decides.
    pub(super) by_address: Vec<(Arc<[IpNet]>, Verdict)>,
    /// What holds for all other addresses.
    pub(super) otherwise: Verdict,
}

/// All rules, in order. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Rules {
    rules: Arc<[Rule]>,
    /// What holds for a request that no rule with `dst` is about, so that the address is remembered all
    /// the same; none where there is no such rule.
    open: Option<Arc<Destinations>>,
}

impl Default for Rules {
    fn default() -> Self {
        Self::from(Vec::new())
    }
}

impl From<Vec<Rule>> for Rules {
    fn from(rules: Vec<Rule>) -> Self {
        let any = rules.iter().any(|rule| !rule.dst.is_empty());
        let open = any.then(|| Destinations { rules: Vec::new(), otherwise: Ok(()) });
        Self { rules: rules.into(), open: open.map(Arc::new) }
    }
}

impl Rules {
    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// What is said about addresses where none is forbidden; none where no rule is about addresses.
    pub(super) fn open(&self) -> Option<&Arc<Destinations>> {
        self.open.as_ref()
    }

    /// What they say to a request.
    pub(super) fn decide(&self, subject: &Subject<'_>) -> Decision {
        let mut by_address = Vec::new();
        for (rule, number) in self.rules.iter().zip(1..) {
            if !rule.concerns(subject) {
                continue;
            }
            let verdict = match rule.action {
                Action::Allow => Verdict::Allow(number),
                Action::Deny => Verdict::Deny(number),
            };
            if rule.dst.is_empty() {
                return Decision { by_address, otherwise: verdict };
            }
            by_address.push((Arc::clone(&rule.dst), verdict));
        }
        Decision { by_address, otherwise: Verdict::Default }
    }
}

impl Rule {
    /// Whether the request matches all that is given but `dst`. What is no place has neither.
    fn concerns(&self, subject: &Subject<'_>) -> bool {
        let Subject { client, method, place } = subject;
        let asks_for_place =
            !(self.dst.is_empty() && self.dstdomain.is_empty() && self.port.is_empty());
        let place = match place {
            Some((host, port)) => {
                matches(&self.dstdomain, |domain| domain.has(host))
                    && matches(&self.port, |ports| ports.contains(port))
            }
            None => !asks_for_place,
        };
        place
            && matches(&self.src, |network| network.contains(client))
            && matches(&self.method, |given| given == *method)
    }
}

/// Whether nothing was given, or one of it holds.
fn matches<T>(given: &[T], holds: impl FnMut(&T) -> bool) -> bool {
    given.is_empty() || given.iter().any(holds)
}

#[cfg(test)]
mod tests {
    use super::Verdict::{Allow, Default as Nothing, Deny};
    use super::*;

    /// `deny src=10.0.0.0/8 port=1-2`, a list with commas.
    fn rule(text: &str) -> Rule {
        let mut words = text.split(' ');
        let action = if words.next() == Some("allow") { Action::Allow } else { Action::Deny };
        let (src, dst, dstdomain) = (Vec::new(), Arc::default(), Vec::new());
        let mut rule = Rule { action, src, dst, dstdomain, port: Vec::new(), method: Vec::new() };
        for (key, value) in words.map(|word| word.split_once('=').unwrap()) {
            let values = value.split(',');
            match key {
                "src" => rule.src = values.map(|value| value.parse().unwrap()).collect(),
                "dst" => rule.dst = values.map(|value| value.parse().unwrap()).collect(),
                "dstdomain" => rule.dstdomain = values.map(|v| Domain::parse(v).unwrap()).collect(),
                "port" => {
                    let ends = values.map(|value| value.split_once('-').unwrap());
                    rule.port =
                        ends.map(|(a, b)| a.parse().unwrap()..=b.parse().unwrap()).collect();
                }
                "method" => rule.method = values.map(|value| value.parse().unwrap()).collect(),
                _ => panic!("{key}"),
            }
        }
        rule
    }

    #[test]
    fn the_first_rule_that_a_request_matches_in_everything_decides() {
        let rules = Rules::from(
            [
                "deny dstdomain=.ads.example",
                "allow src=10.0.0.0/8,2001:db8::/32 method=GET,HEAD port=80-80,8000-8999",
                "deny src=10.1.0.0/16",
                "allow dstdomain=www.example port=22-22",
            ]
            .map(rule)
            .to_vec(),
        );
        let rows: &[(&str, &str, Option<(&str, u16)>, Verdict)] = &[
            ("10.1.1.1", "GET", Some(("ads.example", 80)), Deny(1)),
            ("10.1.1.1", "GET", Some(("X.ads.Example.", 80)), Deny(1)),
            ("10.1.1.1", "GET", Some(("notads.example", 80)), Allow(2)),
            ("10.1.1.1", "GET", Some(("a.example", 8999)), Allow(2)),
            ("10.1.1.1", "GET", Some(("a.example", 9000)), Deny(3)),
            ("10.1.1.1", "POST", Some(("a.example", 80)), Deny(3)),
            ("2001:db8::1", "HEAD", Some(("a.example", 80)), Allow(2)),
            ("10.2.1.1", "POST", Some(("a.example", 80)), Nothing),
            ("10.2.1.1", "CONNECT", Some(("www.example", 22)), Allow(4)),
            ("10.2.1.1", "CONNECT", Some(("a.www.example", 22)), Nothing),
            // The proxy itself is no place: only rules without one are about it.
            ("10.1.1.1", "GET", None, Deny(3)),
            ("10.2.1.1", "GET", None, Nothing),
        ];
        for (client, method, place, expected) in rows {
            let (client, method) = (client.parse().unwrap(), method.parse().unwrap());
            let decision = rules.decide(&Subject { client, method: &method, place: *place });
            let expected = Decision { by_address: Vec::new(), otherwise: *expected };
            assert_eq!(decision, expected, "{client} {method} {place:?}");
        }
        assert!(rules.open().is_none() && !rules.is_empty());
    }

    #[test]
    fn rules_about_the_address_wait_for_it_up_to_the_first_that_does_not_ask() {
        let rules = Rules::from(
            [
                "deny dst=192.0.2.0/24",
                "allow dst=198.51.100.0/24 port=1-9",
                "deny dst=203.0.113.0/24 src=10.0.0.0/8",
                "allow method=GET",
                "deny dst=0.0.0.0/0",
            ]
            .map(rule)
            .to_vec(),
        );
        let rows: &[(&str, &str, u16, &[Verdict], Verdict)] = &[
            ("10.1.1.1", "GET", 9, &[Deny(1), Allow(2), Deny(3)], Allow(4)),
            ("10.1.1.1", "GET", 80, &[Deny(1), Deny(3)], Allow(4)),
            ("127.0.0.1", "GET", 80, &[Deny(1)], Allow(4)),
            ("127.0.0.1", "PUT", 80, &[Deny(1), Deny(5)], Nothing),
        ];
        for (client, method, port, waiting, otherwise) in rows {
            let (client, method) = (client.parse().unwrap(), method.parse().unwrap());
            let place = Some(("a.example", *port));
            let decision = rules.decide(&Subject { client, method: &method, place });
            let verdicts: Vec<_> =
                decision.by_address.iter().map(|(_, verdict)| *verdict).collect();
            assert_eq!((&*verdicts, decision.otherwise), (*waiting, *otherwise), "{client} {port}");
        }
        let own =
            Subject { client: "127.0.0.1".parse().unwrap(), method: &Method::PUT, place: None };
        assert_eq!(rules.decide(&own).by_address, []);
        assert!(rules.open().is_some());
    }

    #[test]
    fn a_domain_is_a_name_or_all_below_one() {
        let rows = [
            ("example.com", "example.com", true),
            ("Example.com.", "eXample.COM", true),
            ("example.com", "example.com.", true),
            ("example.com", "www.example.com", false),
            (".example.com", "example.com", true),
            (".example.com", "a.b.example.com.", true),
            ("*.example.com", "www.example.com", true),
            (".example.com", "badexample.com", false),
            (".example.com", "com", false),
            ("bücher.example", "xn--bcher-kva.example", true),
            ("localhost", "a.localhost", false),
        ];
        for (text, host, expected) in rows {
            let domain = Domain::parse(text).unwrap();
            assert_eq!(domain.has(host), expected, "{text} {host}");
        }
        for text in ["", ".", "*", "*.", "a*.example", "127.0.0.1", "127.1", "[::1]", "a..b", "a/b"]
        {
            assert_eq!(Domain::parse(text), None, "{text}");
        }
    }
}
