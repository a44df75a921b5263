//! `larder serve`: runs the proxy until it is told to stop, and stops it in order.

use std::fmt;
use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::Interval;

use super::args::ServeArgs;
use super::error::CliError;
use super::notify;
use super::serve::{Config, Parts, Passed, Running, start_with};
use super::settings::{Reloaded, Settings, Variables};
use super::signals::{Signal, Signals};
use super::takeover::{self, Program, Successor};
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
    let passed = takeover::passed(variables)?;
    let program = Program::of_this_process().map_err(CliError::failed)?;
    let access_log = log::init(&settings.log())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(settings.workers)
        // Who is ready first is served first, also where more are ready than a worker's own queue takes
        // (ADR 0015).
        .global_queue_interval(1)
        .thread_name("larder-worker")
        .enable_all()
        .build()
        .map_err(CliError::failed)?;
    let sources = Sources { options, variables };
    let outcome = runtime.block_on(run(settings, sources, passed, &program, &access_log));
    // What is left (a look-up in a blocking thread, say) is not worth waiting for.
    runtime.shutdown_background();
    access_log.close();
    outcome
}

/// Why a process ends.
enum End {
    /// A signal says so.
    Told(&'static str),
    /// Another process serves in its place.
    TakenOver(u32),
}

async fn run(
    mut settings: Settings,
    sources: Sources<'_>,
    passed: Passed,
    program: &Program,
    access_log: &AccessLog,
) -> Result<(), CliError> {
    let mut signals = Signals::listen().map_err(CliError::failed)?;
    let parts = Parts {
        clock: Arc::new(SystemClock),
        interfaces: Interfaces::system(),
        log: access_log.clone(),
    };
    let takes_over = passed.takes_over;
    let running = start_with(Config::from(&settings), parts, passed)?;
    if takes_over {
        takeover::tell_ready();
    }
    notify::ready();
    let mut watchdog = notify::watchdog().map(tokio::time::interval);
    let mut is_ready = false;
    let mut successor: Option<Successor> = None;
    let end = loop {
        tokio::select! {
            biased;
            signal = signals.next() => match signal {
                // It may come before all is found again; then it was never ready.
                Signal::Stop(name) => break End::Told(name),
                Signal::Reopen => access_log.reopen(),
                Signal::Reload => {
                    notify::reloading();
                    reload(&running, &mut settings, sources);
                    notify::ready();
                }
                Signal::HandOver if successor.is_some() => {
                    tracing::warn!("The program was started again already; it does not serve yet");
                }
                Signal::HandOver => successor = start_again(&running, program),
            },
            outcome = until_ready(&mut successor) => {
                successor = None;
                match outcome {
                    Ok(process) => break End::TakenOver(process),
                    Err(reason) => not_taken_over(&reason),
                }
            }
            recovered = running.recovered(), if !is_ready => {
                ready(&running, recovered);
                is_ready = true;
            }
            () = tick(&mut watchdog) => notify::alive(),
        }
    };
    drop(successor);
    finish(&running, end, settings.drain_wait, &mut signals, access_log).await
}

/// Brings what is in flight to its end, and what only memory holds to disk.
async fn finish(
    running: &Running,
    end: End,
    drain_wait: Duration,
    signals: &mut Signals,
    access_log: &AccessLog,
) -> Result<(), CliError> {
    let is_taken_over = match end {
        End::Told(signal) => {
            tracing::info!(signal, "Stopping");
            notify::stopping();
            false
        }
        End::TakenOver(process) => {
            tracing::info!(process, "Stopping: another process has taken over");
            notify::handed_over(process);
            true
        }
    };
    let spill_until = Instant::now() + drain_wait;
    running.begin_drain();
    let ended = async {
        if is_taken_over {
            // The other one waits for the cache directory, and can do without what is in memory here.
            let close = running.close(Instant::now() + LEAST_SPILL);
            return tokio::join!(running.drained(), close);
        }
        let report = running.drained().await;
        let spill_until = spill_until.max(Instant::now() + LEAST_SPILL);
        (report, running.close(spill_until).await)
    };
    let again = async {
        if is_taken_over {
            // It stops already: this is the first that it hears of a signal.
            next_stop(signals, access_log).await;
        }
        next_stop(signals, access_log).await
    };
    tokio::select! {
        (report, closed) = ended => stopped(&report, closed, running.disk_events()),
        _again = again => {
            running.begin_drain();
            stopped(&running.drained().await, None, running.disk_events());
            return Err(cut_short());
        }
    }
    Ok(())
}

/// Starts the program again; none when that fails, and this process goes on.
fn start_again(running: &Running, program: &Program) -> Option<Successor> {
    let listeners = running.listeners();
    match listeners.and_then(|listeners| Successor::start(program, listeners)) {
        Ok(successor) => {
            tracing::info!(process = successor.id(), "The program was started again");
            Some(successor)
        }
        Err(error) => {
            not_taken_over(&format!("the program cannot be started: {error}"));
            None
        }
    }
}

fn not_taken_over(reason: &str) {
    tracing::error!(reason, "Not taken over; this process goes on serving");
}

/// What became of the new process; never, when there is none.
async fn until_ready(successor: &mut Option<Successor>) -> Result<u32, String> {
    match successor {
        Some(successor) => successor.ready().await,
        None => pending().await,
    }
}

async fn tick(watchdog: &mut Option<Interval>) {
    match watchdog {
        Some(interval) => {
            interval.tick().await;
        }
        None => pending().await,
    }
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
            Signal::Reload | Signal::HandOver => {}
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
