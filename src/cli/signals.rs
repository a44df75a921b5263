//! Signals, as the words that the serving command acts on.

use std::io;

use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM or SIGINT: the first drains, the second ends at once.
    Stop(&'static str),
    /// SIGUSR1: open the log file again.
    Reopen,
    /// SIGHUP: read the settings again.
    Reload,
    /// SIGUSR2: start the program again, and hand over to it.
    HandOver,
}

/// The signals of this process. From its making on, none of them has its default effect.
pub struct Signals {
    terminate: Stream,
    interrupt: Stream,
    user1: Stream,
    hangup: Stream,
    user2: Stream,
}

impl Signals {
    /// Begins to listen. Must be called in a runtime.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            user1: signal(SignalKind::user_defined1())?,
            hangup: signal(SignalKind::hangup())?,
            user2: signal(SignalKind::user_defined2())?,
        })
    }

    /// The next signal. Safe to drop and call again: none is lost.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => Signal::Stop("SIGTERM"),
            _ = self.interrupt.recv() => Signal::Stop("SIGINT"),
            _ = self.user1.recv() => Signal::Reopen,
            _ = self.hangup.recv() => Signal::Reload,
            _ = self.user2.recv() => Signal::HandOver,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn signals_arrive_as_words() {
        let mut signals = Signals::listen().unwrap();
        let cases = [
            ("USR1", Signal::Reopen),
            ("HUP", Signal::Reload),
            ("USR2", Signal::HandOver),
            ("TERM", Signal::Stop("SIGTERM")),
            ("INT", Signal::Stop("SIGINT")),
        ];
        for (name, expected) in cases {
            let kill = format!("kill -{name} {}", std::process::id());
            assert!(
                std::process::Command::new("sh").args(["-c", &kill]).status().unwrap().success()
            );
            let next = tokio::time::timeout(Duration::from_secs(10), signals.next()).await;
            assert_eq!(next.expect("the signal arrives"), expected);
        }
    }
}
