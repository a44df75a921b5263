//! The settings file: flat TOML. Every mistake in it is reported with its line and its key.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use toml::de::DeTable;

use super::layer::{SettingError, Source, nearest_key};
use super::table::Layer;
use crate::cli::value::Typed;

/// A larger file is neither settings nor users.
const LARGEST: u64 = 1024 * 1024;

/// Reads the file at `path`.
pub(super) fn read(path: &Path, errors: &mut Vec<SettingError>) -> Layer {
    match load(path) {
        Ok(text) => parse(path, &text, errors),
        Err(error) => {
            let why = why(&error);
            errors.push(SettingError::Unreadable { path: path.into(), why });
            Layer::default()
        }
    }
}

/// Why a file cannot be read.
pub(super) fn why(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".into(),
        _ => error.to_string(),
    }
}

/// The text of a file that is not too large.
pub(super) fn load(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(LARGEST + 1).read_to_string(&mut text)?;
    if u64::try_from(text.len()).is_ok_and(|length| length > LARGEST) {
        return Err(io::Error::other("it is larger than 1MiB"));
    }
    Ok(text)
}

/// Reads `text`, the content of the file at `path`.
pub(super) fn parse(path: &Path, text: &str, errors: &mut Vec<SettingError>) -> Layer {
    let path: Arc<Path> = path.into();
    let mut layer = Layer::default();
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            let culprit = Source::File { path, line: line_of(text, at), key: key_at(text, at) };
            let message = error.message().replace('\n', "; ");
            errors.push(SettingError::Wrong { culprit, message });
            return layer;
        }
    };
    // The parser sorts by key; people read from the top.
    let mut entries: Vec<_> = table.get_ref().iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in entries {
        let source = |at: usize| Source::File {
            path: Arc::clone(&path),
            line: line_of(text, at),
            key: Some(key.get_ref().to_string()),
        };
        let at = key.span().start;
        let outcome = layer.set(key.get_ref(), Typed::File(value.get_ref()), || source(at));
        let (at, message) = match outcome {
            Some(Ok(())) => continue,
            Some(Err(fault)) => (fault.at.unwrap_or(at), fault.message),
            None => (at, unknown(key.get_ref())),
        };
        errors.push(SettingError::Wrong { culprit: source(at), message });
    }
    layer
}

fn unknown(key: &str) -> String {
    if key == "config" {
        return "a settings file cannot name another".into();
    }
    match nearest_key(key) {
        Some(nearest) => format!("there is no such setting; did you mean {nearest}?"),
        None => "there is no such setting; take it away".into(),
    }
}

fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
    before.iter().filter(|&&byte| byte == b'\n').count() + 1
}

/// The key of the line around `at`, for a file that the parser gave up on.
fn key_at(text: &str, at: usize) -> Option<String> {
    let line = text.lines().nth(line_of(text, at) - 1)?;
    let (key, _) = line.split_once('=')?;
    let key = key.trim().trim_matches(['"', '\'']);
    (!key.is_empty() && !key.starts_with('#')).then(|| key.to_owned())
}
