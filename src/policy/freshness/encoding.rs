//! Times and freshness as bytes on disk, little endian.

use bytes::{Buf, BufMut};

use super::{ExchangeTimes, Flags, Freshness};
use crate::time::Timestamp;

impl ExchangeTimes {
    /// Appends it as bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.put_u64_le(self.request_time.unix_millis());
        out.put_u64_le(self.response_time.unix_millis());
    }

    /// Takes it from the front of `input`; `None` when that is too short.
    pub fn decode(input: &mut &[u8]) -> Option<Self> {
        let request_time = timestamp(input)?;
        Some(Self { request_time, response_time: timestamp(input)? })
    }
}

impl Freshness {
    /// Appends it as bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.put_u64_le(self.initial_age_millis);
        out.put_u64_le(self.date.unix_millis());
        out.put_u32_le(self.lifetime_secs);
        out.put_u32_le(self.while_revalidate_secs);
        out.put_u32_le(self.if_error_secs);
        out.put_u16_le(self.flags.0);
    }

    /// Takes it from the front of `input`; `None` when that is too short, or says what nobody knows.
    pub fn decode(input: &mut &[u8]) -> Option<Self> {
        Some(Self {
            initial_age_millis: input.try_get_u64_le().ok()?,
            date: timestamp(input)?,
            lifetime_secs: input.try_get_u32_le().ok()?,
            while_revalidate_secs: input.try_get_u32_le().ok()?,
            if_error_secs: input.try_get_u32_le().ok()?,
            flags: Flags(input.try_get_u16_le().ok().filter(|flags| flags & !Flags::ALL == 0)?),
        })
    }
}

fn timestamp(input: &mut &[u8]) -> Option<Timestamp> {
    input.try_get_u64_le().ok().map(Timestamp::from_unix_millis)
}

#[cfg(test)]
mod tests;
