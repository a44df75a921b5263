//! Where settings come from: options, the environment, and what a source is called in a message.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Variables;
use super::table::{Layer, Settings};
use crate::cli::args::ServeArgs;
use crate::cli::value::Typed;
use crate::telemetry::log::Filter;

/// A value and who gave it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Given<T> {
    pub(super) value: T,
    pub(super) source: Source,
}

/// Where a setting was given. Displayed as the culprit of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// An option, by the name of its key.
    Option(&'static str),
    /// An environment variable, by its own name.
    Variable(String),
    /// A key of the settings file.
    File {
        /// The file.
        path: Arc<Path>,
        /// The line, from 1.
        line: usize,
        /// The key; none when the file is not even TOML.
        key: Option<String>,
    },
    /// Nobody: it follows from other settings.
    Derived,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option(key) => write!(f, "--{}", key.replace('_', "-")),
            Self::Variable(name) => f.write_str(name),
            Self::File { path, line, key: Some(key) } => {
                write!(f, "{}:{line}: {key}", path.display())
            }
            Self::File { path, line, key: None } => write!(f, "{}:{line}", path.display()),
            Self::Derived => f.write_str("the default"),
        }
    }
}

/// A setting that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// A value, a key or a combination.
    #[error("{source}: {message}", source = .culprit)]
    Wrong {
        /// Where it stands.
        culprit: Source,
        /// What is wrong and what would be right.
        message: String,
    },
    /// The settings file itself.
    #[error("cannot read the settings file {path}: {why}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

impl Layer {
    /// What the options say.
    pub(super) fn from_options(options: &ServeArgs, errors: &mut Vec<SettingError>) -> Self {
        let mut layer = Self::default();
        for (key, words) in options.given() {
            let outcome = layer.set(key, Typed::Words(words), || Source::Option(key));
            if let Some(Err(fault)) = outcome {
                let culprit = Source::Option(key);
                errors.push(SettingError::Wrong { culprit, message: fault.message });
            }
        }
        layer
    }

    /// What the environment says. An empty variable says nothing.
    pub(super) fn from_variables(variables: Variables<'_>, errors: &mut Vec<SettingError>) -> Self {
        let mut layer = Self::default();
        for key in ServeArgs::KEYS {
            let name = variable_name(key);
            let Some(value) = lookup(variables, &name) else { continue };
            let source = || Source::Variable(name.clone());
            if let Some(Err(fault)) = layer.set(key, Typed::Variable(&value), source) {
                errors.push(SettingError::Wrong { culprit: source(), message: fault.message });
            }
        }
        if layer.log_level.is_none() {
            layer.read_rust_log(variables, errors);
        }
        layer
    }

    /// `RUST_LOG` is everybody's variable: it counts where larder's own is not set.
    fn read_rust_log(&mut self, variables: Variables<'_>, errors: &mut Vec<SettingError>) {
        let Some(value) = lookup(variables, "RUST_LOG") else { return };
        let source = Source::Variable("RUST_LOG".into());
        match value.to_str().map(Filter::from_directives) {
            Some(Ok(value)) => self.log_level = Some(Given { value, source }),
            _ => errors.push(SettingError::Wrong {
                culprit: source,
                message: format!(
                    "expected a level or target=level with commas between them, found {:?}; \
                     --log-level overrides it",
                    value.to_string_lossy()
                ),
            }),
        }
    }
}

/// The settings file: `--config`, else `LARDER_CONFIG`.
pub(super) fn file_name(options: &ServeArgs, variables: Variables<'_>) -> Option<PathBuf> {
    options.config.clone().or_else(|| lookup(variables, "LARDER_CONFIG")).map(PathBuf::from)
}

/// Whether terminal colours are welcome (<https://no-color.org>).
pub(super) fn colour_wanted(variables: Variables<'_>) -> bool {
    lookup(variables, "NO_COLOR").is_none()
        && lookup(variables, "TERM").is_none_or(|term| term != OsStr::new("dumb"))
}

/// The environment variable of an option's key.
pub(super) fn variable_name(key: &str) -> String {
    format!("LARDER_{}", key.to_ascii_uppercase())
}

fn lookup(variables: Variables<'_>, name: &str) -> Option<OsString> {
    variables(name).filter(|value| !value.is_empty())
}

/// The key that `typo` was probably meant to be.
pub(super) fn nearest_key(typo: &str) -> Option<&'static str> {
    let typo = typo.to_ascii_lowercase().replace('-', "_");
    let distance = |key: &&&str| edits(key, &typo);
    let nearest = Settings::KEYS.iter().min_by_key(distance)?;
    (edits(nearest, &typo) <= 2).then_some(*nearest)
}

/// How many letters must be changed, added or taken away to make one word of the other.
fn edits(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (nth, letter) in one.bytes().enumerate() {
        let mut diagonal = nth;
        let mut left = nth + 1;
        for (above, against) in row.iter_mut().skip(1).zip(other.bytes()) {
            let changed = diagonal + usize::from(letter != against);
            diagonal = *above;
            *above = changed.min(left + 1).min(diagonal + 1);
            left = *above;
        }
        if let Some(first) = row.first_mut() {
            *first = nth + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}
