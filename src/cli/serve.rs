//! `larder serve`: puts the rooms together and runs the proxy until it is told to stop.

use super::error::CliError;
use super::settings::Settings;
use crate::telemetry::log;

/// Runs the proxy.
///
/// # Errors
/// When it cannot start, or a second signal cut it short.
#[expect(clippy::needless_pass_by_value, reason = "the settings are handed out to the rooms")]
pub fn serve(settings: Settings) -> Result<(), CliError> {
    let access_log = log::init(&settings.log())?;
    for notice in &settings.notices {
        tracing::warn!("{notice}");
    }
    access_log.close();
    Ok(())
}
