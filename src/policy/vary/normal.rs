//! Values of nominated fields, normalised as far as the field's grammar allows (RFC 9111 §4.1).

/// How much of a value's form has no meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grammar {
    /// Not known to be a list: every byte counts, but for white space around it.
    Opaque,
    /// A list: white space around its commas and empty members do not count.
    List,
    /// A list with weights, of tokens: the order of members and the case do not count either.
    WeightedTokens,
    /// A list with weights, of media ranges: as above, but a parameter's value may know case.
    WeightedRanges,
}

/// The field table. What is not in it is opaque: nobody but its origin knows its grammar.
fn grammar(name: &str) -> Grammar {
    match name {
        "accept" => Grammar::WeightedRanges,
        "accept-charset" | "accept-encoding" | "accept-language" | "te" => Grammar::WeightedTokens,
        "access-control-request-headers"
        | "cache-control"
        | "expect"
        | "forwarded"
        | "if-match"
        | "if-none-match"
        | "pragma"
        | "prefer"
        | "via"
        | "x-forwarded-for" => Grammar::List,
        _ => Grammar::Opaque,
    }
}

/// One normal form for all values that mean the same; `value` is that of all lines, combined. Normalising
/// twice changes nothing more.
pub(super) fn normalised(name: &str, value: &[u8]) -> Vec<u8> {
    let value = value.trim_ascii();
    // Bytes that are no text, and quotes that could hide a comma, are left alone.
    let text = match std::str::from_utf8(value) {
        Ok(text) if !text.contains('"') => text,
        _ => return value.to_vec(),
    };
    let members = text.split(',').map(trim).filter(|member| !member.is_empty());
    match grammar(name) {
        Grammar::Opaque => value.to_vec(),
        Grammar::List => join(members),
        Grammar::WeightedTokens => sorted(members.map(|m| weighted(m, true))),
        Grammar::WeightedRanges => sorted(members.map(|m| weighted(m, false))),
    }
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

fn join<'a>(members: impl Iterator<Item = &'a str>) -> Vec<u8> {
    let mut all = Vec::new();
    for member in members {
        if !all.is_empty() {
            all.push(b',');
        }
        all.extend_from_slice(member.as_bytes());
    }
    all
}

fn sorted(members: impl Iterator<Item = String>) -> Vec<u8> {
    let mut members: Vec<_> = members.collect();
    members.sort_unstable();
    members.dedup();
    join(members.iter().map(String::as_str))
}

/// One member with its parameters: no white space, the weight as short as it can be, 1 left out.
fn weighted(member: &str, any_case: bool) -> String {
    let mut parts = member.split(';').map(trim);
    let mut all = parts.next().unwrap_or_default().to_ascii_lowercase();
    for part in parts {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let name = trim(name).to_ascii_lowercase();
        let value = trim(value);
        let value = match (name.as_str(), any_case) {
            ("q", _) => weight(value),
            (_, true) => value.to_ascii_lowercase(),
            (_, false) => value.to_owned(),
        };
        if name != "q" || value != "1" {
            all.extend([";", &name, "=", &value]);
        }
    }
    all
}

/// `0.800` is `0.8`, `1.0` is `1`.
fn weight(value: &str) -> String {
    let value = match value.split_once('.') {
        Some((_, "")) | None => value.trim_end_matches('.'),
        Some(_) => value.trim_end_matches('0').trim_end_matches('.'),
    };
    value.to_owned()
}
