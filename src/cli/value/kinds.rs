//! Numbers, truth values and words from a closed list.

use std::marker::PhantomData;

use http::HeaderName;
use toml::de::DeValue;

use super::{Fault, Kind, wrong_type};
use crate::telemetry::Format;
use crate::telemetry::log::Filter;

/// A whole number of type `N`, zero included.
pub(in crate::cli) struct Number<N>(PhantomData<N>);

impl<N: TryFrom<u64>> Kind for Number<N> {
    type Value = N;
    const FORM: &'static str = "a whole number";

    fn word(word: &str) -> Result<N, Fault> {
        let number = word.parse::<u64>().ok().and_then(|number| N::try_from(number).ok());
        number.ok_or_else(|| Fault::form(Self::FORM, word))
    }

    fn value(value: &DeValue<'_>) -> Result<N, Fault> {
        let DeValue::Integer(number) = value else { return Err(wrong_type(Self::FORM, value)) };
        u64::from_str_radix(number.as_str(), number.radix())
            .ok()
            .and_then(|number| N::try_from(number).ok())
            .ok_or_else(|| wrong_type(Self::FORM, value))
    }
}

/// A number of things, at least one.
pub(in crate::cli) struct Count;

impl Count {
    fn some(count: usize) -> Result<usize, Fault> {
        // Far beyond what a machine has, and small enough for every semaphore.
        const MOST: usize = 1 << 30;
        match count {
            0 => Err(Fault::new("must be at least 1")),
            MOST.. => Err(Fault::new(format!("must be less than {MOST}"))),
            count => Ok(count),
        }
    }
}

impl Kind for Count {
    type Value = usize;
    const FORM: &'static str = Number::<usize>::FORM;

    fn word(word: &str) -> Result<usize, Fault> {
        Number::<usize>::word(word).and_then(Self::some)
    }

    fn value(value: &DeValue<'_>) -> Result<usize, Fault> {
        Number::<usize>::value(value).and_then(Self::some)
    }
}

/// A truth value.
pub(in crate::cli) struct Flag;

impl Kind for Flag {
    type Value = bool;
    const FORM: &'static str = "true or false";

    fn word(word: &str) -> Result<bool, Fault> {
        match word.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Ok(true),
            "false" | "no" | "off" | "0" => Ok(false),
            _ => Err(Fault::form(Self::FORM, word)),
        }
    }

    /// TOML has truth values of its own; text that looks like one is a mistake.
    fn value(value: &DeValue<'_>) -> Result<bool, Fault> {
        match value {
            DeValue::Boolean(truth) => Ok(*truth),
            other => Err(wrong_type(Self::FORM, other)),
        }
    }
}

/// A format of the log.
pub(in crate::cli) struct Form;

impl Kind for Form {
    type Value = Format;
    const FORM: &'static str = "pretty, json, squid or combined";

    fn word(word: &str) -> Result<Format, Fault> {
        word.parse().ok().ok_or_else(|| Fault::form(Self::FORM, word))
    }
}

/// Names of fields, with commas between them; none is a list too.
pub(in crate::cli) struct FieldNames;

impl FieldNames {
    fn name(word: &str) -> Result<HeaderName, Fault> {
        word.parse().ok().ok_or_else(|| Fault::form(Self::FORM, word))
    }
}

impl Kind for FieldNames {
    type Value = Vec<HeaderName>;
    const FORM: &'static str = "names of fields such as CDN-Cache-Control";

    fn word(word: &str) -> Result<Self::Value, Fault> {
        let names = word.split(',').map(str::trim).filter(|name| !name.is_empty());
        names.map(Self::name).collect()
    }

    fn value(value: &DeValue<'_>) -> Result<Self::Value, Fault> {
        let DeValue::Array(names) = value else { return Err(wrong_type(Self::FORM, value)) };
        let name = |name: &toml::Spanned<DeValue<'_>>| match name.get_ref() {
            DeValue::String(word) => Self::name(word),
            other => Err(wrong_type(Self::FORM, other)),
        };
        names.iter().map(|one| name(one).map_err(|fault| at(fault, one))).collect()
    }
}

/// Where in the file the fault stands.
fn at(fault: Fault, value: &toml::Spanned<DeValue<'_>>) -> Fault {
    Fault { at: fault.at.or(Some(value.span().start)), ..fault }
}

/// A level of the log.
pub(in crate::cli) struct Level;

impl Kind for Level {
    type Value = Filter;
    const FORM: &'static str = "off, error, warn, info, debug or trace";

    fn word(word: &str) -> Result<Filter, Fault> {
        Filter::from_level(word).ok_or_else(|| Fault::form(Self::FORM, word))
    }
}
