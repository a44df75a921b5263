//! What the service manager is told (`sd_notify`); nothing when there is none.

use std::time::Duration;

use sd_notify::NotifyState;

/// Clients are answered from now on.
pub(super) fn ready() {
    tell(&[NotifyState::Ready, NotifyState::MainPid(std::process::id())]);
}

/// The settings are read again; [`ready`] follows.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!(%error, "Cannot read the monotonic clock"),
    }
}

/// This process ends.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// From now on `process` is the service, not this one.
pub(super) fn handed_over(process: u32) {
    tell(&[NotifyState::MainPid(process)]);
}

/// This process is alive.
pub(super) fn alive() {
    tell(&[NotifyState::Watchdog]);
}

/// How often [`alive`] is to be said: twice in the time that the service manager waits for it.
pub(super) fn watchdog() -> Option<Duration> {
    let wait = sd_notify::watchdog_enabled()?;
    Some((wait / 2).max(Duration::from_millis(1)))
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        // Not worth more: who does not listen does not miss it.
        tracing::debug!(%error, "The service manager could not be told");
    }
}
