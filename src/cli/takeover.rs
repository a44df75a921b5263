//! Taking over: SIGUSR2 starts the program file again, with the listeners of this process. See
//! `docs/adr/0013-taking-over.md` for the order and why.

use std::ffi::OsString;
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use command_fds::{CommandFdExt as _, FdMapping};
use listenfd::ListenFd;
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;
use tokio::time::{Instant, timeout_at};

use super::error::CliError;
use super::serve::Passed;
use super::settings::Variables;

/// Says to the new process that it is to take over, and so may wait for the cache directory.
const TAKEOVER: &str = "LARDER_TAKEOVER";

/// The first descriptor that is passed, after the three that everybody has.
const FIRST_FD: i32 = 3;

/// The new process has so long to serve.
const LONGEST: Duration = Duration::from_secs(30);

/// What whoever started this process has passed to it: systemd, or the process that it takes over from.
/// To be called before there are threads: it takes the variables out of the environment.
pub(super) fn passed(variables: Variables<'_>) -> Result<Passed, CliError> {
    let mut passed = ListenFd::from_env();
    let mut listeners = Vec::new();
    for nth in 0..passed.len() {
        let listener = passed.take_tcp_listener(nth).map_err(|error| {
            CliError::Unusable(format!(
                "LISTEN_FDS: {error}; pass TCP listeners alone, or unset it"
            ))
        })?;
        listeners.extend(listener);
    }
    let is_told = variables(TAKEOVER).is_some_and(|value| value == "1");
    // The variable alone is no leave to wait: who is taken over passes its listeners.
    let takes_over = is_told && !listeners.is_empty();
    Ok(Passed { listeners, takes_over })
}

/// Tells the process that is taken over that clients are answered here: it waits at the other end of
/// standard input.
pub(super) fn tell_ready() {
    match rustix::io::write(io::stdin(), b"\n") {
        Ok(_) => tracing::info!(process = std::process::id(), "Taking over"),
        Err(error) => tracing::warn!(%error, "Nobody is there to take over from"),
    }
}

/// How this process was started.
#[derive(Clone, Debug)]
pub(super) struct Program {
    path: PathBuf,
    arguments: Vec<OsString>,
}

impl Program {
    /// To be asked at the start: the file may be replaced later.
    pub(super) fn of_this_process() -> io::Result<Self> {
        let mut arguments = std::env::args_os();
        let named = arguments.next().map(PathBuf::from).unwrap_or_default();
        let path = match found(&named) {
            Some(path) => std::path::absolute(path)?,
            None => std::env::current_exe()?,
        };
        Ok(Self { path, arguments: arguments.collect() })
    }
}

/// The program file under the name that it was called by, which may be a link to one version of several.
fn found(named: &Path) -> Option<PathBuf> {
    if named.components().count() > 1 {
        return named.is_file().then(|| named.to_owned());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(named)).find(|file| file.is_file())
}

/// A new process that has not said yet that it serves. Dropped, it is ended.
pub(super) struct Successor {
    child: Option<Child>,
    told: pipe::Receiver,
    deadline: Instant,
}

impl Successor {
    /// Starts `program` again. Must be called in a runtime.
    pub(super) fn start(program: &Program, listeners: Vec<TcpListener>) -> io::Result<Self> {
        let (told, tell) = io::pipe()?;
        let told = pipe::Receiver::from_owned_fd(told.into())?;
        let mut command = Command::new(&program.path);
        command
            .args(&program.arguments)
            .env(TAKEOVER, "1")
            .env("LISTEN_FDS", listeners.len().to_string())
            // Its process id is known only after this process has split: without it, the sockets are
            // for whoever finds the variable.
            .env_remove("LISTEN_PID")
            .env_remove("LISTEN_FDNAMES")
            // It is the watched one once it serves.
            .env_remove("WATCHDOG_PID")
            .stdin(tell);
        let mappings = (FIRST_FD..).zip(listeners);
        let mappings = mappings
            .map(|(child_fd, listener)| FdMapping { parent_fd: listener.into(), child_fd })
            .collect();
        command.fd_mappings(mappings).map_err(io::Error::other)?;
        let child = Some(command.spawn()?);
        Ok(Self { child, told, deadline: Instant::now() + LONGEST })
    }

    /// Its process id.
    pub(super) fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Waits until it serves. May be dropped and called again.
    ///
    /// # Errors
    /// Why it does not; it is gone then.
    pub(super) async fn ready(&mut self) -> Result<u32, String> {
        let told = timeout_at(self.deadline, self.told.read_u8()).await;
        let Some(mut child) = self.child.take() else { return Err("it is gone".into()) };
        match told {
            Ok(Ok(_)) => Ok(child.id()),
            Ok(Err(_)) => match ended(&mut child) {
                Ok(status) => Err(format!("it ended before it served, {status}")),
                Err(error) => Err(format!("it is gone, {error}")),
            },
            Err(_) => {
                ended(&mut child).ok();
                Err(format!("it did not serve within {} s", LONGEST.as_secs()))
            }
        }
    }
}

/// Ends a process, if it has not ended yet.
fn ended(child: &mut Child) -> io::Result<std::process::ExitStatus> {
    // One that has closed its input is about to end: what it says then is worth a moment.
    for _ in 0..50 {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        std::thread::park_timeout(Duration::from_millis(2));
    }
    child.kill()?;
    child.wait()
}

impl Drop for Successor {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}
