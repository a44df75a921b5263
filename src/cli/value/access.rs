//! The rules of `[[http_access]]`.

use hyper::Method;
use ipnet::IpNet;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Fault, Kind, List, Network, Ports, wrong_type};
use crate::proxy::{Action, Domain, Rule};

/// One rule: a table of the settings file.
pub(in crate::cli) struct AccessRule;

impl Kind for AccessRule {
    type Value = Rule;
    const FORM: &'static str = "a table [[http_access]] with action = \"allow\" or \"deny\"";

    fn word(word: &str) -> Result<Rule, Fault> {
        Err(Fault::form(Self::FORM, word))
    }

    fn value(value: &DeValue<'_>) -> Result<Rule, Fault> {
        match value {
            DeValue::Table(table) => rule(table),
            other => Err(wrong_type(Self::FORM, other)),
        }
    }
}

fn rule(table: &DeTable<'_>) -> Result<Rule, Fault> {
    let (mut action, mut src, mut dst) = (None, Vec::new(), Vec::<IpNet>::new());
    let (mut dstdomain, mut port, mut method) = (Vec::new(), Vec::new(), Vec::new());
    // The parser sorts by key; people read from the top.
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in entries {
        let read = match &**key.get_ref() {
            "action" => Word::value(value.get_ref()).map(|word| action = Some(word)),
            "src" => several::<Network>(value).map(|all| src = all),
            "dst" => several::<Network>(value).map(|all| dst = all),
            "dstdomain" => several::<DomainName>(value).map(|all| dstdomain = all),
            "port" => several::<Ports>(value).map(|all| port = all),
            "method" => several::<MethodName>(value).map(|all| method = all),
            _ => Err(Fault {
                at: Some(key.span().start),
                ..Fault::new(
                    "a rule has only action, src, dst, dstdomain, port and method; other settings \
                     stand above the first [[http_access]]",
                )
            }),
        };
        read.map_err(|fault| Fault {
            message: format!("{}: {}", key.get_ref(), fault.message),
            at: fault.at.or(Some(value.span().start)),
        })?;
    }
    let action = action.ok_or_else(|| Fault::new("a rule needs action = \"allow\" or \"deny\""))?;
    Ok(Rule { action, src, dst: dst.into(), dstdomain, port, method })
}

/// One value, or a list of some.
fn several<K: Kind>(value: &Spanned<DeValue<'_>>) -> Result<Vec<K::Value>, Fault> {
    match value.get_ref() {
        // It would be about nothing, and look as if it were about everything.
        DeValue::Array(none) if none.is_empty() => {
            Err(Fault::new(format!("needs at least one value, {}", K::FORM)))
        }
        list @ DeValue::Array(_) => List::<K>::value(list),
        one => K::value(one).map(|one| vec![one]),
    }
}

struct Word;

impl Kind for Word {
    type Value = Action;
    const FORM: &'static str = "\"allow\" or \"deny\"";

    fn word(word: &str) -> Result<Action, Fault> {
        match word {
            "allow" => Ok(Action::Allow),
            "deny" => Ok(Action::Deny),
            _ => Err(Fault::form(Self::FORM, word)),
        }
    }
}

struct DomainName;

impl Kind for DomainName {
    type Value = Domain;
    const FORM: &'static str =
        "a name such as example.com, or .example.com for it and all below it; addresses are dst";

    fn word(word: &str) -> Result<Domain, Fault> {
        Domain::parse(word).ok_or_else(|| Fault::form(Self::FORM, word))
    }
}

struct MethodName;

impl Kind for MethodName {
    type Value = Method;
    const FORM: &'static str = "a method such as GET, in capitals";

    fn word(word: &str) -> Result<Method, Fault> {
        // Methods have a case (RFC 9110 §9.1): `get` would never be met, and nobody would notice.
        let lower = word.bytes().any(|byte| byte.is_ascii_lowercase());
        let method = Method::from_bytes(word.as_bytes()).ok().filter(|_| !lower);
        method.ok_or_else(|| Fault::form(Self::FORM, word))
    }
}
