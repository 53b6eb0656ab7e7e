//! Signals that ask a service to stop.

use std::io;

use tokio::task::JoinHandle;

/// SIGTERM and SIGINT.
pub(crate) struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

/// The exit code of a program that was interrupted, as shells have it.
const INTERRUPTED: i32 = 130;

#[cfg(unix)]
impl Signals {
    /// Takes the signals over. Needs the runtime.
    pub(crate) fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }

    /// Ends the process at once when another one comes: somebody does not want to wait.
    pub(crate) fn exit_on_next(mut self) -> JoinHandle<()> {
        tokio::spawn(async move {
            let name = self.next().await;
            tracing::warn!(signal = name, "the process ends at once");
            std::process::exit(INTERRUPTED);
        })
    }
}

#[cfg(not(unix))]
impl Signals {
    /// Takes the signals over. Needs the runtime.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) -> &'static str {
        // Without a way to wait there is nothing to wait for.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        "interrupt"
    }

    /// Ends the process at once when another one comes: somebody does not want to wait.
    pub(crate) fn exit_on_next(mut self) -> JoinHandle<()> {
        tokio::spawn(async move {
            self.next().await;
            std::process::exit(INTERRUPTED);
        })
    }
}
