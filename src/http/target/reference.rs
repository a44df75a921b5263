//! References (RFC 3986 §4, §5.2): what `Location` and its like mean, byte for byte.

use http::uri::PathAndQuery;

use super::uri::{TargetUri, absolute};

/// Resolves `reference` against `base`. Path and query stay as they are written, for so they are asked
/// for; only dot segments go, and what no request line can hold is encoded as clients encode it.
pub(super) fn resolve(base: &TargetUri, reference: &str) -> Option<TargetUri> {
    let reference = reference.trim_ascii();
    let reference = reference.split_once('#').map_or(reference, |(before, _)| before);
    if let Some((scheme, rest)) = split_scheme(reference) {
        return with_authority(scheme, rest.strip_prefix("//")?);
    }
    if let Some(rest) = reference.strip_prefix("//") {
        return with_authority(base.scheme().as_str(), rest);
    }
    let (path, query) = split_query(reference);
    let (base_path, base_query) = split_query(base.path_and_query());
    // A path that is the base's own stays as it was asked for, dot segments and all.
    let path_and_query = match (path, query) {
        ("", "") => format!("{base_path}{base_query}"),
        ("", query) => format!("{base_path}{query}"),
        (path, query) if path.starts_with('/') => without_dots(path) + query,
        (path, query) => {
            let folder = base_path.rsplit_once('/').map_or("", |(folder, _)| folder);
            without_dots(&format!("{folder}/{path}")) + query
        }
    };
    let path_and_query = sendable(&path_and_query)?;
    Some(TargetUri::new(base.scheme(), base.host(), base.port(), &path_and_query))
}

/// The URI of a scheme and what follows the `//`.
fn with_authority(scheme: &str, rest: &str) -> Option<TargetUri> {
    let (authority, path_and_query) =
        rest.split_at_checked(rest.find(['/', '?']).unwrap_or(rest.len()))?;
    // §3.2.3: a port may be empty.
    let authority = authority.strip_suffix(':').unwrap_or(authority);
    let (path, query) = split_query(path_and_query);
    let path_and_query = sendable(&(without_dots(path) + query))?;
    absolute(scheme, authority, &path_and_query).ok()
}

/// The scheme, and what follows its colon; `None` of a relative reference (§4.2).
fn split_scheme(reference: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = reference.split_once(':')?;
    let first = scheme.bytes().next()?;
    let is_scheme = first.is_ascii_alphabetic()
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    is_scheme.then_some((scheme, rest))
}

/// The path, and the query with its `?`.
fn split_query(text: &str) -> (&str, &str) {
    text.split_at_checked(text.find('?').unwrap_or(text.len())).unwrap_or((text, ""))
}

/// Removes the dot segments of an absolute path (§5.2.4); an empty one becomes `/`.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut is_folder = false;
    for segment in path.strip_prefix('/').unwrap_or(path).split('/') {
        is_folder = matches!(segment, "." | "..");
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    if is_folder {
        kept.push("");
    }
    format!("/{}", kept.join("/"))
}

/// Path and query as they can stand in a request line; `None` when nothing makes them so.
fn sendable(path_and_query: &str) -> Option<String> {
    let (path, query) = split_query(path_and_query);
    let encoded = encoded(path, " <>`") + &encoded(query, " <>\"");
    PathAndQuery::try_from(encoded.as_str()).is_ok().then_some(encoded)
}

/// Encodes these ASCII characters in percent, and no other (§2.1).
fn encoded(text: &str, these: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut all, one| {
        if these.contains(one) {
            all.push_str(&format!("%{:02X}", u32::from(one)));
        } else {
            all.push(one);
        }
        all
    })
}
