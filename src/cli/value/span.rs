//! Sizes and durations.

use std::marker::PhantomData;
use std::time::Duration;

use bytesize::ByteSize;
use toml::de::DeValue;

use super::{Fault, Kind, wrong_type};

/// A longer wait is a mistake, and the runtime's timers need not cope with it.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A larger size is a mistake.
const LARGEST: u64 = 1 << 60;

/// A number of bytes: `512KiB`, `256MiB`, `10GB`, or bytes alone.
pub(in crate::cli) struct Size;

impl Kind for Size {
    type Value = u64;
    const FORM: &'static str = "a size such as 256MiB";

    fn word(word: &str) -> Result<u64, Fault> {
        let fraction = word.contains('.') && word.ends_with(|c: char| c.is_ascii_digit());
        match word.parse::<ByteSize>() {
            Ok(ByteSize(bytes)) if bytes > LARGEST => {
                Err(Fault::new(format!("{word:?} is too large; at most 1EiB")))
            }
            Ok(ByteSize(bytes)) if !fraction => Ok(bytes),
            _ => Err(Fault::form(Self::FORM, word)),
        }
    }

    /// A bare number in the file is a number of bytes.
    fn value(value: &DeValue<'_>) -> Result<u64, Fault> {
        match value {
            DeValue::String(text) => Self::word(text),
            DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix())
                .ok()
                .filter(|&bytes| bytes <= LARGEST)
                .ok_or_else(|| wrong_type(Self::FORM, value)),
            other => Err(wrong_type(Self::FORM, other)),
        }
    }
}

/// A size, as an `N`, of something that is held in memory at once: from 1 KiB to 1 GiB.
pub(in crate::cli) struct Buffer<N>(PhantomData<N>);

impl<N: TryFrom<u64>> Buffer<N> {
    fn sensible(bytes: u64) -> Result<N, Fault> {
        let sensible = Some(bytes).filter(|bytes| (1024..=1 << 30).contains(bytes));
        sensible
            .and_then(|bytes| N::try_from(bytes).ok())
            .ok_or_else(|| Fault::new("must be from 1KiB to 1GiB"))
    }
}

impl<N: TryFrom<u64>> Kind for Buffer<N> {
    type Value = N;
    const FORM: &'static str = Size::FORM;

    fn word(word: &str) -> Result<N, Fault> {
        Size::word(word).and_then(Self::sensible)
    }

    fn value(value: &DeValue<'_>) -> Result<N, Fault> {
        Size::value(value).and_then(Self::sensible)
    }
}

/// A duration: `250ms`, `30s`, `5m`, `1h 30m`. Zero is allowed.
pub(in crate::cli) struct Span;

impl Kind for Span {
    type Value = Duration;
    const FORM: &'static str = "a duration such as 30s or 5m";

    fn word(word: &str) -> Result<Duration, Fault> {
        // The one unit that means something else in capitals: months, surely not meant.
        if word.split(|c: char| !c.is_alphabetic()).any(|unit| unit == "M") {
            return Err(Fault::new(format!(
                "expected {}, found {word:?}: minutes are m",
                Self::FORM
            )));
        }
        match humantime::parse_duration(word) {
            Ok(span) if span > LONGEST => {
                Err(Fault::new(format!("{word:?} is too long; at most 365days")))
            }
            Ok(span) => Ok(span),
            Err(_) => Err(Fault::form(Self::FORM, word)),
        }
    }
}

/// A duration that is not zero: with a zero wait nothing would ever succeed.
pub(in crate::cli) struct Wait;

impl Kind for Wait {
    type Value = Duration;
    const FORM: &'static str = Span::FORM;

    fn word(word: &str) -> Result<Duration, Fault> {
        match Span::word(word)? {
            Duration::ZERO => Err(Fault::new("must be longer than 0")),
            span => Ok(span),
        }
    }
}
