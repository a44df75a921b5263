//! What a request says in nominated fields, normalised once for all responses that nominate the same.

use std::cell::RefCell;

use http::{HeaderMap, HeaderName};

use super::{NominatedFields, entries};

/// A request that is compared with one stored response after the other. Variants of one key nearly always
/// nominate the same fields, so that these are read once and not once for each.
#[derive(Debug)]
pub(in crate::policy) struct Asked<'a> {
    fields: &'a HeaderMap,
    /// What it says in the fields that the last one nominated.
    latest: RefCell<NominatedFields>,
}

impl<'a> Asked<'a> {
    /// What a request with these fields says.
    pub(in crate::policy) fn of(fields: &'a HeaderMap) -> Self {
        Self { fields, latest: RefCell::default() }
    }

    /// The same as [`NominatedFields::matches`].
    pub(in crate::policy) fn matches(&self, nominated: &NominatedFields) -> bool {
        self.read(nominated);
        *self.latest.borrow() == *nominated
    }

    /// Whether it has the same values in the nominated fields but one; that one must be nominated.
    pub(in crate::policy) fn matches_except(
        &self,
        nominated: &NominatedFields,
        free: &HeaderName,
    ) -> bool {
        if !nominated.names(free) {
            return false;
        }
        self.read(nominated);
        let latest = self.latest.borrow();
        let mut pairs = entries(latest.as_bytes()).zip(entries(nominated.as_bytes()));
        pairs.all(|(asked, stored)| asked == stored || stored.0 == free.as_str())
    }

    /// Reads the fields that are nominated, unless it has done so.
    fn read(&self, nominated: &NominatedFields) {
        let mut latest = self.latest.borrow_mut();
        if !latest.nominates_same(nominated) {
            let names = entries(nominated.as_bytes()).map(|(name, _)| name);
            // What is nominated has been a name before.
            let names = names.filter_map(|name| name.parse().ok());
            *latest = NominatedFields::read(names, self.fields);
        }
    }
}
