//! The bytes of a [`Meta`], little endian: first what decides whether it is what is looked for.

use std::net::IpAddr;

use bytes::{Buf, BufMut, Bytes};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Header, Kind, LONGEST_META, Meta, Place, Run, variant_of};
use crate::http::TargetUri;
use crate::net::{Scope, Whence};
use crate::policy::{CacheKey, Partial, StoredHead};
use crate::store::disk::checksum;

/// Of what may be missing: it is not there, or it is.
const ABSENT: u8 = 0;
const PRESENT: u8 = 1;

/// Beside the number of a scope: the address follows, in 4 or in 16 bytes.
const WITH_IPV4: u8 = 0x10;
const WITH_IPV6: u8 = 0x20;

/// Bytes that a run takes.
const RUN: usize = 24;

impl Meta {
    /// The bytes of it; `None` when it takes more than a mebibyte, or when its parts do not belong
    /// together: it could not be read back.
    pub(in crate::store) fn encode(&self) -> Option<Vec<u8>> {
        let uri = self.key.uri().as_str();
        let mut out = Vec::with_capacity(256 + uri.len() + self.head.weight());
        put_text(&mut out, uri.as_bytes())?;
        put_whence(&mut out, self.whence);
        self.head.encode(&mut out);
        put_trailers(&mut out, self.trailers.as_ref())?;
        match &self.partial {
            None => out.put_u8(ABSENT),
            Some((partial, begun)) => {
                out.put_u8(PRESENT);
                out.put_u64_le(*begun);
                partial.encode(&mut out);
            }
        }
        put_place(&mut out, &self.body)?;
        let fits = u32::try_from(out.len()).is_ok_and(|length| length <= LONGEST_META);
        (fits && self.is_consistent(None)).then_some(out)
    }

    /// Reads the meta of the record that has this header. `None` unless all of `bytes` is just that: the
    /// key has the header's digest, the nominated fields its variant, and the body its length.
    pub(in crate::store) fn decode(bytes: &[u8], header: &Header) -> Option<Self> {
        Self::read(bytes, header).filter(|meta| {
            meta.key.digest() == header.digest && variant_of(&meta.head.nominated) == header.variant
        })
    }

    /// The same where it is that of `key`: its text is compared, not parsed again. The lines of the head
    /// stay in `whole`, of which `bytes` are a part. `None` also when it is that of another key.
    pub(in crate::store) fn decode_of(
        key: &CacheKey,
        bytes: &[u8],
        header: &Header,
        whole: &Bytes,
    ) -> Option<Self> {
        let input = &mut &*bytes;
        let is_its =
            header.digest == key.digest() && take_text(input)? == key.uri().as_str().as_bytes();
        let head = |input: &mut &[u8]| StoredHead::decode_within(input, whole);
        let meta = is_its.then(|| Self::rest(key.clone(), input, header, head))??;
        (variant_of(&meta.head.nominated) == header.variant).then_some(meta)
    }

    /// The same without what it takes a hash to make up.
    pub(super) fn read(bytes: &[u8], header: &Header) -> Option<Self> {
        let input = &mut &*bytes;
        let uri = TargetUri::from_normal(std::str::from_utf8(take_text(input)?).ok()?)?;
        let key = CacheKey::for_digest(uri, header.digest);
        Self::rest(key, input, header, StoredHead::decode)
    }

    /// What follows the key.
    fn rest(
        key: CacheKey,
        input: &mut &[u8],
        header: &Header,
        head: impl FnOnce(&mut &[u8]) -> Option<StoredHead>,
    ) -> Option<Self> {
        let whence = take_whence(input)?;
        let head = head(input)?;
        let trailers = if is_present(input)? { Some(take_trailers(input)?) } else { None };
        let partial = if is_present(input)? {
            let begun = input.try_get_u64_le().ok()?;
            Some((Partial::decode(input)?, begun))
        } else {
            None
        };
        let body = take_place(input, header)?;
        let meta = Self { key, head, whence, trailers, partial, body };
        (input.is_empty() && meta.is_consistent(Some(header.body_len))).then_some(meta)
    }
}

fn is_present(input: &mut &[u8]) -> Option<bool> {
    match input.try_get_u8().ok()? {
        ABSENT => Some(false),
        PRESENT => Some(true),
        _ => None,
    }
}

fn put_whence(out: &mut Vec<u8>, whence: Whence) {
    let scope = whence.scope.number();
    match whence.address {
        None => out.put_u8(scope),
        Some(IpAddr::V4(v4)) => {
            out.put_u8(scope | WITH_IPV4);
            out.put_slice(&v4.octets());
        }
        Some(IpAddr::V6(v6)) => {
            out.put_u8(scope | WITH_IPV6);
            out.put_slice(&v6.octets());
        }
    }
}

