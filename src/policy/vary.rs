//! Nominated request fields (RFC 9111 §4.1): which fields `Vary` names, and their values.

use http::{HeaderMap, HeaderName};

/// The request fields that a stored response's `Vary` nominates, with their values normalised.
/// Empty when the response has no `Vary`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct NominatedFields(Box<[(HeaderName, Option<Box<[u8]>>)]>);

impl NominatedFields {
    /// Reads the values of `names` from the request.
    pub fn read(names: impl IntoIterator<Item = HeaderName>, request: &HeaderMap) -> Self {
        Self(
            names
                .into_iter()
                .map(|name| {
                    let value = normalised(&name, request);
                    (name, value)
                })
                .collect(),
        )
    }

    /// Whether `request` has the same values in the nominated fields.
    pub fn matches(&self, request: &HeaderMap) -> bool {
        self.0.iter().all(|(name, value)| normalised(name, request) == *value)
    }

    /// Whether no field is nominated.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes of memory that this holds besides itself.
    pub fn weight(&self) -> usize {
        self.0
            .iter()
            .map(|(name, value)| {
                size_of::<(HeaderName, Option<Box<[u8]>>)>()
                    + name.as_str().len()
                    + value.as_ref().map_or(0, |v| v.len())
            })
            .sum()
    }
}

/// All lines of a field combined; `None` when it is absent.
fn normalised(name: &HeaderName, request: &HeaderMap) -> Option<Box<[u8]>> {
    let mut lines = request.get_all(name).iter();
    let mut all = lines.next()?.as_bytes().to_vec();
    for line in lines {
        all.extend_from_slice(b", ");
        all.extend_from_slice(line.as_bytes());
    }
    Some(all.into())
}
