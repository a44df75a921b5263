//! The kinds of value that settings have: how each is typed in an option, a variable and the file.

mod access;
mod kinds;
mod network;
mod span;
#[cfg(test)]
mod tests;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use toml::Spanned;
use toml::de::DeValue;

pub(super) use access::AccessRule;
pub(super) use kinds::{Count, FieldNames, Flag, Form, Level, Number};
pub(super) use network::{Address, Network, OriginUrl, Ports, Server};
pub(super) use span::{Buffer, Size, Span, Wait};

/// A value as it was typed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Typed<'a> {
    /// After an option, once per repetition.
    Words(&'a [OsString]),
    /// In an environment variable; a list has commas.
    Variable(&'a OsStr),
    /// In the settings file.
    File(&'a DeValue<'a>),
}

/// What is wrong with a value, in words that follow the culprit's name and a colon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// What was expected and what was found.
    pub(super) message: String,
    /// Where in the settings file, when that is not where the value begins (a byte offset).
    pub(super) at: Option<usize>,
}

impl Fault {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), at: None }
    }

    /// `found` is not of the `expected` form.
    pub(super) fn form(expected: &str, found: &str) -> Self {
        Self::new(format!("expected {expected}, found {found:?}"))
    }
}

/// One kind of value.
pub(super) trait Kind {
    /// What it is once it is read.
    type Value;

    /// The form, with an example, as it follows the word "expected".
    const FORM: &'static str;

    /// Reads one word.
    fn word(word: &str) -> Result<Self::Value, Fault>;

    /// Reads one word that may not be text.
    fn os_word(word: &OsStr) -> Result<Self::Value, Fault> {
        match word.to_str() {
            Some(text) => Self::word(text.trim()),
            None => Err(Fault::form(Self::FORM, &word.to_string_lossy())),
        }
    }

    /// Reads a value of the settings file. Text is read as a word.
    fn value(value: &DeValue<'_>) -> Result<Self::Value, Fault> {
        match value {
            DeValue::String(text) => Self::word(text),
            other => Err(wrong_type(Self::FORM, other)),
        }
    }

    /// Reads a value wherever it was typed.
    fn read(typed: Typed<'_>) -> Result<Self::Value, Fault> {
        match typed {
            Typed::Words(words) => match words.last() {
                Some(word) => Self::os_word(word),
                None => Err(Fault::form(Self::FORM, "")),
            },
            Typed::Variable(word) => Self::os_word(word),
            Typed::File(value) => Self::value(value),
        }
    }
}

/// A value of the settings file has the wrong type.
pub(super) fn wrong_type(expected: &str, found: &DeValue<'_>) -> Fault {
    let found = match found {
        DeValue::String(text) => format!("the text {text:?}"),
        DeValue::Integer(number) => format!("the number {number}"),
        DeValue::Float(number) => format!("the number {number}"),
        DeValue::Boolean(truth) => format!("{truth}"),
        DeValue::Datetime(_) => "a date".into(),
        DeValue::Array(_) => "an array".into(),
        DeValue::Table(_) => "a table".into(),
    };
    Fault::new(format!("expected {expected}, found {found}"))
}

/// A value that may be absent.
pub(super) struct Maybe<K>(std::marker::PhantomData<K>);

impl<K: Kind> Kind for Maybe<K> {
    type Value = Option<K::Value>;
    const FORM: &'static str = K::FORM;

    fn word(word: &str) -> Result<Self::Value, Fault> {
        K::word(word).map(Some)
    }

    fn os_word(word: &OsStr) -> Result<Self::Value, Fault> {
        K::os_word(word).map(Some)
    }

    fn value(value: &DeValue<'_>) -> Result<Self::Value, Fault> {
        K::value(value).map(Some)
    }
}

/// A list: an option repeated, commas in a variable, an array in the file.
pub(super) struct List<K>(std::marker::PhantomData<K>);

impl<K: Kind> Kind for List<K> {
    type Value = Vec<K::Value>;
    const FORM: &'static str = K::FORM;

    fn word(word: &str) -> Result<Self::Value, Fault> {
        word.split(',').map(str::trim).filter(|part| !part.is_empty()).map(K::word).collect()
    }

    fn value(value: &DeValue<'_>) -> Result<Self::Value, Fault> {
        let element = |element: &Spanned<DeValue<'_>>| {
            K::value(element.get_ref()).map_err(|mut fault| {
                fault.at.get_or_insert(element.span().start);
                fault
            })
        };
        match value {
            DeValue::Array(elements) => elements.iter().map(element).collect(),
            other => Err(wrong_type(&format!("an array, each element {}", K::FORM), other)),
        }
    }

    fn read(typed: Typed<'_>) -> Result<Self::Value, Fault> {
        match typed {
            Typed::Words(words) => words.iter().map(|word| K::os_word(word)).collect(),
            Typed::Variable(word) => Self::os_word(word),
            Typed::File(value) => Self::value(value),
        }
    }
}

/// A file or directory.
pub(super) struct Name;

impl Kind for Name {
    type Value = PathBuf;
    const FORM: &'static str = "the name of a file or directory";

    fn word(word: &str) -> Result<PathBuf, Fault> {
        Self::os_word(OsStr::new(word))
    }

    fn os_word(word: &OsStr) -> Result<PathBuf, Fault> {
        if word.is_empty() {
            return Err(Fault::form(Self::FORM, ""));
        }
        Ok(word.into())
    }
}
