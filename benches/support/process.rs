//! Processes: started on a core, looked at from outside, stopped.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A server; stopped as an operator does when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

/// Whether a program can be run.
pub(crate) fn exists(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
}

/// An address at which nobody listens.
pub(crate) fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it is bound")
}

/// A command that is kept to one core and told to stop when this process ends, where that can be done.
pub(crate) fn on_core(core: &str, program: &str) -> Command {
    let mut words = Vec::new();
    if exists("setpriv") {
        words.extend(["setpriv", "--pdeathsig", "TERM"]);
    }
    if exists("taskset") {
        words.extend(["taskset", "-c", core]);
    }
    words.push(program);
    let (first, rest) = words.split_first().expect("there is a program");
    let mut command = Command::new(first);
    command.args(rest);
    command
}

/// The proxy, with one worker on the first core, and a directory for what it stores.
pub(crate) fn larder(program: &str, dir: &Path, log: Option<&Path>, more: &[&str]) -> Server {
    let address = free_address();
    let mut command = on_core("0", program);
    command.args(["--workers", "1", "--listen", &address.to_string()]);
    command.arg("--cache-dir").arg(dir.join("cache"));
    match log {
        Some(file) => command.arg("--log-file").arg(file),
        None => command.args(["--log-level", "warn"]),
    };
    command.args(more);
    Server::start(command, address)
}

impl Server {
    /// Runs it, and waits until it listens.
    pub(crate) fn start(mut command: Command, address: SocketAddr) -> Self {
        let child = command.stdin(Stdio::null()).spawn().expect("it can be run");
        let mut server = Self { child, address };
        let deadline = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(address).is_err() {
            let ended = server.child.try_wait().expect("it can be asked");
            assert!(ended.is_none() && Instant::now() < deadline, "the server does not start");
            sleep(Duration::from_millis(20));
        }
        server
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Time that it and its children have spent computing.
    pub(crate) fn busy(&self) -> Duration {
        let ticks: u64 = self.family().into_iter().filter_map(ticks).sum();
        Duration::from_millis(ticks * 10)
    }

    /// Resident memory of it and its children now, in bytes.
    pub(crate) fn resident(&self) -> u64 {
        self.family().into_iter().map(|pid| status(&pid.to_string(), "VmRSS:")).sum()
    }

    /// It and its children.
    fn family(&self) -> Vec<u32> {
        let pid = self.pid();
        let all = fs::read_dir("/proc").into_iter().flatten().flatten();
        let numbers = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        numbers.filter(|&number| number == pid || parent(number) == Some(pid)).collect()
    }

    /// The most that was resident since [`Server::forget_peak`], in bytes.
    pub(crate) fn peak(&self) -> u64 {
        status(&self.pid().to_string(), "VmHWM:")
    }

    /// What is resident now is the most that ever was.
    pub(crate) fn forget_peak(&self) {
        fs::write(format!("/proc/{}/clear_refs", self.pid()), "5").ok();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = self.pid().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().ok();
        self.child.wait().ok();
    }
}

/// Ticks of 10 ms that a process has computed.
fn ticks(pid: u32) -> Option<u64> {
    Some(stat(pid, 11)? + stat(pid, 12)?)
}

fn parent(pid: u32) -> Option<u32> {
    stat(pid, 1)?.try_into().ok()
}

/// A number of `/proc/PID/stat`, counted from the one behind the name.
fn stat(pid: u32, at: usize) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(at)?.parse().ok()
}

/// A size in `/proc/PID/status`, in bytes; 0 where the system does not say.
pub(crate) fn status(pid: &str, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}

/// The middle one.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}
