//! The real program as a child process: what a person at a terminal sees of it. Peers in Python too.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::thread;

use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::gate::within;

/// Lines that may wait for the test; a program that writes more waits for it.
const LINES: usize = 4096;

/// What a proxy of a test is started with.
const ALWAYS: [&str; 5] = ["serve", "--listen", "127.0.0.1:0", "--log-format", "json"];

/// A running `larder`. Killed when this is dropped.
pub struct Binary {
    child: Child,
    stdout: mpsc::Receiver<String>,
    stderr: mpsc::Receiver<String>,
    directory: TempDir,
}

/// How a program ended, and what it wrote that the test had not read yet.
#[derive(Clone, Debug)]
pub struct Exit {
    /// The status.
    pub status: ExitStatus,
    /// The lines of standard output.
    pub stdout: Vec<String>,
    /// The lines of standard error.
    pub stderr: Vec<String>,
}

impl Binary {
    /// Starts `larder` with these arguments, in an empty directory of its own and without any
    /// `LARDER_…` or `RUST_LOG` of ours.
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, &[])
    }

    /// Starts `larder` with these arguments and environment variables.
    pub fn start_with(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(program());
        for (name, _) in std::env::vars_os() {
            if name == "RUST_LOG" || name.to_string_lossy().starts_with("LARDER_") {
                command.env_remove(name);
            }
        }
        command.args(arguments).envs(variables.iter().copied());
        Self::spawn(command)
    }

    /// Starts `larder` as a service manager does: with a listener that is open already, as descriptor 3.
    pub fn activated(listener: std::net::TcpListener, arguments: &[&str]) -> Self {
        let mut command = Command::new("sh");
        let script = "exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$@\"";
        command.args(["-c", script, "sh"]).arg(program()).args(arguments);
        for name in ["RUST_LOG", "LARDER_CONFIG", "LARDER_LISTEN"] {
            command.env_remove(name);
        }
        Self::spawn_with(command, OwnedFd::from(listener).into())
    }

    /// Starts a proxy as [`Binary::serve`] does, which may have so many descriptors and no more.
    pub async fn serve_with_descriptors(
        descriptors: &str,
        arguments: &[&str],
    ) -> (Self, SocketAddr) {
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -n \"$1\"; shift; exec \"$@\"", "sh", descriptors]);
        command.arg(program()).args(ALWAYS).args(arguments);
        for name in ["RUST_LOG", "LARDER_CONFIG", "LARDER_LISTEN"] {
            command.env_remove(name);
        }
        let (binary, _, address) = Self::spawn(command).until_it_serves().await;
        (binary, address)
    }

    /// Starts a program in Python, standard library only, with these arguments: a peer that is not ours.
    pub fn python(program: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(python_itself());
        command.args(["-I", "-S", "-c", program]).args(arguments);
        Self::spawn(command)
    }

    fn spawn(command: Command) -> Self {
        Self::spawn_with(command, Stdio::piped())
    }

    fn spawn_with(mut command: Command, input: Stdio) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        command.current_dir(directory.path());
        command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let stdout = lines(child.stdout.take().expect("piped"));
        let stderr = lines(child.stderr.take().expect("piped"));
        Self { child, stdout, stderr, directory }
    }

    /// Starts a proxy on a free port that logs json; waits until it serves.
    pub async fn serve(arguments: &[&str]) -> (Self, SocketAddr) {
        let (binary, _, address) = Self::serve_saying(arguments).await;
        (binary, address)
    }

    /// The same, with its `Ready to serve`.
    pub async fn serve_saying(arguments: &[&str]) -> (Self, Value, SocketAddr) {
        Self::start(&[&ALWAYS[..], arguments].concat()).until_it_serves().await
    }

    async fn until_it_serves(mut self) -> (Self, Value, SocketAddr) {
        let ready = self.line("`Ready to serve`", |line| line.contains("Ready to serve")).await;
        let ready: Value = serde_json::from_str(&ready).expect("a line of json");
        let first = ready["listen"].as_str().and_then(|all| all.split([',', ' ']).next());
        let address = first.and_then(|first| first.parse().ok());
        let address = address.unwrap_or_else(|| panic!("no address in {ready}"));
        (self, ready, address)
    }

    /// Reads its output to the end, and keeps the warnings, the errors, what is no line of the log, and
    /// `Stopped`.
    pub fn conclusion(&mut self) -> JoinHandle<Vec<String>> {
        let closed = || mpsc::channel(1).1;
        let mut stdout = std::mem::replace(&mut self.stdout, closed());
        let mut stderr = std::mem::replace(&mut self.stderr, closed());
        tokio::spawn(async move {
            let mut kept = Vec::new();
            loop {
                let line = tokio::select! {
                    Some(line) = stdout.recv() => line,
                    Some(line) = stderr.recv() => line,
                    else => return kept,
                };
                let parsed: Value = serde_json::from_str(&line).unwrap_or_default();
                if parsed["level"] != "info" || parsed["message"] == "Stopped" {
                    kept.push(line);
                }
            }
        })
    }

    /// Ends it at once, by `kill -9`; nothing of it runs any more when this returns.
    pub fn kill(mut self) {
        self.child.kill().expect("it has not ended by itself");
        self.child.wait().expect("the program is our child");
    }

    /// The directory that it was started in.
    pub fn directory(&self) -> &std::path::Path {
        self.directory.path()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Reads standard output up to the line that is wanted, and returns it.
    pub async fn line(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        within(what.to_owned(), async {
            while let Some(line) = self.stdout.recv().await {
                if wanted(&line) {
                    return line;
                }
            }
            let mut stderr = String::new();
            while let Some(line) = self.stderr.recv().await {
                stderr += &line;
            }
            panic!("the program ended its output before {what}; standard error: {stderr}");
        })
        .await
    }

    /// Reads standard error up to the line that is wanted, and returns it.
    pub async fn error_line(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        within(what.to_owned(), async {
            while let Some(line) = self.stderr.recv().await {
                if wanted(&line) {
                    return line;
                }
            }
            panic!("the program ended before {what}");
        })
        .await
    }

    /// The next line of either output.
    pub async fn any_line(&mut self) -> String {
        let line = within("a line", async {
            tokio::select! {
                Some(line) = self.stdout.recv() => Some(line),
                Some(line) = self.stderr.recv() => Some(line),
                else => None,
            }
        });
        line.await.expect("the program has not ended")
    }

    /// Types a line at its terminal.
    pub fn type_line(&mut self, line: &str) {
        self.type_bytes(format!("{line}\n").as_bytes());
    }

    /// Types these bytes and nothing else.
    pub fn type_bytes(&mut self, bytes: &[u8]) {
        let stdin = self.child.stdin.as_mut().expect("its input is open");
        stdin.write_all(bytes).expect("the program reads its input");
    }

    /// Ends its input.
    pub fn end_input(&mut self) {
        self.child.stdin = None;
    }

    /// Sends a signal by its name: `TERM`, `INT`, `USR1`.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {id}")]).status();
        assert!(sent.expect("there is a shell").success(), "no signal could be sent");
    }

    /// Waits until it has ended by itself.
    pub async fn exit(mut self) -> Exit {
        self.end_input();
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        within("the program to end", async {
            let out = async {
                while let Some(line) = self.stdout.recv().await {
                    stdout.push(line);
                }
            };
            let err = async {
                while let Some(line) = self.stderr.recv().await {
                    stderr.push(line);
                }
            };
            tokio::join!(out, err);
        })
        .await;
        // Both outputs have ended: this is a matter of a moment.
        let status = self.child.wait().expect("the program is our child");
        Exit { status, stdout, stderr }
    }
}

/// The program: the one of this build, unless a variable names another.
fn program() -> OsString {
    std::env::var_os("LARDER_TEST_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_larder").into())
}

impl Drop for Binary {
    fn drop(&mut self) {
        // By the process id of this child; it is no failure when the program has ended already.
        if self.child.kill().is_ok() {
            self.child.wait().ok();
        }
    }
}

/// The interpreter. `python3` may be a script that looks for it, which takes longer than what it starts.
fn python_itself() -> &'static str {
    static ITSELF: OnceLock<String> = OnceLock::new();
    ITSELF.get_or_init(|| {
        let mut asking = Command::new("python3");
        let answer = asking.args(["-I", "-c", "import sys; print(sys.executable)"]).output();
        let answer = answer.expect("Python 3 is installed").stdout;
        match String::from_utf8_lossy(&answer).trim() {
            "" => "python3".to_owned(),
            path => path.to_owned(),
        }
    })
}

fn lines(source: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(LINES);
    thread::spawn(move || {
        for line in BufReader::new(source).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
