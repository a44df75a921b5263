//! Nominated fields as bytes on disk: the block as it is, and where its normalised entries end.

use std::sync::Arc;

use bytes::{Buf, BufMut};
use http::{HeaderName, HeaderValue};

use super::{Nominated, NominatedFields, entries, normal, push_entry};

impl NominatedFields {
    /// Appends it as bytes, the values as received included.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let (normal_len, block) =
            self.0.as_deref().map_or((0, &[][..]), |all| (all.normal_len, &all.block));
        out.put_u32_le(u32::try_from(normal_len).unwrap_or(u32::MAX));
        out.put_u32_le(u32::try_from(block.len()).unwrap_or(u32::MAX));
        out.put_slice(block);
    }

    /// Takes it from the front of `input`. `None` when that does not begin with nominated fields as
    /// [`read`](Self::read) would make them today: what was normalised by other rules matches nothing.
    pub fn decode(input: &mut &[u8]) -> Option<Self> {
        let normal_len = usize::try_from(input.try_get_u32_le().ok()?).ok()?;
        let length = usize::try_from(input.try_get_u32_le().ok()?).ok()?;
        let block = input.split_off(..length)?;
        if block.is_empty() {
            return (normal_len == 0).then_some(Self(None));
        }
        let (normal, received) = block.split_at_checked(normal_len)?;
        if received == normal {
            return None;
        }
        let source = if received.is_empty() { normal } else { received };
        is_made_of(normal, source)
            .then(|| Self(Some(Arc::new(Nominated { normal_len, block: block.into() }))))
    }
}

/// Whether `normal` is what normalising gives of the entries of `source`, and `source` has nothing else.
fn is_made_of(normal: &[u8], source: &[u8]) -> bool {
    let (mut normal_again, mut source_again) = (Vec::new(), Vec::new());
    let mut before = None;
    for (name, value) in entries(source) {
        let Ok(field) = HeaderName::from_lowercase(name.as_bytes()) else { return false };
        let legal = value.is_none_or(|value| HeaderValue::from_bytes(value).is_ok());
        if !legal || before.is_some_and(|before| before >= name) {
            return false;
        }
        before = Some(name);
        let normalised = value.map(|value| normal::normalised(name, value));
        push_entry(&mut normal_again, &field, normalised.as_deref());
        push_entry(&mut source_again, &field, value);
    }
    normal_again == normal && source_again == source
}

#[cfg(test)]
mod tests;
