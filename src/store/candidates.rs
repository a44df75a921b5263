//! What is stored for a request to choose from.

use super::stored::StoredResponse;

/// Stored responses to choose from, in no particular order. None or one takes no allocation.
#[derive(Clone, Debug, Default)]
pub enum Candidates {
    /// Nothing.
    #[default]
    None,
    /// What there is mostly.
    One(StoredResponse),
    /// Several variants.
    Several(Vec<StoredResponse>),
}

/// What was found, and whether that is all.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) candidates: Candidates,
    /// Not, where something could not be read, or nobody has looked for it yet.
    pub(super) is_all: bool,
}

impl Candidates {
    /// All of them.
    pub fn as_slice(&self) -> &[StoredResponse] {
        match self {
            Self::None => &[],
            Self::One(response) => std::slice::from_ref(response),
            Self::Several(responses) => responses,
        }
    }

    /// All of them, one after the other.
    pub fn iter(&self) -> std::slice::Iter<'_, StoredResponse> {
        self.as_slice().iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }

    /// Adds one.
    pub(super) fn push(&mut self, response: StoredResponse) {
        *self = match std::mem::take(self) {
            Self::None => Self::One(response),
            Self::One(first) => Self::Several(vec![first, response]),
            Self::Several(mut responses) => {
                responses.push(response);
                Self::Several(responses)
            }
        };
    }
}

impl<'a> IntoIterator for &'a Candidates {
    type Item = &'a StoredResponse;
    type IntoIter = std::slice::Iter<'a, StoredResponse>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FromIterator<StoredResponse> for Candidates {
    fn from_iter<I: IntoIterator<Item = StoredResponse>>(responses: I) -> Self {
        let mut candidates = Self::None;
        responses.into_iter().for_each(|response| candidates.push(response));
        candidates
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::super::contract::{body, head, key, response};
    use super::*;

    #[test]
    fn candidates_are_none_one_or_several() {
        let make = |text: &[u8]| response(key("/"), head(1, &[], &HeaderMap::new()), text);
        for count in 0..4_usize {
            let all: Candidates = (0..count).map(|n| make(&[n as u8])).collect();
            assert_eq!(all.len(), count);
            assert_eq!(all.is_empty(), count == 0);
            assert!(all.iter().enumerate().all(|(n, one)| body(one) == [n as u8]));
            assert!(!matches!((count, &all), (0 | 1, Candidates::Several(_))));
        }
    }
}
