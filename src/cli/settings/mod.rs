//! All settings: their keys, their defaults, and where each may be given.
//!
//! An option beats the environment, the environment beats the file, the file beats the default. All
//! of them go through one table, so that a key has one form and one message.

mod file;
mod layer;
mod reload;
mod rules;
mod table;
#[cfg(test)]
mod tests;
mod users;

use std::ffi::OsString;
use std::path::PathBuf;

pub use self::layer::{SettingError, Source};
pub use self::reload::Reloaded;
use self::table::Layer;
pub use self::table::Settings;
use super::args::ServeArgs;
use super::error::CliError;
use crate::telemetry::log;

/// Looks up an environment variable; tests give a table instead of the process environment.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<OsString>;

impl Settings {
    /// Settings from options, environment, file and defaults.
    ///
    /// # Errors
    /// Every setting that is wrong, each with the place where it stands.
    pub fn load(options: &ServeArgs, variables: Variables<'_>) -> Result<Self, CliError> {
        let mut errors = Vec::new();
        let above = Layer::from_options(options, &mut errors)
            .over(Layer::from_variables(variables, &mut errors));
        let file = match layer::file_name(options, variables) {
            Some(path) => file::read(&path, &mut errors),
            None => Layer::default(),
        };
        let layer = above.over(file);
        // Rules between settings are only worth a word when each of them is sound.
        if errors.is_empty() {
            let layer = rules::apply(layer, &mut errors);
            let users = users::read(&layer, &mut errors);
            if errors.is_empty() {
                let mut settings = layer.settle();
                settings.colour = layer::colour_wanted(variables);
                settings.users = users;
                return Ok(settings);
            }
        }
        Err(CliError::Settings(errors))
    }

    /// The settings file that [`load`](Self::load) reads, if there is one.
    pub fn file(options: &ServeArgs, variables: Variables<'_>) -> Option<PathBuf> {
        layer::file_name(options, variables)
    }

    /// How and where to log.
    pub fn log(&self) -> log::Config {
        log::Config {
            format: self.log_format,
            filter: self.log_level.clone(),
            file: self.log_file.clone(),
            colour: self.colour,
            queue: self.log_queue,
        }
    }
}
