//! `larder serve`: runs the proxy until it is told to stop, and stops it in order.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::args::ServeArgs;
use super::error::CliError;
use super::serve::{Config, Parts, Running, start};
use super::settings::{Reloaded, Settings, Variables};
use super::signals::{Signal, Signals};
use crate::net::Interfaces;
use crate::net::drain::DrainReport;
use crate::store::{self, Closed, DiskEvents, Recovered};
use crate::telemetry::{AccessLog, log};
use crate::time::SystemClock;

/// What only memory holds has at least so long to be written to disk at the end, however long the drain
/// took.
const LEAST_SPILL: Duration = Duration::from_secs(5);

/// Where the settings are read from, at the start and again.
#[derive(Clone, Copy)]
struct Sources<'a> {
    options: &'a ServeArgs,
    variables: Variables<'a>,
}

/// Runs the proxy until a signal stops it.
///
/// # Errors
/// When a setting is wrong, when it cannot start, or when a second signal cut it short.
pub(super) fn serve(options: &ServeArgs, variables: Variables<'_>) -> Result<(), CliError> {
    let settings = Settings::load(options, variables)?;
    let access_log = log::init(&settings.log())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(settings.workers)
        .thread_name("larder-worker")
        .enable_all()
        .build()
        .map_err(CliError::failed)?;
    let sources = Sources { options, variables };
    let outcome = runtime.block_on(run(settings, sources, &access_log));
    // What is left (a look-up in a blocking thread, say) is not worth waiting for.
    runtime.shutdown_background();
    access_log.close();
    outcome
}

async fn run(
    mut settings: Settings,
    sources: Sources<'_>,
    access_log: &AccessLog,
) -> Result<(), CliError> {
    let mut signals = Signals::listen().map_err(CliError::failed)?;
    let parts = Parts {
        clock: Arc::new(SystemClock),
        interfaces: Interfaces::system(),
        log: access_log.clone(),
    };
    let running = start(Config::from(&settings), parts)?;
    let mut is_ready = false;
    let signal = loop {
        tokio::select! {
            biased;
            signal = signals.next() => match signal {
                // It may come before all is found again; then it was never ready.
                Signal::Stop(name) => break name,
                Signal::Reopen => access_log.reopen(),
                Signal::Reload => reload(&running, &mut settings, sources),
            },
            recovered = running.recovered(), if !is_ready => {
                ready(&running, recovered);
                is_ready = true;
            }
        }
    };
    tracing::info!(signal, "Stopping");
    let spill_until = Instant::now() + settings.drain_wait;
    running.begin_drain();
    let report = tokio::select! {
        report = running.drained() => report,
        _again = next_stop(&mut signals, access_log) => {
            running.begin_drain();
            stopped(&running.drained().await, None, running.disk_events());
            return Err(cut_short());
        }
    };
    let spill_until = spill_until.max(Instant::now() + LEAST_SPILL);
    tokio::select! {
        closed = running.close(spill_until) => stopped(&report, closed, running.disk_events()),
        _again = next_stop(&mut signals, access_log) => {
            stopped(&report, None, running.disk_events());
            return Err(cut_short());
        }
    }
    Ok(())
}

/// The one line that says where clients connect, and what is there for them in each tier.
fn ready(running: &Running, recovered: Option<Recovered>) {
    let listen: Vec<_> = running.addresses().iter().map(ToString::to_string).collect();
    let memory = running.usage(store::Tier::Memory);
    tracing::info!(
        listen = listen.join(","),
        memory_responses = memory.responses,
        memory_bytes = memory.bytes,
        disk_responses = recovered.map(|disk| disk.responses),
        disk_bytes = recovered.map(|disk| disk.bytes),
        disk_dropped = recovered.map(|disk| disk.dropped),
        disk_ms = recovered.map(|disk| u64::try_from(disk.took.as_millis()).unwrap_or(u64::MAX)),
        "Ready to serve"
    );
}

/// The one line that counts what was served, what was cut, what memory left to the disk tier, and what happened
/// there.
fn stopped(report: &DrainReport, closed: Option<Closed>, disk: Option<DiskEvents>) {
    tracing::info!(
        exchanges = report.served,
        tunnels = report.tunnels,
        connections = report.connections,
        cut = report.cut,
        spilled = closed.map(|closed| closed.spilled),
        unspilled = closed.map(|closed| closed.left),
        disk_written = disk.map(|disk| disk.written),
        disk_dropped = disk.map(|disk| disk.dropped + disk.refused),
        disk_evicted = disk.map(|disk| disk.evicted),
        disk_damaged = disk.map(|disk| disk.damaged),
        disk_failed = disk.map(|disk| disk.unreadable + disk.unwritable + disk.volatile),
        "Stopped"
    );
}

fn cut_short() -> CliError {
    CliError::failed("stopped by a second signal before everything had ended")
}

/// The next signal to stop, while it stops already: there is nothing left that other settings would change.
async fn next_stop(signals: &mut Signals, access_log: &AccessLog) -> &'static str {
    loop {
        match signals.next().await {
            Signal::Stop(name) => return name,
            Signal::Reopen => access_log.reopen(),
            Signal::Reload => {}
        }
    }
}

/// Reads the settings again and goes on with them; with the ones before, when something is wrong.
fn reload(running: &Running, settings: &mut Settings, sources: Sources<'_>) {
    let Reloaded { settings: later, taken, left } = match sources.load() {
        Ok(later) => settings.reloaded(later),
        Err(error) => return not_loaded(&error),
    };
    if let Err(error) = running.reload(Config::from(&later)) {
        return not_loaded(&error);
    }
    *settings = later;
    let file = Settings::file(sources.options, sources.variables);
    let file = file.as_ref().map(|path| path.display().to_string());
    tracing::info!(file, changed = taken.join(","), "Settings loaded");
    if !left.is_empty() {
        tracing::warn!(keys = left.join(","), "Settings that need a restart were not taken");
    }
}

/// One line, however many things are wrong.
fn not_loaded(error: &dyn fmt::Display) {
    let reason = error.to_string().replace('\n', "; ");
    tracing::error!(reason, "Settings not loaded; those before stay");
}

impl Sources<'_> {
    fn load(&self) -> Result<Settings, CliError> {
        Settings::load(self.options, self.variables)
    }
}
