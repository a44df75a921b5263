//! What the command line says when it cannot go on, and the exit code that goes with it.

use std::fmt;
use std::process::ExitCode;

use super::settings::SettingError;
use crate::telemetry::log::LogError;

/// Why a command ended early. Displayed as one sentence a line, each with the culprit and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// Settings are wrong: exit code 2.
    #[error("{}", Lines(.0))]
    Settings(Vec<SettingError>),
    /// What a setting names is not there for us to use: exit code 2.
    #[error("{0}")]
    Unusable(String),
    /// It failed while running: exit code 1.
    #[error("{0}")]
    Failed(String),
    /// The log could not be opened: exit code 1.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl CliError {
    /// A failure while running that says what `cause` says.
    pub fn failed(cause: impl fmt::Display) -> Self {
        Self::Failed(cause.to_string())
    }

    /// 1 failed while running, 2 wrong usage or settings.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Settings(_) | Self::Unusable(_) => 2,
            Self::Failed(_) | Self::Log(_) => 1,
        })
    }
}

struct Lines<'a>(&'a [SettingError]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, error) in self.0.iter().enumerate() {
            if nth > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}
