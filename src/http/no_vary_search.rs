//! `No-Vary-Search`: which parts of a query make no difference (draft-ietf-httpbis-no-vary-search-10).
//!
//! Also read are `params` as a boolean and `params, except=(…)`, the spelling of the drafts before it:
//! that is what is deployed, and it has only one meaning.

use http::{HeaderMap, HeaderName};
use url::form_urlencoded::{Serializer, parse};

use super::structured::{Value, dictionary};

/// Says which parts of the query make no difference to the response.
pub const NO_VARY_SEARCH: HeaderName = HeaderName::from_static("no-vary-search");

/// Which parameters of a query make a difference.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Parameters {
    /// All but these.
    Except(Box<[Box<str>]>),
    /// Only these.
    Only(Box<[Box<str>]>),
}

/// When two queries ask for the same. That no byte of them may differ is no rule: see [`parse`](Self::parse).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct QueryRule {
    parameters: Parameters,
    ordered: bool,
}

impl QueryRule {
    /// Reads a response's `No-Vary-Search`. `None` when it is absent or invalid, or has nothing to say:
    /// then queries are the same only byte for byte.
    pub fn parse(response: &HeaderMap) -> Option<Self> {
        if !response.contains_key(NO_VARY_SEARCH) {
            return None;
        }
        let members = dictionary(response, &NO_VARY_SEARCH)?;
        let ordered = match members.get("key-order") {
            None => true,
            Some(Value::Boolean(any_order)) => !any_order,
            Some(_) => return None,
        };
        let parameters = match (members.get("params"), members.get("except")) {
            (None, None) => Parameters::Except([].into()),
            (Some(Value::Inner(ignored)), None) => Parameters::Except(names(ignored)?),
            (Some(Value::Boolean(true)), None) => Parameters::Only([].into()),
            (None | Some(Value::Boolean(true)), Some(Value::Inner(kept))) => {
                Parameters::Only(names(kept)?)
            }
            _ => return None,
        };
        let silent = ordered && parameters == Parameters::Except([].into());
        (!silent).then_some(Self { parameters, ordered })
    }

    /// Whether two queries, without their `?`, ask for the same. Scheme, host, port and path are for the
    /// caller to compare.
    pub fn equivalent(&self, one: Option<&str>, other: Option<&str>) -> bool {
        one == other || self.normal_form(one) == self.normal_form(other)
    }

    /// One form for all queries that ask for the same, and for no others: what makes no difference is
    /// left out, the rest decoded and encoded in one way, and sorted where the order makes no difference.
    pub fn normal_form(&self, query: Option<&str>) -> String {
        let mut pairs: Vec<_> = parse(query.unwrap_or_default().as_bytes())
            .filter(|(name, _)| match &self.parameters {
                Parameters::Except(ignored) => !contains(ignored, name),
                Parameters::Only(kept) => contains(kept, name),
            })
            .collect();
        if !self.ordered {
            // Stable: values of the same name keep their order.
            pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
        }
        Serializer::new(String::new()).extend_pairs(pairs).finish()
    }
}

/// The names of an inner list, sorted; `None` when a member is no string.
fn names(list: &[Value]) -> Option<Box<[Box<str>]>> {
    let mut names = list
        .iter()
        .map(|value| match value {
            Value::String(text) => Some(decoded(text)),
            _ => None,
        })
        .collect::<Option<Vec<_>>>()?;
    names.sort_unstable();
    names.dedup();
    Some(names.into())
}

/// A name as a query would spell it, decoded as in a query, but with nothing that separates.
fn decoded(name: &str) -> Box<str> {
    let name = name.replace('&', "%26").replace('=', "%3D");
    parse(name.as_bytes()).next().map(|(name, _)| name.into()).unwrap_or_default()
}

fn contains(names: &[Box<str>], name: &str) -> bool {
    names.binary_search_by(|known| known.as_ref().cmp(name)).is_ok()
}

#[cfg(test)]
mod tests;