fn take_whence(input: &mut &[u8]) -> Option<Whence> {
    let first = input.try_get_u8().ok()?;
    let scope = Scope::from_number(first & !(WITH_IPV4 | WITH_IPV6))?;
    let address = match first & (WITH_IPV4 | WITH_IPV6) {
        0 => None,
        WITH_IPV4 => Some(IpAddr::from(input.try_get_u32().ok()?.to_be_bytes())),
        WITH_IPV6 => Some(IpAddr::from(input.try_get_u128().ok()?.to_be_bytes())),
        _ => return None,
    };
    Some(Whence { scope, address })
}

fn put_text(out: &mut Vec<u8>, text: &[u8]) -> Option<()> {
    out.put_u32_le(u32::try_from(text.len()).ok()?);
    out.put_slice(text);
    Some(())
}

fn take_text<'a>(input: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = input.try_get_u32_le().ok()?;
    input.split_off(..usize::try_from(length).ok()?)
}

fn put_trailers(out: &mut Vec<u8>, trailers: Option<&HeaderMap>) -> Option<()> {
    let Some(trailers) = trailers else {
        out.put_u8(ABSENT);
        return Some(());
    };
    out.put_u8(PRESENT);
    out.put_u32_le(u32::try_from(trailers.len()).ok()?);
    for (name, value) in trailers {
        put_text(out, name.as_str().as_bytes())?;
        put_text(out, value.as_bytes())?;
    }
    Some(())
}

fn take_trailers(input: &mut &[u8]) -> Option<HeaderMap> {
    let count = input.try_get_u32_le().ok()?;
    let (mut trailers, from) = (HeaderMap::new(), *input);
    for _ in 0..count {
        let name = HeaderName::from_lowercase(take_text(input)?).ok()?;
        let value = HeaderValue::from_bytes(take_text(input)?).ok()?;
        trailers.try_append(name, value).ok()?;
    }
    // In the order in which they are written: the lines of a name stand together.
    let lines = &mut &*from;
    let ordered = trailers.iter().all(|(name, value)| {
        take_text(lines) == Some(name.as_str().as_bytes())
            && take_text(lines) == Some(value.as_bytes())
    });
    ordered.then_some(trailers)
}

fn put_place(out: &mut Vec<u8>, place: &Place) -> Option<()> {
    match place {
        Place::Here { crcs } => crcs.iter().for_each(|crc| out.put_u32_le(*crc)),
        Place::Base { seq, offset, meta_len, body_len, crcs } => {
            out.put_u32_le(*seq);
            out.put_u64_le(*offset);
            out.put_u32_le(*meta_len);
            out.put_u32_le(*body_len);
            crcs.iter().for_each(|crc| out.put_u32_le(*crc));
        }
        Place::Files(runs) => {
            out.put_u32_le(u32::try_from(runs.len()).ok()?);
            for run in runs {
                out.put_u64_le(run.file);
                out.put_u64_le(run.offset);
                out.put_u64_le(run.length);
            }
        }
    }
    Some(())
}

fn take_place(input: &mut &[u8], header: &Header) -> Option<Place> {
    match header.kind {
        Kind::Object => Some(Place::Here { crcs: take_crcs(input, header.body_len)? }),
        Kind::Update => {
            let seq = input.try_get_u32_le().ok()?;
            let offset = input.try_get_u64_le().ok()?;
            let meta_len = input.try_get_u32_le().ok()?;
            let body_len = input.try_get_u32_le().ok()?;
            let crcs = take_crcs(input, body_len)?;
            Some(Place::Base { seq, offset, meta_len, body_len, crcs })
        }
        Kind::Pointer => {
            let count = usize::try_from(input.try_get_u32_le().ok()?).ok()?;
            let runs = input.split_off(..count.checked_mul(RUN)?)?;
            runs.chunks_exact(RUN).map(take_run).collect::<Option<_>>().map(Place::Files)
        }
        Kind::Tombstone | Kind::GroupTombstone => None,
    }
}

/// As many checksums as a body of this length has.
fn take_crcs(input: &mut &[u8], body_len: u32) -> Option<Box<[u32]>> {
    let count = usize::try_from(checksum::count(body_len.into())).ok()?;
    let crcs = input.split_off(..count.checked_mul(size_of::<u32>())?)?;
    Some(crcs.as_chunks().0.iter().map(|crc| u32::from_le_bytes(*crc)).collect())
}

fn take_run(mut bytes: &[u8]) -> Option<Run> {
    let file = bytes.try_get_u64_le().ok()?;
    let offset = bytes.try_get_u64_le().ok()?;
    Some(Run { file, offset, length: bytes.try_get_u64_le().ok()? })
}
